"""Outlier dimensions: the few columns whose mean lies far from that of all others, which then rule every cosine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError, OptionError
from semascope.ops.door import vectors
from semascope.types import Array


class Outliers(NamedTuple):
    """Which columns are outliers, and how far out every column is.

    Attributes:
        dims: Columns flagged, int64 (k,), the farthest out first.
        scores: Of every column at every layer, float64 (layers, d): its mean less the mean of all columns' means, over their
            standard deviation.
        errors: Half of the 95 % interval of each score, float64 (layers, d), rows taken as independent of each other.
        n: Rows.
    """

    dims: NDArray[np.int64]
    scores: NDArray[np.float64]
    errors: NDArray[np.float64]
    n: int

    @property
    def reach(self) -> NDArray[np.float64]:
        """How far out each column is at the layer where it is least so, float64 (d,)."""
        return np.asarray(np.abs(self.scores).min(axis=0))


def outlier_dimensions(layers: Array | Sequence[Array], *, z: float = 3.0, share: float = 1.0) -> Outliers:
    """Columns whose mean is more than `z` standard deviations off the mean of all columns' means, at enough layers.

    A column is compared with its fellow columns and not with itself: a cloud off the origin in one direction has a column
    of large mean, whatever its spread. Of d columns k equal ones can reach a score of sqrt((d - k) / k) and no more, so that
    of 16 columns one alone can be flagged at z = 3, and of 384 up to 38.

    Args:
        layers: Rows (n, d) of one cloud, or the rows (n, d) of the same tokens or texts at each of several layers.
        z: From which score on a column is an outlier.
        share: Share of the layers at which it has to be one: 1 is all, "persistent" in the paper.

    Raises:
        InputError: not rows of finite numbers, or layers of different shapes.
        OptionError: `z` not above 0, or `share` not above 0 and at most 1.

    Source: Luo, Kulmizev, Mao (2021), "Positional Artefacts Propagate Through Masked Language Model Embeddings", section 3.
    """
    wanted_score(z)
    if isinstance(share, bool) or not 0 < share <= 1:
        raise OptionError(f"share: want more than 0 and at most 1, got {share!r}")
    several = not (isinstance(layers, np.ndarray) and layers.ndim == 2) and np.ndim(layers[0]) == 2
    found = [vectors(one, name="X") for one in (layers if several else [layers])]
    if len({one.shape for one in found}) > 1:
        raise InputError(f"layers: want rows of one shape, got {sorted({one.shape for one in found})}")
    scored = [_scored(one) for one in found]
    scores, errors = (np.stack(part) for part in zip(*scored, strict=True))
    often = (np.abs(scores) > z).mean(axis=0) >= share - 1e-9
    dims = np.flatnonzero(often)
    far = np.abs(scores[:, dims]).mean(axis=0)
    return Outliers(dims[np.argsort(-far, kind="stable")].astype(np.int64), scores, errors, len(found[0]))


def wanted_score(z: float) -> float:
    """`z` if it is a score from which on a column can be called an outlier.

    Raises:
        OptionError: it is not above 0.
    """
    if isinstance(z, bool | str) or not z > 0:
        raise OptionError(f"z: want more than 0, got {z!r}")
    return float(z)


def _scored(x: Array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Score of each column (d,), and half of its 95 % interval."""
    largest = float(np.abs(x).max(initial=0))
    rows = x.astype(np.float64) / (largest if largest > 0 else 1)
    return column_scores(rows.mean(axis=0), rows.std(axis=0), len(rows))


def column_scores(mean: Array, spread: Array, n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far out each column's mean is, float64 (d,), and half of the 95 % interval of that, from what is known of n rows.

    Args:
        mean: Of each column, (d,).
        spread: Standard deviation of each column, (d,).
        n: Rows, taken as independent of each other.
    """
    away, unlike = np.asarray(mean - np.mean(mean), np.float64), float(np.std(mean))
    # Means that agree to the last bits of float32 have no outlier among them.
    if unlike <= 1e-7 * float(np.abs(mean).max(initial=0)) or unlike == 0:
        return np.zeros(len(away)), np.zeros(len(away))
    return away / unlike, np.asarray(1.96 * spread / np.sqrt(n) / unlike, np.float64)


def place_shares(x: Array, places: Array) -> NDArray[np.float64]:
    """Share of each column's variance that a token's place in its text accounts for, float64 (d,): 0 nothing, 1 all of it.

    The variance between the means of places over all variance (eta squared), with what chance alone would give taken off
    (omega squared); 0 for a column that does not vary, and where it would be below 0.

    Args:
        x: Rows (n, d), one for each token.
        places: The place of each in its text, whole numbers from 0, (n,).

    Raises:
        InputError: the places are not one for each row, or all are the same.

    Source: Hays (1963), "Statistics for Psychologists", omega squared; the question is that of Luo, Kulmizev, Mao (2021), section 4.
    """
    rows = vectors(x, name="x").astype(np.float64)
    _, group, counts = np.unique(np.asarray(places), return_inverse=True, return_counts=True)
    if len(group) != len(rows) or len(counts) < 2 or len(counts) >= len(rows):
        raise InputError(
            f"places: want one for each of {len(rows)} rows, and at least two different, got {len(counts)}"
        )
    sums = np.zeros((len(counts), rows.shape[1]))
    np.add.at(sums, group, rows - rows.mean(axis=0))
    between = (np.square(sums) / counts[:, None]).sum(axis=0)
    total = np.square(rows - rows.mean(axis=0)).sum(axis=0)
    free = len(counts) - 1
    within = (total - between) / (len(rows) - len(counts))
    over = total + within
    return np.clip((between - free * within) / np.where(over > 0, over, 1), 0, 1)
