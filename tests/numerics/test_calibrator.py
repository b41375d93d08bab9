"""Calibration curves against scikit-learn's, calibration errors against slow loops from the formulas, and both against known truth."""

from __future__ import annotations

import pickle
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from semascope.errors import InputError, OptionError
from semascope.estimator import NotFittedError
from semascope.evaluation.calibrator import Calibrator, _parts
from semascope.learned import Monotone
from semascope.metrics import calibration_error, calibration_interval, reliability, sweep_error
from semascope.ops import proportion
from semascope.ops.curves import beta, isotonic, mixture, platt, ranks, reached

reference = pytest.mark.reference


def drawn(n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    scores = rng.normal(0.5, 0.2, n)
    return scores, rng.random(n) < truth(scores)


def truth(scores: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-10 * (scores - 0.6)))


def at(curve: tuple[np.ndarray, np.ndarray], scores: np.ndarray) -> np.ndarray:
    return np.interp(scores, *curve)


@reference("calibrator")
def test_the_logistic_curve_is_scikit_learns_with_platts_targets() -> None:
    scores, hits = drawn()
    theirs = _SigmoidCalibration().fit(scores, hits).predict(scores)
    np.testing.assert_allclose(at(platt(scores, hits), scores), theirs, atol=1e-3)


@reference("calibrator")
def test_isotonic_regression_is_scikit_learns_but_for_one_pair_a_level() -> None:
    scores, hits = drawn(300, 1)
    scores = np.round(scores, 2).astype(np.float32).astype(np.float64)  # with ties
    theirs = IsotonicRegression(out_of_bounds="clip").fit(scores, hits).predict(scores)
    level, sizes = np.unique(theirs, return_inverse=True, return_counts=True)[1:]
    wanted = (theirs * sizes[level] + hits.mean()) / (sizes[level] + 1)
    np.testing.assert_allclose(at(isotonic(scores, hits), scores), wanted, atol=1e-6)


@reference("calibrator")
def test_the_beta_curve_is_the_logistic_regression_of_the_two_logarithms() -> None:
    scores, hits = drawn(20_000, 2)
    low, high = scores.min(), scores.max()
    room = 0.05 * (high - low)
    u = (scores - low + room) / (high - low + 2 * room)
    features = np.stack([np.log(u), -np.log(1 - u)], axis=1)
    theirs = LogisticRegression(C=1e6, tol=1e-8, max_iter=1000).fit(features, hits)
    assert (theirs.coef_ > 0).all()  # else the curve would be held at 0, and theirs not
    np.testing.assert_allclose(at(beta(scores, hits), scores), theirs.predict_proba(features)[:, 1], atol=2e-3)


@reference("calibrator")
def test_the_error_is_that_of_a_loop_over_bins_with_draws_for_the_bias() -> None:
    scores, hits = drawn(503, 3)
    said = np.clip(scores, 0, 1)
    order = np.argsort(said)
    bins = np.array_split(order, 10)
    plain = sum(len(b) / 503 * abs(said[b].mean() - hits[b].mean()) for b in bins)
    assert calibration_error(said, hits, debiased=False) == pytest.approx(plain)
    rng = np.random.default_rng(4)
    again = [
        sum(
            len(b)
            / 503
            * abs(rng.normal(hits[b].mean(), np.sqrt(hits[b].mean() * (1 - hits[b].mean()) / len(b))) - said[b].mean())
            for b in bins
        )
        for _ in range(4000)
    ]
    assert calibration_error(said, hits) == pytest.approx(2 * plain - np.mean(again), abs=2e-3)


def test_true_probabilities_have_next_to_no_error_and_the_plain_estimate_says_they_have_one() -> None:
    found = []
    for seed in range(40):
        scores, hits = drawn(1000, 100 + seed)
        found.append((calibration_error(truth(scores), hits), calibration_error(truth(scores), hits, debiased=False)))
    debiased, plain = np.mean(found, axis=0)
    assert debiased < 0.75 * plain
    assert plain > 0.015


