"""What a vector means in a corpus: how near it lies to the groups of its map, and to the corpus' own words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semascope.look.vocabulary import Vocabulary
from semascope.ops import top_k, unit, vectors
from semascope.types import Array, Vectors


@dataclass(frozen=True, eq=False)
class GroupShares:
    """Of one vector, for each group.

    Args:
        shares: Cosine with the group's middle, both seen from the middle of the corpus, float32 (groups,).
        percentiles: The share of the corpus' passages that lie farther from that middle, 0 to 1, float64 (groups,).
        n: How many passages that was counted on.
    """

    shares: NDArray[np.float32]
    percentiles: NDArray[np.float64]
    n: int


def group_shares(x: Array, middles: Array, sample: Array) -> GroupShares:
    """How near a vector lies to groups, and how many passages of the corpus lie farther.

    What all passages share (the mean of the sample) is taken away first: without that, everything is near to everything.

    Args:
        x: The vector (d,), of length one.
        middles: Of the groups (groups, d): the means of their vectors.
        sample: Vectors of passages from all over the corpus (n, d), of length one.
    """
    rows = vectors(sample, name="sample")
    centre = rows.mean(axis=0)
    d = rows.shape[1]
    own = unit(vectors(np.asarray(middles).reshape(-1, d), dim=d, least=0, name="middles") - centre)
    one = unit(vectors(np.asarray(x)[None], dim=d, name="x") - centre)[0]
    shares = own @ one
    farther = (unit(rows - centre) @ own.T < shares).mean(axis=0)
    return GroupShares(shares, farther.astype(np.float64), len(rows))


def nearest_words(x: Array, words: Vocabulary, k: int) -> list[tuple[str, float, int]]:
    """The k words whose vectors are nearest to a vector (d,) of length one: word, cosine, documents that have it."""
    one: Vectors = vectors(np.asarray(x)[None], dim=words.vectors.shape[1], name="x")[0]
    cosines = words.vectors @ one
    names = list(words.words)
    best: list[int] = top_k(cosines, k).tolist()
    return [(names[at], float(cosines[at]), int(words.documents[at])) for at in best]
