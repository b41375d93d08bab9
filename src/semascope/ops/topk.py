"""The k best of many scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semascope.types import Array


def top_k(scores: Array, k: int) -> NDArray[np.int64]:
    """Places of the `k` largest of `scores` (n,), best first; equal scores keep their order of place."""
    k = min(k, len(scores))
    if k <= 0:
        return np.zeros(0, dtype=np.int64)
    if k < len(scores):
        edge = np.partition(scores, len(scores) - k)[len(scores) - k]
        sure = np.flatnonzero(scores > edge)
        chosen = np.concatenate([sure, np.flatnonzero(scores == edge)[: k - len(sure)]])
    else:
        chosen = np.arange(len(scores))
    return chosen[np.lexsort((chosen, -scores[chosen]))].astype(np.int64, copy=False)