def test_an_error_that_is_there_is_found_without_bias() -> None:
    found = [
        calibration_error(np.clip(truth(scores) * 0.7, 0, 1), hits)
        for scores, hits in (drawn(3000, seed) for seed in range(20))
    ]
    wanted = float(np.mean(0.3 * truth(drawn(200_000, 7)[0])))
    assert np.mean(found) == pytest.approx(wanted, abs=0.01)


def test_equal_probabilities_are_never_in_two_bins() -> None:
    said = np.repeat([0.1, 0.5, 0.9], [50, 900, 50])
    assert [one.matched.n for one in reliability(said, said > 0.4, 10)] == [950, 50]  # as Kumar's edges part them


def test_the_sweep_takes_as_many_bins_as_rise() -> None:
    said = np.array([0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9])
    hits = np.array([0, 0, 1, 0, 1, 1, 1, 1])  # two bins rise, three do too, four do not: 0, 0.5, 1, 1 rise; five fall
    bins = max(b for b in range(1, 9) if _rises(said, hits, b) and all(_rises(said, hits, c) for c in range(1, b)))
    assert sweep_error(said, hits) == pytest.approx(calibration_error(said, hits, bins, debiased=False))


def _rises(said: np.ndarray, hits: np.ndarray, bins: int) -> bool:
    shares = [hits[part].mean() for part in np.array_split(np.argsort(said), bins)]
    return all(a <= b for a, b in pairwise(shares))


def test_the_interval_of_the_error_holds_it() -> None:
    scores, hits = drawn(2000, 5)
    found = calibration_interval(np.clip(scores, 0, 1), hits)
    assert found.low <= found.value <= found.high
    assert found.n == 2000
    assert found.high - found.low > 0.01


def test_wilsons_interval_is_the_root_of_its_equation() -> None:
    z = NormalDist().inv_cdf(0.975)
    for hits, n in ((0, 10), (3, 10), (10, 10), (470, 1000)):
        found = proportion(hits, n)
        p = hits / n
        for end in (found.low, found.high):
            if 0 < end < 1 and end != p:
                assert abs(p - end) == pytest.approx(z * np.sqrt(end * (1 - end) / n))
        assert found.high > found.low


def test_what_is_said_of_new_pairs_is_so() -> None:
    for method in ("auto", "platt", "beta", "isotonic"):
        fresh, so = drawn(20_000, 8)
        said = Calibrator(method=method).fit(*drawn(2000, 9)).probability(fresh)
        assert calibration_error(said, so) < 0.03
        assert np.abs(said - truth(fresh)).mean() < 0.04


def test_thirty_pairs_are_better_than_the_share_of_matches() -> None:
    fresh, so = drawn(5000, 10)
    gains = []
    for seed in range(20):
        scores, hits = drawn(30, 200 + seed)
        said = Calibrator().fit(scores, hits).probability(fresh)
        gains.append(np.square(hits.mean() - so).mean() - np.square(said - so).mean())
    assert np.mean(gains) > 0.02
    assert np.min(gains) > -0.02


def test_a_threshold_keeps_the_precision_that_was_asked_for() -> None:
    scores, hits = drawn(4000, 11)
    found = Calibrator().fit(scores, hits).threshold(0.9)
    assert found is not None
    assert found.promised
    assert found.recall is not None
    fresh, so = drawn(50_000, 12)
    assert so[fresh >= found.score].mean() == pytest.approx(0.9, abs=0.02)
    assert so[fresh >= found.score].sum() / so.sum() == pytest.approx(found.recall.value, abs=0.03)
    assert found.precision.low <= 0.9 <= found.precision.high


def test_of_few_pairs_a_threshold_is_promised_only_where_pairs_held_out_reach_one() -> None:
    not_measured = 0
    for seed in range(60):
        scores, hits = drawn(30, seed)
        if hits.sum() < 2 or hits.all():
            continue
        method = Calibrator().fit(scores, hits)
        found = method.threshold(0.95)
        if found is None:
            continue
        if found.promised:
            assert found.recall is not None
            assert found.precision.low > 0 or found.precision.high < 1
            continue
        not_measured += 1
        assert found.recall is None
        assert (found.precision.low, found.precision.high) == (0, 1)
        above = scores.astype(np.float32) >= found.score
        assert found.precision.n == above.sum()
        assert found.precision.value == pytest.approx(method.probability(scores)[above].mean(), abs=1e-6)
    assert not_measured >= 5


