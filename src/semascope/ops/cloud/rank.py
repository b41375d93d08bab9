"""How many directions a cloud of vectors has: counted by entropy, by squares, by its longest; and the spectrum itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.ops.cloud.uncertain import from_influence, within
from semascope.ops.door import vectors
from semascope.ops.statistics import Interval
from semascope.types import Array

LEAST = 3  # rows below which a spectrum says nothing
_NOTHING = 1e-12  # share of the variance below which a direction is rounding


class Held(NamedTuple):
    """How many directions hold a share of the variance of rows that they were not found on.

    Attributes:
        directions: The fewest that hold it.
        share: What they hold.
        cumulative: float64 (m,), what the first 1, 2, ... m directions hold.
    """

    directions: int
    share: Interval
    cumulative: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The eigenvalues of the covariance of n rows, the largest first, and what each row adds to them.

    Args:
        values: float64 (m,), m the smaller of n and d; divided by n, not n - 1.
        parts: float64 (n, m), the squared projection of each centred row on each direction; column means are the values.
        n: Rows.
        d: Columns.
        variance: The sum of the values.
    """

    values: NDArray[np.float64]
    parts: NDArray[np.float64]
    n: int
    d: int
    variance: float

    @property
    def shares(self) -> NDArray[np.float64]:
        """What share of the variance each direction holds."""
        return self.values / self.variance

    @property
    def numerical(self) -> int:
        """Directions along which rows vary at all, beyond rounding."""
        return int((self.values > 1e-9 * self.values[0]).sum())


def spectrum(x: Array) -> Spectrum:
    """The spectrum of rows `x` (n, d) about their mean, in float64; from the smaller of the two Gram matrices.

    Raises:
        InputError: fewer than 3 rows, no rows of finite numbers, or rows that are all equal.
    """
    rows = vectors(x, least=LEAST, name="X").astype(np.float64)
    rows -= rows.mean(axis=0)
    n, d = rows.shape
    if n < d:
        values, turned = np.linalg.eigh(rows @ rows.T)
        values = values[::-1].clip(0)
        parts = np.square(turned[:, ::-1]) * values  # (v . z)^2 = n lambda u^2
    else:
        values, turned = np.linalg.eigh(rows.T @ rows)
        values = values[::-1].clip(0)
        parts = np.square(rows @ turned[:, ::-1])
    variance = float(values.sum()) / n
    if not variance > 0 or values[0] / n <= 1e-14 * float(np.square(np.asarray(x, np.float64)).mean()):
        raise InputError("X: want rows that differ from each other, got one row again and again")
    return Spectrum(values / n, parts, n, d, variance)


def effective_rank(of: Spectrum) -> Interval:
    """The exponential of the entropy of the shares of variance: d where all directions hold as much, 1 on a line.

    Of the covariance, whose singular values are its eigenvalues; of the rows' own singular values it is larger.

    Source: Roy and Vetterli (2007), "The effective rank: a measure of effective dimensionality", equations 5 and 6.
    """
    p = of.shares
    told = p > _NOTHING
    logs = np.where(told, np.log(np.where(told, p, 1.0)), 0.0)
    entropy = float(-(p * logs).sum())
    gradient = np.where(told, -logs - entropy, 0.0) / of.variance
    return within(_interval(float(np.exp(entropy)), of, gradient), 1.0, of.d)


def participation_ratio(of: Spectrum) -> Interval:
    """The squared sum of the eigenvalues by the sum of their squares: d where all are equal, 1 on a line.

    Source: Gao et al. (2017), "A theory of multineuronal dimensionality, dynamics and measurement", equation 1.
    """
    squares = float(np.square(of.values).sum())
    gradient = 2 / of.variance - 2 * of.values / squares
    return within(_interval(of.variance**2 / squares, of, gradient), 1.0, of.d)


def stable_rank(of: Spectrum) -> Interval:
    """The sum of the eigenvalues by the largest: never more than the rank, and hardly moved by small directions.

    Source: Rudelson and Vershynin (2007), "Sampling from large matrices", section 1.
    """
    first = np.arange(len(of.values)) == 0
    gradient = 1 / of.variance - np.where(first, 1 / of.values[0], 0.0)
    return within(_interval(of.variance / float(of.values[0]), of, gradient), 1.0, of.d)


def share_of_first(of: Spectrum, k: int) -> Interval:
    """What share of the variance the first `k` directions hold, of the very rows that they were found on."""
    first = np.arange(len(of.values)) < k
    share = float(of.shares[first].sum())
    gradient = np.where(first, 1 / (share * of.variance), 0.0) - 1 / of.variance
    return within(_interval(share, of, gradient), 0.0, 1.0)


def directions_for(x: Array, share: float = 0.9, *, seed: int = 0) -> Held:
    """How many directions hold that share of the variance of rows they were NOT found on, and what they hold of it.

    Each half of rows `x` (n, d) is measured along the directions of the other half. The first k of n rows' own directions
    always look better on those rows than on new ones, the more so the fewer rows there are. Where all directions that half of
    the rows can have hold less than the share, that is their number, and `held` says how little it is.

    Raises:
        InputError: fewer than 6 rows, or rows that are all equal.
    """
    rows = vectors(x, least=2 * LEAST, name="X").astype(np.float64)
    half = np.random.default_rng(seed).permutation(len(rows)) % 2
    found, whole = [], []
    for side in (0, 1):
        known, asked = rows[half != side], rows[half == side]
        mean = known.mean(axis=0)
        axes = principal_axes(known - mean)
        about = asked - mean
        found.append(np.cumsum(np.square(about @ axes.T), axis=1))
        whole.append(np.square(about).sum(axis=1))
    width = min(part.shape[1] for part in found)
    held, total = np.concatenate([part[:, :width] for part in found]), np.concatenate(whole)
    if not total.sum() > 0:
        raise InputError("X: want rows that differ from each other, got one row again and again")
    shares = held.sum(axis=0) / total.sum()
    k = min(int(np.searchsorted(shares, share)) + 1, width)
    value = float(shares[k - 1])
    influence = (held[:, k - 1] - value * total) / total.mean()
    return Held(k, within(from_influence(value, influence), 0.0, 1.0), shares)


def principal_axes(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The directions of rows (n, d) that are about their mean, as rows (m, d), the longest first; from the smaller Gram matrix."""
    n, d = rows.shape
    if n >= d:
        return np.linalg.eigh(rows.T @ rows)[1][:, ::-1].T
    squared, left = np.linalg.eigh(rows @ rows.T)
    known = squared > 1e-10 * max(float(squared[-1]), 1e-300)
    return ((left[:, known].T @ rows) / np.sqrt(squared[known])[:, None])[::-1]


def _interval(value: float, of: Spectrum, gradient: NDArray[np.float64]) -> Interval:
    """From the derivative of the logarithm of a figure by each eigenvalue: a row moves eigenvalue k by its part less k."""
    return from_influence(value, value * ((of.parts - of.values) @ gradient), ratio=True)
