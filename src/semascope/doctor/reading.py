"""One pass over a matrix of any size, in blocks: what the checks of its health need, and nothing of it kept whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semascope.types import Array, Progress, Vectors

NUMBERS = 500_000  # of a block
_MIX = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(32)


@dataclass(frozen=True, eq=False)
class Seen:
    """What a pass over n rows of d columns leaves.

    Args:
        n: Rows.
        d: Columns.
        dtype: Of the numbers as they are stored.
        lengths: Euclidean, float64 (n,); nan where a row is not finite, infinite where its square overflows.
        hashes: uint64 (n,): equal where two rows are equal number for number (minus zero is zero).
        broken: Places of rows with NaN or infinite values.
        nan: How many values are NaN.
        infinite: How many values are infinite.
        flat: Places of finite rows all of whose values are one and the same number other than zero.
        mean: Of each column over finite rows, float64 (d,).
        spread: Standard deviation of each column over finite rows, float64 (d,).
        energy: Sum of squares of each column over finite rows, float64 (d,).
        least: Of each column over finite rows, float64 (d,).
        most: Of each column over finite rows, float64 (d,).
        places: Sorted places of the rows that were kept as a sample.
        sample: Those rows as they stand, (m, d).
    """

    n: int
    d: int
    dtype: np.dtype[np.generic]
    lengths: NDArray[np.float64]
    hashes: NDArray[np.uint64]
    broken: NDArray[np.int64]
    nan: int
    infinite: int
    flat: NDArray[np.int64]
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    energy: NDArray[np.float64]
    least: NDArray[np.float64]
    most: NDArray[np.float64]
    places: NDArray[np.int64]
    sample: Array

    @property
    def zero(self) -> NDArray[np.int64]:
        """Places of rows that are all zero."""
        return np.flatnonzero(self.lengths == 0)

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Which rows are finite and not zero, (n,)."""
        return np.isfinite(self.lengths) & (self.lengths > 0)

    @property
    def whole(self) -> bool:
        """Whether the sample is every row."""
        return len(self.places) == self.n

    def clean(self) -> tuple[NDArray[np.int64], Vectors]:
        """Places and float32 rows of the sample that have a direction: finite, not zero, of a length that float32 holds."""
        with np.errstate(over="ignore"):
            x = np.ascontiguousarray(self.sample, dtype=np.float32)
        keep = self.usable[self.places] & np.isfinite(x).all(axis=1) & x.any(axis=1)
        return self.places[keep], x[keep]


