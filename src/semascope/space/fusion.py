"""Join meaning and words: cosines in standard deviations, plus how much of the query was found in words, squared.

Scores are added, not ranks. A document's BM25 over the sum of the query's word weights says how much of the query it holds:
one that has every word, such as the one document with a product number, counts as much as six standard deviations of the
cosine and goes first; a few chance words hardly count. Ranks alone (reciprocal rank fusion: Cormack, Clarke, Büttcher 2009)
give the best of many poor matches the weight of a good one, which costs questions that share no word with their answer.
Bruch, Gai, Ingber (2023), "An Analysis of Fusion Functions for Hybrid Retrieval", find sums of scores ahead of ranks too; the
share and its square are ours. Measured against ranks in docs/search-quality.md.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.types import Array

WHOLE = 6.0  # standard deviations of the cosine that a query found whole is worth, at equal weights


def rarity(documents: int, holding: int) -> float:
    """The weight BM25 gives a word that `holding` of `documents` have (Robertson and Spärck Jones), as FTS5 counts it."""
    return max(1e-6, math.log((documents - holding + 0.5) / (holding + 0.5)))


def fuse(cosines: Array, shares: Array, *, centre: float, spread: float, weight: float = 0.5) -> NDArray[np.float64]:
    """Fused scores (n,) of documents: (1 - weight) * (cosine - centre) / spread + weight * WHOLE * share^2.

    Args:
        cosines: Of each document with the query, (n,).
        shares: BM25 of each document over the sum of the query's word weights, (n,), none negative; 0 where it has none
            of the words.
        centre: Mean cosine of the query with the collection.
        spread: Standard deviation of those cosines; 0 (a query the encoder knows nothing of) leaves the words alone.
        weight: How much words count, 0 to 1.

    Raises:
        InputError: as many cosines as shares are wanted.
    """
    near, said = np.asarray(cosines, dtype=np.float64), np.asarray(shares, dtype=np.float64)
    if near.shape != said.shape:
        raise InputError(f"shares: want one for each of {near.shape} cosines, got {said.shape}")
    meaning = (near - centre) / spread if spread > 0 else np.zeros_like(near)
    return (1 - weight) * meaning + weight * WHOLE * np.square(said)