def test_no_threshold_is_made_up_where_none_is_so_good() -> None:
    scores, hits = drawn(400, 13)
    dealt = np.random.default_rng(14).permutation(hits)
    assert Calibrator().fit(scores, dealt).threshold(0.95) is None


def test_the_least_score_whose_pairs_are_good_enough() -> None:
    scores, said = np.array([1.0, 2, 3, 3, 4]), np.array([0.1, 0.5, 0.7, 0.7, 1.0])
    assert reached(scores, said, 0.79) == 3  # (1 + 0.7 + 0.7) / 3
    assert reached(scores, said, 0.72) == 2  # (1 + 0.7 + 0.7 + 0.5) / 4 = 0.725
    assert reached(scores, said, 0.9) == 4
    assert reached(scores, said / 2, 0.9) is None


def test_random_pairs_alone_give_the_share_of_them_below() -> None:
    background = np.arange(1.0, 100.0)
    curve = ranks(background)
    assert at(curve, np.array([50.0]))[0] == pytest.approx(49.5 / 100)
    assert at(curve, np.array([1000.0]))[0] == pytest.approx(99 / 100)
    assert at(curve, np.array([-1000.0]))[0] == 0
    method = Calibrator().fit(background)
    assert method.kind_ == "background"
    with pytest.raises(OptionError, match="want labels"):
        method.threshold(0.9)


def test_a_mixture_of_two_kinds_is_taken_apart() -> None:
    rng = np.random.default_rng(15)
    match = rng.random(5000) < 0.3
    scores = np.where(match, rng.normal(4, 1, 5000), rng.normal(0, 1, 5000))
    background = rng.normal(0, 1, 20_000)
    share, curve = mixture(scores, background)
    assert share == pytest.approx(0.3, abs=0.05)
    density = NormalDist()
    wanted = [0.3 * density.pdf(s - 4) / (0.3 * density.pdf(s - 4) + 0.7 * density.pdf(s)) for s in scores]
    assert np.abs(at(curve, scores) - wanted).mean() < 0.05
    found = Calibrator().fit(scores, background=background).threshold(0.9)
    assert found is not None
    assert not found.promised
    assert found.recall is None
    assert match[scores >= found.score].mean() == pytest.approx(0.9, abs=0.03)


def test_pairs_that_are_all_random_give_no_matches() -> None:
    rng = np.random.default_rng(16)
    method = Calibrator().fit(rng.normal(size=2000), background=rng.normal(size=5000))
    assert method.base_rate_ < 0.06
    assert method.threshold(0.95) is None


def test_folds_have_as_many_matches_each_and_every_pair_is_held_out_once() -> None:
    hits = np.arange(53) % 3 == 0
    out = [held for _, held in _parts(hits, 5, 0)]
    assert (np.sum(out, axis=0) == 1).all()
    counts = [hits[held].sum() for held in out]
    assert max(counts) - min(counts) <= 1


def test_scikit_learn_clones_it_pickles_it_and_pipes_into_it() -> None:
    scores, hits = drawn(200, 17)
    fitted = Calibrator(folds=3).fit(scores[:, None], hits)
    fresh = clone(fitted)
    assert fresh.get_params() == {"method": "auto", "folds": 3, "random_state": 0}
    with pytest.raises(NotFittedError, match="call fit"):
        fresh.transform(scores)
    back = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(back.transform(scores), fitted.transform(scores))
    piped = make_pipeline(Calibrator(), LogisticRegression()).fit(scores[:, None], hits)
    assert piped.score(scores[:, None], hits) > 0.6


def test_a_curve_that_falls_cannot_be_made() -> None:
    rising = np.array([0.0, 1.0], np.float32)
    with pytest.raises(InputError, match="rise"):
        Monotone(rising[::-1].copy(), rising)
    with pytest.raises(InputError, match="rise"):
        Monotone(rising, rising[::-1].copy())
