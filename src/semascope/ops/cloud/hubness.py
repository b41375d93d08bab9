"""Who is in many lists of nearest neighbours, and who in none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.ops.cloud.near import Near
from semascope.ops.cloud.uncertain import jackknife, random_groups
from semascope.ops.door import integer
from semascope.ops.statistics import Interval, proportion

GROUPS = 20


@dataclass(frozen=True, eq=False)
class Hubness:
    """How unevenly rows are found.

    Args:
        k: Neighbours of each row.
        counts: int64 (m,), in how many lists of the k nearest each row that differs is.
        skewness: Of the counts: 0 where they are even to both sides, above 1 where some rows are in very many.
        orphans: Share of rows that are in nobody's list.
        largest: Share of the others in whose list the greatest hub is.
        hub: Which of the rows that differ it is.
        rows: int64 (m,), places of the rows that differ in the matrix.
    """

    k: int
    counts: NDArray[np.int64]
    skewness: Interval
    orphans: Interval
    largest: Interval
    hub: int
    rows: NDArray[np.int64]


def hubness(graph: Near, k: int = 10, *, seed: int = 0) -> Hubness:
    """The hubs and the orphans of a graph that holds the neighbours of all its rows.

    The intervals of the skewness and of orphans are from what these are without each of twenty groups of rows, which then ask no
    more and are found no more; give a graph of about 2 k neighbours or more, so that lists stay full without them. That of orphans is
    never narrower than for independent rows. The greatest hub's is of that row, over others that ask.

    Source: Radovanović, Nanopoulos and Ivanović (2010), "Hubs in Space: Popular Nearest Neighbors in High-Dimensional Data",
    equation 1 (skewness) and section 5.1 (orphans, there anti-hubs).

    Raises:
        InputError: a graph of a part of its rows, or of fewer than 20.
        OptionError: `k` not of 1 to what the graph holds.
    """
    n = len(graph.rows)
    if len(graph.asked) != n:
        raise InputError(f"graph: want the neighbours of all {n:,} rows, got those of {len(graph.asked):,}")
    if n < GROUPS:
        raise InputError(f"X: want at least {GROUPS} rows that differ to count hubs, got {n}")
    integer(k, name="k", least=1, most=graph.k)
    counts = occurrences(graph.indices, k, n)
    figures = np.array([_figures(counts)])
    group = random_groups(n, GROUPS, seed)
    parts = (group == one for one in range(GROUPS))
    without = np.array([_figures(_counted_without(graph.indices, k, n, gone)[~gone]) for gone in parts])
    skew, lost = (jackknife(float(figures[0, place]), without[:, place], n) for place in range(2))
    seen = proportion(int((counts == 0).sum()), n)
    orphans = Interval(seen.value, max(0.0, min(seen.low, lost.low)), min(1.0, max(seen.high, lost.high)), n)
    hub = int(counts.argmax())
    return Hubness(k, counts, skew, orphans, proportion(int(counts[hub]), n - 1), hub, graph.rows)


def occurrences(indices: NDArray[np.int32], k: int, n: int) -> NDArray[np.int64]:
    """In how many of the lists (a, k or more), cut to their first `k`, each of n rows is: int64 (n,)."""
    return np.bincount(indices[:, :k].ravel(), minlength=n)


def skewness(counts: NDArray[np.int64]) -> float:
    """The third standardised moment; 0 where all are equal."""
    spread = float(counts.std())
    return float((((counts - counts.mean()) / spread) ** 3).mean()) if spread else 0.0


def _counted_without(indices: NDArray[np.int32], k: int, n: int, gone: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Occurrences where some rows neither ask nor are found: those behind them move up."""
    lists = indices[~gone]
    stays = ~gone[lists]
    stays &= np.cumsum(stays, axis=1) <= k
    return np.bincount(lists[stays], minlength=n)


def _figures(counts: NDArray[np.int64]) -> tuple[float, float]:
    return skewness(counts), float((counts == 0).mean())
