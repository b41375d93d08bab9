"""Lengths, angles and ranks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semascope.types import Array, Vectors


def unit(x: Array) -> Vectors:
    """Rows of `x` (n, d) scaled to length one; zero rows stay zero."""
    x = np.asarray(x, dtype=np.float32)
    # Scaling by the largest entry first keeps tiny and huge rows from under- or overflowing when squared.
    largest = np.abs(x).max(axis=1, keepdims=True, initial=0.0)
    scaled = x / np.where(largest > 0, largest, 1)
    norm = np.sqrt(np.einsum("ij,ij->i", scaled, scaled))[:, None]
    return (scaled / np.where(norm > 0, norm, 1)).astype(np.float32, copy=False)


def cosine(x: Array, y: Array) -> Vectors:
    """All-pairs cosine of rows, (len(x), len(y))."""
    return unit(x) @ unit(y).T


def ranks(a: Array) -> NDArray[np.float64]:
    """Ranks from 1 of the flattened values, ties averaged."""
    flat = np.asarray(a, dtype=np.float64).ravel()
    _, inverse, counts = np.unique(flat, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[inverse]


def spearman(a: Array, b: Array) -> float:
    """Rank correlation of two arrays of one size, ties averaged; nan where one of them is constant."""
    rank_a, rank_b = ranks(a), ranks(b)
    rank_a, rank_b = rank_a - rank_a.mean(), rank_b - rank_b.mean()
    size = np.sqrt((rank_a @ rank_a) * (rank_b @ rank_b))
    return float(rank_a @ rank_b / size) if size > 0 else float("nan")


def mapped(x: Array, mean: Array, matrix: Array) -> Vectors:
    """(x - mean) @ matrix, float32 (n, d_out), the same for a row wherever it stands.

    In float64, a few thousand rows at a time: a float32 product rounds a row differently by its place in the block, and
    a sign or a code that hangs on the last bit would then depend on a row's neighbours.
    """
    mean, matrix = np.asarray(mean, np.float64), np.asarray(matrix, np.float64)
    out = np.empty((len(x), matrix.shape[1]), np.float32)
    for start in range(0, len(x), 4096):
        out[start : start + 4096] = (x[start : start + 4096] - mean) @ matrix
    return out
