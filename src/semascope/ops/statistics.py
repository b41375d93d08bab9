"""Intervals: no figure without one."""

from __future__ import annotations

from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from semascope.errors import InputError
from semascope.types import Array


class Interval(NamedTuple):
    """A mean with its bootstrap interval and the number of values it rests on."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}] (n={self.n})"


def bootstrap(values: Array, *, level: float = 0.95, draws: int = 10_000, seed: int = 0) -> Interval:
    """Percentile bootstrap of the mean of `values` (n,). Give paired differences to compare two systems.

    Source: Efron (1979), "Bootstrap Methods: Another Look at the Jackknife".
    """
    values = np.asarray(values, dtype=np.float64).ravel()
    if not len(values):
        raise InputError("values: want at least 1 value, got 0")
    rng = np.random.default_rng(seed)
    means = np.empty(draws)
    step = max(1, 4_000_000 // len(values))
    for start in range(0, draws, step):
        stop = min(start + step, draws)
        means[start:stop] = values[rng.integers(0, len(values), (stop - start, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(values.mean()), float(low), float(high), len(values))


def proportion(hits: int, n: int, *, level: float = 0.95) -> Interval:
    """A share `hits` of `n` with Wilson's interval, which has a width where all or none of few are hits too.

    Source: Wilson (1927), "Probable Inference, the Law of Succession, and Statistical Inference".

    Raises:
        InputError: of none, or more hits than there are.
    """
    if n < 1 or not 0 <= hits <= n:
        raise InputError(f"hits: want 0 to n, n at least 1, got {hits} of {n}")
    z = NormalDist().inv_cdf((1 + level) / 2)
    p = hits / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return Interval(p, float(min(max(middle - half, 0.0), p)), float(max(min(middle + half, 1.0), p)), n)
