"""x -> (x - mean) @ matrix: centring, PCA, whitening, rotations, erasures and linear maps are all this."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.ops import mapped, vectors
from semascope.types import Array, Vectors


@dataclass(frozen=True, eq=False)
class Affine:
    """A learned linear map of rows.

    Args:
        mean: Subtracted first, float32 (d_in,).
        matrix: Then multiplied from the right, float32 (d_in, d_out).
    """

    mean: NDArray[np.float32]
    matrix: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.matrix.ndim != 2 or self.mean.shape != self.matrix.shape[:1]:
            raise InputError(
                f"matrix: want (d_in, d_out) with mean (d_in,), got {self.matrix.shape} and {self.mean.shape}"
            )

    @property
    def dim_in(self) -> int:
        """Columns wanted."""
        return int(self.matrix.shape[0])

    @property
    def dim(self) -> int:
        """Columns given."""
        return int(self.matrix.shape[1])

    def __call__(self, x: Array) -> Vectors:
        """Map rows (n, d_in) to float32 (n, d_out); no row sees another."""
        x = vectors(x, dim=self.dim_in, least=0)
        return mapped(x, self.mean, self.matrix)

    def inverse(self, z: Array) -> Vectors:
        """The least-squares way back: float32 (n, d_in), exact where the matrix has full rank d_in."""
        z = vectors(z, dim=self.dim, least=0)
        back = np.linalg.pinv(self.matrix.astype(np.float64))
        return (z @ back + self.mean).astype(np.float32)

    def save(self, path: str | Path) -> None:
        """Write to one safetensors file."""
        from semascope.learned.disk import save

        save(self, path)
