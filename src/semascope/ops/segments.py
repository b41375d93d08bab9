"""One row per text out of token rows that lie one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from semascope.errors import InputError
from semascope.ops.door import vectors
from semascope.types import Array, Pooling, States, Vectors


def each_text(states: States, reduce: Callable[[Array], Array]) -> Vectors:
    """Give `reduce` the token rows (t, d) of each text in turn, at the last layer of `states`; float32 (n, d).

    A text without tokens gives a zero row and `reduce` never sees it. A loop, because `reduceat` gives the wrong answer
    for empty stretches and takes eight times as long.

    Raises:
        InputError: a row came out as NaN or infinite; the message says of which text.
    """
    rows = states.hidden[-1]
    return _each(states, rows.shape[-1], lambda start, stop: reduce(rows[start:stop]))


def each_stack(states: States, reduce: Callable[[Array], Array], *, dim: int | None = None) -> Vectors:
    """Give `reduce` the tokens (layers, t, d) of each text in turn, at every layer of `states`; float32 (n, dim or d).

    As `each_text` otherwise.
    """
    hidden = states.hidden
    return _each(states, hidden.shape[-1] if dim is None else dim, lambda start, stop: reduce(hidden[:, start:stop]))


def _each(states: States, dim: int, row: Callable[[int, int], Array]) -> Vectors:
    out = np.zeros((len(states), dim), dtype=np.float32)
    for text, (start, stop) in enumerate(pairwise(states.offsets.tolist())):
        if stop > start:
            out[text] = row(start, stop)
    return vectors(out, least=0, name="states")


def with_layers(states: States, layers: Sequence[int]) -> States:
    """The states at these layers, in this order, out of states that hold at least them.

    A layer counted from the end cannot be told from one counted from the start: where there are as many as wanted, the two
    are taken for the same.

    Raises:
        InputError: one of the layers is missing.
    """
    got = states.layers
    if set(layers) <= set(got):
        if tuple(layers) == tuple(got):
            return states
        places = [got.index(layer) for layer in layers]
        return replace(states, hidden=states.hidden[places], layers=tuple(layers))
    if len(got) != len(layers) or not all(a == b or (a < 0) != (b < 0) for a, b in zip(got, layers, strict=True)):
        raise InputError(f"states: want the layers {tuple(layers)}, got {tuple(got)}")
    return states


def want_width(states: States, dim: int) -> None:
    """Refuse states of another width than `dim`.

    Raises:
        InputError: they are.
    """
    if states.hidden.shape[-1] != dim:
        raise InputError(f"states: want {dim} columns, got {states.hidden.shape[-1]}")


def kept(states: States, mask: Array) -> States:
    """The states of the tokens where `mask` (tokens,) is true; every text stays, if without tokens."""
    mask = np.asarray(mask, dtype=bool)
    before = np.concatenate([[0], np.cumsum(mask)]).astype(np.int64)
    return States(states.hidden[:, mask], before[states.offsets], states.ids[mask], states.spans[mask], states.layers)


def pooled(states: States, pooling: Pooling | None) -> Vectors:
    """What that pooling makes of the states; the mean of each text's tokens where there is none."""
    if pooling is not None:
        return pooling(states)
    return each_text(states, lambda rows: rows.mean(axis=0, dtype=np.float64))
