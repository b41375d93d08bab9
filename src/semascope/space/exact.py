"""The k best of many scores, for one query or a batch, by comparing with every row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from semascope.types import Array, Vectors

Places = NDArray[np.int64]
Scores = NDArray[np.float32]

WIDE = 8_192  # rows compared with a batch of queries at a time


def best(scores: Scores, places: Places | None, k: int) -> tuple[Places, Scores]:
    """The k best of `scores`, which stand in the order of their places."""
    if len(scores) > max(k, 512):
        keep = (scores >= kth_or_less(scores, k)).nonzero()[0]
        scores, places = scores[keep], keep if places is None else places[keep]
    order = np.argsort(-scores, kind="stable")[:k]
    return (order if places is None else places[order]), scores[order]


def kth_or_less(scores: Array, k: int) -> Array:
    """A number that at least k of the `scores` (n, ...) reach, close to the k-th best down the first axis; k <= n.

    The k-th best of the best of groups: each of k groups has one at least as good.
    """
    size = len(scores)
    groups = max(min(size, 4 * k), size // 64)
    depth = size // groups
    best = scores[: groups * depth].reshape(depth, groups, *scores.shape[1:]).max(axis=0)
    return np.partition(best, groups - k, axis=0)[groups - k]


def best_of_many(
    queries: Vectors, k: int, blocks: Iterator[tuple[Array, Places | int]], rows: Callable[[Places], Vectors]
) -> tuple[Places, Scores]:
    """The k best rows for each of some queries: a matrix product with each block of rows, and what it finds put right.

    Args:
        queries: (m, d), a few hundred at most.
        k: At most the number of rows.
        blocks: Rows, at most WIDE at a time, and where they stand: the place of the first one, or of each.
        rows: Reads the rows at some places.
    """
    count = len(queries)
    room, mask = np.empty(count * WIDE, dtype=np.float32), np.empty(count * WIDE, dtype=bool)
    # What rounding in a matrix product can move a score by, both ways.
    slack = np.float32(2**-22) * queries.shape[1] * np.sqrt(np.vecdot(queries, queries))
    edge = np.full(count, -np.inf, dtype=np.float32)
    hits = _Hits.none()
    across = np.ascontiguousarray(queries.T)
    for block, at in blocks:
        # Rows times queries, and not the other way round: a tenth faster in OpenBLAS where rows are many.
        shape = len(block), count
        product = np.dot(block, across, out=room[: count * len(block)].reshape(shape))
        if len(hits.query) < count * k and len(block) >= k:
            edge = np.maximum(edge, kth_or_less(product, k) - slack)
        above = np.greater_equal(product, edge, out=mask[: count * len(block)].reshape(shape))
        flat = np.flatnonzero(above)
        row, query = np.divmod(flat, count)
        place = at[row] if isinstance(at, np.ndarray) else at + row
        hits = hits.plus(_Hits(query, place, product.ravel()[flat]))
        if len(hits.query) > count * (8 * k + 64):
            hits = _cut(queries, hits, k, slack, rows)
            full = np.bincount(hits.query, minlength=count) == k
            edge[full] = (hits.score[np.cumsum(np.bincount(hits.query, minlength=count)) - 1] - slack)[full]
    hits = _cut(queries, hits, k, slack, rows)
    return hits.place.reshape(count, k), hits.score.reshape(count, k)


def _cut(queries: Vectors, hits: _Hits, k: int, slack: Scores, rows: Callable[[Places], Vectors]) -> _Hits:
    """The k best of each query by exact scores, in order."""
    hits, rank, first = hits.ranked(len(queries))
    last = np.minimum(first[:-1] + k, first[1:]) - 1
    hits = hits.take((rank < k) | (hits.score >= (hits.score[last] - 2 * slack)[hits.query]))
    parts = [slice(at, at + WIDE) for at in range(0, len(hits.query), WIDE)]
    score = np.concatenate([np.vecdot(queries[hits.query[part]], rows(hits.place[part])) for part in parts])
    hits, rank, _ = _Hits(hits.query, hits.place, score).ranked(len(queries), exactly=True)
    return hits.take(rank < k)


class _Hits(NamedTuple):
    """Rows found for queries, (m,) each."""

    query: Places
    place: Places
    score: Scores

    @staticmethod
    def none() -> _Hits:
        return _Hits(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))

    def plus(self, more: _Hits) -> _Hits:
        return _Hits(
            np.concatenate([self.query, more.query]),
            np.concatenate([self.place, more.place]),
            np.concatenate([self.score, more.score]),
        )

    def take(self, keep: Array) -> _Hits:
        return _Hits(self.query[keep], self.place[keep], self.score[keep])

    def ranked(self, queries: int, *, exactly: bool = False) -> tuple[_Hits, Places, Places]:
        """By query and best first; the rank of each (from 0); where each query's begin (and end).

        Exactly means that equal scores stand in the order of their places, which takes longer.
        """
        if exactly:
            order = np.lexsort((self.place, -self.score, self.query))
        else:
            # One whole number to sort by: the bits of a float, sign turned, rise and fall as it does.
            bits = (-self.score).view(np.int32).astype(np.int64)
            order = np.argsort((self.query << 32) + np.where(bits < 0, -(bits & 0x7FFFFFFF), bits))
        hits = self.take(order)
        first = np.searchsorted(hits.query, np.arange(queries + 1))
        return hits, np.arange(len(hits.query)) - first[hits.query], first
