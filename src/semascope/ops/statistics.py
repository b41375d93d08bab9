"""Intervals: no figure without one."""

from __future__ import annotations

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
