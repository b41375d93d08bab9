"""Comparing rows with candidates up to what may have been done to them: nothing, centring, scaled columns, a rotation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from semascope.types import Array

Frame = Literal["direct", "bits", "centred", "columns", "rotated", "linear"]
ORDER: tuple[Frame, ...] = ("direct", "bits", "centred", "columns", "rotated", "linear")
# Columns that vary less than that beside the others do not vary at all: what is left of them is rounding.
CONSTANT = 1e-5
_FLOOR = 1e-7  # 1 - cosine of which nothing is read: what float32 arithmetic leaves


@dataclass(frozen=True, eq=False)
class Fit:
    """How candidates' rows and a matrix's are made comparable: after it, rows that belong together have cosine one.

    Args:
        frame: What is allowed for.
        unit: Whether the candidate's rows get length one first.
        mean: Taken from the candidate's rows, (d,) or 0.
        scale: Each of their columns is multiplied with, (d,) or 1.
        matrix: They are mapped with after that, (d, d_out), or None.
        mean_x: Taken from the matrix's rows, (d_out,) or 0.
        scale_x: Each of their columns is multiplied with, (d_out,) or 1.
    """

    frame: Frame
    unit: bool = False
    mean: Array | float = 0.0
    scale: Array | float = 1.0
    matrix: Array | None = None
    mean_x: Array | float = 0.0
    scale_x: Array | float = 1.0

    def made(self, c: Array) -> NDArray[np.float64]:
        """A candidate's rows (n, d) as the matrix would hold them, up to each row's length."""
        x = np.asarray(c, dtype=np.float64)
        if self.unit:
            x = x / lengths(x)[..., None]
        if self.frame == "bits":
            return np.where(x - self.mean > 0, 1.0, -1.0)
        x = (x - self.mean) * self.scale
        return x if self.matrix is None else x @ self.matrix

    def found(self, x: Array) -> NDArray[np.float64]:
        """The matrix's rows (n, d_out) beside which `made` is held."""
        return (np.asarray(x, dtype=np.float64) - self.mean_x) * self.scale_x


def lengths(x: Array) -> NDArray[np.float64]:
    """Euclidean length of rows along the last axis; 1 for zero rows."""
    norm = np.sqrt(np.einsum("...d,...d->...", x, x))
    return np.where(norm > 0, norm, 1.0)


def row_cosines(x: Array, y: Array) -> NDArray[np.float64]:
    """Cosine of rows along the last axis; 0 where one of them is zero."""
    return np.einsum("...d,...d->...", x, y) / (lengths(x) * lengths(y))


def nines(cosines: Array, noise: float = 0.0) -> NDArray[np.float64]:
    """-log10(1 - cosine): 2 for 0.99, 4 for 0.9999.

    Its mean tells a recipe that makes part of the rows exactly from one that makes all of them nearly, as no mean of
    cosines does. What rounding takes anyway is not counted.
    """
    off = np.maximum(1.0 - np.asarray(cosines, dtype=np.float64), 0.0)
    return -np.log10(np.minimum(off + _FLOOR + noise, 2.0))


def compared(x: Array, made: Array, frame: Frame, *, unit: bool) -> NDArray[np.float64]:
    """Cosine of every row with every candidate's, allowing for what `frame` says: (n, candidates).

    Args:
        x: Rows of the matrix, float64 (n, d).
        made: Those of candidates, (n, candidates, d), or (n, candidates, width) for "rotated".
        frame: "direct", "bits" (signs), "centred" (less one vector, then perhaps made of length one: the vector and
            the lengths are those of least squares), "columns" (each column shifted and scaled), "rotated" (any rotation, shift
            and reflection: cosine of rows of the two centred Gram matrices).
        unit: Whether candidates' rows get length one first.
    """
    c = np.asarray(made, dtype=np.float64).transpose(1, 0, 2)
    if unit:
        c = c / lengths(c)[..., None]
    if frame == "direct":
        cosines = row_cosines(x, c)
        return (
            cosines * np.where(cosines.sum(axis=1, keepdims=True) < 0, -1, 1)
        ).T  # a flipped sign is told by the scale
    if frame == "bits":
        return row_cosines(x, np.where(c > 0, 1.0, -1.0)).T
    if frame == "centred":
        return _centred(x, c).T
    if frame == "columns":
        # A column that is constant in the candidate was rounding before it was scaled: it tells nothing.
        z = standardised(c)
        return row_cosines(standardised(x) * z.any(axis=-2, keepdims=True), z).T
    return row_cosines(centred_gram(x[None]), centred_gram(c)).T


def standardised(x: Array) -> NDArray[np.float64]:
    """Columns with mean 0 and spread 1 over the rows (axis -2); constant columns become 0."""
    x = x - x.mean(axis=-2, keepdims=True)
    spread = np.sqrt(np.square(x).mean(axis=-2, keepdims=True))
    most = np.maximum(spread.max(axis=-1, keepdims=True, initial=0), 1e-300)
    return x / np.where(spread > CONSTANT * most, spread, np.inf)


def centred_gram(x: Array) -> NDArray[np.float64]:
    """Inner products (..., n, n) of rows (..., n, d) less their mean."""
    x = x - x.mean(axis=-2, keepdims=True)
    return x @ np.swapaxes(x, -1, -2)


def _centred(x: Array, c: Array) -> NDArray[np.float64]:
    mean = centre_of(x, c)
    return row_cosines(x, c - mean[:, None])


def centre_of(x: Array, c: Array) -> NDArray[np.float64]:
    """The vector m for which rows c - m lie along rows x as well as can be, (candidates, d).

    Least squares of c_i = r_i x_i + m over all r and m: with the centring matrix H, (H * x x') r = diag(x (Hc)').
    """
    n = len(x)
    shared = (np.eye(n) - 1 / n) * (x @ x.T)
    shared += np.eye(n) * (1e-12 * np.trace(shared) / n)
    right = np.einsum("nd,cnd->nc", x, c - c.mean(axis=1, keepdims=True))
    r = np.linalg.solve(shared, right)
    return c.mean(axis=1) - np.einsum("nc,nd->cd", r, x) / n


def fitted(x: Array, c: Array, frame: Frame, *, unit: bool) -> Fit:
    """What makes rows of one candidate (n, d) comparable with those of the matrix, learned from these rows.

    "bits" and "rotated" learn nothing: what a rotation is cannot be learned from fewer rows than there are columns.
    """
    c = np.asarray(c, dtype=np.float64)
    if unit:
        c = c / lengths(c)[:, None]
    if frame == "centred":
        return Fit(frame, unit, mean=centre_of(x, c[None])[0])
    if frame == "columns":
        scale, scale_x = _inverse(c.std(axis=0)), _inverse(x.std(axis=0))
        return Fit(frame, unit, c.mean(axis=0), scale, None, x.mean(axis=0), np.where(scale > 0, scale_x, 0.0))
    if frame == "direct":
        return Fit(frame, unit, scale=-1.0 if row_cosines(x, c).sum() < 0 else 1.0)
    return Fit(frame, unit)


def _inverse(spread: Array) -> NDArray[np.float64]:
    least = CONSTANT * max(float(spread.max(initial=0)), 1e-300)
    return np.where(spread > least, 1 / np.where(spread > 0, spread, 1), 0.0)
