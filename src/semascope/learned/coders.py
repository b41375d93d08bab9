"""Vectors to small codes and back: one byte a number, one bit a number."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.ops import mapped, vectors
from semascope.types import Array, Vectors


def _codes(codes: Array, dtype: type[np.integer[Any]], width: int) -> Array:
    codes = np.asarray(codes)
    if codes.dtype != dtype or codes.ndim != 2 or codes.shape[1] != width:
        wanted = f"{np.dtype(dtype)} rows of {width} bytes"
        raise InputError(f"codes: want {wanted}, got {codes.dtype} of shape {codes.shape}")
    return codes


@dataclass(frozen=True, eq=False)
class ScalarCoder:
    """One signed byte per number: round((x - offset) / scale), held to -127..127.

    Args:
        offset: The middle of each column's range, float32 (d,).
        scale: The width of one step in each column, float32 (d,), above zero.
    """

    offset: NDArray[np.float32]
    scale: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.offset.ndim != 1 or self.offset.shape != self.scale.shape:
            raise InputError(f"scale: want offset and scale (d,), got {self.offset.shape} and {self.scale.shape}")
        if not (self.scale > 0).all():
            raise InputError("scale: want every step above 0")

    @property
    def bits(self) -> float:
        """Bits of one code."""
        return 8.0 * len(self.scale)

    @property
    def dim(self) -> int:
        """Columns given back by `decode`."""
        return len(self.scale)

    def encode(self, x: Array) -> NDArray[np.int8]:
        """Codes int8 (n, d) of rows (n, d)."""
        x = vectors(x, dim=len(self.scale), least=0)
        return np.clip(np.rint((x - self.offset) / self.scale), -127, 127).astype(np.int8)

    def decode(self, codes: Array) -> Vectors:
        """Rows float32 (n, d) of codes int8 (n, d)."""
        return (_codes(codes, np.int8, len(self.scale)).astype(np.float32) * self.scale + self.offset).astype(
            np.float32, copy=False
        )

    def __call__(self, x: Array) -> Vectors:
        """What is left of rows after a round trip."""
        return self.decode(self.encode(x))

    def save(self, path: str | Path) -> None:
        """Write to one safetensors file."""
        from semascope.learned.disk import save

        save(self, path)


@dataclass(frozen=True, eq=False)
class BinaryCoder:
    """One bit per number: on which side of the mean it lies, perhaps after a rotation.

    Args:
        mean: Subtracted first, float32 (d,).
        spread: How far from the mean each (rotated) column lies on average, float32 (d,): the size a bit decodes to.
        rotation: An orthogonal matrix float32 (d, d), or (0, 0) for none.
    """

    mean: NDArray[np.float32]
    spread: NDArray[np.float32]
    rotation: NDArray[np.float32]

    def __post_init__(self) -> None:
        d = len(self.mean)
        if self.mean.ndim != 1 or self.spread.shape != (d,) or self.rotation.shape not in ((0, 0), (d, d)):
            raise InputError(
                f"rotation: want mean (d,), spread (d,), rotation (d, d) or (0, 0), got {self.mean.shape}, "
                f"{self.spread.shape} and {self.rotation.shape}"
            )

    @property
    def bits(self) -> float:
        """Bits of one code."""
        return float(len(self.mean))

    @property
    def dim(self) -> int:
        """Columns given back by `decode`."""
        return len(self.mean)

    def encode(self, x: Array) -> NDArray[np.uint8]:
        """Codes uint8 (n, ceil(d / 8)), the first column in the highest bit of the first byte."""
        x = vectors(x, dim=len(self.mean), least=0)
        x = mapped(x, self.mean, self.rotation) if self.rotation.size else x - self.mean
        return np.packbits(x > 0, axis=1)

    def decode(self, codes: Array) -> Vectors:
        """Rows float32 (n, d): mean plus or minus the spread, rotated back."""
        codes = _codes(codes, np.uint8, (len(self.mean) + 7) // 8)
        signs = np.unpackbits(codes, axis=1, count=len(self.mean)).astype(np.float32) * 2 - 1
        x = signs * self.spread
        if self.rotation.size:
            x = mapped(x, np.zeros(self.dim), self.rotation.T)
        return (x + self.mean).astype(np.float32, copy=False)

    def __call__(self, x: Array) -> Vectors:
        """What is left of rows after a round trip."""
        return self.decode(self.encode(x))

    def save(self, path: str | Path) -> None:
        """Write to one safetensors file."""
        from semascope.learned.disk import save

        save(self, path)
