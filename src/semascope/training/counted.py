"""Token vectors from counting which tokens stand near each other: what a masked model begins with, so that it need not find it out first.

From random vectors a model that fills in words spends its first thousands of steps on no more than how common each is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from semascope.training.tokenizing import Ids
from semascope.types import Array, Vectors

NEAR = 4  # tokens on each side
_SMOOTH = 0.75  # power of a neighbour's count, so that rare neighbours do not rule


def counted_vectors(ids: Ids, vocabulary: int, dim: int, *, seed: int) -> Vectors:
    """One row a token (vocabulary, dim): the leading directions of the positive pointwise mutual information of neighbours.

    Each direction is weighted by the root of its singular value (Levy and Goldberg 2014). Tokens that were never seen have zero rows.
    Centred over the tokens that were; of standard deviation 1.
    """
    from sklearn.utils import extmath

    decompose: Any = extmath.randomized_svd  # its annotations take n_iter for a text

    near = _neighbours(ids, vocabulary)
    k = min(dim, vocabulary - 1)
    left, values, _ = decompose(near, n_components=k, n_iter=3, random_state=seed)
    rows = np.zeros((vocabulary, dim), dtype=np.float32)
    rows[:, :k] = left * np.sqrt(values)
    there = np.bincount(ids.flat, minlength=vocabulary) > 0
    rows[there] -= rows[there].mean(axis=0)
    rows[~there] = 0
    return rows / max(float(rows[there].std()), 1e-12)


def _neighbours(ids: Ids, vocabulary: int) -> Any:
    """Positive pointwise mutual information, sparse (vocabulary, vocabulary); a neighbour at distance k counts 1/k."""
    from scipy.sparse import coo_matrix, csr_matrix

    text = np.repeat(np.arange(len(ids)), ids.lengths)
    total: Any = csr_matrix((vocabulary, vocabulary), dtype=np.float64)
    for distance in range(1, NEAR + 1):
        same = text[:-distance] == text[distance:]
        a, b = ids.flat[:-distance][same], ids.flat[distance:][same]
        weight: Array = np.full(len(a), 1.0 / distance)
        total = total + coo_matrix((weight, (a, b)), shape=total.shape).tocsr()
    total = (total + total.T).tocoo()
    rows = np.asarray(total.sum(axis=1)).ravel()
    columns = rows**_SMOOTH
    columns = columns / max(columns.sum(), 1e-12)
    information = np.log(total.data / np.maximum(rows[total.row] * columns[total.col], 1e-300))
    return coo_matrix((np.maximum(information, 0.0), (total.row, total.col)), shape=total.shape).tocsr()
