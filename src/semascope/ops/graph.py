"""The nearest others of every row, by cosine: exact for tens of thousands of rows, nearly so beyond."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from semascope.errors import OptionError
from semascope.ops.arrays import unit
from semascope.ops.door import integer, vectors
from semascope.ops.statistics import Interval, bootstrap
from semascope.ops.topk import top_k
from semascope.types import Array, Progress, Vectors

EXACT = 40_000  # rows up to which every pair is compared in full unless somebody asks otherwise
_BLOCK = 2_048  # rows multiplied with as many others at once: 16 MiB of scores
_WAITING = 1_000_000  # candidates kept before they are sorted in, at the least
_DEEPER = 3  # times k candidates are compared in full
_WIDTHS = (64, 96, 128, 192, 256)  # columns by which candidates may be found
_ASKED = 300  # rows that the recall is measured on


class Graph(NamedTuple):
    """Who is nearest to whom.

    Attributes:
        indices: int32 (n, k), of each row its nearest others, the nearest first.
        cosines: float32 (n, k), how near.
    """

    indices: NDArray[np.int32]
    cosines: NDArray[np.float32]


def nearest(
    x: Array, k: int = 15, *, recall: float | None = None, seed: int = 0, progress: Progress | None = None
) -> Graph:
    """The `k` nearest others of every row of `x` (n, d) by cosine; n - 1 of them where there are no more rows.

    Exact: every pair is looked at once. Where a recall below 1 is asked for, 3 k candidates of each row are found by its
    leading principal columns, and compared in full. As few columns as find that share of the true nearest of 300 rows
    drawn at random; all of them, which is exact, where no fewer do.

    Args:
        x: Rows (n, d).
        k: How many others of each.
        recall: Share of the true nearest wanted, up to 1; None is 1 for up to 40,000 rows and 0.97 above.
        seed: Of the rows that the recall is measured on.
        progress: Told (rows done, rows there are) now and then.

    Raises:
        InputError: `x` is not rows of finite numbers.
        OptionError: `k` below 1, or `recall` outside 0.5 to 1.
    """
    rows = unit(vectors(x, name="x"))
    k = min(integer(k, name="k", least=1), len(rows) - 1)
    wanted = recall if recall is not None else (1.0 if len(rows) <= EXACT else 0.97)
    if not 0.5 <= wanted <= 1:
        raise OptionError(f"recall: want 0.5 to 1, got {recall}")
    if k == 0:
        return Graph(np.zeros((len(rows), 0), np.int32), np.zeros((len(rows), 0), np.float32))
    deep = _DEEPER * k
    short = _shortened(rows, k, wanted, seed) if wanted < 1 and len(rows) > deep + 1 else None
    if short is None:
        found = _compared(rows, rows, k, progress=progress)
        return Graph(found.indices, np.clip(found.cosines, -1, 1))
    return _in_full(rows, _compared(*short, deep, _level(*short, deep, seed), progress), k)


def graph_recall(x: Array, graph: Graph, *, sample: int = 300, seed: int = 1) -> Interval:
    """Share of the true nearest others by cosine that are in `graph`, on rows of `x` (n, d) drawn at random."""
    rows = unit(vectors(x, name="x"))
    asked = np.random.default_rng(seed).permutation(len(rows))[:sample]
    true = _true(rows, asked, graph.indices.shape[1])
    return bootstrap(
        np.asarray([np.isin(one, found).mean() for one, found in zip(true, graph.indices[asked], strict=True)])
    )


def _true(rows: Vectors, asked: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """The k nearest others of some rows, in any order."""
    scores = rows[asked] @ rows.T
    scores[np.arange(len(asked)), asked] = -np.inf
    return np.argpartition(scores, scores.shape[1] - k, axis=1)[:, -k:]


def _shortened(rows: Vectors, k: int, wanted: float, seed: int) -> tuple[Vectors, Vectors] | None:
    """Two sets of short rows whose products are minus half the squared distance by leading principal columns; None: use all.

    By distance, not by product: what was cut off of two rows is as good as independent, and a product would favour long ones.
    """
    sample = rows[:: max(1, len(rows) // 20_000)]
    mean = sample.mean(axis=0)
    centred = sample - mean
    axes = np.linalg.eigh((centred.T @ centred).astype(np.float64))[1][:, ::-1][:, : _WIDTHS[-1]].astype(np.float32)
    turned = rows @ axes - mean @ axes
    asked = np.random.default_rng(seed).permutation(len(rows))[:_ASKED]
    true = _true(rows, asked, k)
    for width in (width for width in _WIDTHS if width <= 0.7 * rows.shape[1]):
        half = np.einsum("ij,ij->i", turned[:, :width], turned[:, :width])[:, None] / 2
        one = np.ones_like(half)
        left = np.concatenate([turned[:, :width], -half, one], axis=1)
        right = np.concatenate([turned[:, :width], one, -half], axis=1)
        scores = left[asked] @ right.T
        scores[np.arange(len(asked)), asked] = -np.inf
        level = np.partition(scores, -_DEEPER * k, axis=1)[:, -_DEEPER * k]
        if float((np.take_along_axis(scores, true, axis=1) >= level[:, None]).mean()) >= wanted:
            return left, right
    return None


def _level(left: Vectors, right: Vectors, k: int, seed: int) -> NDArray[np.float32]:
    """For each row what about 1.6 k others reach, estimated on a sample: then hardly a candidate comes to be sorted in vain."""
    drawn = np.sort(np.random.default_rng(seed + 1).permutation(len(left))[: max(4_096, len(left) // 12)])
    others = np.ascontiguousarray(right[drawn])
    place = max(3, round(1.6 * k * len(drawn) / len(left)))
    out = np.empty(len(left), np.float32)
    for start in range(0, len(left), _BLOCK):
        scores = left[start : start + _BLOCK] @ others.T
        # One more than wanted: a row that was drawn itself is its own best.
        out[start : start + _BLOCK] = np.partition(scores, len(drawn) - place - 1, axis=1)[:, len(drawn) - place - 1]
    return out


def _compared(
    left: Vectors,
    right: Vectors,
    k: int,
    level: NDArray[np.float32] | None = None,
    progress: Progress | None = None,
) -> Graph:
    """The k best by product of every row of `left` with the others of `right`; the products are those of right with left, too.

    With a level, only those that reach it: fewer than k then have -inf for a product after them.
    """
    best = _Best(len(left), k, level)
    blocks = [slice(start, min(start + _BLOCK, len(left))) for start in range(0, len(left), _BLOCK)]
    for block in blocks:
        best.begin(left[block] @ right[block].T, block)
    for place, block in enumerate(blocks):
        for other in blocks[place + 1 :]:
            best.offer(left[block] @ right[other].T, block, other)
        if progress is not None:
            left_over = 1 - (place + 1) / len(
                blocks
            )  # each block has one fewer to be compared with than the one before
            progress(round(len(left) * (1 - left_over**2)), len(left))
    return best.graph()


def _in_full(rows: Vectors, found: Graph, k: int) -> Graph:
    """The k best of each row's candidates; all others are compared with a row that has too few."""
    indices, cosines = np.empty((len(rows), k), np.int32), np.empty((len(rows), k), np.float32)
    for start in range(0, len(rows), 256):
        block = slice(start, min(start + 256, len(rows)))
        candidates = found.indices[block]
        scores = np.matmul(rows[candidates], rows[block, :, None])[..., 0]
        scores[found.cosines[block] == -np.inf] = -np.inf
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        indices[block] = np.take_along_axis(candidates, order, axis=1)
        cosines[block] = np.take_along_axis(scores, order, axis=1)
    for row in np.flatnonzero(cosines[:, -1] == -np.inf):
        scores = rows @ rows[row]
        scores[row] = -np.inf
        indices[row] = top_k(scores, k)
        cosines[row] = scores[indices[row]]
    return Graph(indices, np.clip(cosines, -1, 1))


