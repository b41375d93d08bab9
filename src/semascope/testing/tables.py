"""What every method guarantees that learns a vector for each token: the static family."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from semascope.card import Card
from semascope.errors import InputError
from semascope.learned import TokenTable, load
from semascope.testing.say import LAB, built, refused, same, want
from semascope.types import States


def _states() -> States:
    return LAB.states(n=40, longest=12)


def _rows(card: Card, states: States) -> Any:
    return built(card).learn(states)


def learns_a_token_table(card: Card) -> None:
    """One TokenTable that reaches to the largest token id met, finite, with rows for the tokens met."""
    states = _states()
    table = _rows(card, states)
    want(isinstance(table, TokenTable), f"learn: want a TokenTable, got {type(table).__name__}")
    want(len(table) > states.ids.max(), f"table: want a row for token {states.ids.max()}, got {len(table)} rows")
    met = table(np.unique(states.ids))
    want(met.dtype == np.float32 and np.isfinite(met).all(), "table: want finite float32 rows")
    want(np.any(met, axis=1).mean() > 0.9, "table: want rows that are not zero for the tokens met")


def table_saves_and_loads_bit_for_bit(card: Card) -> None:
    """What is saved comes back the same."""
    table = _rows(card, _states())
    with TemporaryDirectory() as folder:
        place = Path(folder) / "table.safetensors"
        table.save(place)
        back = load(place)
    for field in dataclasses.fields(table):
        same(getattr(back, field.name), getattr(table, field.name), f"{field.name} after a round trip")


def padding_is_never_learned_from(card: Card) -> None:
    """Whatever stands where there is no token makes no difference to any bit."""
    states = _states()
    ways = states.padded(side="left")
    mask = ways[1]
    ids, spans = np.full(mask.shape, 99_999, np.int32), np.full((*mask.shape, 2), -1, np.int32)
    ids[mask], spans[mask] = states.ids, states.spans
    hidden = np.stack([states.padded(layer, side="left")[0] for layer in range(len(states.layers))])
    hidden[:, ~mask] = 1e9
    poisoned = States.from_padded(hidden, mask, ids=ids, spans=spans, layers=states.layers)
    same(_rows(card, poisoned).table, _rows(card, states).table, "padding of 1e9")


def only_the_last_layer_is_learned_from(card: Card) -> None:
    """Earlier layers make no difference to any bit."""
    states = _states()
    other = states.hidden.copy()
    other[:-1] = 7
    same(
        _rows(card, dataclasses.replace(states, hidden=other)).table,
        _rows(card, states).table,
        "other earlier layers",
    )


def text_without_tokens_is_taken(card: Card) -> None:
    """Texts without tokens among the others: a finite table."""
    states = _states()
    lengths = np.insert(states.lengths, [0, 5, 5, len(states)], 0)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    table = _rows(card, dataclasses.replace(states, offsets=offsets))
    want(np.isfinite(table(np.unique(states.ids))).all(), "texts without tokens: want a finite table")


def no_tokens_at_all_are_refused(card: Card) -> None:
    """Nothing to learn from is an error that names the states."""
    states = _states()
    nothing = dataclasses.replace(
        states,
        hidden=states.hidden[:, :0],
        ids=states.ids[:0],
        spans=states.spans[:0],
        offsets=np.zeros_like(states.offsets),
    )
    refused(InputError, "states: want", lambda: _rows(card, nothing), "no tokens")


CHECKS: Mapping[str, Callable[[Card], None]] = {
    check.__name__: check
    for check in (
        learns_a_token_table,
        table_saves_and_loads_bit_for_bit,
        padding_is_never_learned_from,
        only_the_last_layer_is_learned_from,
        text_without_tokens_is_taken,
        no_tokens_at_all_are_refused,
    )
}
