"""x -> where its nearest known rows lie on a map: how new rows are placed among those a map was made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.ops import mapped, unit, vectors
from semascope.types import Array, Vectors

_CELLS = 16  # cells looked into for a row: a tenth of 25,000 rows, a twentieth of 100,000


@dataclass(frozen=True, eq=False)
class Placed:
    """A map of known rows that places new rows.

    None of the other kinds can be this: they are formulas with a few arrays, and where a row lies on a map follows from no
    formula in its numbers; it has to be looked up among rows that are there. So this kind keeps those rows, of fewer
    columns, with their places, in cells, so that a row is placed without comparing it with all of them.

    A row is scaled to length one, turned and cut (`mean`, `matrix`), and its `k` nearest known rows are found in the 16
    cells around it. Neighbours in the space may lie in two corners of the map, with nothing of their kind between: so the
    row goes to the one among them with most of the others about it, and from there to the mean of those about that one.

    Args:
        mean: Of rows of length one, subtracted first, float32 (d_in,).
        matrix: Then multiplied from the right, float32 (d_in, p).
        rows: The known rows after that, float32 (m, p), those of a cell one after the other.
        places: Where they are, float32 (m, dim).
        centres: Of the cells, float32 (c, p).
        starts: Cell i holds the rows `starts[i]:starts[i + 1]`; int64 (c + 1,).
        k: How many neighbours place a row.
    """

    mean: NDArray[np.float32]
    matrix: NDArray[np.float32]
    rows: NDArray[np.float32]
    places: NDArray[np.float32]
    centres: NDArray[np.float32]
    starts: NDArray[np.int64]
    k: int

    def __post_init__(self) -> None:
        width = self.matrix.shape[1:]
        fits = self.mean.shape == self.matrix.shape[:1] and self.rows.shape[1:] == width == self.centres.shape[1:]
        if not fits or len(self.rows) != len(self.places) or len(self.starts) != len(self.centres) + 1:
            raise InputError(
                f"rows: want (m, p) with matrix (d, p), mean (d,), places (m, 2), centres (c, p) and starts (c + 1,), got "
                f"{self.rows.shape}, {self.matrix.shape}, {self.mean.shape}, {self.places.shape}, {self.centres.shape} "
                f"and {self.starts.shape}"
            )
        if self.starts[0] != 0 or self.starts[-1] != len(self.rows) or (np.diff(self.starts) < 0).any():
            raise InputError(f"starts: want 0 to {len(self.rows)}, rising, got {self.starts[0]} to {self.starts[-1]}")

    @property
    def dim_in(self) -> int:
        """Columns wanted."""
        return int(self.matrix.shape[0])

    @property
    def dim(self) -> int:
        """Columns given."""
        return int(self.places.shape[1])

    def __call__(self, x: Array) -> Vectors:
        """Places float32 (n, dim) of rows (n, d_in); no row sees another. A known row gets its own place."""
        x = vectors(x, dim=self.dim_in, least=0)
        turned = mapped(unit(x), self.mean, self.matrix)
        out = np.empty((len(x), self.dim), np.float32)
        sizes = np.einsum("ij,ij->i", self.centres, self.centres)
        for place, row in enumerate(turned):
            out[place] = self._place(row, sizes)
        return out

    def _place(self, row: Vectors, sizes: Vectors) -> Array:
        cells = np.argsort(sizes - 2 * (self.centres @ row), kind="stable")[:_CELLS]
        parts = [slice(self.starts[cell], self.starts[cell + 1]) for cell in cells]
        rows = np.concatenate([self.rows[part] for part in parts])
        places = np.concatenate([self.places[part] for part in parts])
        rows -= row
        away = np.einsum("ij,ij->i", rows, rows)
        if len(away) > self.k:
            near = np.argpartition(away, self.k - 1)[: self.k]
            away, places = away[near], places[near]
        # As in the map itself: near in the space by the inverse of the squared distance, on the map by 1 / (1 + d^2).
        # A known row outweighs all others, so that it lands where it is.
        weight = 1 / np.maximum(away.astype(np.float64), 1e-12)
        gaps = places[:, None].astype(np.float64) - places
        about = weight / (1 + np.einsum("ijk,ijk->ij", gaps, gaps))
        share = about[(about.sum(axis=1)).argmax()]
        return share @ places / share.sum()

    def save(self, path: str | Path) -> None:
        """Write to one safetensors file."""
        from semascope.learned.disk import save

        save(self, path)
