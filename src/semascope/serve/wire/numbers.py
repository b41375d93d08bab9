"""The little arithmetic that the wire needs: leading columns, scores of reranking, and floats in the fewest digits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semascope.ops import cosine, unit
from semascope.types import Vectors

# Powers of ten that a float64 holds exactly.
_TEN = 10.0 ** np.arange(23)
_MOST_DIGITS = 9  # that tell every float32 from its neighbours
_LEAST_DIGITS = 6  # of which no two stand nearer to each other than float32 do
_BLOCK = 1 << 15  # numbers at once: what the processor's own memory holds


def leading(x: Vectors, columns: int | None, *, again: bool) -> Vectors:
    """The first columns of vectors (n, d), float32.

    Args:
        x: The vectors.
        columns: How many; all where None.
        again: Whether what is left is scaled to length one again, as OpenAI does. All columns are left as they are.
    """
    if columns is None or columns >= x.shape[1]:
        return x
    kept = np.ascontiguousarray(x[:, :columns], dtype=np.float32)
    return unit(kept) if again else kept


def scores(query: Vectors, texts: Vectors) -> NDArray[np.float64]:
    """Cosine of one query vector (1, d) with each text's (n, d): (n,), from -1 to 1; 0 where a vector is zero."""
    return np.clip(cosine(query, texts)[0].astype(np.float64), -1.0, 1.0)


def as_shares(cosines: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cosines as scores from 0 (opposite) over 0.5 (at right angles) to 1 (the same direction), in the same order."""
    return (1.0 + cosines) / 2.0


def shortest(x: Vectors) -> NDArray[np.float64]:
    """The float64 that has the fewest decimal digits of all that read back as this float32.

    A float64 that is written with its own fewest digits (as JSON writers do) so becomes the shortest text of the float32:
    0.1 and not 0.10000000149011612, which is half as long an answer. That holds for sizes from 1e-13 to a million; outside of it
    the text may be longer, and reads back as the same float32 too.

    Args:
        x: Of any shape.
    """
    flat = np.ravel(x)
    out = np.empty(flat.shape, dtype=np.float64)
    for start in range(0, len(flat), _BLOCK):
        _shorten(flat[start : start + _BLOCK], out[start : start + _BLOCK])
    return out.reshape(np.shape(x))


def _shorten(x: Vectors, out: NDArray[np.float64]) -> None:
    wide = x.astype(np.float64)
    # The place of the first digit; 1e-300 stands for zero.
    first = np.clip(np.floor(np.log10(np.abs(wide) + 1e-300)), -13, _LEAST_DIGITS - 1).astype(np.int64)
    for digits in range(_MOST_DIGITS, _LEAST_DIGITS - 1, -1):
        scale = _TEN[digits - 1 - first]
        # A whole number by a power of ten, both exact: the division gives the float64 nearest to those decimals.
        rounded = np.rint(wide * scale) / scale
        np.copyto(out, rounded, where=True if digits == _MOST_DIGITS else rounded.astype(np.float32) == x)
    wrong = out.astype(np.float32) != x
    out[wrong] = wide[wrong]