class _Best:
    """The k best of each row so far. What is offered waits, and is sorted in when there is enough of it."""

    def __init__(self, n: int, k: int, level: NDArray[np.float32] | None = None) -> None:
        self.indices = np.zeros((n, k), np.int32)
        self.cosines = np.full((n, k), -np.inf, np.float32)
        self.least = np.full(n, -np.inf, np.float32) if level is None else level  # what a newcomer has to reach
        self._most = max(_WAITING, n * k // 2 if level is None else 2 * n * k)
        self._levelled = level is not None
        self._waiting: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]] = []
        self._count = 0

    def begin(self, scores: Vectors, block: slice) -> None:
        """Products of a block of rows with itself."""
        np.fill_diagonal(scores, -np.inf)
        k = self.indices.shape[1]
        if len(scores) > k and not self._levelled:
            self.least[block] = np.partition(scores, len(scores) - k, axis=1)[:, len(scores) - k]
        self._take(np.flatnonzero(scores >= self.least[block, None]), scores, block, block)

    def offer(self, scores: Vectors, block: slice, other: slice) -> None:
        """Products of a block of rows with another: each row is offered to the other side."""
        self._take(np.flatnonzero(scores >= self.least[block, None]), scores, block, other)
        self._take(np.flatnonzero(scores >= self.least[other]), scores, block, other, turned=True)

    def _take(self, hits: NDArray[np.int64], scores: Vectors, block: slice, other: slice, turned: bool = False) -> None:
        rows, columns = np.divmod(hits, scores.shape[1])
        pair = (rows + block.start, columns + other.start)
        self._waiting.append((*(pair[::-1] if turned else pair), scores.ravel()[hits]))
        self._count += len(hits)
        if self._count > self._most:
            self._settle()

    def _settle(self) -> None:
        """Sort what waits in among the best of its rows."""
        rows, columns, scores = (np.concatenate(parts) for parts in zip(*self._waiting, strict=True))
        self._waiting, self._count = [], 0
        fresh = np.zeros(len(self.least), bool)
        fresh[rows] = True
        touched = np.flatnonzero(fresh)
        known = np.isfinite(self.cosines[touched])
        rows = np.concatenate([np.repeat(touched, known.sum(axis=1)), rows])
        columns = np.concatenate([self.indices[touched][known], columns])
        scores = np.concatenate([self.cosines[touched][known], scores])
        # One key for row and score: rows are eight apart, scores four at most. Twice as fast as sorting by both.
        order = np.argsort(rows * 8.0 - scores)
        rows = rows[order]
        many = np.bincount(rows)[touched]
        place = np.arange(len(rows)) - np.repeat(np.cumsum(many) - many, many)
        keep = place < self.indices.shape[1]
        rows, place, order = rows[keep], place[keep], order[keep]
        self.indices[rows, place], self.cosines[rows, place] = columns[order], scores[order]
        self.least[touched] = np.maximum(self.least[touched], self.cosines[touched, -1])

    def graph(self) -> Graph:
        """What was found."""
        if self._waiting:
            self._settle()
        return Graph(self.indices, self.cosines)
