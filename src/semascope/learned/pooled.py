"""Token states -> mean over tokens and layers -> (x - mean) @ matrix: a pooling that knows where the middle is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.ops import mapped
from semascope.ops.segments import each_stack, want_width, with_layers
from semascope.types import States, Vectors


@dataclass(frozen=True, eq=False)
class PooledAffine:
    """A learned linear map of what texts are on average, over their tokens and some layers.

    Args:
        mean: Subtracted first, float32 (d_in,).
        matrix: Then multiplied from the right, float32 (d_in, d_out).
        layers: The layers that are averaged.
    """

    mean: NDArray[np.float32]
    matrix: NDArray[np.float32]
    layers: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.matrix.ndim != 2 or self.mean.shape != self.matrix.shape[:1]:
            raise InputError(
                f"matrix: want (d_in, d_out) with mean (d_in,), got {self.matrix.shape} and {self.mean.shape}"
            )
        object.__setattr__(self, "layers", tuple(self.layers))  # a file keeps it as a list

    @property
    def dim(self) -> int:
        """Columns of a row."""
        return int(self.matrix.shape[1])

    def __call__(self, states: States) -> Vectors:
        """Rows float32 (n, d_out); a text without tokens gives a zero row.

        Raises:
            InputError: the states lack a layer that was learned from, are of another width, or hold NaN.
        """
        want_width(states, len(self.mean))
        states = with_layers(states, self.layers)
        out = mapped(averages(states), self.mean, self.matrix)
        out[states.lengths == 0] = 0
        return out

    def save(self, path: str | Path) -> None:
        """Write to one safetensors file."""
        from semascope.learned.disk import save

        save(self, path)


def averages(states: States) -> Vectors:
    """Mean over tokens, special ones included, and over every layer of `states`; float32 (n, d)."""
    return each_stack(states, lambda tokens: tokens.mean(axis=1, dtype=np.float64).mean(axis=0))
