"""Vectors for words nobody has seen: the mean of hashed character n-grams, so that typos and other scripts land near their kin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from semascope.errors import OptionError
from semascope.learned import TokenTable
from semascope.types import Vectors


@dataclass(frozen=True, eq=False)
class NGrams:
    """A bucket of vectors for every hash of an n-gram of `<word>`.

    Args:
        table: A vector a bucket.
        least: Characters of the shortest n-gram.
        most: Characters of the longest.
    """

    table: TokenTable
    least: int = 3
    most: int = 4

    def __post_init__(self) -> None:
        if not 1 <= self.least <= 3 or self.most < self.least or not len(self.table):
            raise OptionError(
                f"ngrams: want 1 to 3 as the shortest, the longest no shorter, and at least one bucket, "
                f"got {self.least} to {self.most} and {len(self.table)}"
            )

    def buckets(self, word: str) -> list[int]:
        """The bucket of every n-gram of `<word>`, repeats kept: FNV-1a (32 bits) of its UTF-8, modulo the buckets."""
        marked = f"<{word}>"
        total = len(self.table)
        return [
            fnv1a(marked[start : start + size].encode("utf-8")) % total
            for size in range(self.least, self.most + 1)
            for start in range(len(marked) - size + 1)
        ]

    def __call__(self, words: Sequence[str]) -> Vectors:
        """The mean vector of the n-grams of each word, float32 (n, d)."""
        out = np.empty((len(words), self.table.dim), dtype=np.float32)
        for row, word in enumerate(words):
            out[row] = self.table(np.array(self.buckets(word))).mean(axis=0)
        return out


def fnv1a(data: bytes) -> int:
    """The 32-bit FNV-1a hash."""
    value = 2_166_136_261
    for byte in data:
        value = ((value ^ byte) * 16_777_619) & 0xFFFFFFFF
    return value