def blocks(values: Array) -> Iterator[Array]:
    """Pieces of a matrix, in order; a memory map is read piece by piece."""
    step = max(1, NUMBERS // max(1, values.shape[1]))
    for start in range(0, len(values), step):
        yield np.asarray(values[start : start + step])


def sample_places(n: int, most: int, seed: int) -> NDArray[np.int64]:
    """Sorted places of at most `most` of n rows, each as likely as any other."""
    if n <= most:
        return np.arange(n, dtype=np.int64)
    return np.sort(np.random.default_rng(seed).choice(n, most, replace=False)).astype(np.int64)


def look_through(
    pieces: Iterable[Array], n: int, d: int, *, places: NDArray[np.int64], progress: Progress | None = None
) -> Seen:
    """Read n rows of d columns once.

    Args:
        pieces: The rows in order, in pieces (m, d) of any number type.
        n: How many there are.
        d: Columns.
        places: Sorted places of the rows to keep.
        progress: Told after every piece.
    """
    totals = _Totals(n, d)
    kept: list[Array] = []
    dtype = np.dtype(np.float32)
    start = 0
    for piece in pieces:
        dtype = piece.dtype
        totals.add(piece, start)
        mine = places[np.searchsorted(places, start) : np.searchsorted(places, start + len(piece))]
        kept.append(piece[mine - start])
        start += len(piece)
        if progress is not None:
            progress(start, n)
    return totals.seen(dtype, places, np.concatenate(kept) if kept else np.zeros((0, d), dtype))


class _Totals:
    def __init__(self, n: int, d: int) -> None:
        self.n, self.d, self.finite = n, d, 0
        self.lengths, self.hashes = np.full(n, np.nan), np.zeros(n, np.uint64)
        self.broken: list[NDArray[np.int64]] = []
        self.flat: list[NDArray[np.int64]] = []
        self.nan = self.infinite = 0
        self.mean, self.inner, self.energy = np.zeros(d), np.zeros(d), np.zeros(d)
        self.least, self.most = np.full(d, np.inf), np.full(d, -np.inf)

    def add(self, piece: Array, start: int) -> None:
        with np.errstate(all="ignore"):
            x = np.asarray(piece, dtype=np.float64)
            fine = np.isfinite(x).all(axis=1)
            if not fine.all():
                self.broken.append(np.flatnonzero(~fine) + start)
                self.nan += int(np.isnan(x).sum())
                self.infinite += int(np.isinf(x).sum())
            self.hashes[start : start + len(x)] = row_hashes(piece)
            rows = np.flatnonzero(fine) + start
            self._columns(x if fine.all() else x[fine], rows)

    def _columns(self, x: NDArray[np.float64], rows: NDArray[np.int64]) -> None:
        if not len(x):
            return
        # A row is flat where all its values are its first one.
        same = (x == x[:, :1]).all(axis=1) & (x[:, 0] != 0)
        if self.d > 1 and same.any():
            self.flat.append(rows[same])
        self.least, self.most = np.minimum(self.least, x.min(axis=0)), np.maximum(self.most, x.max(axis=0))
        squares = x * x
        self.lengths[rows] = np.sqrt(squares.sum(axis=1))
        self.energy += squares.sum(axis=0)
        # Means and sums of squares about the mean of two parts, joined (Chan, Golub and LeVeque 1983): no digits are lost.
        mean = x.mean(axis=0)
        inner = np.square(x - mean).sum(axis=0)
        total = self.finite + len(x)
        apart = mean - self.mean
        self.inner += inner + apart**2 * (self.finite * len(x) / total)
        self.mean += apart * (len(x) / total)
        self.finite = total

    def seen(self, dtype: np.dtype[np.generic], places: NDArray[np.int64], sample: Array) -> Seen:
        none = np.zeros(0, np.int64)
        with np.errstate(all="ignore"):
            spread = np.sqrt(self.inner / max(1, self.finite))
        return Seen(
            n=self.n,
            d=self.d,
            dtype=dtype,
            lengths=self.lengths,
            hashes=self.hashes,
            broken=np.concatenate([none, *self.broken]),
            nan=self.nan,
            infinite=self.infinite,
            flat=np.concatenate([none, *self.flat]),
            mean=self.mean,
            spread=spread,
            energy=self.energy,
            least=self.least,
            most=self.most,
            places=places,
            sample=sample,
        )


def row_hashes(x: Array) -> NDArray[np.uint64]:
    """A hash of each row (n,), equal for rows of equal numbers; two of a million other rows meet with odds of 1 in 10^7.

    Every word is mixed with a constant of its own place before the words are added, so that rows which differ in signs or
    in the order of their values differ here.
    """
    x = np.ascontiguousarray(x)
    if x.dtype.kind == "f":
        x = x + x.dtype.type(0)  # minus zero becomes zero
    raw = x.view(np.uint8).reshape(len(x), -1)
    if raw.shape[1] % 8:
        raw = np.concatenate([raw, np.zeros((len(raw), -raw.shape[1] % 8), np.uint8)], axis=1)
    words = np.ascontiguousarray(raw).view(np.uint64)
    odd = (np.arange(1, words.shape[1] + 1, dtype=np.uint64) * _MIX) | np.uint64(1)
    with np.errstate(over="ignore"):
        mixed = words * odd
        mixed ^= mixed >> _SHIFT
        mixed *= _MIX
        mixed ^= mixed >> _SHIFT
        mixed *= odd
        return mixed.sum(axis=1, dtype=np.uint64)


def repeats(hashes: NDArray[np.uint64], of: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Groups of at least two places with one hash, among the rows that `of` (n,) marks; the largest first."""
    at = np.flatnonzero(of)
    order = at[np.argsort(hashes[at], kind="stable")]
    if len(order) < 2:
        return []
    same = hashes[order[1:]] == hashes[order[:-1]]
    if not same.any():
        return []
    edges = np.flatnonzero(np.diff(np.concatenate([[False], same, [False]]).astype(np.int8)))
    groups = [order[a : b + 1] for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return sorted(groups, key=lambda group: (-len(group), int(group[0])))
