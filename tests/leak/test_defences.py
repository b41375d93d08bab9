"""What is done to vectors, and what it costs."""

from __future__ import annotations

import numpy as np
import pytest

from semascope.errors import InputError, UnknownNameError
from semascope.leak import defences
from semascope.leak.cost import Judged, Retrieval
from semascope.ops import cosine, neighbours_kept, unit

NAMES = [one.name for one in defences.standard()]


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    rng = np.random.default_rng(0)
    return unit(rng.standard_normal((300, 8)) @ rng.standard_normal((8, 32)) + 0.3 * rng.standard_normal((300, 32)))


@pytest.mark.parametrize("name", NAMES)
def test_a_defence_leaves_the_rows_it_is_given_untouched_and_fits_its_queries(name: str, rows: np.ndarray) -> None:
    before = rows.copy()
    rows.flags.writeable = False
    (one,) = [found for found in defences.standard() if found.name == name]
    learned = one.learn(rows, 0)
    stored, asked = learned.store(rows), learned.ask(rows[:3])
    assert stored.dtype == np.float32
    assert stored.shape[1] == asked.shape[1]
    assert np.isfinite(stored).all()
    assert (rows == before).all()
    assert (one.learn(rows, 0).store(rows) == stored).all()
    assert learned.bits > 0


def test_noise_is_as_long_as_it_says(rows: np.ndarray) -> None:
    for strength in (0.25, 1.0):
        added = defences.noise(strength).learn(rows, 0).store(rows) - rows
        assert np.linalg.norm(added, axis=1).mean() == pytest.approx(strength, rel=0.05)


def test_a_rotation_keeps_every_cosine_and_changes_every_row(rows: np.ndarray) -> None:
    turned = defences.rotation().learn(rows, 0).store(rows)
    assert np.abs(cosine(turned, turned) - cosine(rows, rows)).max() < 1e-5
    assert np.abs(np.diag(cosine(turned, rows))).mean() < 0.5


def test_two_defences_come_one_after_the_other(rows: np.ndarray) -> None:
    both = defences.both(defences.cut(2), defences.one_bit()).learn(rows, 0)
    assert both.store(rows).shape == (300, 16)
    assert both.ask(rows).shape == (300, 16)
    assert both.bits == 16


def test_the_cost_of_doing_nothing_or_turning_is_nothing(rows: np.ndarray) -> None:
    cost = Retrieval(rows)
    for one in (defences.nothing(), defences.rotation()):
        assert cost.kept(one.learn(rows, 0)).value == pytest.approx(1.0, abs=0.002)


def test_neighbours_kept_are_those_that_the_common_function_counts(rows: np.ndarray) -> None:
    learned = defences.cut(4).learn(rows, 0)
    assert Retrieval(rows).kept(learned).value == pytest.approx(neighbours_kept(rows, learned.store(rows)), abs=1e-9)


def test_more_noise_costs_more_neighbours(rows: np.ndarray) -> None:
    cost = Retrieval(rows)
    kept = [cost.kept(defences.noise(strength).learn(rows, 0)).value for strength in (0.1, 0.5, 2.0)]
    assert kept == sorted(kept, reverse=True)
    assert kept[0] - kept[-1] > 0.3


def test_judged_queries_are_scored_as_by_hand() -> None:
    documents = np.eye(12, dtype=np.float32)
    queries = (np.eye(12) + 0.5 * np.roll(np.eye(12), 1, axis=1)).astype(np.float32)[:2]
    cost = Retrieval(documents, Judged(queries, documents, [{0: 1.0}, {2: 1.0}]))
    found = cost.ndcg(defences.nothing().learn(documents, 0))
    assert found is not None
    value, change = found
    assert value.value == pytest.approx((1 + 1 / np.log2(3)) / 2)
    assert change.value == 0


def test_without_judgements_there_is_no_ndcg(rows: np.ndarray) -> None:
    assert Retrieval(rows).ndcg(defences.nothing().learn(rows, 0)) is None


def test_judgements_for_other_queries_are_refused(rows: np.ndarray) -> None:
    with pytest.raises(InputError, match="gains: want one mapping for each of 2 queries"):
        Judged(rows[:2], rows, [{}])


def test_an_unknown_defence_is_answered_with_those_there_are() -> None:
    assert [one.name for one in defences.named(["int8"])] == ["none", "int8"]
    with pytest.raises(UnknownNameError, match="'one bit'"):
        defences.named(["armour"])
