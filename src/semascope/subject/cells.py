"""One cell of a table that may hold a vector: a list of numbers, text such as "[0.1, 0.2]", or bytes of float32."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError

KNOWN = ("vector", "vectors", "embedding", "embeddings", "emb", "embed", "vec", "features", "dense_vector")
LEAST = 8  # numbers of a vector whose column has no name that says so: [x, y, width, height] is none


def numbers(value: Any) -> NDArray[np.floating[Any]] | None:
    """The numbers of a cell, 1-D, null ones as NaN; None where it is empty or holds anything else."""
    if isinstance(value, np.ndarray):
        return value if value.ndim == 1 and value.dtype.kind in "fiu" and value.size else None
    if isinstance(value, str):
        return _of_text(value)
    if isinstance(value, bytes | bytearray | memoryview):
        data = bytes(value)
        return np.frombuffer(data, dtype="<f4") if data and len(data) % 4 == 0 else None
    if isinstance(value, Sequence) and value and isinstance(value[0], int | float) and not isinstance(value[0], bool):
        try:
            return np.array([math.nan if one is None else one for one in value], dtype=np.float64)
        except (TypeError, ValueError, OverflowError):
            return None
    return None


def _of_text(value: str) -> NDArray[np.float64] | None:
    """Of "[0.1, 0.2]", "(0.1, 0.2)", "{0.1,0.2}" and what numpy prints, "[0.1 0.2]"; a bare list of words is none."""
    text = value.strip()
    if len(text) < 2 or text[0] not in "[({" or text[-1] not in "])}":
        return None
    inner = text[1:-1]
    parts = inner.split(",") if "," in inner else inner.split()
    if not parts or "[" in inner or '"' in inner or "..." in inner:
        return None
    try:
        return np.array([math.nan if one.strip() in ("null", "NULL", "None") else float(one) for one in parts])
    except ValueError:
        return None


def is_empty(value: Any) -> bool:
    """Whether a cell holds nothing at all."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, bytes | Sequence | np.ndarray) and len(value) == 0)


def holds(cells: Iterable[Any], name: str) -> bool:
    """Whether a column holds vectors, by its first cells: numbers, as many in each, of a number that no pair or box has.

    Bytes count only where the numbers are finite and of a size that embeddings have: any picture is bytes, too.
    """
    given = [one for one in cells if not is_empty(one)]
    found = [numbers(one) for one in given[:100]]
    sizes = {0 if one is None else one.size for one in found}
    if not found or 0 in sizes or len(sizes) != 1:
        return False
    if isinstance(given[0], bytes) and not _plausible(found):
        return False
    return sizes.pop() >= (2 if name.lower().strip() in KNOWN else LEAST)


def _plausible(found: Sequence[Any]) -> bool:
    block = np.array(found, dtype=np.float32)
    if block.shape[1] < LEAST or not np.isfinite(block).all():
        return False
    size = np.abs(block)
    return bool(size.max() < 1e4 and np.mean((size > 1e-7) | (size == 0)) > 0.99)


class Stack:
    """Vectors of one length, piled up in float32 without knowing how many come.

    Args:
        name: Of the column, for errors.
        dtype: Of the pile.
    """

    def __init__(self, name: str, dtype: type[np.floating[Any]] = np.float32) -> None:
        self.name = name
        self.dim = 0
        self._dtype = dtype
        self._full: list[NDArray[Any]] = []
        self._block: NDArray[Any] | None = None
        self._used = 0
        self._before = 0  # rows without a vector ahead of the first that has one

    def __len__(self) -> int:
        return self._before + sum(map(len, self._full)) + self._used

    def add(self, found: NDArray[Any], place: str) -> None:
        """Put one more on the pile.

        Raises:
            InputError: it has another length than those before; the row is named.
        """
        if self._block is None:
            self.dim = len(found)
            self._block = np.empty((max(1, (1 << 20) // self.dim), self.dim), self._dtype)
        elif len(found) != self.dim:
            raise InputError(
                f"{self.name}: want {self.dim} numbers in every row, as in the first, got {len(found)} at {place}"
            )
        if self._used == len(self._block):
            self._full.append(self._block)
            self._block, self._used = np.empty_like(self._block), 0
        with np.errstate(over="ignore", invalid="ignore"):
            self._block[self._used] = found
        self._used += 1

    def add_missing(self) -> None:
        """Put a row of NaN on the pile, for a row without a vector."""
        if self._block is None:
            self._before += 1
        else:
            self.add(np.full(self.dim, np.nan, self._dtype), "")

    def whole(self) -> NDArray[np.floating[Any]]:
        """All of them, (n, d); (0, 0) where there is none."""
        if self._block is None:
            return np.zeros((0, 0), self._dtype)
        parts = [np.full((self._before, self.dim), np.nan, self._dtype), *self._full, self._block[: self._used]]
        return np.concatenate(parts)
