"""Every measure of one cloud, and of the clouds that it is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.ops import Interval, unit
from semascope.ops.cloud import (
    Dimensions,
    Hubness,
    Spectrum,
    cells,
    dimensions,
    directions_for,
    effective_rank,
    hubness,
    iso_score,
    mean_cosine,
    near,
    participation_ratio,
    partition_ratio,
    spectrum,
    stable_rank,
)
from semascope.types import Progress, Vectors

LEAST = 30  # rows that differ, below which nothing is said
REACH = 512  # neighbours of the graph
HELD = 0.9  # share of the variance that directions are counted for
WIDE, FEW = 1_600, 1_000  # columns above which spectra are of so few rows: they cost the cube of the smaller number
NEAREST = 10  # whose lists are counted for hubs


@dataclass(frozen=True, eq=False)
class Cloud:
    """What one cloud is like.

    Args:
        figures: Name -> value with its interval, in the order in which they are read.
        spectrum: Of its rows about their mean.
        directions: How many hold nine tenths of the variance of rows they were not found on.
        held: What those hold.
        cumulative: (number, share held) of the first directions, of rows they were not found on.
        hubs: Of the graph of its neighbours.
        dimensions: From the same graph.
        copies: Rows equal to one before them.
    """

    figures: Mapping[str, Interval]
    spectrum: Spectrum
    directions: int
    held: Interval
    cumulative: NDArray[np.float64]
    hubs: Hubness
    dimensions: Dimensions
    copies: int


def measured(x: Vectors, *, seed: int = 0, progress: Progress | None = None) -> Cloud:
    """Every measure of rows `x` (n, d), as they are.

    Raises:
        InputError: fewer than 30 rows that differ, or one column.
    """
    if x.shape[1] < 2:
        raise InputError("X: want at least 2 columns to speak of a shape, got 1")
    graph = near(x, REACH, seed=seed, progress=progress)
    if len(graph.rows) < LEAST:
        raise InputError(f"X: want at least {LEAST} rows that differ, got {len(graph.rows)} among {len(x)}")
    some = x if x.shape[1] <= WIDE else x[np.sort(np.random.default_rng((seed, 9)).permutation(len(x))[:FEW])]
    of = spectrum(some)
    hubs = hubness(graph, min(NEAREST, graph.k), seed=seed)
    found = dimensions(graph, cells(x, graph), copies=len(x) - len(graph.rows))
    count, held, cumulative = directions_for(some, HELD, seed=seed)
    figures = {
        "mean cosine of two rows": mean_cosine(x),
        "IsoScore": iso_score(of),
        "partition ratio": partition_ratio(some),
        "effective rank": effective_rank(of),
        "participation ratio": participation_ratio(of),
        "stable rank": stable_rank(of),
        **found.estimates,
        f"skewness of {hubs.k}-occurrence": hubs.skewness,
        "orphans": hubs.orphans,
        "reach of the largest hub": hubs.largest,
    }
    return Cloud(figures, of, count, held, cumulative, hubs, found, len(x) - len(graph.rows))


def gaussian(x: Vectors, *, unit_rows: bool, seed: int = 0) -> Vectors:
    """Normal rows of the number, the mean and the covariance of `x` (n, d): what it would be without groups and bends."""
    rng = np.random.default_rng((seed, 7))
    mean = x.mean(axis=0, dtype=np.float64)
    spread = np.linalg.qr((x - mean).astype(np.float64) / np.sqrt(len(x)), mode="r")  # its square is the covariance
    rows = mean + rng.standard_normal((len(x), len(spread))) @ spread
    return unit(rows) if unit_rows else rows.astype(np.float32)


def random(x: Vectors, *, unit_rows: bool, seed: int = 0) -> Vectors:
    """Normal rows of the number and the width of `x` (n, d), alike in all directions: vectors that say nothing."""
    rows = np.random.default_rng((seed, 8)).standard_normal(x.shape) / np.sqrt(x.shape[1])
    return unit(rows) if unit_rows else (rows * np.sqrt(np.square(x).sum(axis=1).mean())).astype(np.float32)
