"""Whether a matrix holds the vectors of two encoders: two clouds that have no more directions in common than chance gives.

Two subjects that one encoder read still vary along the same directions: what is left of one cloud about its mean lies in the
leading directions of the other more than in as many random ones. Measured on 200 to 800 rows of news, questions, abstracts,
docstrings and Chinese by two encoders: 1.14 to 2.5 times as much for two subjects of one encoder, 0.99 to 1.10 times for two encoders.
The clouds are sought in two ways: by a cut of the order of rows, as a change of model in the middle of a run leaves it, and by
k-subspaces from a spectral cut of squared cosines.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semascope.ops import unit
from semascope.types import Vectors

MOST = 800  # rows looked at
LEAST = 40  # rows in the smaller cloud
CHANCE = 1.11  # times what chance gives: less than that is two encoders
OWN = 1.3  # times what chance gives: what the halves of each cloud must have in common, or it has no leading directions to compare
_WIDE, _NARROW = 512, 128  # columns in which clouds are judged, and in which they are sought
_STEPS = 6
_CUTS = 12  # places in the order of rows that are tried first

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Clouds:
    """The two parts of a sample that have the least in common.

    Args:
        one: Which rows of the sample are of the smaller one, (n,).
        shared: Share of what varies in one that lies in the other's leading directions, the larger of both ways.
        chance: The same for as many random directions.
        own: The same of two halves of one cloud, as a multiple of chance; the smaller of both clouds.
    """

    one: Mask
    shared: float
    chance: float
    own: float

    @property
    def two(self) -> bool:
        """Whether they are of two encoders."""
        return self.shared < CHANCE * self.chance and self.own > OWN


def clouds(x: Vectors, *, seed: int = 0) -> Clouds | None:
    """The two clouds of rows (n, d), in their order, of at most `MOST`; None where there are too few rows or columns to tell."""
    n, d = x.shape
    if n < 5 * LEAST or d < 16:
        return None
    rng = np.random.default_rng(seed)
    rows = unit(x).astype(np.float64)
    wide = rows if d <= _WIDE else rows @ _turn(rng, d, _WIDE)
    narrow = wide if wide.shape[1] <= _NARROW else wide @ _turn(rng, wide.shape[1], _NARROW)
    found: Clouds | None = None
    for seek in (_in_order, _spectral):
        mine = seek(narrow)
        if mine is not None and seek is _spectral and wide is not narrow:
            mine = _settled(wide, mine, 2)
        if mine is None:
            continue
        here = _judged(wide, mine)
        if found is None or here.shared / here.chance < found.shared / found.chance:
            found = here
        if found.two:
            break
    return found


def _turn(rng: np.random.Generator, d: int, k: int) -> NDArray[np.float64]:
    return np.linalg.qr(rng.standard_normal((d, k)))[0]


def _in_order(x: NDArray[np.float64]) -> Mask | None:
    """The cut of the order of rows whose sides have the least in common: tried at some places, then nearer and nearer."""
    n = len(x)
    tried: dict[int, float] = {}

    def ratio(cut: int) -> float:
        if cut not in tried:
            shared, chance = _in_common(x[:cut], x[cut:])
            tried[cut] = shared / chance
        return tried[cut]

    best = min((int(cut) for cut in np.linspace(LEAST, n - LEAST, _CUTS)), key=ratio)
    step = (n - 2 * LEAST) // _CUTS
    while step >= 1:
        best = min((cut for cut in (best - step, best, best + step) if LEAST <= cut <= n - LEAST), key=ratio)
        step //= 2
    return np.arange(n) < best


def _spectral(x: NDArray[np.float64]) -> Mask | None:
    """The cut of a normalised graph of squared cosines (Shi and Malik 2000), then k-subspaces (Bradley and Mangasarian 2000)."""
    u = unit(x - x.mean(axis=0)).astype(np.float64)
    near = np.square(u @ u.T)
    np.fill_diagonal(near, 0)
    degree = near.sum(axis=1)
    if not (degree > 0).all():
        return None
    root = np.sqrt(degree)
    order = np.linalg.eigh(near / np.outer(root, root))[1][:, -2] / root
    ranked = np.sort(order)
    at = np.arange(1, len(ranked))
    total = np.cumsum(ranked)
    between = np.square(total[:-1] - at * total[-1] / len(ranked)) / (at * (len(ranked) - at))
    cut = int(between.argmax())
    return _settled(x, order > (ranked[cut] + ranked[cut + 1]) / 2, _STEPS)


def _settled(x: NDArray[np.float64], mine: Mask, steps: int) -> Mask | None:
    """Every row goes to the cloud whose mean and leading directions leave less of it over, again and again."""
    for _ in range(steps):
        small = min(int(mine.sum()), int((~mine).sum()))
        if small < LEAST:
            return None
        k = min(x.shape[1] // 4, small // 3)
        left: list[NDArray[np.float64]] = []
        for side in (mine, ~mine):
            mean, basis = _leading(x[side], k)
            about = x - mean
            left.append(np.square(about).sum(axis=1) - np.square(about @ basis).sum(axis=1))
        now = left[0] < left[1]
        if (now == mine).all():
            break
        mine = now
    return mine if LEAST <= mine.sum() <= len(mine) - LEAST else None


def _leading(x: NDArray[np.float64], k: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    mean = x.mean(axis=0)
    about = x - mean
    return mean, np.linalg.eigh(about.T @ about)[1][:, ::-1][:, :k]


def _judged(x: NDArray[np.float64], mine: Mask) -> Clouds:
    one, other = x[mine], x[~mine]
    shared, chance = _in_common(one, other)
    halves = [_in_common(part[::2], part[1::2]) for part in (one, other)]
    smaller = mine if mine.sum() <= len(mine) / 2 else ~mine
    return Clouds(smaller, shared, chance, min(both / of for both, of in halves))


def _in_common(one: NDArray[np.float64], other: NDArray[np.float64]) -> tuple[float, float]:
    """Share of what varies in one that lies in the other's leading directions, the larger of both ways, and what chance gives."""
    k = max(2, min(one.shape[1] // 4, len(one) // 3, len(other) // 3))
    shares: list[float] = []
    for part, whole in ((one, other), (other, one)):
        about = part - part.mean(axis=0)
        total = float(np.square(about).sum())
        inside = float(np.square(about @ _leading(whole, k)[1]).sum())
        shares.append(inside / total if total > 0 else 1.0)
    return max(shares), k / one.shape[1]
