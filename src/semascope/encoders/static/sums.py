"""Add up rows of a matrix for every text: the one product a static encoder needs."""

from __future__ import annotations

import sys
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_Real = TypeVar("_Real", np.float32, np.float64)

# Importing scipy.sparse costs about 0.15 CPU-seconds, what it saves on this many rows.
WORTH_SCIPY = 300_000


def row_sums(
    matrix: NDArray[_Real], index: NDArray[np.int64], offsets: NDArray[np.int64], *, expected: int = 0
) -> NDArray[_Real]:
    """Row i of the result (n, d) is the sum of `matrix[index[offsets[i]:offsets[i + 1]]]`, added first to last.

    The order of additions is fixed, so that the same rows give the same bits whichever way they are added up here.

    Args:
        matrix: float32 or float64 (rows, d); the result is the same.
        index: Rows to add, all texts one after the other.
        offsets: (n + 1,) where each text's part of `index` starts.
        expected: How many rows the caller has added so far; past WORTH_SCIPY the sparse product is imported.
    """
    if len(index) and ("scipy.sparse" in sys.modules or expected + len(index) > WORTH_SCIPY):
        from scipy.sparse import csr_array

        ones = np.ones(len(index), dtype=matrix.dtype)
        return np.asarray(csr_array((ones, index, offsets), shape=(len(offsets) - 1, len(matrix))) @ matrix)
    out = np.zeros((len(offsets) - 1, matrix.shape[1]), dtype=matrix.dtype)
    bounds = offsets.tolist()
    for row, (start, end) in enumerate(pairwise(bounds)):
        if end > start:
            np.add.reduce(matrix.take(index[start:end], axis=0), axis=0, out=out[row])
    return out


def count_sums(counts: NDArray[np.int64], index: NDArray[np.int64], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same sums of whole numbers (rows, columns): exact, so in any order."""
    running = np.zeros((len(index) + 1, counts.shape[1]), dtype=np.int64)
    np.cumsum(counts.take(index, axis=0), axis=0, out=running[1:])
    return running[offsets[1:]] - running[offsets[:-1]]
