"""Paired differences: against exact enumeration, scipy's tests and bootstrap, and slow loops from the definition."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats

from semascope.errors import InputError, OptionError
from semascope.metrics import (
    Difference,
    Scores,
    average_precision,
    benjamini_hochberg,
    detectable,
    holm,
    paired,
)
from semascope.metrics.exchanging import exchanged, flipped
from semascope.metrics.paired import jackknifed, student
from semascope.ops import ranks, spearman


def means(values: object) -> Scores:
    array = np.asarray(values, np.float64)
    return Scores("t", "nDCG@10", "mean", tuple(map(str, range(len(array)))), {"value": array})


def correlated(gold: object, score: object) -> Scores:
    array = np.asarray(score, np.float64)
    columns = {"gold": np.asarray(gold, np.float64), "score": array}
    return Scores("t", "Spearman", "spearman", tuple(map(str, range(len(array)))), columns)


def matched(match: object, score: object) -> Scores:
    array = np.asarray(score, np.float64)
    columns = {"match": np.asarray(match, np.float64), "score": array}
    return Scores("t", "AP", "average_precision", tuple(map(str, range(len(array)))), columns)


def grouped(label: object, group: object) -> Scores:
    columns = {"label": np.asarray(label, np.int64), "group": np.asarray(group, np.int64)}
    return Scores("t", "V", "v_measure", tuple(map(str, range(len(columns["label"])))), columns)


def gains(n: int, seed: int, shift: float = 0.1) -> tuple[Scores, Scores]:
    """Two retrieval-like columns: many ties, values on a few steps, skewed."""
    rng = np.random.default_rng(seed)
    a = rng.choice([0, 0, 0.2, 0.5, 1.0], n)
    b = np.where(rng.random(n) < 0.4, a, np.clip(rng.choice([0, 0.3, 0.6, 1.0], n) + shift, 0, 1))
    return means(a), means(b)


@pytest.mark.parametrize("seed", range(4))
def test_few_units_give_the_exact_p_of_all_ways_to_flip(seed: int) -> None:
    a, b = gains(11, seed)
    gain = np.asarray(b.columns["value"]) - np.asarray(a.columns["value"])
    ways = [abs(np.mean(gain * signs)) for signs in product((-1, 1), repeat=len(gain))]
    want = np.mean(np.array(ways) >= abs(gain.mean()) - 1e-12)
    found = paired(a, b)
    assert found.p == pytest.approx(want)
    assert found.test == "signs flipped"
    exact = stats.permutation_test(
        (b.columns["value"], a.columns["value"]),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    )
    assert found.p == pytest.approx(exact.pvalue)


def test_many_units_give_the_p_of_scipy_within_its_draws() -> None:
    a, b = gains(80, 3, shift=0.06)
    want = stats.permutation_test(
        (b.columns["value"], a.columns["value"]),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=20_000,
        random_state=1,
    ).pvalue
    found = paired(a, b, draws=20_000).p
    assert 0.001 < want < 0.999
    assert found == pytest.approx(want, abs=5 * np.sqrt(want * (1 - want) / 20_000))


def test_gains_of_zero_are_not_flipped_and_do_not_keep_the_test_from_being_exact() -> None:
    gain = np.zeros(400)
    gain[:6] = [0.5, 0.4, 0.3, 0.2, 0.2, 0.1]
    differences, exact = flipped(gain, 100, np.random.default_rng(0))
    assert exact
    assert len(differences) == 64
    assert paired(means(np.zeros(400)), means(gain)).p == pytest.approx(2 / 64)


def test_the_interval_is_that_of_scipys_bootstrap_widened_by_students_quantile() -> None:
    a, b = gains(60, 5)
    gain = np.asarray(b.columns["value"]) - np.asarray(a.columns["value"])
    share = stats.norm.cdf(-np.sqrt(60 / 59) * stats.t.ppf(0.975, 59))
    want = stats.bootstrap(
        (gain,), np.mean, confidence_level=1 - 2 * share, method="percentile", n_resamples=40_000, random_state=0
    ).confidence_interval
    found = paired(a, b, draws=40_000)
    assert (found.low, found.high) == pytest.approx((want.low, want.high), abs=0.004)
    assert found.value == pytest.approx(gain.mean())
    assert found.error == pytest.approx(gain.std(ddof=1) / np.sqrt(60), rel=0.02)
    assert (found.wins, found.losses, found.n) == ((gain > 0).sum(), (gain < 0).sum(), 60)


@pytest.mark.parametrize("statistic", ["spearman", "average_precision"])
def test_intervals_of_other_statistics_are_those_of_a_slow_loop(statistic: str) -> None:
    rng = np.random.default_rng(2)
    n = 60
    truth = rng.integers(0, 4, n)
    made = (lambda s: correlated(truth, s)) if statistic == "spearman" else (lambda s: matched(truth > 1, s))
    a, b = (made(truth + rng.normal(size=n) * noise) for noise in (2.0, 1.0))
    found = paired(a, b, draws=4_000)
    slow = []
    for _ in range(4_000):
        at = rng.integers(0, n, n)
        slow.append(b.value(at) - a.value(at))
    share = stats.norm.cdf(-np.sqrt(n / (n - 1)) * stats.t.ppf(0.975, n - 1))
    low, high = np.nanquantile(slow, [share, 1 - share])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.12 * (high - low))
    assert found.value == pytest.approx(b.value() - a.value())
    assert found.low < found.value < found.high


def test_exchanged_ranks_give_the_correlations_of_a_slow_loop() -> None:
    rng = np.random.default_rng(4)
    gold = rng.integers(0, 4, 9).astype(float)
    a, b = correlated(gold, gold + rng.normal(size=9)), correlated(gold, 10 + gold + 2 * rng.normal(size=9))
    one, other = ranks(a.columns["score"]), ranks(b.columns["score"])
    rank = ranks(gold)
    slow = []
    for swap in product((False, True), repeat=9):
        left, right = np.where(swap, other, one), np.where(swap, one, other)
        slow.append(np.corrcoef(rank, right)[0, 1] - np.corrcoef(rank, left)[0, 1])
    found, exact = exchanged(a, b, 30_000, np.random.default_rng(0)) or (np.zeros(0), True)
    assert not exact
    for quantile in (0.05, 0.25, 0.5, 0.9):
        assert np.quantile(found, quantile) == pytest.approx(np.quantile(slow, quantile), abs=0.02)
    assert np.abs(found).max() <= np.abs(slow).max() + 1e-9
    assert min(abs(one - (b.value() - a.value())) for one in slow) < 1e-9
    p = paired(a, b, draws=30_000).p
    assert p == pytest.approx(np.mean(np.abs(slow) >= abs(b.value() - a.value()) - 1e-9), abs=0.02)


def test_exchanged_ranks_give_the_average_precision_of_a_slow_loop() -> None:
    rng = np.random.default_rng(5)
    match = np.array([1, 0, 1, 0, 0, 1, 0, 1], float)
    a, b = matched(match, rng.permutation(8)), matched(match, match + rng.normal(size=8) / 2)
    one, other = ranks(a.columns["score"]), ranks(b.columns["score"])
    slow = []
    for swap in product((False, True), repeat=8):
        for _ in range(20):
            fair = rng.random((2, 8)) / 4  # ranks of two sides can be equal
            left, right = np.where(swap, other, one) + fair[0], np.where(swap, one, other) + fair[1]
            slow.append(average_precision(match, right) - average_precision(match, left))
    found, _ = exchanged(a, b, 20_000, np.random.default_rng(0)) or (np.zeros(0), True)
    for quantile in (0.05, 0.25, 0.5, 0.9):
        assert np.quantile(found, quantile) == pytest.approx(np.quantile(slow, quantile), abs=0.03)


def test_the_scale_of_an_encoders_cosines_says_nothing() -> None:
    rng = np.random.default_rng(6)
    gold = rng.integers(0, 6, 80).astype(float)
    one, other = gold + rng.normal(size=80) * 3, gold + rng.normal(size=80) * 2
    plain = paired(correlated(gold, one), correlated(gold, other), draws=2_000)
    scaled = paired(correlated(gold, np.exp(one / 50)), correlated(gold, 0.01 * other - 7), draws=2_000)
    assert plain == scaled


def test_groups_are_not_exchanged_by_their_numbers() -> None:
    rng = np.random.default_rng(7)
    label = rng.integers(0, 4, 300)
    group = np.where(rng.random(300) < 0.6, label, rng.integers(0, 4, 300))
    renamed = (group + 1) % 4
    assert exchanged(grouped(label, group), grouped(label, renamed), 10, rng) is None
    same = paired(grouped(label, group), grouped(label, renamed), draws=2_000)
    assert same.test == "bootstrap"
    assert same.value == pytest.approx(0, abs=1e-12)
    assert same.p == pytest.approx(1.0)
    assert not same.shown
    better = paired(grouped(label, group), grouped(label, label), draws=2_000)
    assert better.shown
    assert better.value > 0


def test_the_error_of_groups_is_that_of_a_slow_jackknife() -> None:
    rng = np.random.default_rng(3)
    n = 70
    label = rng.integers(0, 3, n)
    a, b = (grouped(label, np.where(rng.random(n) < keep, label, rng.integers(0, 4, n))) for keep in (0.5, 0.7))
    left = [b.value(np.delete(np.arange(n), at)) - a.value(np.delete(np.arange(n), at)) for at in range(n)]
    error = np.sqrt((n - 1) / n * np.sum((np.array(left) - np.mean(left)) ** 2))
    assert jackknifed(a, b) == pytest.approx(error)
    found = paired(a, b)
    assert found.error == pytest.approx(error)
    reach = stats.t.ppf(0.975, n - 1) * error
    assert (found.low, found.high) == pytest.approx((found.value - reach, found.value + reach), abs=0.15 * reach)
    assert found.p == pytest.approx(2 * stats.t.sf(found.value / error, n - 1), abs=0.03)


@pytest.mark.parametrize("n", [60, 300])
def test_equal_groupings_are_called_different_in_about_one_of_twenty(n: int) -> None:
    rng = np.random.default_rng(n)
    shown = 0
    for _ in range(300):
        label = rng.integers(0, 5, n)
        a, b = (grouped(label, np.where(rng.random(n) < 0.6, label, rng.integers(0, 5, n))) for _ in range(2))
        shown += paired(a, b, draws=300).shown
    assert abs(shown / 300 - 0.05) <= 0.04


@pytest.mark.parametrize("seed", range(3))
def test_what_b_gains_is_what_a_loses(seed: int) -> None:
    a, b = gains(40, seed)
    one, other = paired(a, b), paired(b, a)
    assert other.value == -one.value
    assert (other.wins, other.losses) == (one.losses, one.wins)
    assert (other.low, other.high) == pytest.approx((-one.high, -one.low), abs=1e-9)
    assert other.p == pytest.approx(one.p, abs=1e-9)


def test_an_encoder_compared_with_itself_is_no_better() -> None:
    a, _ = gains(50, 0)
    found = paired(a, a)
    assert (found.value, found.low, found.high, found.p, found.shown) == (0.0, 0.0, 0.0, 1.0, False)


def test_the_same_seed_gives_the_same_and_another_seed_nearly() -> None:
    a, b = gains(90, 8)
    assert paired(a, b) == paired(a, b)
    other = paired(a, b, seed=1)
    assert other != paired(a, b)
    assert other.low == pytest.approx(paired(a, b).low, abs=0.01)


def test_the_detectable_difference_is_shown_four_times_in_five() -> None:
    """Normal gains, whose power is known: the noncentral t distribution says the same to a point or two."""
    rng = np.random.default_rng(9)
    n, runs = 40, 400
    truth = detectable(1 / np.sqrt(n), n)
    shown = 0
    for _ in range(runs):
        shown += paired(means(np.zeros(n)), means(rng.normal(truth, 1, n)), draws=500).shown
    exact = 1 - stats.nct.cdf(stats.t.ppf(0.975, n - 1), n - 1, truth * np.sqrt(n))
    assert exact == pytest.approx(0.8, abs=0.02)
    assert shown / runs == pytest.approx(exact, abs=4 * np.sqrt(0.16 / runs))


@pytest.mark.parametrize("freedom", [4, 9, 49, 999])
@pytest.mark.parametrize("p", [0.9, 0.975, 0.995])
def test_students_quantile_is_that_of_scipy(p: float, freedom: int) -> None:
    assert student(p, freedom) == pytest.approx(stats.t.ppf(p, freedom), rel=0.02 if freedom == 4 else 0.002)


def test_equivalence_is_said_where_the_interval_lies_within_the_margin() -> None:
    found = Difference(0.01, -0.02, 0.04, 0.5, 100, 1, 1)
    assert found.within(0.05)
    assert not found.within(0.04)
    assert not found.within(0.03)
    assert found.most == 0.04


def test_holm_and_benjamini_hochberg_are_those_of_the_definition() -> None:
    p = np.array([0.01, 0.04, 0.03, 0.005, 0.5])
    assert holm(p) == pytest.approx([0.04, 0.09, 0.09, 0.025, 0.5])
    assert benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p, method="bh"))
    rng = np.random.default_rng(0)
    many = rng.random(30) ** 2
    assert benjamini_hochberg(many) == pytest.approx(stats.false_discovery_control(many, method="bh"))
    order = np.argsort(many)
    slow, highest = np.empty(30), 0.0
    for place, at in enumerate(order):
        highest = max(highest, min(1.0, many[at] * (30 - place)))
        slow[at] = highest
    assert holm(many) == pytest.approx(slow)
    assert (benjamini_hochberg(many) <= holm(many) + 1e-12).all()
    assert len(holm([])) == 0


def test_what_cannot_be_compared_is_refused_with_what_was_wanted() -> None:
    a, b = gains(20, 0)
    with pytest.raises(InputError, match="20 units of a, got nDCG@10 of 19"):
        paired(a, b.part(np.arange(19)))
    with pytest.raises(InputError, match="at least 2 units"):
        paired(a.part([0]), b.part([0]))
    with pytest.raises(InputError, match="judgements of a"):
        paired(correlated([1, 2, 3], [1, 2, 3]), correlated([1, 3, 2], [1, 2, 3]))
    with pytest.raises(InputError, match="all values of one of them equal"):
        paired(correlated([1, 2, 3], [1, 2, 3]), correlated([1, 2, 3], [1, 1, 1]))
    with pytest.raises(InputError, match="finite"):
        paired(a, means([np.nan] * 20))
    with pytest.raises(OptionError, match="level"):
        paired(a, b, level=1.0)
    with pytest.raises(OptionError, match="draws"):
        paired(a, b, draws=5)
    with pytest.raises(InputError, match="p: want"):
        holm([0.5, 1.2])
    with pytest.raises(InputError, match="p: want"):
        benjamini_hochberg([float("nan")])


def test_a_bad_rank_correlation_is_told_from_a_good_one() -> None:
    rng = np.random.default_rng(1)
    gold = rng.normal(size=200)
    a, b = correlated(gold, rng.normal(size=200)), correlated(gold, gold + rng.normal(size=200) / 4)
    found = paired(a, b, draws=2_000)
    assert found.shown
    assert found.low > 0.5
    assert found.value == pytest.approx(spearman(gold, b.columns["score"]) - spearman(gold, a.columns["score"]))
