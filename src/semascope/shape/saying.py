"""What the measures of a cloud mean for who searches it or makes it smaller, in sentences with their figures."""

from __future__ import annotations

from typing import Any

import numpy as np

from semascope.ops import Interval
from semascope.ops.cloud.dimension import MOST
from semascope.ops.cloud.outliers import Outliers
from semascope.report import Finding
from semascope.shape.measured import HELD, Cloud
from semascope.shape.words import bare, percent, plainly, span
from semascope.types import Vectors

_ALIKE, _NARROW = 0.4, 0.9  # mean cosine above which a cosine says little, and hardly anything
_HUB = 0.2  # of all rows that have one row among their nearest
_RULED = 0.5  # of all squares, held by a few columns
_SHOWN = 5  # outlier dimensions named


def isotropy(cloud: Cloud, plain: Cloud, *, cosine: bool) -> Finding:
    """How evenly all directions are used, by both definitions."""
    mean, score, ratio = (cloud.figures[name] for name in ("mean cosine of two rows", "IsoScore", "partition ratio"))
    says = (
        f"two rows drawn at random have cosine {plainly(mean)}; IsoScore {plainly(score)} of 1 (random vectors: "
        f"{bare(plain.figures['IsoScore'])}), partition ratio {plainly(ratio)} of 1 (random vectors: "
        f"{bare(plain.figures['partition ratio'])})"
    )
    numbers = {
        name: cloud.figures[name]._asdict() for name in ("mean cosine of two rows", "IsoScore", "partition ratio")
    }
    if mean.low > _NARROW:
        return Finding(
            "isotropy",
            "warning",
            f"{says}: everything is near everything, and little is told apart until the mean is subtracted",
            numbers,
        )
    if mean.low > _ALIKE:
        says += f": a cosine of {mean.value:.1f} is what two unrelated rows have here, so rank, or subtract the mean"
        return Finding("isotropy", "note", says, numbers)
    after = "" if cosine else " (rows as they are, not scaled to length one)"
    return Finding("isotropy", "fine", says + after, numbers)


def directions(cloud: Cloud, plain: Cloud) -> Finding:
    """Along how many directions rows vary, and what that means for making them smaller."""
    rank, d = cloud.figures["effective rank"], cloud.spectrum.d
    numbers = {
        name: cloud.figures[name]._asdict() for name in ("effective rank", "participation ratio", "stable rank")
    } | {
        "directions": cloud.directions,
        "held": cloud.held._asdict(),
        "numerical rank": cloud.spectrum.numerical,
        "columns": d,
    }
    held = (
        f"{cloud.directions} of {d} directions hold {percent(cloud.held)} of the variance of rows they were not found on "
        f"(random vectors: {plain.directions})"
        if cloud.held.value >= HELD - 1e-9
        else f"even all {cloud.directions} directions found on half of the rows hold no more than {percent(cloud.held)} of the other "
        "half: too few rows to say how many it takes"
    )
    says = (
        f"{held}; effective rank {plainly(rank)} of {d}, participation ratio {plainly(cloud.figures['participation ratio'])}, "
        f"stable rank {plainly(cloud.figures['stable rank'])}"
    )
    if rank.value < max(3.0, d / 50) and cloud.spectrum.n > 4 * rank.value and d > 8:
        return Finding("directions", "warning", f"{says}: nearly all columns say the same", numbers)
    if cloud.held.value >= HELD - 1e-9 and cloud.directions <= d / 2:
        says += f": {cloud.directions} principal columns would keep as much; what that does to a search, semascope tune says"
        return Finding("directions", "note", says, numbers)
    return Finding("directions", "fine", says, numbers)


