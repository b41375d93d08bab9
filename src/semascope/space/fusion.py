"""Join meaning and words: one standard deviation of a query's cosines counts as much as five points of BM25.

The scores are added, after the cosines have been standardised by their mean and spread over the collection; BM25 stays as
it is, because its size says how much of the query was found at all. Ranks alone (reciprocal rank fusion: Cormack, Clarke,
Büttcher 2009) give the best of many poor matches the weight of a good one, which costs questions that share no word with
their answer; adding scores loses nothing where words do match. Bruch, Gai, Ingber (2023), "An Analysis of Fusion Functions
for Hybrid Retrieval", find the same over nine collections. Measured here: docs/benchmarks.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.types import Array

POINTS = 5.0  # of BM25 that weigh as much as one standard deviation of the cosine, at equal weights


def fuse(cosines: Array, bm25: Array, *, centre: float, spread: float, weight: float = 0.5) -> NDArray[np.float64]:
    """Fused scores (n,) of documents: (1 - weight) * (cosine - centre) / spread + weight * bm25 / POINTS.

    Args:
        cosines: Of each document with the query, (n,).
        bm25: Of each document, (n,); 0 where it has none of the query's words.
        centre: Mean cosine of the query with the collection.
        spread: Standard deviation of those cosines; 0 (a query the encoder knows nothing of) leaves the words alone.
        weight: How much words count, 0 to 1.

    Raises:
        InputError: as many cosines as BM25 scores are wanted.
    """
    near, said = np.asarray(cosines, dtype=np.float64), np.asarray(bm25, dtype=np.float64)
    if near.shape != said.shape:
        raise InputError(f"bm25: want a score for each of {near.shape} cosines, got {said.shape}")
    meaning = (near - centre) / spread if spread > 0 else np.zeros_like(near)
    return (1 - weight) * meaning + weight * said / POINTS
