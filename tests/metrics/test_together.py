"""Several tasks at once: the mean of their gains, with an interval and a test that keep their word."""

from __future__ import annotations

import numpy as np
import pytest

from semascope.errors import InputError
from semascope.metrics import Scores, paired, together


def means(values: np.ndarray, task: str = "t") -> Scores:
    return Scores(task, "accuracy", "mean", tuple(map(str, range(len(values)))), {"value": values})


def two(gain: float, n: int, seed: int, task: str = "t") -> tuple[Scores, Scores]:
    rng = np.random.default_rng(seed)
    base = rng.normal(size=n)
    return means(base, task), means(base + gain + rng.normal(size=n), task)


def test_one_task_is_what_the_paired_test_says() -> None:
    a, b = two(0.3, 60, 1)
    one, many = paired(a, b), together([a], [b], draws=10_000)
    assert many.value == pytest.approx(one.value)
    assert (many.low, many.high) == pytest.approx((one.low, one.high), abs=0.03)
    assert many.p == pytest.approx(one.p, abs=0.01)
    assert many.n == 60


def test_tasks_count_alike_whatever_their_units() -> None:
    small, large = two(1.0, 20, 2), two(0.0, 200, 3)
    both = together([small[0], large[0]], [small[1], large[1]])
    halves = [b.value() - a.value() for a, b in (small, large)]
    assert both.value == pytest.approx(np.mean(halves))
    assert (both.wins, both.losses) == (sum(h > 0 for h in halves), sum(h < 0 for h in halves))
    assert both.low <= both.value <= both.high


def test_small_gains_everywhere_are_shown_together_where_no_task_shows_them_alone() -> None:
    pairs = [two(0.22, 60, 40 + seed, f"t{seed}") for seed in range(8)]
    alone = [paired(a, b, draws=2_000).shown for a, b in pairs]
    assert sum(alone) <= 4
    assert together([a for a, _ in pairs], [b for _, b in pairs]).shown


def test_nothing_is_shown_where_there_is_nothing_in_about_nineteen_of_twenty() -> None:
    shown = held = 0
    for run in range(300):
        pairs = [two(0.0, 30, 1_000 * run + number) for number in range(3)]
        found = together([a for a, _ in pairs], [b for _, b in pairs], draws=400, seed=run)
        shown += found.shown
        held += found.low <= 0 <= found.high
    assert 4 <= shown <= 30  # 15 expected, about four standard deviations
    assert 270 <= held <= 297


def test_rank_correlations_and_means_go_together() -> None:
    rng = np.random.default_rng(5)
    gold = rng.normal(size=80)
    units = tuple(map(str, range(80)))
    near, far = (
        Scores("s", "Spearman", "spearman", units, {"gold": gold, "score": gold + noise * rng.normal(size=80)})
        for noise in (0.3, 3.0)
    )
    a, b = two(0.5, 50, 6)
    found = together([far, a], [near, b])
    assert found.shown
    assert found.value == pytest.approx((near.value() - far.value() + b.value() - a.value()) / 2)


def test_other_tasks_are_refused() -> None:
    a, b = two(0.1, 20, 7)
    with pytest.raises(InputError, match="b: want scores of the 1 tasks"):
        together([a], [])
    with pytest.raises(InputError, match="b: want scores of the 0 tasks"):
        together([], [])
    with pytest.raises(InputError, match="b: want accuracy of the 20 units"):
        together([a], [means(np.zeros(3))])
    assert together([a], [b], seed=3) == together([a], [b], seed=3)
