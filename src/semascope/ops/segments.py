"""One row per text out of token rows that lie one after the other."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from semascope.ops.door import vectors
from semascope.types import Array, States, Vectors


def each_text(states: States, reduce: Callable[[Array], Array]) -> Vectors:
    """Give `reduce` the token rows (t, d) of each text in turn, at the last layer of `states`; float32 (n, d).

    A text without tokens gives a zero row and `reduce` never sees it. A loop, because `reduceat` gives the wrong answer
    for empty stretches and takes eight times as long.

    Raises:
        InputError: a row came out as NaN or infinite; the message says of which text.
    """
    rows = states.hidden[-1]
    out = np.zeros((len(states), rows.shape[-1]), dtype=np.float32)
    for text, (start, stop) in enumerate(pairwise(states.offsets.tolist())):
        if stop > start:
            out[text] = reduce(rows[start:stop])
    return vectors(out, least=0, name="states")
