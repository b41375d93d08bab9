"""What every pooling guarantees."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np

from semascope.card import Card
from semascope.errors import InputError
from semascope.testing.say import LAB, near, pooling, refused, same, want
from semascope.types import Array, States


def _with_empty() -> States:
    """Five texts with tokens and four without: at the start, two in a row in the middle, at the end."""
    states = LAB.states(n=5)
    lengths = np.insert(states.lengths, [0, 2, 2, 5], 0)
    return dataclasses.replace(states, offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))


def _padded(states: States, side: Literal["left", "right"], fill: float) -> States:
    """The same states from padded arrays, with `fill` wherever there is no token."""
    layers = [states.padded(layer, side=side) for layer in range(len(states.layers))]
    mask = layers[0][1]
    hidden = np.stack([np.where(mask[:, :, None], rows, np.float32(fill)) for rows, _ in layers])
    return States.from_padded(hidden, mask, layers=states.layers)


def _one(states: States, text: int) -> States:
    start, stop = (int(place) for place in states.offsets[text : text + 2])
    return States(
        states.hidden[:, start:stop],
        np.array([0, stop - start], np.int64),
        states.ids[start:stop],
        states.spans[start:stop],
        states.layers,
    )


def one_row_per_text(card: Card) -> None:
    """(n, d), with no texts too."""
    states = LAB.states()
    out = pooling(card)(states)
    want(len(out) == len(states), f"rows: want {len(states)}, got {len(out)}")
    nothing = dataclasses.replace(
        states,
        hidden=states.hidden[:, :0],
        offsets=np.zeros(1, np.int64),
        ids=states.ids[:0],
        spans=states.spans[:0],
    )
    none = pooling(card)(nothing)
    want(none.shape == (0, out.shape[1]), f"no texts: want shape (0, {out.shape[1]}), got {none.shape}")
    want(none.dtype == np.float32, f"no texts: want float32, got {none.dtype}")


def padding_is_never_read(card: Card) -> None:
    """Whatever stands where there is no token makes no difference to any bit."""
    states = LAB.states()
    for side in ("left", "right"):
        same(pooling(card)(_padded(states, side, 1e9)), pooling(card)(states), f"padding of 1e9 on the {side}")
        same(pooling(card)(_padded(states, side, np.nan)), pooling(card)(states), f"padding of NaN on the {side}")


def left_and_right_padding_agree(card: Card) -> None:
    """The side that was padded makes no difference to any bit."""
    states = LAB.states(n=12)
    same(
        pooling(card)(_padded(states, "left", 0)), pooling(card)(_padded(states, "right", 0)), "left and right padding"
    )


def texts_do_not_see_each_other(card: Card) -> None:
    """A text alone gives the bits that it gives among others, and the order of texts is kept."""
    for states in (LAB.states(n=7), _with_empty()):
        alone = np.concatenate([pooling(card)(_one(states, text)) for text in range(len(states))])
        same(alone, pooling(card)(states), "one text at a time")


def text_without_tokens_gives_a_zero_row(card: Card) -> None:
    """Zero, wherever the text stands, and its neighbours are what they were."""
    out = pooling(card)(_with_empty())
    empty = _with_empty().lengths == 0
    want(not out[empty].any(), f"texts without tokens: want zero rows, got {out[empty]}")
    same(out[~empty], pooling(card)(LAB.states(n=5)), "texts beside those without tokens")


def text_of_one_token_is_that_token(card: Card) -> None:
    """Nothing to pool: the vector of the one token comes back."""
    states = LAB.states(n=4, longest=1)
    near(pooling(card)(states), states.hidden[-1], "texts of one token", within=1e-6)


def last_layer_is_read(card: Card) -> None:
    """Only the last layer given counts."""
    states = LAB.states()
    other = states.hidden.copy()
    other[:-1] = 7
    same(pooling(card)(dataclasses.replace(states, hidden=other)), pooling(card)(states), "other earlier layers")


def half_precision_is_taken(card: Card) -> None:
    """float16 states, as kept on disk, give float32 rows near those of float32 states; float64 and Fortran too."""
    states = LAB.states()
    ways: list[Callable[[Array], Array]] = [
        lambda h: h.astype(np.float16),
        lambda h: h.astype(np.float64),
        np.asfortranarray,
    ]
    for way in ways:
        out = pooling(card)(dataclasses.replace(states, hidden=way(states.hidden)))
        want(out.dtype == np.float32, f"output: want float32, got {out.dtype}")
        near(out, pooling(card)(states), "the same states in another form", within=2e-3)


def long_sums_stay_exact(card: Card) -> None:
    """50,000 equal tokens give the vector that one gives: nothing is summed in too few bits."""
    token = LAB.states(n=1, longest=1)
    total = 50_000
    states = States(
        np.repeat(token.hidden, total, axis=1),
        np.array([0, total], np.int64),
        np.zeros(total, np.int32),
        np.zeros((total, 2), np.int32),
        token.layers,
    )
    near(pooling(card)(states), pooling(card)(token), "50,000 equal tokens", within=1e-5)


def nan_is_named(card: Card) -> None:
    """States full of NaN are refused, and the message says where."""
    states = LAB.states()
    bad = dataclasses.replace(states, hidden=np.full_like(states.hidden, np.nan))
    refused(InputError, "states:", lambda: pooling(card)(bad), "NaN in the states")


CHECKS: Mapping[str, Callable[[Card], None]] = {
    check.__name__: check
    for check in (
        one_row_per_text,
        padding_is_never_read,
        left_and_right_padding_agree,
        texts_do_not_see_each_other,
        text_without_tokens_gives_a_zero_row,
        text_of_one_token_is_that_token,
        last_layer_is_read,
        half_precision_is_taken,
        long_sums_stay_exact,
        nan_is_named,
    )
}
