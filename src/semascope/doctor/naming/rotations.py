"""What kind of rotation took one set of rows to another, where it is one that few rows show."""

from __future__ import annotations

import numpy as np

from semascope.doctor.naming.frames import standardised
from semascope.types import Array

_SURE = 0.9999


def what_rotated(x: Array, c: Array) -> str:
    """How columns of rows c (n, d) became those of x (n, d): permuted, their signs flipped, or truly rotated."""
    n, d = x.shape
    if c.shape[1] != d:
        return "rotated"
    zx, zc = standardised(x), standardised(c)
    # Constant columns cannot be told from each other: the others have to find their places.
    at = np.flatnonzero(zx.any(axis=0))
    if not len(at) or len(at) != zc.any(axis=0).sum():
        return "rotated" if _uncentred(x, c) else "centred and rotated"
    alike = zx[:, at].T @ zc / n
    place = np.abs(alike).argmax(axis=1)
    found = alike[np.arange(len(at)), place]
    if np.abs(found).min() < _SURE or len(np.unique(place)) < len(at):
        return "rotated" if _uncentred(x, c) else "centred and rotated"
    told: list[str] = []
    if (place != at).any():
        shift = int(place[0] - at[0]) % d
        if np.array_equal(place, d - 1 - at):
            told.append("columns reversed")
        elif np.array_equal(place, (at + shift) % d):
            told.append(f"columns rolled by {-shift % d}")
        else:
            told.append("columns permuted")
    if (found < 0).any():
        told.append("signs of some columns flipped")
    return ", ".join(told) or "centred"


def _uncentred(x: Array, c: Array) -> bool:
    """Whether inner products agree without taking the mean away first."""
    a, b = (x @ x.T).ravel(), (c @ c.T).ravel()
    return float(a @ b / np.sqrt((a @ a) * (b @ b))) > 1 - 1e-5
