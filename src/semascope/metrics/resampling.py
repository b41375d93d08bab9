"""The headline of a thousand resamples at once: each is told by how often every unit stands in it.

Recomputing a rank correlation for each resample would sort it anew. Units are sorted once instead; in a resample a unit's rank
is the number of units before it, counted as often as they were drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from semascope.types import Array

_AT_ONCE = 2_000_000  # counts held at once
_NORMAL = NormalDist()
Resampled = Callable[[Array], NDArray[np.float64]]


def resamples(n: int, draws: int, seed: int = 0) -> Generator[NDArray[np.float64]]:
    """Blocks (b, n) of how often each of n units was drawn, n with replacement a row; `draws` rows in all.

    The same n, draws and seed give the same blocks, so that two systems can be looked at through the same resamples.
    """
    rng = np.random.default_rng(seed)
    step = max(1, min(draws, _AT_ONCE // max(n, 1)))
    for start in range(0, draws, step):
        rows = min(step, draws - start)
        drawn = rng.integers(0, n, (rows, n)) + np.arange(rows)[:, None] * n
        yield np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float64)


def tail(level: float, n: int) -> float:
    """The share of resamples below the interval: less than (1 - level) / 2 where n is small."""
    return _NORMAL.cdf(-np.sqrt(n / (n - 1)) * student(1 - (1 - level) / 2, n - 1))


def student(p: float, freedom: int) -> float:
    """Student's quantile, by the series in 1 / freedom (Fisher and Cornish, 1960); within 0.01 from 4 degrees on."""
    z, v = _NORMAL.inv_cdf(p), float(freedom)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / v + second / v**2 + third / v**3


def by_counts(statistic: str, columns: Mapping[str, Array]) -> Resampled:
    """A function from counts (b, n) to the headlines (b,) of those resamples; nan where a resample has none.

    Args:
        statistic: One of `semascope.metrics.STATISTICS`.
        columns: What that statistic needs of each unit, (n,) each.
    """
    return _MAKERS[statistic](columns)


def _mean(columns: Mapping[str, Array]) -> Resampled:
    value = np.asarray(columns["value"], np.float64)
    return lambda counts: counts @ value / counts.sum(1)


class _Ranked:
    """Units in the order of their values, those of one value together.

    Args:
        values: Of the units, (n,).
    """

    def __init__(self, values: Array) -> None:
        values = np.asarray(values, np.float64)
        self.order = np.argsort(values, kind="stable")
        new = np.diff(values[self.order], prepend=np.nan) != 0
        self.starts = np.flatnonzero(new)
        self.group = np.empty(len(values), np.int64)  # of each unit
        self.group[self.order] = np.cumsum(new) - 1

    def sums(self, counts: Array) -> NDArray[np.float64]:
        """Counts (b, n) summed over the units of each value, (b, groups), values rising."""
        there = counts[:, self.order]
        return np.add.reduceat(there, self.starts, axis=1) if len(self.starts) < counts.shape[1] else there

    def ranks(self, counts: Array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Rank of each unit (b, n) less the mean rank, ties averaged; and the sum of squares of all that were drawn (b,)."""
        drawn = self.sums(counts)
        rank = np.cumsum(drawn, axis=1)
        rank -= drawn / 2
        rank -= counts.sum(1, keepdims=True) / 2  # the halves of before + (drawn + 1) / 2 - (n + 1) / 2 go out
        return rank[:, self.group], np.einsum("ij,ij,ij->i", drawn, rank, rank)


def _spearman(columns: Mapping[str, Array]) -> Resampled:
    # With the units in the order of one of both, its counts need not be put in order again.
    order = np.argsort(np.asarray(columns["gold"]), kind="stable")
    gold, score = (_Ranked(np.asarray(columns[name])[order]) for name in ("gold", "score"))

    def values(counts: Array) -> NDArray[np.float64]:
        counts = counts[:, order]
        (a, size_a), (b, size_b) = gold.ranks(counts), score.ranks(counts)
        size = np.sqrt(size_a * size_b)
        shared = np.einsum("ij,ij,ij->i", counts, a, b)
        return np.divide(shared, size, out=np.full(len(counts), np.nan), where=size > 0)

    return values


def _average_precision(columns: Mapping[str, Array]) -> Resampled:
    match = (np.asarray(columns["match"], np.float64) > 0).astype(np.float64)
    order = _Ranked(-np.asarray(columns["score"], np.float64))

    def values(counts: Array) -> NDArray[np.float64]:
        hit = order.sums(counts * match)
        hits, seen = np.cumsum(hit, axis=1), np.cumsum(order.sums(counts), axis=1)
        precision = np.divide(hits, seen, out=np.zeros_like(hits), where=seen > 0)
        area, every = np.einsum("ij,ij->i", hit, precision), hits[:, -1]
        return np.divide(area, every, out=np.full(len(counts), np.nan), where=every > 0)

    return values


def _v_measure(columns: Mapping[str, Array]) -> Resampled:
    label = np.unique(np.asarray(columns["label"]), return_inverse=True)[1]
    group = np.unique(np.asarray(columns["group"]), return_inverse=True)[1]
    labels, groups = int(label.max()) + 1, int(group.max()) + 1
    cells = _Ranked(label * groups + group)
    there = np.unique(label * groups + group)

    def values(counts: Array) -> NDArray[np.float64]:
        table = np.zeros((len(counts), labels * groups))
        table[:, there] = cells.sums(counts) / counts.sum(1)[:, None]
        joint = table.reshape(len(counts), labels, groups)
        by_label, by_group = _entropy(joint.sum(2)), _entropy(joint.sum(1))
        shared = by_label + by_group - _entropy(joint.reshape(len(counts), -1))
        one = np.ones(len(counts))
        homogeneity = np.divide(shared, by_label, out=one.copy(), where=by_label > 0)
        completeness = np.divide(shared, by_group, out=one.copy(), where=by_group > 0)
        both = homogeneity + completeness
        return np.divide(2 * homogeneity * completeness, both, out=np.zeros(len(counts)), where=both > 0)

    return values


def _entropy(p: Array) -> NDArray[np.float64]:
    return -(p * np.log(p, out=np.zeros_like(p), where=p > 0)).sum(1)


_MAKERS: Mapping[str, Callable[[Mapping[str, Array]], Resampled]] = {
    "mean": _mean,
    "spearman": _spearman,
    "average_precision": _average_precision,
    "v_measure": _v_measure,
}
