"""Rows as one bit a coordinate, turned at random: what a scan reads instead of them.

Source: Charikar (2002), "Similarity Estimation Techniques from Rounding Algorithms": two vectors differ in the sign of a
random direction with a probability proportional to the angle between them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semascope.errors import OptionError
from semascope.ops import vectors
from semascope.types import Array, Vectors

Codes = NDArray[np.uint64]

WORD = 64
MOST_BITS = (
    512  # distances are counted in one byte, saturating at 255: half of 512 bits is what unrelated rows differ in
)
_PLANES = np.array([[4], [2], [1]], dtype=np.uint8)


@dataclass(frozen=True, eq=False)
class Codec:
    """How a row becomes bits: bit j is set where `row @ rotation[:, j] > offset[j]`."""

    rotation: NDArray[np.float32]  # (d, bits)
    offset: NDArray[np.float32]  # (bits,), the projection of the sample's mean

    @property
    def dim(self) -> int:
        return self.rotation.shape[0]

    @property
    def words(self) -> int:
        """64-bit words per row."""
        return self.rotation.shape[1] // WORD

    @staticmethod
    def learn(sample: Array, *, bits: int | None = None, seed: int = 0) -> Codec:
        """A codec for rows like those of `sample` (n, d): a random rotation, centred on the sample's mean.

        Args:
            sample: Rows the codec is centred on; a few thousand are enough.
            bits: A multiple of 64, at most 512. Left out, one bit a dimension but at least 256.
            seed: Draws the rotation.
        """
        sample = vectors(sample, name="sample")
        dim = sample.shape[1]
        if bits is None:
            bits = min(max(256, -(-dim // WORD) * WORD), MOST_BITS)
        elif bits % WORD or not 0 < bits <= MOST_BITS:
            raise OptionError(f"bits: want a multiple of {WORD} from {WORD} to {MOST_BITS}, got {bits}")
        rng = np.random.default_rng(seed)
        # Where there are more bits than dimensions, several rotations stand side by side.
        turns = [np.linalg.qr(rng.standard_normal((dim, dim)))[0] for _ in range(-(-bits // dim))]
        rotation = np.ascontiguousarray(np.concatenate(turns, axis=1)[:, :bits], dtype=np.float32)
        return Codec(rotation, (sample.mean(axis=0, dtype=np.float64) @ rotation).astype(np.float32))

    @staticmethod
    def from_arrays(arrays: Mapping[str, Array]) -> Codec:
        """The codec whose `arrays()` these are."""
        return Codec(
            np.ascontiguousarray(arrays["rotation"], dtype=np.float32),
            np.ascontiguousarray(arrays["offset"], dtype=np.float32),
        )

    def arrays(self) -> dict[str, Array]:
        """What to save: `rotation` (d, bits) and `offset` (bits,), both float32."""
        return {"rotation": self.rotation, "offset": self.offset}

    def encode(self, rows: Array) -> Codes:
        """Codes (words, n) uint64 of rows (n, d): word w of all rows lies in one piece, as the scan reads it.

        Save them as they are and open them memory-mapped; one segment of rows has one array of codes.
        """
        out = np.empty((self.words, len(rows)), dtype=np.uint64)
        for start in range(0, len(rows), 8192):
            bits = np.asarray(rows[start : start + 8192], dtype=np.float32) @ self.rotation > self.offset
            out[:, start : start + 8192] = np.packbits(bits, axis=1).view(np.uint64).T
        return out

    def query(self, vector: Vectors) -> Codes:
        """One query's coordinates as whole numbers 0 to 7, as three planes of bits (3, words), highest first.

        The first plane holds the signs, as the code of a row does. The query's length does not matter.
        """
        turned = vector @ self.rotation - self.offset * np.sqrt(vector @ vector)
        # Eight steps over two and a half standard deviations to either side.
        wide = 2.5 * np.sqrt(turned @ turned / len(turned)) or 1
        steps = np.minimum(np.maximum(turned * (4 / wide) + 4, 0), 7).astype(np.uint8)
        return np.packbits(steps & _PLANES, axis=1).view(np.uint64)
