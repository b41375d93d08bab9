"""What the difference of two encoders would be if it did not matter, unit by unit, which of the two had spoken."""

from __future__ import annotations

from collections.abc import Generator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from semascope.metrics.scores import Scores
from semascope.ops import ranks
from semascope.types import Array

_AT_ONCE = 1_000_000  # signs held at once
Values = NDArray[np.float64]


def exchanged(a: Scores, b: Scores, draws: int, rng: np.random.Generator) -> tuple[Values, bool] | None:
    """Differences B less A (draws,) with the two exchanged for random units; None where units have nothing to exchange.

    Means: the gain of a unit changes its sign. Spearman and average precision: a unit's RANKS change sides, since
    cosines of two encoders have scales of their own. V-measure: groups have no numbers that mean the same in both.

    Returns:
        The differences, and whether they are all there are, each once, so that a p-value of them is exact.
    """
    match a.statistic:
        case "mean":
            return flipped(np.asarray(b.columns["value"], np.float64) - np.asarray(a.columns["value"]), draws, rng)
        case "spearman":
            sides = [ranks(one.columns["score"]) for one in (a, b)]
            return _spearman(ranks(a.columns["gold"]), sides[0], sides[1], draws, rng), False
        case "average_precision":
            sides = [ranks(one.columns["score"]) for one in (a, b)]
            match_ = np.asarray(a.columns["match"], np.float64) > 0
            return _average_precision(match_, sides[0], sides[1], draws, rng), False
        case "v_measure":
            return None


def flipped(gain: Array, draws: int, rng: np.random.Generator) -> tuple[Values, bool]:
    """Means of gains (n,) with random signs, and whether these are all there are, each once.

    A gain of 0 has no sign: where those of the others can be had in at most `draws` ways, every way is taken.
    """
    gain = np.asarray(gain, np.float64)
    moved = gain[gain != 0]
    if len(moved) < 32 and 2 ** len(moved) <= draws:
        ways = np.arange(2 ** len(moved))[:, None] >> np.arange(len(moved))
        return (1.0 - 2.0 * (ways & 1)) @ moved / len(gain), True
    return np.concatenate([signs @ moved for signs in _signs(len(moved), draws, rng)]) / len(gain), False


def _signs(n: int, draws: int, rng: np.random.Generator) -> Generator[Array]:
    """Random signs (some, n), `draws` rows in all."""
    step = max(1, _AT_ONCE // max(n, 1))
    for start, stop in pairwise([*range(0, draws, step), draws]):
        bits = np.unpackbits(rng.integers(0, 256, (stop - start, -(-n // 8)), np.uint8), axis=1, count=n)
        yield 1.0 - 2.0 * bits


def _spearman(gold: Values, one: Values, other: Values, draws: int, rng: np.random.Generator) -> Values:
    """Ranks change sides. What a correlation is made of are sums over units, so all draws are one product of matrices."""
    gold = gold - gold.mean()
    middle, half = (one + other) / 2, (other - one) / 2
    middle = middle - middle.mean()
    parts = np.stack([half, middle * half, half * gold], axis=1)
    n, shared, squares, size = len(gold), middle @ gold, middle @ middle + half @ half, gold @ gold
    out: list[Values] = []
    for signs in _signs(n, draws, rng):
        moved, crossed, along = (signs @ parts).T
        sides = [
            (shared + side * along) / np.sqrt((squares + 2 * side * crossed - moved**2 / n) * size) for side in (-1, 1)
        ]
        out.append(sides[1] - sides[0])
    return np.concatenate(out)


def _average_precision(
    match: NDArray[np.bool_], one: Values, other: Values, draws: int, rng: np.random.Generator
) -> Values:
    out: list[Values] = []
    for signs in _signs(len(match), draws, rng):
        sides = [np.where(signs * side > 0, one, other) for side in (1, -1)]
        areas: list[Values] = []
        for side in sides:
            # Ranks of two sides can be equal; a fair draw puts them in order, for both alike.
            order = np.argsort(rng.random(side.shape) / 4 - side, axis=1)
            hit = match[order]
            precision = np.cumsum(hit, axis=1) / np.arange(1, len(match) + 1)
            areas.append((precision * hit).sum(1) / np.count_nonzero(match))
        out.append(areas[1] - areas[0])
    return np.concatenate(out)
