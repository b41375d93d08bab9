"""Curves that never fall, from a score to the share of matches: logistic, beta, isotonic; and from what random pairs score.

A curve is its knots and what it is at each, both float64 (k,); between them it is straight, outside them level.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from semascope.types import Array

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]
_KNOTS = 513  # of a smooth curve: straight pieces between them are within 1e-4 of it
_EDGE = 1e-6


def platt(scores: Array, hits: Array) -> Curve:
    """Platt's logistic curve, drawn as wide again to either side as the scores are."""
    centre, scale = float(scores.mean()), float(scores.std()) or 1.0
    weight, constant = _logistic((scores[:, None] - centre) / scale, hits, smooth=True)
    low, high = _range(scores)
    wide = high - low
    return _curve(low - wide, high + wide, lambda s: _sigmoid(weight * (s - centre) / scale + constant))


def beta(scores: Array, hits: Array) -> Curve:
    """The beta curve of Kull et al., of scores brought to between 0 and 1."""
    low, high = _range(scores)

    def features(s: Array) -> NDArray[np.float64]:
        u = np.clip((s - low) / (high - low), _EDGE, 1 - _EDGE)
        return np.stack([np.log(u), -np.log1p(-u)], axis=1)

    weights = _logistic(features(scores), hits, smooth=True)
    return _curve(low, high, lambda s: _sigmoid(features(s) @ weights[:-1] + weights[-1]))


def isotonic(scores: Array, hits: Array) -> Curve:
    """Isotonic regression, each level drawn towards the share of matches by one pair, so that none is certain."""
    from scipy.optimize import isotonic_regression

    knots, inverse, counts = np.unique(scores.astype(np.float32), return_inverse=True, return_counts=True)
    share = np.bincount(inverse, weights=hits) / counts
    found = isotonic_regression(share, weights=counts)
    blocks = np.asarray(found.blocks, np.int64)
    sizes = np.add.reduceat(counts, blocks[:-1])
    level = np.asarray(found.x, np.float64)[blocks[:-1]]
    level = np.maximum.accumulate((level * sizes + hits.mean()) / (sizes + 1))
    # The two ends of each level are what is needed of it.
    first, last = blocks[:-1], blocks[1:] - 1
    at = np.unique(np.concatenate([first, last]))
    return _monotone(knots[at], level[np.searchsorted(blocks, at, side="right") - 1])


def ranks(background: NDArray[np.float64]) -> Curve:
    """The share of random pairs below a score, one more pair counted on either side."""
    n = len(background)
    knots, last = np.unique(background.astype(np.float32), return_index=False, return_counts=True)
    below = np.cumsum(last) - last / 2
    low, high = _range(background)
    ends = np.concatenate([[np.float32(low)], knots, [np.float32(high)]])
    values = np.concatenate([[0.0], below / (n + 1), [n / (n + 1)]])
    keep = np.concatenate([[True], np.diff(ends) > 0])
    return _monotone(ends[keep], values[keep])


def mixture(scores: NDArray[np.float64], background: NDArray[np.float64]) -> tuple[float, Curve]:
    """The estimated share of matches among the scores, and 1 less the local false discovery rate.

    The ratio of the two densities is read off an isotonic regression of "one of the scores, not of the background".
    """
    from scipy.optimize import isotonic_regression

    p = (above(background, scores) + 1) / (len(background) + 1)
    # Storey's estimate: p-values of non-matches are even, and above the middle there is hardly anything else.
    none = min(float((p > 0.5).mean() / 0.5), 1.0)
    both = np.concatenate([scores, background]).astype(np.float32)
    ours = np.concatenate([np.ones(len(scores)), np.zeros(len(background))])
    knots, inverse, counts = np.unique(both, return_inverse=True, return_counts=True)
    share = isotonic_regression(np.bincount(inverse, weights=ours) / counts, weights=counts).x
    odds = np.maximum(share, 1e-9) / np.maximum(1 - share, 1 / (len(background) + 1))
    ratio = odds * len(background) / len(scores)
    return 1 - none, _monotone(knots, np.clip(1 - none / np.maximum(ratio, 1e-9), 0, 1))


def above(values: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many of the values are at least as great."""
    return (len(values) - np.searchsorted(np.sort(values), at, side="left")).astype(np.int64)


def reached(scores: Array, stated: Array, precision: float) -> float | None:
    """The least of the scores from which on the mean stated probability is that high; equal scores together."""
    order = np.argsort(-scores, kind="stable")
    mean = np.cumsum(stated[order]) / np.arange(1, len(order) + 1)
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
    fits = last[mean[last] >= precision]
    return float(scores[order][fits[-1]]) if len(fits) else None


def at(curve: Curve, scores: Array) -> NDArray[np.float64]:
    """What a curve is at these scores."""
    return np.interp(scores, *curve)


def _logistic(features: Array, hits: Array, *, smooth: bool) -> NDArray[np.float64]:
    """Weights, none of the features' below 0, and the constant, of the logistic regression of matches on features (n, m)."""
    from scipy.optimize import minimize

    yes, no = float(hits.sum()), float((~hits).sum())
    # Platt's targets: with few pairs, certainty is not called for.
    aim = np.where(hits, (yes + 1) / (yes + 2), 1 / (no + 2)) if smooth else hits.astype(np.float64)

    def loss(weights: Array) -> tuple[float, Array]:
        z = features @ weights[:-1] + weights[-1]
        value = float((np.logaddexp(0, z) - aim * z).sum()) + 1e-6 * float(weights[:-1] @ weights[:-1])
        slope = 1 / (1 + np.exp(-np.clip(z, -700, 700))) - aim
        return value, np.append(features.T @ slope + 2e-6 * weights[:-1], slope.sum())

    start = np.append(np.ones(features.shape[1]), np.log((yes + 1) / (no + 1)))
    bounds = [(0.0, None)] * features.shape[1] + [(None, None)]
    return minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 500}).x


def _range(scores: Array) -> tuple[float, float]:
    low, high = float(scores.min()), float(scores.max())
    room = 0.05 * (high - low) or max(abs(high), 1.0) * 1e-3
    return low - room, high + room


def _curve(low: float, high: float, at: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Curve:
    knots = np.unique(np.linspace(low, high, _KNOTS).astype(np.float32))
    return _monotone(knots, at(knots.astype(np.float64)))


def _monotone(knots: Array, values: Array) -> Curve:
    return np.asarray(knots, np.float64), np.maximum.accumulate(np.clip(values, 0, 1))


def _sigmoid(z: Array) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-np.clip(z, -700, 700)))
