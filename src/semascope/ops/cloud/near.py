"""The nearest others of rows by distance: one graph that hubness and every estimate of dimension read."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.ops.door import integer, vectors
from semascope.types import Array, Progress

_NUMBERS, _ROWS = 16_000_000, 512  # distances looked at together, and of how many rows at the most
_CLOSE = 0.02  # of the sum of two squared lengths: below that a squared distance by products has lost digits
_SUBSET = 16  # every so manyth distance of a row says about how far its k-th nearest is
_ROOM = 1.2  # times as many candidates as wanted
_SHIFT, _PLACE = np.uint64(32), np.uint64(0xFFFFFFFF)


class Near(NamedTuple):
    """Who is nearest to whom, by distance, among rows that differ from each other.

    Attributes:
        rows: int64 (m,), places in the matrix of the first of each set of equal rows; all below counts these.
        asked: int64 (a,), which of them were asked for their nearest; all of them unless a part was wanted.
        indices: int32 (a, k), of each asked row its nearest others, the nearest first.
        distances: float64 (a, k), how far; never zero.
    """

    rows: NDArray[np.int64]
    asked: NDArray[np.int64]
    indices: NDArray[np.int32]
    distances: NDArray[np.float64]

    @property
    def k(self) -> int:
        """Neighbours of each row."""
        return self.indices.shape[1]


def distinct(x: Array) -> NDArray[np.int64]:
    """Places of the first of each set of rows of `x` (n, d) that are equal bit for bit, in order (0 and -0 are equal)."""
    rows = np.ascontiguousarray(x) + 0.0
    first: dict[bytes, int] = {}
    for place, row in enumerate(rows):
        first.setdefault(row.tobytes(), place)
    return np.fromiter(first.values(), np.int64, len(first))


def near(x: Array, k: int = 512, *, asked: int | None = None, seed: int = 0, progress: Progress | None = None) -> Near:
    """The `k` nearest others of every row of `x` (n, d) by Euclidean distance, exact; one less than there are rows at most.

    Equal rows count once: a distance of zero is no sign of a dimension. By blocks of products in float32 of rows about
    their mean; where two rows are so close that this loses digits, from their difference in float64.

    Args:
        x: Rows (n, d). For distances as search by cosine knows them, scale rows to length one first.
        k: How many others of each.
        asked: Ask so many rows alone, drawn at random, for their nearest among all; None asks all.
        seed: Of that draw.
        progress: Told (rows done, rows there are) now and then.

    Raises:
        InputError: no rows of finite numbers, or fewer than 3 that differ.
        OptionError: `k` or `asked` below 1.
    """
    given = vectors(x, name="X")
    places = distinct(given)
    if len(places) < 3:
        raise InputError(f"X: want at least 3 rows that differ, got {len(places)} among {len(given)}")
    exact = given[places]
    centred = exact - exact.mean(axis=0, dtype=np.float64).astype(np.float32)
    m = len(exact)
    k = min(integer(k, name="k", least=1), m - 1)
    drawn = np.arange(m)
    if asked is not None and integer(asked, name="asked", least=1) < m:
        drawn = np.sort(np.random.default_rng(seed).permutation(m)[:asked])
    squares = np.einsum("ij,ij->i", centred, centred)[:, None]
    one = np.ones_like(squares)
    left, right = np.concatenate([-2 * centred, squares, one], axis=1), np.concatenate([centred, one, squares], axis=1)
    indices, distances = np.empty((len(drawn), k), np.int32), np.empty((len(drawn), k))
    block = min(max(64, _NUMBERS // m), _ROWS)
    for start in range(0, len(drawn), block):
        part = drawn[start : start + block]
        far = left[part] @ right.T  # squared distances
        far[np.arange(len(part)), part] = np.inf
        _chosen(far, k, indices[start : start + block], distances[start : start + block])
        _corrected(exact, squares[:, 0], part, indices[start : start + block], distances[start : start + block])
        if progress is not None:
            progress(min(start + block, len(drawn)), len(drawn))
    return Near(places, drawn, indices, np.sqrt(distances))


def _chosen(far: NDArray[np.float32], k: int, indices: NDArray[np.int32], squared: NDArray[np.float64]) -> None:
    """The k least of each row, in order, equal ones by place, written into two arrays."""
    m = far.shape[1]
    levels = _levels(far, k)
    # What is not negative is ordered as its bits are: distance and place in one number, sorted at once.
    bits = np.maximum(far, 0, out=far).view(np.uint32)
    for place, row in enumerate(far):
        # Few are below the level, so that only those have to be put in order; all of them where too few are.
        inside = np.flatnonzero(row < levels[place])
        if len(inside) < k:
            level = np.partition(row, k - 1)[k - 1] if k < m else np.inf
            inside = np.flatnonzero(row <= level)
        keys = (bits[place, inside].astype(np.uint64) << _SHIFT) | inside.astype(np.uint64)
        keys.sort()
        indices[place] = keys[:k] & _PLACE
        squared[place] = (keys[:k] >> _SHIFT).astype(np.uint32).view(np.float32)


def _levels(far: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """For each row what its k nearest most likely lie below, from a part of its distances."""
    few = far[:, ::_SUBSET]
    want = int(_ROOM * k / _SUBSET + 4 * np.sqrt(k / _SUBSET)) + 2
    if want >= few.shape[1] // 2:
        return np.full(len(far), -np.inf, np.float32)
    return np.partition(few, want, axis=1)[:, want]


def _corrected(
    rows: NDArray[np.float32],
    squares: NDArray[np.float32],
    part: NDArray[np.int64],
    indices: NDArray[np.int32],
    squared: NDArray[np.float64],
) -> None:
    """Distances of close pairs from their difference, and the order that follows from them."""
    close = squared < _CLOSE * (squares[part, None] + squares[indices])
    at, of = np.nonzero(close)
    if not len(at):
        return
    step = max(1, 8_000_000 // rows.shape[1])
    for start in range(0, len(at), step):
        one, other = at[start : start + step], of[start : start + step]
        gap = rows[part[one]].astype(np.float64) - rows[indices[one, other]]
        squared[one, other] = np.einsum("ij,ij->i", gap, gap)
    again = np.unique(at)
    order = np.argsort(squared[again], axis=1, kind="stable")
    squared[again] = np.take_along_axis(squared[again], order, axis=1)
    indices[again] = np.take_along_axis(indices[again], order, axis=1)
