"""What is chosen is within the budget where anything is, its figures are its own, and what is said to be kept holds for all that were looked at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from semascope.errors import InputError
from semascope.metrics import paired
from semascope.ops import unit
from semascope.recipe import Part
from semascope.tasks import Similarity
from semascope.testing import asking
from semascope.testing.model import TinyModel
from semascope.tune import choosing, onepass, report, scoring, tune
from semascope.tune.building import judged
from semascope.tune.confirming import confirm
from semascope.tune.given import GivenVectors
from semascope.tune.lexical import words
from semascope.tune.recipes import OWN, Candidate, Change
from semascope.tune.saving import provenance


def alike(seed: int, n: int = 120, dim: int = 32) -> tuple[Similarity, GivenVectors]:
    """Pairs whose likeness is the cosine of their vectors, and a little noise."""
    rng = np.random.default_rng(seed)
    one = rng.normal(size=(n, dim))
    other = one * rng.uniform(0, 1, (n, 1)) + rng.normal(size=(n, dim)) * rng.uniform(0.2, 1.5, (n, 1))
    gold = np.einsum("ij,ij->i", unit(one), unit(other)) + rng.normal(size=n) * 0.1
    names = [f"text {at}" for at in range(2 * n)]
    task = Similarity("alike", list(zip(names[:n], names[n:], strict=True)), gold.tolist())
    x = np.concatenate([one, other]).astype(np.float32)
    return task, GivenVectors(dict.fromkeys(("document", "query"), (names, x)))


def test_the_best_within_the_budget_is_looked_for_in_every_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "FEW_UNITS", 30)
    monkeypatch.setattr(choosing, "_KEPT", (2, 2))
    task = asking.similarity(60)
    rows = onepass.read(TinyModel(depth=3, width=16), {"document": list(task.inputs()["texts"][0])})
    asked = [scoring.placed(task, rows, None)]
    learn = np.arange(len(rows))
    free = choosing.search(rows, asked, learn)
    tried = {one.reading for one in free.values if one.bits}
    (left, *_) = sorted({one.reading for one in free.values} - tried)

    def dear(one: Candidate) -> float:
        return 1.0 if one.reading == left and one.bits == "one_bit" else 2.0

    assert not any(dear(one) <= 1 for one in free.values)
    found = choosing.search(rows, asked, learn, dear=dear)
    assert any(dear(one) <= 1 for one in found.whole)


def test_figures_of_a_choice_beyond_the_budget_are_its_own() -> None:
    task, vectors = alike(0, n=60)
    found = tune(None, vectors, [task], budget="1 bytes")
    assert found.outcome == "too dear"
    assert found.winner.recipe == found.chosen != found.plain.recipe
    kept = provenance(found)["tasks"][0]
    assert kept["value"]["value"] == pytest.approx(found.winner.values[0])
    assert kept["gain"]["value"] == pytest.approx(found.winner.values[0] - found.plain.values[0])
    assert f"{found.winner.overall.value:+.3f} [" in report(found, "alike").verdict


def test_a_loss_is_ruled_out_for_all_smaller_recipes_at_once() -> None:
    task, vectors = alike(1)
    rows = onepass.read(vectors, task_texts(task))
    asked = [scoring.placed(task, rows, None)]
    plain = Candidate(OWN, Change(), 32, 32)
    some = [Candidate(OWN, Change(), 32, dim, "int8") for dim in (32, 24, 16, 8)]
    how: dict[str, Any] = {"choosing": [], "confirming": asked}
    base, one = confirm(vectors, Part("vectors"), some[:1], plain, rows, np.arange(len(rows)), **how)
    _, four = confirm(vectors, Part("vectors"), some, plain, rows, np.arange(len(rows)), **how)
    assert one[0].lows == (one[0].gains[0].low,)
    for it in four:
        assert it.lows == (paired(base.scores[0], it.scores[0], level=1 - 0.05 / 4).low,)
        assert it.lows[0] < it.gains[0].low
    edge = replace(four[0], gains=(replace(four[0].gains[0], low=-0.009),), lows=(-0.011,))
    assert not edge.keeps(0.01)
    wide = Candidate(OWN, Change("centre"), 32, 32)
    _, same = confirm(vectors, Part("vectors"), [wide], plain, rows, np.arange(len(rows)), **how)
    assert not same[0].keeps(1.0)  # it saves nothing


def task_texts(task: Any) -> Any:
    return {kind: list(texts) for texts, kind in task.inputs().values()}


def test_queries_judged_in_parts_are_judged_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    task = asking.retrieval(40)
    encoder = asking.WordSums()
    rows = onepass.read(encoder, task_texts(task))
    given = task.inputs()
    asked = scoring.placed(task, rows, words(given["documents"][0], given["queries"][0]))
    x = rows.base(OWN)
    weights = (0.0, 0.35)
    wanted = [judged(asked, x, weight).columns["value"] for weight in weights]
    fast = [one.columns["value"] for one in asked.scores(x, weights)]
    monkeypatch.setattr(scoring, "_AT_ONCE", 100)
    assert len(scoring.in_parts(len(task.units), len(task.documents))) > 5
    np.testing.assert_allclose([judged(asked, x, weight).columns["value"] for weight in weights], wanted)
    np.testing.assert_allclose([one.columns["value"] for one in asked.scores(x, weights)], fast)


def test_an_encoder_that_finds_all_alike_is_refused_in_plain_words() -> None:
    task, _ = alike(2, n=60)
    names = list(task.inputs()["texts"][0])
    same = GivenVectors({kind: (names, np.ones((len(names), 8), np.float32)) for kind in ("document", "query")})
    with pytest.raises(InputError, match="alike: want Spearman defined for the encoder as it comes, got nan"):
        tune(None, same, [task])
