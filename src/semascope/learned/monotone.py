"""A score -> a number that never falls as the score rises: probabilities, ranks, anything read off a curve through knots."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.ops import vectors
from semascope.types import Array, Vectors


@dataclass(frozen=True, eq=False)
class Monotone:
    """A learned non-decreasing function of one number: straight between knots, level outside them.

    Isotonic regression is one as it is; a logistic or a beta curve is one to any precision, with knots close enough.

    Args:
        knots: Scores in rising order, float32 (k,).
        values: What each gives, not falling, float32 (k,).
    """

    knots: NDArray[np.float32]
    values: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.knots.ndim != 1 or not len(self.knots) or self.values.shape != self.knots.shape:
            raise InputError(f"knots: want (k,) with values (k,), got {self.knots.shape} and {self.values.shape}")
        if (np.diff(self.knots) <= 0).any() or (np.diff(self.values) < 0).any():
            raise InputError("knots: want scores that rise, with values that do not fall")

    @property
    def dim_in(self) -> int:
        """Columns wanted: one."""
        return 1

    @property
    def dim(self) -> int:
        """Columns given: one."""
        return 1

    def __call__(self, x: Array) -> Vectors:
        """Values float32 (n, 1) of scores (n, 1); no row sees another."""
        x = vectors(x, dim=1, least=0)
        return np.interp(x.astype(np.float64), self.knots, self.values).astype(np.float32)

    def save(self, path: str | Path) -> None:
        """Write to one safetensors file."""
        from semascope.learned.disk import save

        save(self, path)