def dimension(cloud: Cloud, normal: Cloud) -> Finding:
    """Intrinsic dimension, as the span of what all estimators say."""
    found, other = cloud.dimensions, normal.dimensions
    low, high = found.spread
    near, far = found.scales[0].dimension, found.scales[-1].dimension
    says = (
        f"{span(low, high)} by {len(found.estimates)} estimates from one graph (TwoNN {plainly(found.two_nn)}, MLE "
        f"{plainly(found.likelihood)}; from {plainly(near)} by the nearest two to {plainly(far)} by neighbours "
        f"{found.scales[-1].inner} and {found.scales[-1].outer}); a Gaussian cloud of the same spread: {span(*other.spread)}"
    )
    numbers = {name: one._asdict() for name, one in found.estimates.items()} | {
        "lowest": low,
        "highest": high,
        "Gaussian lowest": other.spread[0],
        "Gaussian highest": other.spread[1],
    }
    if high >= MOST:
        says += f": some neighbours are all as far as each other, which is no dimension ({MOST:,.0f} stands for any number above)"
        return Finding("intrinsic dimension", "note", says, numbers)
    gap = other.two_nn.low > found.two_nn.high
    if gap:
        says += (
            ": neighbours lie along far fewer directions than the spread of the whole has, which groups and copies do"
        )
    return Finding("intrinsic dimension", "fine", says, numbers)


def hubs(cloud: Cloud, normal: Cloud, hub: int) -> Finding:
    """Who is found always, and who never; `hub` is the place of the greatest hub in the source."""
    one, other = cloud.hubs, normal.hubs
    says = (
        f"{percent(one.orphans)} of rows are among the {one.k} nearest of no other row (a Gaussian cloud of the same spread: "
        f"{100 * other.orphans.value:.1f} %), and a search for {one.k} like any row never shows them; row {hub:,} is among the nearest of "
        f"{percent(one.largest)} of the others (Gaussian: {100 * other.largest.value:.1f} %); skewness {plainly(one.skewness)} "
        f"(Gaussian: {bare(other.skewness)})"
    )
    numbers = {
        "k": one.k,
        "skewness": one.skewness._asdict(),
        "orphans": one.orphans._asdict(),
        "reach": one.largest._asdict(),
    }
    if one.largest.low > _HUB and one.largest.value > 2 * other.largest.value:
        says += ": it turns up in many results whatever is asked"
        return Finding("hubs", "warning", says, numbers, (hub,))
    return Finding("hubs", "fine", says, numbers, (hub,))


def outliers(x: Vectors, found: Outliers) -> Finding:
    """A few columns that rule every cosine."""
    squares = np.square(x.astype(np.float64)).sum(axis=0)
    dims = [int(one) for one in found.dims]
    share = float(squares[found.dims].sum() / squares.sum())
    numbers: dict[str, Any] = {"dimensions": dims, "share of squares": share, "z": 3.0}
    if not dims:
        reach = float(found.reach.max(initial=0))
        return Finding(
            "outlier dimensions",
            "fine",
            f"none: the column farthest out is {reach:.1f} standard deviations off the others",
            numbers,
        )
    named = ", ".join(f"{one} ({found.scores[0, one]:+.1f} ± {found.errors[0, one]:.1f})" for one in dims[:_SHOWN])
    more = f" and {len(dims) - _SHOWN} more" if len(dims) > _SHOWN else ""
    even = len(dims) / x.shape[1]
    says = (
        f"{len(dims)} of {x.shape[1]} columns have a mean more than 3 standard deviations off the others': {named}{more}; they hold "
        f"{share:.1%} of all squares (an even part: {even:.1%})"
    )
    if share > _RULED:
        says += ": they rule every cosine; what zeros in their place do to a search, semascope compare says"
        return Finding("outlier dimensions", "warning", says, numbers)
    return Finding("outlier dimensions", "note" if share > 3 * even else "fine", says, numbers)


def copies(cloud: Cloud) -> list[Finding]:
    """Equal rows, which no measure of neighbours counts twice."""
    n = cloud.spectrum.n
    if not cloud.copies:
        return []
    says = f"{cloud.copies:,} of {n:,} rows are equal to one before them; neighbours are counted without them"
    level = "note" if cloud.copies > 0.01 * n else "fine"
    return [Finding("copies", level, says, {"copies": cloud.copies, "rows": n})]


def verdict(cloud: Cloud, *, sampled: str) -> str:
    """One line, the figures that matter first."""
    low, high = cloud.dimensions.spread
    rank, mean = cloud.figures["effective rank"], cloud.figures["mean cosine of two rows"]
    orphans: Interval = cloud.hubs.orphans
    return (
        f"{sampled} of {cloud.spectrum.d} columns vary along {plainly(rank)} directions; near by, along {span(low, high)}. "
        f"Two at random have cosine {plainly(mean)}; {percent(orphans)} are nobody's neighbour."
    )
