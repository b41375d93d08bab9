"""How many coordinates it takes to say where a row is among its neighbours: intrinsic dimension, by several estimators and scales.

All read one graph of nearest neighbours. Each has its own bias (all but the nearest scales see the edges of a cloud, and
dimensions above ten or so come out too low), so what is reported is what they say side by side, not one number.

The intervals say how far an estimate would move with other rows drawn from the same source. They do not hold its bias.
Rows near each other share neighbours, so the cloud is cut into cells, and an interval is from what an estimate is without each
cell: without what its rows say themselves, and without them as neighbours of rows in other cells.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError, OptionError
from semascope.ops.cloud.near import Near, near
from semascope.ops.cloud.rank import principal_axes
from semascope.ops.cloud.uncertain import around, jackknife, t_quantile
from semascope.ops.door import integer
from semascope.ops.statistics import Interval
from semascope.types import Array, Progress

LEAST = 20  # rows that differ, below which no dimension is told
NEAREST = 20  # neighbours of the maximum-likelihood estimate
CELLS = 64  # of a cloud, for intervals
_COLUMNS = 12  # by which cells are cut
MOST = 1e4  # dimensions that an estimate can have: it stands for any number above, rows all as far from each other among them
_HAIR = 1e-12  # logarithm of the ratio of two distances that are the same

Values = NDArray[np.float64]


class Cells(NamedTuple):
    """A cloud cut into cells of as many rows each.

    Attributes:
        of: int64 (m,), the cell of each row that differs.
        lost: int64 (k, cells), how many asked rows of other cells have a row of this cell as their neighbour of each rank.
    """

    of: NDArray[np.int64]
    lost: NDArray[np.int64]


@dataclass(frozen=True)
class Scale:
    """An estimate from the `outer`-th by the `inner`-th nearest neighbour's distance.

    Args:
        inner: n1.
        outer: n2.
        distance: Mean distance of the outer neighbour: the scale that the estimate is of.
        dimension: With its interval.
    """

    inner: int
    outer: int
    distance: float
    dimension: Interval


@dataclass(frozen=True)
class Dimensions:
    """What the estimators say of one cloud.

    Args:
        two_nn: By the fit of the two nearest neighbours' distribution, a tenth discarded.
        two_nn_likelihood: By the likelihood of the same ratios.
        likelihood: By the distances of the nearest `neighbours` of each row.
        scales: By the ratio of neighbours 2, 4, 8, ... to 1, 2, 4, ...
        neighbours: Of the likelihood.
        rows: Rows that differ.
        copies: Rows that were equal to one before them, and left out.
    """

    two_nn: Interval
    two_nn_likelihood: Interval
    likelihood: Interval
    scales: tuple[Scale, ...]
    neighbours: int
    rows: int
    copies: int

    @property
    def estimates(self) -> dict[str, Interval]:
        """Every estimate by name."""
        return {
            "TwoNN": self.two_nn,
            "TwoNN, likelihood": self.two_nn_likelihood,
            f"MLE, {self.neighbours} neighbours": self.likelihood,
            **{f"GRIDE, neighbours {one.inner} and {one.outer}": one.dimension for one in self.scales[1:]},
        }

    @property
    def spread(self) -> tuple[float, float]:
        """The lowest and the highest estimate."""
        values = [one.value for one in self.estimates.values()]
        return min(values), max(values)


def intrinsic_dimension(
    x: Array,
    *,
    neighbours: int = NEAREST,
    most: int = 256,
    asked: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Dimensions:
    """The dimension of the rows `x` (n, d) as all estimators here give it, from one graph.

    Args:
        x: Rows (n, d); equal ones count once.
        neighbours: Of the maximum-likelihood estimate.
        most: The largest n1 of the scales; less where there are too few rows.
        asked: Estimate from the neighbourhoods of so many rows drawn at random; all where None.
        seed: Of draws.
        progress: Told while the graph is made.

    Raises:
        InputError: fewer than 20 rows that differ.
    """
    reach = max(2 * integer(most, name="most", least=1), integer(neighbours, name="neighbours", least=3))
    graph = near(x, reach, asked=asked, seed=seed, progress=progress)
    return dimensions(graph, cells(x, graph), neighbours=neighbours, most=most, copies=len(x) - len(graph.rows))


def dimensions(graph: Near, of: Cells, *, neighbours: int = NEAREST, most: int = 256, copies: int = 0) -> Dimensions:
    """The same from a graph that is there, and the cell of each asked row (`cells`)."""
    few = min(neighbours, graph.k)
    return Dimensions(
        two_nn(graph, of),
        two_nn_likelihood(graph, of),
        levina_bickel(graph, of, few),
        gride_scales(graph, of, most),
        few,
        len(graph.rows),
        copies,
    )


def cells(x: Array, graph: Near, count: int = CELLS) -> Cells:
    """The rows that differ of `x` (n, d) in at most `count` (a power of two) cells of as many each.

    Halves of halves, each cut across the widest of its leading principal columns; never fewer than five rows to a cell.
    """
    rows = np.asarray(x, np.float32)[graph.rows]
    rows = rows - rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    if rows.shape[1] > _COLUMNS:
        # Of wide rows a thousand say well enough which columns are the widest.
        some = rows if rows.shape[1] <= 1_024 else rows[:: max(1, len(rows) // 1_000)]
        axes = principal_axes(some.astype(np.float64))[:_COLUMNS].T
        rows = rows @ axes.astype(np.float32)
    out = np.zeros(len(rows), np.int64)
    parts = [np.arange(len(rows))]
    while 2 * len(parts) <= count and len(rows) >= 10 * len(parts):
        halves: list[NDArray[np.int64]] = []
        for part in parts:
            order = np.argsort(rows[part, int(rows[part].var(axis=0).argmax())], kind="stable")
            halves += [part[order[: len(part) // 2]], part[order[len(part) // 2 :]]]
        parts = halves
    for place, part in enumerate(parts):
        out[part] = place
    return Cells(out, _lost(graph, out, len(parts)))


def _lost(graph: Near, of: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    out = np.zeros(graph.k * (count + 1), np.int64)
    rank = np.arange(graph.k) * (count + 1)
    for start in range(0, len(graph.asked), 4_096):
        near = of[graph.indices[start : start + 4_096]]
        near[near == of[graph.asked[start : start + 4_096], None]] = count  # within a cell both go together
        near += rank
        out += np.bincount(near.ravel(), minlength=len(out))
    return out.reshape(graph.k, count + 1)[:, :count]


def two_nn(graph: Near, of: Cells, *, discard: float = 0.1) -> Interval:
    """From the ratio of each row's second to its first neighbour's distance, by a line through the origin.

    The line is that of -log(1 - F) over log(ratio), F the empirical distribution, without the largest `discard` of the ratios.

    Source: Facco, d'Errico, Rodriguez and Laio (2017), "Estimating the intrinsic dimension of datasets by a minimal
    neighborhood information", equation 5 and the five steps below it.

    Raises:
        InputError: fewer than 20 rows that differ.
        OptionError: `discard` not in [0, 1).
    """
    if not 0 <= discard < 1:
        raise OptionError(f"discard: want 0 or more and less than 1, got {discard}")
    logs = _logs(graph, 1, 2)

    def fitted(some: Values) -> float:
        kept = max(2, int(len(some) * (1 - discard)))
        along = np.sort(some)[:kept]
        # Without anything discarded F of the last ratio is one, and its logarithm no number.
        up = -np.log1p(-np.arange(1, kept + 1) / (len(some) + (kept == len(some))))
        return min(float(along @ up / (along @ along)), MOST)

    return jackknife(fitted(logs), _without(fitted, logs, of.of[graph.asked]), len(logs), ratio=True)


def two_nn_likelihood(graph: Near, of: Cells) -> Interval:
    """The likeliest dimension of the same ratios, made unbiased: (n - 1) by the sum of their logarithms.

    Source: as for `two_nn`, equation 3 (the density); the estimate of a Pareto exponent, as in Denti et al. (2022), section 2.
    """
    logs = _logs(graph, 1, 2)
    value = min((len(logs) - 1) / float(logs.sum()), MOST)
    moved = -(np.array([-1 / 2, 1 / 2]) @ of.lost[:2]) / value
    return _clustered(value, 1 / value - logs, len(logs) / value**2, moved, of.of[graph.asked])


def levina_bickel(graph: Near, of: Cells, k: int = NEAREST) -> Interval:
    """The likeliest dimension of the distances of each row's `k` nearest others, inverses averaged over rows.

    Source: Levina and Bickel (2004), "Maximum Likelihood Estimation of Intrinsic Dimension", equation 8; averaged as MacKay and
    Ghahramani (2005), "Comments on 'Maximum likelihood estimation of intrinsic dimension'", have it.

    Raises:
        OptionError: `k` below 3 or above what the graph holds.
    """
    integer(k, name="k", least=3, most=graph.k)
    _enough(graph)
    logs = np.log(graph.distances[:, k - 1 : k] / graph.distances[:, : k - 1]).mean(axis=1)
    value = min(1 / max(float(logs.mean()), _HAIR), MOST)
    # Without the neighbour of rank r, the k-th and all behind r are one place farther out: by 1 / (D rank) on a logarithmic scale.
    steps = 1 / k - np.cumsum((1 / np.arange(1, k))[::-1])[::-1] / (k - 1)
    moved = -(np.append(steps, 1 / k) @ of.lost[:k]) / value
    return _clustered(value, 1 / value - logs, len(logs) / value**2, moved, of.of[graph.asked])


def gride(graph: Near, of: Cells, inner: int, outer: int) -> Scale:
    """The likeliest dimension of the ratio of each row's `outer`-th to its `inner`-th neighbour's distance.

    (1, 2) is TwoNN's likelihood, without its correction for bias.

    Source: Denti, Doimo, Laio and Mira (2022), "The generalized ratios intrinsic dimension estimator", equations 7 and 8.

    Raises:
        OptionError: not 1 <= inner < outer <= what the graph holds.
    """
    integer(inner, name="inner", least=1)
    integer(outer, name="outer", least=inner + 1, most=graph.k)
    logs = _logs(graph, inner, outer)
    value = _likeliest(logs, inner, outer)
    between = outer - inner - 1
    grown = -np.expm1(-value * logs)
    shrunk = np.exp(-value * logs)
    score = 1 / value - (outer - 1) * logs + between * logs / grown
    bend = float((1 / value**2 + between * np.square(logs / grown) * shrunk).sum())
    slope = float((1 - outer + between * (1 / grown - value * logs * shrunk / np.square(grown))).mean())
    steps = np.where(np.arange(outer) < inner, 1 / outer - 1 / inner, 1 / outer)
    moved = slope * (steps @ of.lost[:outer]) / value
    distance = float(graph.distances[:, outer - 1].mean())
    return Scale(inner, outer, distance, _clustered(value, score, bend, moved, of.of[graph.asked]))


def gride_scales(graph: Near, of: Cells, most: int = 256) -> tuple[Scale, ...]:
    """GRIDE at n1 = 1, 2, 4, ... up to `most` with n2 = 2 n1, as far as the graph and a quarter of its rows go."""
    last = min(most, graph.k // 2, max(1, len(graph.rows) // 4))
    steps = [2**power for power in range(int(np.log2(last)) + 1)]
    return tuple(gride(graph, of, inner, 2 * inner) for inner in steps)


def _likeliest(logs: Values, inner: int, outer: int) -> float:
    """The root of the score by d, by Newton's steps in log d: the likelihood has one top."""
    between = outer - inner - 1
    value = len(logs) / float(logs.sum()) * float(np.sum(1 / np.arange(inner, outer)))
    for _ in range(50):
        grown = -np.expm1(-value * logs)
        score = float((1 / value - (outer - 1) * logs + between * logs / grown).sum())
        bend = float((1 / value**2 + between * np.square(logs / grown) * np.exp(-value * logs)).sum())
        step = score / (value * bend)
        value = min(value * float(np.exp(np.clip(step, -1, 1))), MOST)
        if abs(step) < 1e-10:
            break
    return value


