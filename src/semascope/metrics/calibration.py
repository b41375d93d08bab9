"""Are probabilities what they say? Calibration error in bins of equal mass, less what chance adds to it; reliability curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.ops.statistics import Interval, proportion
from semascope.types import Array


@dataclass(frozen=True)
class Bin:
    """Pairs of about the same stated probability.

    Args:
        said: Their mean stated probability.
        matched: The share that matched, with its interval; n is how many there are.
    """

    said: float
    matched: Interval


def reliability(probability: Array, match: Array, bins: int = 10) -> list[Bin]:
    """What was said and what was so, in at most `bins` bins of equal mass, rising.

    Args:
        probability: Stated, (n,), between 0 and 1.
        match: Whether it was so, (n,).
        bins: Fewer are there where many probabilities are equal, which are never parted.

    Raises:
        InputError: shapes that differ, fewer than two values, or something that is no probability.
    """
    said, hit, place = _binned(probability, match, bins)
    return [
        Bin(float(said[place == at].mean()), proportion(int(hit[place == at].sum()), int((place == at).sum())))
        for at in np.unique(place)
    ]


def calibration_error(probability: Array, match: Array, bins: int = 10, *, debiased: bool = True) -> float:
    """Expected calibration error: the mean over pairs of |stated - observed share| of their bin, bins of equal mass.

    The plain estimate is too high, as the observed shares waver; how much it would rise if they were drawn once more is taken off
    (twice the estimate, less its mean under label shares drawn from normals about the observed ones), not below 0.

    Args:
        probability: Stated, (n,).
        match: Whether it was so, (n,).
        bins: How many.
        debiased: Whether that is taken off.

    Source: Kumar, Liang and Ma (2019), "Verified Uncertainty Calibration", and their code, `normal_debiased_ce` with power 1, whose
    mean over 1,000 draws is here the exact mean of a folded normal; bins of equal mass as Roelofs et al. (2020) advise.
    """
    said, hit, place = _binned(probability, match, bins)
    counts = np.bincount(place).astype(np.float64)
    keep = counts > 0
    counts = counts[keep]
    stated = np.bincount(place, weights=said)[keep] / counts
    shares = np.bincount(place, weights=hit)[keep] / counts
    plain = float(counts @ np.abs(stated - shares) / len(said))
    if not debiased:
        return plain
    again = _folded(shares - stated, np.sqrt(shares * (1 - shares) / counts))
    return max(2 * plain - float(counts @ again / len(said)), 0.0)


def calibration_interval(
    probability: Array, match: Array, bins: int = 10, *, level: float = 0.95, draws: int = 500, seed: int = 0
) -> Interval:
    """The debiased error with an interval: as wide as it wavers when pairs are drawn anew, about the estimate, from 0."""
    said, hit = np.asarray(probability, np.float64), np.asarray(match, np.float64)
    value, n = calibration_error(said, hit, bins), len(said)
    rng = np.random.default_rng(seed)
    drawn = [rng.integers(0, n, n) for _ in range(draws)]
    spread = float(np.std([calibration_error(said[rows], hit[rows], bins) for rows in drawn]))
    half = NormalDist().inv_cdf((1 + level) / 2) * spread
    return Interval(value, max(value - half, 0.0), value + half, n)


def sweep_error(probability: Array, match: Array) -> float:
    """ECE_sweep: the plain error with as many bins of equal mass as leave the observed shares rising.

    Source: Roelofs, Cain, Shlens and Mozer (2020), "Mitigating Bias in Calibration Error Estimation", algorithm 1.
    """
    for bins in range(2, len(np.asarray(probability)) + 1):
        shares = [one.matched.value for one in reliability(probability, match, bins)]
        if any(later < earlier for earlier, later in pairwise(shares)):
            return calibration_error(probability, match, bins - 1, debiased=False)
    return calibration_error(probability, match, len(np.asarray(probability)), debiased=False)


def brier(probability: Array, match: Array) -> float:
    """Mean squared distance of what was said from what was so."""
    return float(np.square(np.asarray(probability, np.float64) - np.asarray(match, np.float64)).mean())


def _folded(mean: NDArray[np.float64], spread: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of |x| for x normal."""
    from scipy.special import ndtr

    safe = np.where(spread > 0, spread, 1.0)
    ratio = mean / safe
    folded = safe * np.sqrt(2 / np.pi) * np.exp(-(ratio**2) / 2) + mean * (1 - 2 * ndtr(-ratio))
    return np.where(spread > 0, folded, np.abs(mean))


def _binned(
    probability: Array | Sequence[float], match: Array | Sequence[float], bins: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    said, hit = np.asarray(probability, np.float64).ravel(), np.asarray(match, np.float64).ravel()
    if len(said) != len(hit) or len(said) < 2:
        raise InputError(f"match: want one for each of two or more probabilities, got {len(hit)} for {len(said)}")
    if not ((said >= 0) & (said <= 1)).all():
        raise InputError("probability: want numbers between 0 and 1")
    rising = np.sort(said)
    parts = np.array_split(rising, min(bins, len(said)))
    edges = np.unique([(a[-1] + b[0]) / 2 for a, b in pairwise(parts)])
    return said, hit, np.searchsorted(edges, said, side="left").astype(np.int64)
