"""How evenly a cloud of vectors uses all directions: two definitions, and how alike two of its rows are by chance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.ops.arrays import unit
from semascope.ops.cloud.rank import LEAST, Spectrum, participation_ratio
from semascope.ops.cloud.uncertain import from_influence, jackknife, random_groups, within
from semascope.ops.door import vectors
from semascope.ops.statistics import Interval
from semascope.types import Array

_LEADING, _GROUPS = 32, 20  # directions, and groups of rows, that the interval of a partition ratio is from


def iso_score(of: Spectrum) -> Interval:
    """IsoScore of a cloud: 1 where the variance is the same in all d directions, 0 on a line. Its mean does not matter.

    With the diagonal of the covariance after a turn to principal axes scaled to length sqrt(d), the paper's isotropy defect
    and its two rescalings come to (participation ratio - 1) / (d - 1): it is the participation ratio on a scale of 0 to 1.

    Source: Rudman, Gillman, Rayne and Eickhoff (2022), "IsoScore: Measuring the Uniformity of Embedding Space
    Utilization", algorithm 1.

    Raises:
        InputError: one column alone.
    """
    if of.d < 2:
        raise InputError("X: want at least 2 columns for IsoScore, got 1")
    ratio = participation_ratio(of)
    scaled = [(value - 1) / (of.d - 1) for value in ratio[:3]]
    return Interval(scaled[0], scaled[1], scaled[2], ratio.n)


def partition_ratio(x: Array) -> Interval:
    """The least by the largest of Z(a), the sum of exp(a . x) over rows x (n, d), for a in plus and minus the eigenvectors of X^T X.

    1 where Z is the same in all directions, near 0 where the rows lie to one side. It hangs on the length of rows: give rows of
    length one to compare clouds. The paper takes each eigenvector with the sign that its routine happens to give; here both
    signs are looked at, so that the figure is of the cloud alone.

    Source: Mu and Viswanath (2018), "All-but-the-Top", equation 3 and the line below it; after Arora et al. (2016).

    Raises:
        InputError: fewer than 3 rows, or no rows of finite numbers.
    """
    rows = vectors(x, least=LEAST, name="X").astype(np.float64)
    n, d = rows.shape
    if n < d:  # along all other directions every product is zero, and Z is n
        squared, left = np.linalg.eigh(rows @ rows.T)
        along = left * np.sqrt(squared.clip(0))
    else:
        along = rows @ np.linalg.eigh(rows.T @ rows)[1]
    value = _least_by_largest(along, wide=n < d)
    # Without a group the eigenvectors turn too, above all among the leading ones: the groups are left out in their span.
    leading = along[:, -_LEADING:]
    squares = leading.T @ leading
    group = random_groups(n, min(_GROUPS, n))
    without: list[float] = []
    for one in range(int(group.max()) + 1):
        gone = leading[group == one]
        turn = np.linalg.eigh(squares - gone.T @ gone)[1]
        without.append(float(np.log(max(_least_by_largest(leading[group != one] @ turn, wide=n < d), 1e-300))))
    spread = jackknife(0.0, np.array(without), n)
    low, high = value * np.exp(np.clip([spread.low, spread.high], -700, 700))
    return within(Interval(value, float(low), float(high), n), 0.0, 1.0)


def _least_by_largest(along: NDArray[np.float64], *, wide: bool) -> float:
    """Of the means of exp(+-) of each column (n, m); `wide`: of directions without any product, too, whose mean is 1."""
    lowest, highest = along.min(axis=0), along.max(axis=0)
    # Each against its own largest exponent, so that long rows do not overflow.
    logs = np.concatenate(
        [
            np.log(np.exp(along - highest).mean(axis=0)) + highest,
            np.log(np.exp(lowest - along).mean(axis=0)) - lowest,
        ]
    )
    least = min(float(logs.min()), 0.0) if wide else float(logs.min())
    return float(np.exp(least - float(logs.max())))


def mean_cosine(x: Array) -> Interval:
    """The mean cosine of two different rows of `x` (n, d), over all pairs: 0 where they point everywhere alike.

    All pairs at once, as the squared length of the sum of unit rows is the sum of all their products.

    Source: Ethayarajh (2019), "How Contextual are Contextualized Word Representations?", section 4.1 (there of sampled
    pairs); the interval is that of a U-statistic: Hoeffding (1948), equation 5.13.

    Raises:
        InputError: fewer than 3 rows, or no rows of finite numbers.
    """
    rows = unit(vectors(x, least=LEAST, name="X")).astype(np.float64)
    n = len(rows)
    own = np.square(rows).sum(axis=1)
    each = (rows @ rows.sum(axis=0) - own) / (n - 1)
    return within(from_influence(float(each.mean()), 2 * (each - each.mean())), -1.0, 1.0)
