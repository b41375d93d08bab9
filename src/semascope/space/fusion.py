"""Join several rankings into one: a row scores by its rank in each.

Source: Cormack, Clarke, Büttcher (2009), "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning
Methods", score(row) = sum over rankings of weight / (c + rank), ranks from 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from semascope.errors import OptionError
from semascope.ops import integer
from semascope.types import Array


def fuse(
    rankings: Sequence[Array], k: int, *, weights: Sequence[float] | None = None, c: float = 60.0
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The k best row ids of several rankings, best first, and their fused scores.

    Equal scores stand in the order of the first ranking that holds them. All ids of all rankings take part, so k come
    back wherever one ranking alone has k: let the ranking that can always give k (the dense one) be that long.

    Args:
        rankings: Row ids, best first, each at most once in a ranking.
        k: How many.
        weights: How much each ranking counts; 1 each where left out.
        c: How little the first places stand out; larger is flatter.

    Raises:
        OptionError: weights of another number than rankings, or negative; c not above -1.
    """
    k = integer(k, name="k", least=1)
    weights = [1.0] * len(rankings) if weights is None else list(weights)
    if len(weights) != len(rankings) or any(not weight >= 0 for weight in weights):
        raise OptionError(f"weights: want {len(rankings)} numbers, none negative, got {weights}")
    if not c > -1:
        raise OptionError(f"c: want a number above -1, got {c}")
    lists = [np.asarray(ranking, dtype=np.int64) for ranking in rankings]
    if not lists:
        return np.zeros(0, np.int64), np.zeros(0, np.float64)
    ids = np.concatenate(lists)
    worth = np.concatenate([weight / (c + 1 + np.arange(len(one))) for weight, one in zip(weights, lists, strict=True)])
    unique, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
    scores = np.bincount(inverse.ravel(), weights=worth, minlength=len(unique)).astype(np.float64)
    order = np.lexsort((first, -scores))[:k]
    return unique[order], scores[order]
