"""Even samples: of rows whose number is known, and of a stream whose end is not."""

from __future__ import annotations

import heapq
from collections.abc import Generator, Iterable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
_KEYS = 4096


def drawn(total: int, most: int | None, seed: int) -> NDArray[np.int64]:
    """Places of at most so many of `total` rows, drawn without repeats, in order; int64."""
    if most is None or total <= most:
        return np.arange(total, dtype=np.int64)
    return np.sort(np.random.default_rng(seed).permutation(total)[:most]).astype(np.int64)


class Even:
    """An even sample of a stream: every row gets a random key, and those with the smallest keys stay.

    What is drawn depends on the seed and on the order of the stream alone. Memory: the rows that stay.

    Args:
        most: Rows kept; all of them where None.
        seed: Of the keys.
    """

    def __init__(self, most: int | None, seed: int) -> None:
        self.seen = 0
        self._most = most
        self._random = np.random.default_rng(seed)

    def of(self, rows: Iterable[T]) -> list[T]:
        """The rows that stay, in the order in which they came."""
        if self._most is None:
            kept = list(rows)
            self.seen = len(kept)
            return kept
        keys: list[float] = []
        heap: list[tuple[float, int, T]] = []  # the largest key first; places differ, so rows are never compared
        for place, row in enumerate(rows):
            if not keys:
                keys = self._random.random(_KEYS).tolist()
            entry = (-keys.pop(), place, row)
            if len(heap) < self._most:
                heapq.heappush(heap, entry)
            elif entry[0] > heap[0][0]:
                heapq.heapreplace(heap, entry)
            self.seen += 1
        return [row for _, _, row in sorted(heap, key=lambda one: one[1])]


def released(rows: list[T]) -> Generator[T]:
    """The rows of a list, each let go as it is handed on, so that what is made of them takes their place in memory."""
    rows.reverse()
    while rows:
        yield rows.pop()
