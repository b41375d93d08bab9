"""How units make a headline, against scipy and scikit-learn; and their resamples against doing each one by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, v_measure_score

from semascope.errors import InputError, OptionError
from semascope.metrics import COLUMNS, STATISTICS, Scores, average_precision, by_counts, resamples, v_measure
from semascope.metrics.saved import load_scores, save_scores
from semascope.metrics.summaries import SUMMARIES
from semascope.ops import spearman

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")


def columns(n: int, seed: int, *, ties: bool = True) -> dict[str, Any]:
    """All that any statistic needs of n units; scores below 0 too, and many that are equal."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=n)
    score = truth + rng.normal(size=n)
    return {
        "value": rng.random(n),
        "gold": np.round(truth) if ties else truth,
        "score": np.round(score, 1) if ties else score,
        "match": (truth + rng.normal(size=n) > 0).astype(float),
        "label": rng.integers(0, 4, n),
        "group": rng.integers(0, 5, n) * (rng.random(n) < 0.8),
    }


@settings(max_examples=50, deadline=None)
@given(n=st.integers(3, 60), seed=st.integers(0, 10_000), ties=st.booleans())
def test_each_headline_is_that_of_its_peer(n: int, seed: int, ties: bool) -> None:
    of = columns(n, seed, ties=ties)
    if len(set(of["gold"])) > 1 and len(set(of["score"])) > 1:
        assert spearman(of["gold"], of["score"]) == pytest.approx(spearmanr(of["gold"], of["score"]).statistic)
    if of["match"].any():
        found = average_precision_score(of["match"], of["score"])
        assert average_precision(of["match"], of["score"]) == pytest.approx(found)
    assert v_measure(of["label"], of["group"]) == pytest.approx(v_measure_score(of["label"], of["group"]), abs=1e-9)


def test_headlines_of_perfect_and_empty_knowledge() -> None:
    assert v_measure(np.array([0, 0, 1, 1]), np.array([3, 3, 0, 0])) == pytest.approx(1)
    assert v_measure(np.array([0, 0, 1, 1]), np.zeros(4)) == pytest.approx(0)
    assert average_precision(np.array([0, 1, 0]), np.array([-3.0, -1.0, -2.0])) == 1
    assert average_precision(np.array([1, 0, 0, 0]), np.zeros(4)) == 0.25  # equal scores are one step
    assert np.isnan(average_precision(np.zeros(3), np.arange(3.0)))
    assert np.isnan(spearman(np.ones(4), np.arange(4.0)))


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize(("n", "ties"), [(5, True), (40, True), (40, False)])
def test_a_resample_told_by_counts_is_the_resample(statistic: str, n: int, ties: bool) -> None:
    of = {name: columns(n, 3, ties=ties)[name] for name in COLUMNS[statistic]}
    headlines = by_counts(statistic, of)
    for counts in resamples(n, 50, seed=2):
        found = headlines(counts)
        for row, value in zip(counts.astype(int), found, strict=True):
            drawn = np.repeat(np.arange(n), row)
            byhand = SUMMARIES[statistic](*(of[name][drawn] for name in COLUMNS[statistic]))
            assert value == pytest.approx(byhand, abs=1e-9, nan_ok=True)


def test_resamples_draw_as_many_as_there_are_and_the_same_again() -> None:
    one, other = (np.concatenate(list(resamples(7, 30, seed=1))) for _ in range(2))
    assert one.shape == (30, 7)
    assert (one.sum(1) == 7).all()
    assert np.array_equal(one, other)
    assert not np.array_equal(one, np.concatenate(list(resamples(7, 30, seed=2))))


def test_many_units_come_in_several_blocks() -> None:
    sizes = [len(block) for block in resamples(300_000, 20, seed=0)]
    assert sum(sizes) == 20
    assert len(sizes) > 1


