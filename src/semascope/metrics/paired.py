"""Is one encoder better than another on the same units? Differences with intervals, p-values, wins and losses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.metrics.scores import Scores
from semascope.types import Array


@dataclass(frozen=True)
class Difference:
    """What B gains over A on the units that both were asked about.

    Args:
        value: Headline of B less headline of A.
        low: Lower end of its interval.
        high: Upper end.
        p: Of the two-sided randomisation test that neither is better; corrected where several were compared.
        n: Units.
        wins: Units for which B is better (mean statistics; else 0, as the others have no value of a unit alone).
        losses: Units for which A is better.
        level: Of the interval.
    """

    value: float
    low: float
    high: float
    p: float
    n: int
    wins: int
    losses: int
    level: float = 0.95

    @property
    def shown(self) -> bool:
        """Whether a difference is shown: p is at most 1 - level."""
        return self.p <= 1 - self.level + 1e-12

    def __str__(self) -> str:
        return f"{self.value:+.3f} [{self.low:+.3f}, {self.high:+.3f}], p = {self.p:.3g} (n={self.n})"


def paired(a: Scores, b: Scores, *, level: float = 0.95, draws: int = 10_000, seed: int = 0) -> Difference:
    """B less A: a paired bootstrap for the interval, a paired randomisation test for p.

    Raises:
        InputError: they are not of the same task and units.
    """
    if (a.metric, a.units) != (b.metric, b.units):
        raise InputError(f"b: want {a.metric} of the {len(a)} units of a, got {b.metric} of {len(b)}")
    if a.statistic != "mean":
        raise InputError(f"a: want a mean over units, got {a.statistic}")
    gain = np.asarray(b.columns["value"], np.float64) - np.asarray(a.columns["value"], np.float64)
    rng = np.random.default_rng(seed)
    n = len(gain)
    means = np.array([gain[rng.integers(0, n, n)].mean() for _ in range(draws)])
    flipped = np.array([(gain * rng.choice((-1.0, 1.0), n)).mean() for _ in range(draws)])
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    value = float(gain.mean())
    p = float((np.count_nonzero(np.abs(flipped) >= abs(value) - 1e-15) + 1) / (draws + 1))
    return Difference(value, float(low), float(high), p, n, int((gain > 0).sum()), int((gain < 0).sum()), level)


def holm(p: Sequence[float] | Array) -> NDArray[np.float64]:
    """p-values (m,) corrected for having looked at all of them; the chance of one false alarm among them stays below the level.

    Source: Holm (1979), "A Simple Sequentially Rejective Multiple Test Procedure".
    """
    found = np.asarray(p, np.float64)
    order = np.argsort(found, kind="stable")
    stepped = np.maximum.accumulate(found[order] * (len(found) - np.arange(len(found))))
    out = np.empty(len(found))
    out[order] = np.minimum(stepped, 1.0)
    return out
