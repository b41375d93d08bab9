"""One call: the health of a cloud of vectors, every figure with its interval and beside what a plain cloud would give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from semascope.errors import InputError
from semascope.ops import Interval, integer, option, unit, vectors
from semascope.ops.cloud.outliers import outlier_dimensions
from semascope.report import Curve, Finding, Forest, Picture, Report, Spread, Table
from semascope.shape import saying
from semascope.shape.measured import Cloud, gaussian, measured, random
from semascope.shape.words import bare, plainly
from semascope.types import Array, Progress, Vectors

SAMPLE = 5_000  # rows looked at unless more are asked for
METRICS = ("cosine", "euclidean")
_ORDER = {"fault": 0, "warning": 1, "note": 2, "fine": 3}
_WIDE = 2  # counts to a bin
_BINS = 24


def shape(
    X: Any,
    *,
    name: str = "X",
    metric: str = "cosine",
    sample: int | None = SAMPLE,
    places: Array | None = None,
    total: int | None = None,
    drawn: str = "",
    seed: int = 0,
    progress: Progress | None = None,
) -> Report:
    """The health of a cloud of vectors: isotropy, ranks, intrinsic dimension by scale, hubs, outlier dimensions.

    Beside every figure stands what a Gaussian cloud of the same size, mean and covariance gives, and random vectors of the same
    width: the first says what groups and bends do, the second what so many rows can show at all.

    Args:
        X: Rows (n, d) of any numbers; zero rows have no direction and are left out, where the metric is cosine.
        name: What it is called.
        metric: "cosine" scales rows to length one, as a search by cosine reads them; "euclidean" takes them as they are.
        sample: At most so many rows, drawn at random; None takes all, and takes time that grows with the square.
        places: Of these rows in the source, (n,), where they are a sample already.
        total: Rows of the source.
        drawn: How they were drawn, as a person reads it.
        seed: Of draws.
        progress: Told (done, of) while neighbours are sought.

    Raises:
        InputError: no rows of finite numbers, or fewer than 30 that differ.
        OptionError: an unknown metric.
    """
    option(metric, METRICS, name="metric")
    given = vectors(X)
    at = np.arange(len(given)) if places is None else np.asarray(places, np.int64)
    if len(at) != len(given):
        raise InputError(f"places: want one for each of {len(given):,} rows, got {len(at):,}")
    known = given.any(axis=1) if metric == "cosine" else np.ones(len(given), np.bool_)
    zero = int((~known).sum())
    rows = np.flatnonzero(known)
    if sample is not None and len(rows) > integer(sample, name="sample", least=1):
        rows = np.sort(np.random.default_rng((seed, 3)).permutation(rows)[:sample])
    if not len(rows):
        raise InputError(f"X: want rows that have a direction, got {len(given):,} zero rows")
    x = unit(given[rows]) if metric == "cosine" else given[rows]
    steps = _Thirds(progress, len(x))
    cloud = measured(x, seed=seed, progress=steps.next())
    normal = measured(gaussian(x, unit_rows=metric == "cosine", seed=seed), seed=seed, progress=steps.next())
    plain = measured(random(x, unit_rows=metric == "cosine", seed=seed), seed=seed, progress=steps.next())
    whole = len(given) if total is None else total
    said = f"{len(x):,} rows" if len(x) == whole else f"{len(x):,} of {whole:,} rows"
    findings = _findings(x, cloud, normal, plain, at[rows], cosine=metric == "cosine")
    if zero:
        findings.append(
            Finding("zero rows", "note", f"{zero:,} rows are zero and have no direction; left out", {"zero rows": zero})
        )
    findings.sort(key=lambda one: _ORDER[one.level])
    notes = _notes(cloud, len(x), whole, drawn, metric)
    return Report(
        "shape",
        name,
        saying.verdict(cloud, sampled=said),
        findings,
        tables=[_table(cloud, normal, plain)],
        curves=_curves(cloud, normal, plain),
        pictures=_pictures(cloud, normal, plain),
        numbers=_numbers(cloud, normal, plain, metric),
        notes=notes,
    )


class _Thirds:
    """Progress of three clouds of the same size, one after the other."""

    def __init__(self, progress: Progress | None, n: int) -> None:
        self._progress, self._n, self._done = progress, n, -1

    def next(self) -> Progress | None:
        """Of the next cloud."""
        self._done += 1
        told, before = self._progress, self._done * self._n
        return None if told is None else lambda done, _: told(before + done, 3 * self._n)


def _findings(x: Vectors, cloud: Cloud, normal: Cloud, plain: Cloud, places: Array, *, cosine: bool) -> list[Finding]:
    distinct = cloud.hubs.rows
    return [
        saying.isotropy(cloud, plain, cosine=cosine),
        saying.directions(cloud, plain),
        saying.dimension(cloud, normal),
        saying.hubs(cloud, normal, int(places[distinct[cloud.hubs.hub]])),
        saying.outliers(x, outlier_dimensions(x)),
        *saying.copies(cloud),
    ]


def _notes(cloud: Cloud, n: int, whole: int, drawn: str, metric: str) -> list[str]:
    notes = [
        "Intervals say how far a figure would move with other rows from the same source. They hold no bias: estimates of dimension "
        "above ten or so come out too low with any number of rows at hand, and every rank grows with rows until there are many times "
        "as many rows as columns. What random vectors of the same number and width give shows how much of that there is.",
    ]
    if n < whole:
        how = drawn or f"{n:,} of {whole:,} rows, drawn at random"
        notes.append(
            f"Sample: {how}. In a sample neighbours are farther apart than in the whole: dimension and hubs are of that scale."
        )
    if cloud.spectrum.n < 5 * cloud.spectrum.d:
        notes.append(
            f"{cloud.spectrum.n:,} rows for {cloud.spectrum.d} columns are few for ranks: compare them with the columns beside, not with other clouds."
        )
    if cloud.spectrum.n < n:
        notes.append(
            f"Ranks, IsoScore and the partition ratio are of {cloud.spectrum.n:,} of these rows, as there are so many columns."
        )
    if metric == "euclidean":
        notes.append("Rows were taken as they are; long rows count for more in ranks, and in the partition ratio.")
    return notes


def _table(cloud: Cloud, normal: Cloud, plain: Cloud) -> Table:
    rows: list[Sequence[str]] = [
        (
            name,
            plainly(one),
            f"{one.n:,}",
            plainly(normal.figures[name]) if name in normal.figures else "",
            bare(plain.figures[name]) if name in plain.figures else "",
        )
        for name, one in cloud.figures.items()
    ]
    rows.append(
        (
            "directions for 90 %",
            str(cloud.directions),
            f"{cloud.held.n:,}",
            str(normal.directions),
            str(plain.directions),
        )
    )
    return Table(
        "Measures, with 95 % intervals",
        ("measure", "value", "n", "Gaussian, same spread", "random vectors"),
        rows,
        "Gaussian: normal rows of the same number, mean and covariance. Random vectors: the same number and width, alike in all "
        "directions. IsoScore and the partition ratio are 1 where all directions are used alike, orphans are shares.",
    )


def _curves(cloud: Cloud, normal: Cloud, plain: Cloud) -> list[Curve]:
    scales = {
        name: [(float(np.log2(one.outer)), *one.dimension[:3]) for one in of.dimensions.scales]
        for name, of in (("these rows", cloud), ("Gaussian", normal))
    }
    held, spectra = {}, {}
    for name, of in (("these rows", cloud), ("random", plain)):
        held[name] = [(float(at + 1), *(float(of.cumulative[at]),) * 3) for at in _some(len(of.cumulative))]
        shares = of.spectrum.shares[: of.spectrum.numerical]
        spectra[name] = [(float(np.log10(at + 1)), *(float(np.log10(shares[at])),) * 3) for at in _some(len(shares))]
    return [
        Curve("Intrinsic dimension by scale", "neighbours looked at, as a power of 2", "dimension (GRIDE)", scales),
        Curve(
            "Share held by the first directions, of rows they were not found on",
            "directions",
            "share of the variance",
            held,
        ),
        Curve("Eigenvalue spectrum", "direction, log10", "share of the variance, log10", spectra),
    ]


def _some(m: int, most: int = 40) -> list[int]:
    """At most so many places of 0 to m - 1, close together at the beginning."""
    return sorted({round(m**step) - 1 for step in np.linspace(0, 1, most)} & set(range(m)))


def _pictures(cloud: Cloud, normal: Cloud, plain: Cloud) -> list[Picture]:
    estimates = [(name, *one[:3]) for name, one in cloud.dimensions.estimates.items()]
    edges = [float(_WIDE * one) for one in range(_BINS + 1)]
    series = {
        name: _histogram(of, edges) for name, of in (("these rows", cloud), ("Gaussian", normal), ("random", plain))
    }
    k = cloud.hubs.k
    return [
        Forest("What each estimator says of the intrinsic dimension", "dimension", estimates, zero=None),
        Spread(
            f"In how many lists of the {k} nearest a row is (the last bin holds all above)",
            "lists",
            edges,
            series,
            {"even": float(k)},
        ),
    ]


def _histogram(of: Cloud, edges: Sequence[float]) -> list[float]:
    counts = np.minimum(of.hubs.counts, edges[-1] - 1)
    found = np.histogram(counts, bins=np.asarray(edges))[0]
    return [float(one) for one in found / found.sum()]


def _numbers(cloud: Cloud, normal: Cloud, plain: Cloud, metric: str) -> dict[str, Any]:
    def values(of: Cloud) -> dict[str, Any]:
        return {
            "measures": {name: one._asdict() for name, one in of.figures.items()},
            "directions for 90 %": {"directions": of.directions, "held": of.held._asdict()},
            "dimension by scale": [
                {"inner": one.inner, "outer": one.outer, "distance": one.distance, **one.dimension._asdict()}
                for one in of.dimensions.scales
            ],
        }

    shares: list[float] = [float(one) for one in cloud.spectrum.shares]
    counted: Interval = cloud.hubs.skewness
    return {
        "metric": metric,
        "rows": counted.n,
        "columns": cloud.spectrum.d,
        "copies": cloud.copies,
        **values(cloud),
        "gaussian": values(normal),
        "random": values(plain),
        "eigenvalues": shares,
    }
