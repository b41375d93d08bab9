"""Which of a few named directions a row lies nearest to, and whether it lies near enough to belong there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.ops import mapped, unit, vectors
from semascope.types import Array, Vectors


@dataclass(frozen=True, eq=False)
class Clusters:
    """Learned groups of rows: a centre each, how far its rows reach, and its name.

    A kind of its own beside `LinearHead`, because that one's scores grow with a row's length and know no "none of these":
    here a row is scored by the angle alone, and one that lies farther from its nearest centre than the rows that were
    grouped do (`reach`) is in no group.

    Args:
        centres: Of length one, float32 (k, d), k at least 1.
        reach: The cosine below which a row does not belong to the group any more, float32 (k,).
        names: Of the k groups.
    """

    centres: NDArray[np.float32]
    reach: NDArray[np.float32]
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        k = len(self.names)
        if self.centres.ndim != 2 or not k or len(self.centres) != k or self.reach.shape != (k,):
            raise InputError(
                f"centres: want (k, d) with k reaches and k names, k at least 1, got {self.centres.shape}, "
                f"{self.reach.shape} and {k} names"
            )

    @property
    def dim_in(self) -> int:
        """Columns wanted."""
        return int(self.centres.shape[1])

    @property
    def dim(self) -> int:
        """Columns given: one for each group."""
        return len(self.names)

    def __call__(self, x: Array) -> Vectors:
        """Cosines float32 (n, k) of rows (n, d) with the centres; no row sees another."""
        x = unit(vectors(x, dim=self.dim_in, least=0))
        return mapped(x, np.zeros(self.dim_in), self.centres.T)

    def of(self, x: Array, *, everyone: bool = False) -> NDArray[np.int32]:
        """The group of each row (n, d), int32 (n,); -1 for one out of reach, unless everyone is to be in some group."""
        scores = self(x)
        nearest = scores.argmax(axis=1)
        near = scores[np.arange(len(scores)), nearest] >= self.reach[nearest]
        return np.where(near | everyone, nearest, -1).astype(np.int32)

    def save(self, path: str | Path) -> None:
        """Write to one safetensors file."""
        from semascope.learned.disk import save

        save(self, path)