@pytest.mark.parametrize("statistic", STATISTICS)
def test_an_interval_holds_the_headline_and_shrinks_with_more_units(statistic: str) -> None:
    def interval(n: int) -> Any:
        of = {name: columns(n, 5)[name] for name in COLUMNS[statistic]}
        return Scores("t", "m", statistic, tuple(map(str, range(n))), of).interval(draws=500)

    few, many = interval(60), interval(2_000)
    assert few.low <= few.value <= few.high
    assert (few.n, many.n) == (60, 2_000)
    assert many.high - many.low < 0.5 * (few.high - few.low)


def test_scores_come_back_from_a_file_to_the_bit(tmp_path: Any) -> None:
    every = [
        Scores(
            "t", "m", one, ("a", "b", "c"), {name: columns(3, 1)[name] for name in COLUMNS[one]}, {"x": np.ones(3) / 3}
        )
        for one in STATISTICS
    ]
    save_scores(tmp_path / "kept.json", every, encoder="mine", passport="0a")
    name, found = load_scores(tmp_path / "kept.json")
    assert name == "mine"
    assert [one.to_json() for one in found] == [one.to_json() for one in every]
    assert [one.value() for one in found] == [one.value() for one in every]


@pytest.mark.parametrize(
    "text", ["", "[]", '{"format": 2, "scores": []}', '{"format": 1, "encoder": "", "scores": [3]}']
)
def test_a_file_that_holds_no_scores_is_refused_by_its_name(tmp_path: Any, text: str) -> None:
    (tmp_path / "other.json").write_text(text)
    with pytest.raises(InputError, match=r"other\.json|Scores\.to_json"):
        load_scores(tmp_path / "other.json")


def test_scores_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(OptionError, match="statistic: want one of"):
        Scores("t", "m", "median", ("a",), {"value": np.ones(1)})  # type: ignore[arg-type]
    with pytest.raises(InputError, match="columns: want value"):
        Scores("t", "m", "mean", ("a",), {"gold": np.ones(1)})
    with pytest.raises(InputError, match="want one value for each of 2 units"):
        Scores("t", "m", "mean", ("a", "b"), {"value": np.ones(3)})
    with pytest.raises(InputError, match="at least one unit"):
        Scores("t", "m", "mean", (), {"value": np.ones(0)})


def test_a_part_of_scores_has_its_units_alone() -> None:
    whole = Scores("t", "m", "mean", ("a", "b", "c"), {"value": np.array([1.0, 2, 6])}, {"x": np.arange(3.0)})
    part = whole.part(np.array([2, 0]))
    assert part.units == ("c", "a")
    assert part.value() == 3.5
    assert part.more["x"].tolist() == [2.0, 0.0]


def test_where_all_are_right_the_interval_does_not_end_at_one() -> None:
    from scipy.stats import binomtest

    for right in (30, 27):
        value = np.r_[np.ones(right), np.zeros(30 - right)]
        found = Scores("t", "m", "mean", tuple(map(str, range(30))), {"value": value}).interval()
        peer = binomtest(right, 30).proportion_ci(method="wilson")
        assert (found.low, found.high) == pytest.approx((peer.low, peer.high))
        assert found.low < found.value


def test_of_a_single_unit_no_interval_is_known() -> None:
    found = Scores("t", "m", "mean", ("a",), {"value": np.array([0.4])}).interval()
    assert found.value == 0.4
    assert np.isnan([found.low, found.high]).all()


def test_groups_that_say_nothing_have_an_interval_that_does_not_grow_with_the_repeats_of_resamples() -> None:
    rng = np.random.default_rng(0)
    units = tuple(map(str, range(200)))

    def drawn() -> Scores:
        return Scores(
            "t", "m", "v_measure", units, {"label": rng.integers(0, 8, 200), "group": rng.integers(0, 8, 200)}
        )

    usual = float(np.mean([drawn().value() for _ in range(500)]))
    found = [drawn().interval(draws=400) for _ in range(40)]
    assert sum(one.low <= usual <= one.high for one in found) >= 34
    # Without the move hardly any would hold it.
    of = drawn()
    plain = np.concatenate([by_counts("v_measure", of.columns)(counts) for counts in resamples(200, 400)])
    assert np.quantile(plain, 0.025) > usual
