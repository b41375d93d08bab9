"""Find a secret rotation without a single pair of rows: turn one's own cloud of rows until it lies on the stored one.

One's own are rows of other texts of the same kind that the same encoder made.

The principal axes of both clouds are matched in order, their signs by trying all; then pairs of rows that are each
other's nearest and the best rotation for them are found in turn, in more and more dimensions.

Source: Hoshen and Wolf (2018), "Non-Adversarial Unsupervised Word Translation" (axes first, then nearest pairs in turn).
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from semascope.ops import unit
from semascope.types import Vectors

TRIED = 8  # axes whose signs are tried, all 256 of them
LOOKED_AT = 1200  # rows that signs are judged by
MATCHED = 2000  # rows of each cloud that pairs are looked for among
DIMENSIONS = (8, 8, 8, 12, 12, 16, 16, 24, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768)


def rotation_between(own: Vectors, stored: Vectors, *, seed: int = 0) -> NDArray[np.float64]:
    """The rotation (d, d) that turns rows like `own` into rows like `stored`: (own - mean) @ rotation + mean of stored.

    Args:
        own: (n, d), rows of the attacker's own texts.
        stored: (m, d), rows of other texts, turned.
        seed: Of the rows that are looked at.
    """
    rng = np.random.default_rng((seed, 53))
    a, b = (_centred(rows[rng.permutation(len(rows))]) for rows in (own, stored))
    axes_a, axes_b = _axes(a), _axes(b)
    tried = min(TRIED, a.shape[1])
    signs = _signs(a[:LOOKED_AT] @ axes_a[:, :tried], b[:LOOKED_AT] @ axes_b[:, :tried])
    turn = (axes_a[:, :tried] * signs) @ axes_b[:, :tried].T
    a, b = a[:MATCHED], b[:MATCHED]
    for dims in [*(size for size in DIMENSIONS if size < a.shape[1]), *[a.shape[1]] * 3]:
        seen = axes_b[:, :dims]
        scores = unit(a @ turn @ seen) @ unit(b @ seen).T
        near, back = scores.argmax(axis=1), scores.argmax(axis=0)
        pairs = np.flatnonzero(back[near] == np.arange(len(near)))
        wide = min(dims + dims // 2, a.shape[1])
        left, right = axes_a[:, :wide], axes_b[:, :wide]
        u, _, v = np.linalg.svd((a[pairs] @ left).T @ (b[near[pairs]] @ right))
        turn = left @ (u @ v) @ right.T
    return turn


def _centred(rows: Vectors) -> NDArray[np.float64]:
    x = rows.astype(np.float64)
    return x - x.mean(axis=0)


def _axes(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Principal axes as columns, the strongest first."""
    return np.linalg.eigh(x.T @ x)[1][:, ::-1]


def _signs(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """The signs of a's columns under which its rows lie nearest to those of b, and b's to a's."""
    best, found = np.inf, np.ones(a.shape[1])
    sizes_a, sizes_b = (a**2).sum(axis=1)[:, None], (b**2).sum(axis=1)
    for signs in product((1.0, -1.0), repeat=a.shape[1]):
        turned = np.asarray(signs)
        apart = np.maximum(sizes_a + sizes_b - 2 * (a * turned) @ b.T, 0)
        away = float(np.sqrt(apart.min(axis=0)).mean() + np.sqrt(apart.min(axis=1)).mean())
        if away < best:
            best, found = away, turned
    return found
