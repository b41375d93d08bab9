"""How alike two clouds of the same items are: row i of one and row i of the other are of one item, columns may be anything."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError, OptionError
from semascope.ops.arrays import ranks
from semascope.ops.cloud.uncertain import from_influence, jackknife, random_groups, within
from semascope.ops.door import integer, vectors
from semascope.ops.statistics import Interval
from semascope.types import Array

LEAST = 8  # items
GROUPS = 20  # left out one by one for an interval
_BLOCK = 4_096

Values = NDArray[np.float64]


class Fit(NamedTuple):
    """The turn that lays one cloud on another.

    Attributes:
        rotation: float64 (d, e), Q with Q^T Q = I where d >= e (else Q Q^T = I): `x @ rotation` is nearest to y.
        similarity: Sum of the singular values of X^T Y: how much of y is found when both are scaled to size one.
    """

    rotation: Values
    similarity: float


def linear_cka(x: Array, y: Array, *, debiased: bool = True, seed: int = 0) -> Interval:
    """Linear centred kernel alignment of rows `x` (n, d) and `y` (n, e): 1 up to turns and one scale, 0 for nothing in common.

    Never forms a matrix of n by n. Without `debiased` it rises towards 1 as columns come near rows in number, whatever they hold.

    Args:
        x: Rows (n, d).
        y: Rows (n, e) of the same items.
        debiased: With the unbiased estimate of HSIC; it can fall below zero where there is nothing in common.
        seed: Of the groups of items left out for the interval.

    Source: Kornblith et al. (2019), "Similarity of Neural Network Representations Revisited", equations 3 and 4; the unbiased HSIC
    of Song et al. (2012), "Feature Selection via Dependence Maximization", equation 4, as Nguyen et al. (2021) put it into CKA.

    Raises:
        InputError: not the same number of rows, fewer than 8, or rows that are all equal.
    """
    one, other = _pair(x, y)
    one, other = one - one.mean(axis=0), other - other.mean(axis=0)
    group, count = _groups(len(one), seed)
    figure = _cka_debiased if debiased else _cka
    value = figure(one, other)
    left_out = [figure(one[group != g], other[group != g]) for g in range(count)]
    return within(jackknife(value, np.array(left_out), len(one)), -1.0 if debiased else 0.0, 1.0)


def procrustes(x: Array, y: Array) -> Fit:
    """The orthogonal turn of rows `x` (n, d) that is nearest to rows `y` (n, e), as they are: neither centred nor scaled.

    Products in the rows' own precision, summed in float64 a few thousand rows at a time.

    Source: Schönemann (1966), "A generalized solution of the orthogonal Procrustes problem", equation 8.

    Raises:
        InputError: not the same number of rows.
    """
    one, other = vectors(x, name="x"), vectors(y, name="y")
    _same_items(one, other)
    left, values, right = np.linalg.svd(_cross(one, other), full_matrices=False)
    return Fit(left @ right, float(values.sum()))


def procrustes_residual(x: Array, y: Array) -> Interval:
    """What is left of `y` (n, e) after the best turn and scale of `x` (n, d), both about their means: 0 the same, 1 nothing.

    One less the squared sum of singular values of X^T Y with both scaled to size one: the `disparity` of scipy.spatial.procrustes.
    With few rows beside columns any two clouds can be turned onto each other: look at a control with shuffled rows beside it.

    Source: Gower (1975), "Generalized Procrustes analysis", section 2; Schönemann (1966) for the turn.
    """
    one, other = (_scaled(rows) for rows in _pair(x, y))
    n = len(one)
    left, values, right = np.linalg.svd(one.T @ other, full_matrices=False)
    similarity = float(values.sum())
    # What a row adds: its part of the sum of singular values, less what its size takes from both scales.
    part = n * np.einsum("ij,ij->i", one @ (left @ right), other)
    sizes = n * (np.square(one).sum(axis=1) + np.square(other).sum(axis=1)) / 2
    influence = -2 * similarity * (part - similarity * sizes)
    return within(from_influence(1 - similarity**2, influence), 0.0, 1.0)


def overlap(x: Array, y: Array, k: int = 10, *, seed: int = 0) -> Interval:
    """Share of each item's `k` nearest others by Euclidean distance in `x` (n, d) that are among its k nearest in `y` (n, e).

    By chance k / (n - 1). For neighbours by cosine give rows of length one. The interval leaves out groups of items, which then
    neither ask nor are found: hubs are in many lists at once, so that lists are no independent values.
    """
    one, other = _pair(x, y)
    n = len(one)
    k = integer(k, name="k", least=1, most=n - 1)
    reach = min(2 * k + 10, n - 1)  # lists stay full when a group is gone
    lists = _lists(one, reach), _lists(other, reach)
    group, count = _groups(n, seed)
    nobody = np.zeros(n, np.bool_)
    value = _shared(*lists, k, nobody)
    left_out = [_shared(*lists, k, group == g) for g in range(count)]
    return within(jackknife(value, np.array(left_out), n), 0.0, 1.0)


def rsa(x: Array, y: Array, *, most: int = 1_000, seed: int = 0) -> Interval:
    """Representational similarity: the rank correlation of all distances between items in `x` (n, d) with those in `y` (n, e).

    Args:
        x: Rows (n, d).
        y: Rows (n, e) of the same items.
        most: Items looked at, drawn at random where there are more: pairs grow with the square.
        seed: Of that draw and of the groups left out for the interval.

    Source: Kriegeskorte, Mur and Bandettini (2008), "Representational similarity analysis". The interval leaves out groups of
    items with all their pairs, as pairs of one item are no independent values; ranks stay those of all pairs.
    """
    one, other = _pair(x, y)
    one, other = _drawn(one, other, most, seed)
    n = len(one)
    up, across = np.triu_indices(n, 1)
    square = np.zeros((2, n, n))
    for place, rows in enumerate((one, other)):
        found = ranks(_distances(rows)[up, across])
        square[place, up, across] = square[place, across, up] = found - found.mean()
    group, count = _groups(n, seed)
    whole = _correlation(square[0], square[1], np.ones(n, np.bool_))
    left_out = [_correlation(square[0], square[1], group != g) for g in range(count)]
    return within(jackknife(whole, np.array(left_out), n), -1.0, 1.0)


def information_imbalance(x: Array, y: Array, *, most: int = 2_000, seed: int = 0) -> Interval:
    """What the nearest other of each item in `x` (n, d) leaves unsaid of who is near in `y` (n, e): 0 nothing, about 1 everything.

    2 / n times the mean rank in y of an item's nearest in x. Not the same both ways: 0 from x to y and 1 back says that x holds
    what y holds, and more. The interval leaves out groups of items, as that of `overlap` does.

    Args:
        x: Rows (n, d) that tell.
        y: Rows (n, e) that are told of.
        most: Items looked at, drawn at random where there are more.
        seed: Of that draw and of the groups.

    Source: Glielmo et al. (2022), "Ranking the information content of distance measures", equation 1.
    """
    one, other = _drawn(*_pair(x, y), most, seed)
    n = len(one)
    lists = _lists(one, min(40, n - 1))
    far = _distances(other)
    np.fill_diagonal(far, np.inf)
    group, count = _groups(n, seed)
    value = _imbalance(lists, far, np.zeros(n, np.bool_))
    left_out = [_imbalance(lists, far, group == g) for g in range(count)]
    return within(jackknife(value, np.array(left_out), n), 0.0)


def _imbalance(lists: NDArray[np.int64], far: Values, gone: NDArray[np.bool_]) -> float:
    stays = ~gone
    asked = np.flatnonzero(stays)
    first = lists[asked, stays[lists[asked]].argmax(axis=1)]
    level = far[asked, first][:, None]
    among = far[np.ix_(asked, asked)]
    # Those as far as the nearest itself are put half before and half behind it.
    rank = (among < level).sum(axis=1) + ((among == level).sum(axis=1) + 1) / 2
    return float(2 / len(asked) * rank.mean())


def _drawn(one: Values, other: Values, most: int, seed: int) -> tuple[Values, Values]:
    if len(one) <= integer(most, name="most", least=LEAST):
        return one, other
    drawn = np.sort(np.random.default_rng((seed, 1)).permutation(len(one))[:most])
    return one[drawn], other[drawn]


def _groups(n: int, seed: int) -> tuple[NDArray[np.int64], int]:
    count = GROUPS if n >= 4 * GROUPS else LEAST // 2
    return random_groups(n, count, seed), count


def _pair(x: Array, y: Array) -> tuple[Values, Values]:
    one, other = vectors(x, least=LEAST, name="x"), vectors(y, least=LEAST, name="y")
    _same_items(one, other)
    return one.astype(np.float64), other.astype(np.float64)


def _same_items(one: Array, other: Array) -> None:
    if len(one) != len(other):
        raise InputError(f"y: want one row for each of {len(one):,} rows of x, got {len(other):,}")


def _scaled(rows: Values) -> Values:
    about = rows - rows.mean(axis=0)
    size = float(np.linalg.norm(about))
    if not size > 1e-12 * max(float(np.abs(rows).max()), 1e-300):
        raise InputError("x: want rows that differ from each other, got one row again and again")
    return about / size


def _cross(one: Array, other: Array) -> Values:
    total = np.zeros((one.shape[1], other.shape[1]))
    for start in range(0, len(one), _BLOCK):
        total += one[start : start + _BLOCK].T @ other[start : start + _BLOCK]
    return total


def _cka(one: Values, other: Values) -> float:
    one, other = _scaled(one), _scaled(other)
    own = np.linalg.norm(one.T @ one) * np.linalg.norm(other.T @ other)
    return float(np.square(one.T @ other).sum() / own)


def _cka_debiased(one: Values, other: Values) -> float:
    one, other = _scaled(one), _scaled(other)
    own = _hsic(one, one) * _hsic(other, other)
    if own <= 0:
        raise InputError(
            "x: want more rows for a debiased CKA, or debiased=False: these have less in common with themselves than chance"
        )
    return float(_hsic(one, other) / np.sqrt(own))


def _hsic(one: Values, other: Values) -> float:
    """The unbiased estimate for linear kernels, from sums over columns: the diagonals of both Gram matrices count as zero."""
    n = len(one)
    diagonal, diagonal_other = np.square(one).sum(axis=1), np.square(other).sum(axis=1)
    rows = one @ one.sum(axis=0) - diagonal
    rows_other = other @ other.sum(axis=0) - diagonal_other
    trace = float(np.square(one.T @ other).sum() - diagonal @ diagonal_other)
    sums = float(rows.sum() * rows_other.sum()) / ((n - 1) * (n - 2))
    return (trace + sums - 2 / (n - 2) * float(rows @ rows_other)) / (n * (n - 3))


def _distances(rows: Values) -> Values:
    """Squared, (n, n); exactly zero for equal rows would need differences, so what is below rounding is set to it."""
    about = rows - rows.mean(axis=0)
    squares = np.square(about).sum(axis=1)
    found = squares[:, None] + squares - 2 * about @ about.T
    found[found < 1e-12 * float(squares.max())] = 0.0
    return found


def _lists(rows: Values, k: int) -> NDArray[np.int64]:
    """The k nearest others of every row, nearest first; equal rows by place."""
    about = rows - rows.mean(axis=0)
    squares = np.square(about).sum(axis=1)
    found = np.empty((len(rows), k), np.int64)
    for start in range(0, len(rows), 512):
        part = np.arange(start, min(start + 512, len(rows)))
        far = squares - 2 * about[part] @ about.T
        far[part - start, part] = np.inf
        near = np.sort(np.argpartition(far, k - 1, axis=1)[:, :k], axis=1)
        order = np.argsort(np.take_along_axis(far, near, axis=1), axis=1, kind="stable")
        found[part] = np.take_along_axis(near, order, axis=1)
    return found


def _shared(one: NDArray[np.int64], other: NDArray[np.int64], k: int, gone: NDArray[np.bool_]) -> float:
    """Share of two lists' first k that is in both, where those gone are passed over."""
    asked = np.flatnonzero(~gone)
    lists: list[NDArray[np.int64]] = []
    for near in (one[asked], other[asked]):
        stays = ~gone[near]
        counts = np.cumsum(stays, axis=1)
        # What is passed over, or behind the first k, becomes a number that is in no list.
        lists.append(np.where(stays & (counts <= k), near, -1 - len(lists)))
    both = np.sort(np.concatenate(lists, axis=1), axis=1)
    same = (both[:, 1:] == both[:, :-1]) & (both[:, 1:] >= 0)
    return float(same.sum() / (k * len(asked)))


def _correlation(one: Values, other: Values, kept: NDArray[np.bool_]) -> float:
    """Pearson's, of the pairs of the items kept; the diagonals hold no pair, and are zero."""
    a, b = one[np.ix_(kept, kept)], other[np.ix_(kept, kept)]
    m = len(a) * (len(a) - 1)
    a_mean, b_mean = a.sum() / m, b.sum() / m
    both = float(np.vdot(a, b)) - m * a_mean * b_mean
    size = (float(np.vdot(a, a)) - m * a_mean**2) * (float(np.vdot(b, b)) - m * b_mean**2)
    if not size > 0:
        raise OptionError("x: want rows at different distances for a rank correlation, got all at one")
    return both / float(np.sqrt(size))
