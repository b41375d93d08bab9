"""Turn a query towards some directions and away from others."""

from __future__ import annotations

import numpy as np

from semascope.errors import InputError
from semascope.ops.arrays import unit
from semascope.ops.door import vectors
from semascope.types import Array, Vectors


def turned(query: Array, centre: Array, directions: Array, amounts: Array) -> Vectors:
    """unit(q + sum of amount_i * unit(direction_i - centre)), float32 (d,), with q the query at length one.

    What all texts share is in the centre: taken away, a direction says what is its own. A direction that is the centre
    itself turns nothing. Amounts of zero give the query back.

    Args:
        query: A vector (d,).
        centre: The mean of the collection (d,).
        directions: Vectors (m, d), each of what is to count more or less.
        amounts: How much each, (m,); 1 is as much as the query itself, negative turns away.

    Raises:
        InputError: widths or numbers that do not fit, or NaN.
    """
    q = unit(vectors(np.asarray(query)[None], name="query"))[0]
    d = len(q)
    middle = vectors(np.asarray(centre)[None], dim=d, name="centre")[0]
    rows = vectors(np.asarray(directions).reshape(-1, d), dim=d, least=0, name="directions")
    how = np.asarray(amounts, dtype=np.float64).reshape(-1)
    if len(how) != len(rows) or not np.isfinite(how).all():
        raise InputError(f"amounts: want a number for each of {len(rows)} directions, got {len(how)}")
    if not how.any():
        return q
    own = unit(rows - middle).astype(np.float64)
    return unit((q + how @ own)[None])[0]
