"""Which numbers a matrix is made of: floats of 32 or 16 bits, whole numbers, bits; and how much of a value that rounding took."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semascope.types import Array

_ROWS = 4_096  # looked at, evenly from all
_LEVELS = 256


@dataclass(frozen=True, eq=False)
class Grid:
    """The numbers of a matrix.

    Args:
        name: "float32", "float16", "bfloat16", "int8" (at most 256 values a matrix, row or column), "bits".
        says: How that shows.
        noise: What rounding is expected to take of a row's cosine, as 1 - cosine.
        packed: Whether eight bits stand in one value.
    """

    name: str
    says: str
    noise: float
    packed: bool = False

    def rows(self, values: Array) -> NDArray[np.float64]:
        """Values (n, d) as float64 numbers to compare: bits as -1 and 1."""
        if self.packed:
            return np.where(np.unpackbits(values, axis=1) > 0, 1.0, -1.0)
        x = np.asarray(values, dtype=np.float64)
        if self.name != "bits":
            return x
        return np.where(x > 0, 1.0, -1.0)


def grid_of(values: Array, *, width: int | None = None) -> Grid:
    """What the numbers of `values` (n, d) are.

    Args:
        values: As in a file; rows that are not finite are left out.
        width: Columns of the encoder that may have made them: uint8 rows of at most an eighth of it are packed bits.
    """
    n = len(values)
    step = max(1, n // _ROWS)
    some = np.asarray(values[::step][:_ROWS])
    kind = some.dtype
    if kind == np.uint8 and width is not None and some.shape[1] * 8 <= width:
        return Grid("bits", "uint8 rows an eighth as wide as the encoder's: packed bits", 0.0, packed=True)
    x = some.astype(np.float64)
    x = x[np.isfinite(x).all(axis=1) & x.any(axis=1)]
    if not len(x):
        return Grid(kind.name, "no row to look at", 0.0)
    distinct = np.unique(x[:256])
    if len(distinct) <= 2:
        return Grid("bits", f"only the values {', '.join(f'{value:g}' for value in distinct)}", 0.0)
    whole = _whole(x, kind)
    if whole is not None:
        return whole
    return _floats(x, kind)


def _whole(x: Array, kind: np.dtype[np.generic]) -> Grid | None:
    """Whole numbers, or multiples of one step in the matrix, in each row, or in each column."""
    if kind.kind in "iu":
        return Grid(kind.name, f"stored as {kind.name}", _noise(x, np.ones(len(x))))
    scale = np.abs(x).max()
    for levels in (127.0, 128.0):
        if _whole_numbers(x / scale * levels):
            return Grid(
                "int8",
                f"{int(levels)} steps of one size either side of zero",
                _noise(x, np.full(len(x), scale / levels)),
            )
    rows = np.abs(x).max(axis=1, keepdims=True)
    if _whole_numbers(x / rows * 127.0):
        return Grid("int8", "127 steps either side of zero in every row", _noise(x, rows[:, 0] / 127.0))
    steps = _column_steps(x)
    if steps is not None:
        size = np.square(x - x.mean(axis=0)).sum(axis=1)
        return Grid(
            "int8",
            "at most 256 evenly spaced values in every column",
            float(np.square(steps).sum() / 24 / np.median(size)),
        )
    return None


def _whole_numbers(x: Array) -> bool:
    return bool(np.abs(x - np.round(x)).max() < 2e-3)


def _column_steps(x: Array) -> Array | None:
    """The step of every column (d,), where each holds few values for its rows and they lie on a line of steps."""
    if len(x) < 64:
        return None
    steps = np.zeros(x.shape[1])
    for column in range(x.shape[1]):
        distinct = np.unique(np.round(x[:, column], 9))
        if len(distinct) < 2:
            continue
        gaps = np.diff(distinct)
        least = gaps[gaps > 1e-7].min(initial=np.inf)
        off = (distinct - distinct[0]) / least
        if off[-1] > _LEVELS or np.abs(off - np.round(off)).max() > 0.02:
            return None
        steps[column] = least
    return steps


def _noise(x: Array, step: Array) -> float:
    """1 - cosine that rounding to steps (n,) costs rows (n, d): a twelfth of the squared step a value, halved by the cosine."""
    share = x.shape[1] * np.square(step) / 12 / np.square(x).sum(axis=1)
    return float(np.median(share) / 2)


def _floats(x: Array, kind: np.dtype[np.generic]) -> Grid:
    single = x.astype(np.float32)
    if kind == np.float64 and not np.array_equal(single.astype(np.float64), x):
        return Grid("float64", "values that float32 cannot hold", 0.0)
    if not (single.view(np.uint32) & np.uint32(0xFFFF)).any():
        return Grid("bfloat16", "every value has at most 8 leading bits, as bfloat16 holds", 2.0**-18)
    with np.errstate(over="ignore"):
        half = single.astype(np.float16)
    if np.array_equal(half.astype(np.float32), single):
        return Grid(
            "float16", "stored as float16" if kind == np.float16 else "every value is one that float16 holds", 2.0**-22
        )
    return Grid("float32", "float32", 0.0)
