"""Intervals of figures that are no means: a plain bootstrap would copy rows, and copies break spectra and neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semascope.ops.statistics import Interval
from semascope.types import Array


def t_quantile(freedom: float, level: float = 0.95) -> float:
    """How many standard errors an interval of that level reaches to each side, with so many degrees of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + level) / 2))


def from_influence(value: float, influence: Array, *, ratio: bool = False, level: float = 0.95) -> Interval:
    """The interval of a figure from what each row adds to it: the infinitesimal jackknife.

    Args:
        value: The figure.
        influence: (n,) its derivative by the weight of each row, of mean zero.
        ratio: Whether the figure is above zero and its interval is to be even on a logarithmic scale.
        level: Of the interval.

    Source: Jaeckel (1972), "The infinitesimal jackknife"; Efron (1982), "The Jackknife, the Bootstrap and Other
    Resampling Plans", chapter 6: the variance is the sum of the squared influences by n squared.
    """
    n = len(influence)
    error = float(np.sqrt(np.square(influence).sum() / (n * max(n - 1, 1))))
    return around(value, error, n, ratio=ratio, reach=t_quantile(max(n - 1, 1), level))


def jackknife(value: float, without: Array, n: int, *, ratio: bool = False, level: float = 0.95) -> Interval:
    """The interval of a figure from what it is without each of g groups of rows: the delete-a-group jackknife.

    Args:
        value: The figure on all rows.
        without: (g,) the figure on all rows but those of each group.
        n: Rows it rests on.
        ratio: As above.
        level: Of the interval; its reach is that of a t curve with g - 1 degrees of freedom.

    Source: Kott (2001), "The Delete-a-Group Jackknife".
    """
    left_out = np.asarray(without, np.float64)
    g = len(left_out)
    error = float(np.sqrt((g - 1) / g * np.square(left_out - left_out.mean()).sum()))
    return around(value, error, n, ratio=ratio, reach=t_quantile(g - 1, level))


def around(value: float, error: float, n: int, *, ratio: bool = False, reach: float = 1.959964) -> Interval:
    """A value and `reach` standard errors to each side, by factors where `ratio`."""
    if ratio and value > 0:
        # More than e^20 either way says no more than that nothing is known; it would overflow further on.
        factor = float(np.exp(min(reach * error / value, 20.0)))
        return Interval(value, value / factor, value * factor, n)
    return Interval(value, value - reach * error, value + reach * error, n)


def within(interval: Interval, low: float = -np.inf, high: float = np.inf) -> Interval:
    """The same interval, cut where the figure cannot lie."""
    value = min(max(interval.value, low), high)
    return Interval(value, min(max(interval.low, low), high), min(max(interval.high, low), high), interval.n)


def random_groups(n: int, count: int, seed: int = 0) -> NDArray[np.int64]:
    """A group of 0 to count - 1 for each of n rows, as even as can be."""
    return np.random.default_rng(seed).permutation(n) % count
