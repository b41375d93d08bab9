"""Each guarantee of a measure of encoders is broken once, by a measure that breaks no other; the check that says so is the one meant."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from semascope.evaluation.evalrank import Evalrank
from semascope.ops import Interval
from semascope.registry import card
from semascope.testing import measuring


class WritesInTheRows(Evalrank):
    def ranks(self, X: Any, pairs: Any) -> Any:
        X -= X.mean(axis=0)
        return super().ranks(X, pairs)


class WantsMoreThanEncode(Evalrank):
    def measure(self, encoder: Any, pairs: Any, background: Any = ()) -> dict[str, Interval]:
        if not hasattr(encoder, "passport"):
            return {
                name: one._replace(n=one.n + 1) for name, one in super().measure(encoder, pairs, background).items()
            }
        return super().measure(encoder, pairs, background)


class AsksNobody(Evalrank):
    def measure(self, encoder: Any, pairs: Any, background: Any = ()) -> dict[str, Interval]:
        class Letters:
            def encode(self, texts: Any) -> Any:
                return np.array([[len(text), text.count("a"), text.count("e")] for text in texts], np.float32)

        encoder.encode([pairs[0][0]] if pairs else [])
        return super().measure(Letters(), pairs, background)


class LooksAtTheFirst(Evalrank):
    def measure(self, encoder: Any, pairs: Any, background: Any = ()) -> dict[str, Interval]:
        found, long = super().measure(encoder, pairs, background), float(len(pairs[0][0]))
        return {**found, "first": Interval(long, long, long, 1)}


class TakesOne(Evalrank):
    def measure(self, encoder: Any, pairs: Any, background: Any = ()) -> dict[str, Interval]:
        return super().measure(encoder, [*pairs, *pairs], background)


BROKEN = {
    WritesInTheRows: "an_encoder_that_can_only_encode_gives_the_same",
    WantsMoreThanEncode: "an_encoder_that_can_only_encode_gives_the_same",
    AsksNobody: "figures_are_those_of_the_encoder_that_is_asked",
    LooksAtTheFirst: "the_order_of_texts_says_nothing",
    TakesOne: "one_unit_is_refused",
}


def failing(make: type) -> set[str]:
    found: set[str] = set()
    for name, check in {**measuring.CHECKS, **measuring.OF_ENCODERS}.items():
        try:
            check(replace(card("evalrank"), make=make))
        except Exception:
            found.add(name)
    return found


@pytest.mark.parametrize("make", BROKEN, ids=lambda make: make.__name__)
def test_a_measure_that_breaks_one_guarantee_is_caught_by_that_one(make: type) -> None:
    assert failing(make) == {BROKEN[make]}


def test_every_guarantee_of_measures_of_encoders_can_fail() -> None:
    assert set(BROKEN.values()) == set(measuring.OF_ENCODERS)
    assert failing(Evalrank) == set()