def _logs(graph: Near, inner: int, outer: int) -> Values:
    """Logarithms of the ratio of two neighbours' distances, of each row; a hair above zero where they are as far."""
    _enough(graph)
    logs = np.log(graph.distances[:, outer - 1] / graph.distances[:, inner - 1])
    return np.maximum(logs, _HAIR)


def _enough(graph: Near) -> None:
    if len(graph.rows) < LEAST or graph.k < 2:
        raise InputError(f"X: want at least {LEAST} rows that differ to tell a dimension, got {len(graph.rows)}")


def _without(figure: Callable[[Values], float], values: Values, of: NDArray[np.int64]) -> Values:
    return np.array([figure(values[of != cell]) for cell in np.unique(of)])


def _clustered(value: float, score: Values, bend: float, moved: Array, of: NDArray[np.int64]) -> Interval:
    """The interval of a likeliest value from what its score is without each cell: one Newton step of the delete-a-group jackknife.

    `moved` (cells,) is how far the sum of scores of rows outside each cell moves without the cell's rows as their neighbours;
    without it this is the sandwich of Liang and Zeger (1986), theorem 2.
    """
    g = len(moved)
    steps = (moved - np.bincount(of, weights=score, minlength=g)) / bend
    error = float(np.sqrt((g - 1) / g * np.square(steps - steps.mean()).sum()))
    return around(value, error, len(score), ratio=True, reach=t_quantile(g - 1))
