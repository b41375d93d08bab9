"""Agreement of rankings: Kendall's tau against scipy, pairs in order, what is lost, and what says nothing."""

import numpy as np
import pytest

from semascope.errors import InputError
from semascope.metrics import Scores
from semascope.metrics.agreement import TOGETHER, agreement, kendall, split_half


def scores(task: str, values: dict[str, float], n: int = 400, noise: float = 0.2, seed: int = 0) -> dict[str, Scores]:
    """Scores whose means are about those values, the same difficulty of each unit for all."""
    rng = np.random.default_rng(seed)
    hard = rng.normal(0, 0.1, n)
    units = tuple(f"{task}{at}" for at in range(n))
    return {
        name: Scores(task, "x", "mean", units, {"value": value + hard + rng.normal(0, noise, n)})
        for name, value in values.items()
    }


QUALITY = {f"e{at}": at / 10 for at in range(8)}


def test_tau_is_scipys_with_ties_and_with_repeats() -> None:
    from scipy.stats import kendalltau

    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = rng.integers(0, 5, 12).astype(float), rng.integers(0, 5, 12).astype(float)
        drawn = rng.integers(0, 12, 12)
        times = np.bincount(drawn, minlength=12).astype(float)
        (plain,) = kendall(a[None], b[None], np.ones((1, 12)))
        (again,) = kendall(a[None], b[None], times[None])
        assert plain == pytest.approx(kendalltau(a, b).statistic)
        assert again == pytest.approx(kendalltau(a[drawn], b[drawn]).statistic)


def test_the_same_ranking_agrees_wholly_and_loses_nothing() -> None:
    found = agreement(scores("gold", QUALITY), {"free": scores("free", QUALITY, seed=1)})
    assert list(found) == ["free"]
    one = found["free"]
    assert (one.tau.value, one.same.value, one.lost.value, one.lost.high) == (1.0, 1.0, 0.0, 0.0)
    assert (one.chosen, one.best, one.tau.n, one.lost.n) == ("e7", "e7", 8, 400)
    assert one.guess == pytest.approx(0.35, abs=0.03)
    assert one.decided > 0.9


def test_the_opposite_ranking_misleads_and_shows_its_cost() -> None:
    found = agreement(
        scores("gold", QUALITY),
        {
            "wrong": scores("wrong", {name: -value for name, value in QUALITY.items()}, seed=1),
            "right": scores("right", QUALITY, seed=2),
            "other": scores("other", QUALITY, seed=3),
        },
    )
    assert found["wrong"].tau.value == -1.0
    assert found["wrong"].same.high < 0.05
    assert found["wrong"].lost.low > 0.6
    assert set(found) == {"wrong", "right", "other", TOGETHER}
    assert found[TOGETHER].tau.value == 1.0  # two against one


def test_a_task_at_its_ceiling_tells_nothing_apart() -> None:
    level = scores("free", dict.fromkeys(QUALITY, 1.0), noise=0.01, seed=3)
    one = agreement(scores("gold", QUALITY), {"free": level})["free"]
    assert one.decided < 0.2
    assert one.tau.low < 0 < one.tau.high


def test_the_interval_of_tau_holds_it_and_is_wider_with_fewer_units() -> None:
    close = {name: value / 10 for name, value in QUALITY.items()}
    many = agreement(scores("gold", close, 2000), {"free": scores("free", close, 2000, seed=1)})["free"].tau
    few = agreement(scores("gold", close, 40), {"free": scores("free", close, 40, seed=1)})["free"].tau
    assert many.low <= many.value <= many.high
    assert few.high - few.low > many.high - many.low


def test_labels_agree_with_themselves_as_far_as_there_are_labels() -> None:
    close = {name: value / 10 for name, value in QUALITY.items()}
    many, few = split_half(scores("gold", close, 4000)), split_half(scores("gold", close, 40))
    assert many.value > 0.7 > few.value
    assert many.n == 8


def test_too_few_encoders_and_others_than_labelled_are_refused() -> None:
    two = {"a": 0.1, "b": 0.2}
    with pytest.raises(InputError, match="labelled: want scores of at least 3 encoders, got 2"):
        agreement(scores("gold", two), {"free": scores("free", two)})
    with pytest.raises(InputError, match="free: want scores of e0, e1"):
        agreement(scores("gold", QUALITY), {"free": scores("free", {"x": 1.0})})
    mixed = scores("gold", QUALITY) | {"e0": scores("gold", QUALITY, 10)["e0"]}
    with pytest.raises(InputError, match="gold: want x of the same"):
        agreement(mixed, {"free": scores("free", QUALITY)})
