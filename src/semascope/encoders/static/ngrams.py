"""Vectors for words nobody has seen: the mean of hashed character n-grams, so that typos and other scripts land near their kin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from semascope.encoders.static.sums import row_sums
from semascope.errors import OptionError
from semascope.learned import TokenTable
from semascope.types import Array, Vectors

_LONG = 256  # characters; float32 loses digits over so many n-grams
_BASIS, _PRIME = 2_166_136_261, 16_777_619


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
        short = [place for place, word in enumerate(words) if word.isascii() and len(word) <= _LONG]
        long = [place for place, word in enumerate(words) if word.isascii() and len(word) > _LONG]
        if short:
            out[short] = self._ascii([words[place] for place in short], np.float32)
        if long:
            out[long] = self._ascii([words[place] for place in long], np.float64)
        if len(short) + len(long) < len(words):
            for place in sorted(set(range(len(words))).difference(short, long)):
                used, times = np.unique(self.buckets(words[place]), return_counts=True)
                out[place] = (times / times.sum()) @ self.table(used)
        return out

    def _ascii(self, words: list[str], dtype: type[np.float32 | np.float64]) -> Array:
        """The same for words of ASCII, where a character is a byte: all n-grams of one size are hashed together."""
        data = np.frombuffer("".join(f"<{word}>" for word in words).encode("ascii"), dtype=np.uint8).astype(np.uint32)
        sizes = np.array([len(word) + 2 for word in words], dtype=np.int64)
        ends = np.repeat(np.cumsum(sizes), sizes)
        total = np.zeros((len(words), self.table.dim), dtype=dtype)
        for size in range(self.least, self.most + 1):
            starts = np.flatnonzero(np.arange(len(data)) + size <= ends)
            hashes = np.full(len(starts), _BASIS, dtype=np.uint32)
            for step in range(size):
                hashes = (hashes ^ data.take(starts + step)) * np.uint32(_PRIME)
            used, index = np.unique(hashes % np.uint32(len(self.table)), return_inverse=True)
            offsets = np.concatenate([[0], np.cumsum(np.maximum(sizes - size + 1, 0))])
            rows: Array = self.table(used).astype(dtype, copy=False)
            total += row_sums(rows, index, offsets)
        counts = sum(np.maximum(sizes - size + 1, 0) for size in range(self.least, self.most + 1))
        return total / np.asarray(counts, dtype=dtype)[:, None]


def fnv1a(data: bytes) -> int:
    """The 32-bit FNV-1a hash."""
    value = _BASIS
    for byte in data:
        value = ((value ^ byte) * _PRIME) & 0xFFFFFFFF
    return value
