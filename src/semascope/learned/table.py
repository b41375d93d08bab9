"""A vector for every token, kept in one byte a number: all that a static encoder has learned."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.types import Array, Vectors


@dataclass(frozen=True, eq=False)
class TokenTable:
    """Row t times scale[t] is the vector of token t; the sum over a text's tokens is its vector before normalising.

    Args:
        table: int8, float16 or float32 (vocabulary, d).
        scale: float32 (vocabulary,), what a row is multiplied by; its size is the token's weight.
    """

    table: NDArray[np.int8] | NDArray[np.float16] | NDArray[np.float32]
    scale: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.table.ndim != 2 or self.scale.shape != self.table.shape[:1]:
            raise InputError(f"scale: want table (v, d) and scale (v,), got {self.table.shape} and {self.scale.shape}")
        if str(self.table.dtype) not in ("int8", "float16", "float32"):
            raise InputError(f"table: want int8, float16 or float32, got {self.table.dtype}")

    @property
    def dim(self) -> int:
        """Columns of a vector."""
        return int(self.table.shape[1])

    def __len__(self) -> int:
        return len(self.table)

    def __call__(self, ids: Array) -> Vectors:
        """Vectors float32 (n, d) of token ids (n,)."""
        ids = np.asarray(ids)
        if ids.size and not (ids.min() >= 0 and ids.max() < len(self)):
            raise InputError(f"ids: want token ids from 0 to {len(self) - 1}, got {ids.min()} to {ids.max()}")
        return self.table[ids].astype(np.float32) * self.scale[ids, None]

    @staticmethod
    def quantised(rows: Array) -> TokenTable:
        """The int8 table nearest to float rows (v, d): each row's largest entry becomes 127."""
        rows = np.asarray(rows, dtype=np.float32)
        scale = np.abs(rows).max(axis=1) / 127
        safe = np.where(scale > 0, scale, 1)[:, None]
        return TokenTable(np.rint(rows / safe).astype(np.int8), scale.astype(np.float32))

    def save(self, path: str | Path) -> None:
        """Write to one safetensors file."""
        from semascope.learned.disk import save

        save(self, path)
