"""Who is nearest to whom, and how much of that survives."""

from __future__ import annotations

import numpy as np

from semascope.errors import InputError
from semascope.ops.arrays import cosine
from semascope.ops.topk import top_k
from semascope.types import Array


def recall_at(queries: Array, rows: Array, *, k: int = 10) -> float:
    """Share of queries (n, d) whose own row of `rows` (n, d) is among its k nearest by cosine; ties count against it."""
    if len(queries) != len(rows):
        raise InputError(f"rows: want one for each of {len(queries)} queries, got {len(rows)}")
    scores = cosine(queries, rows)
    own = np.diag(scores)[:, None]
    better = (scores >= own).sum(axis=1) - 1
    return float((better < k).mean())


def neighbours_kept(before: Array, after: Array, *, k: int = 10, depth: int | None = None) -> float:
    """Share of each row's k nearest others in `before` (n, d) that are among its `depth` nearest in `after` (n, d').

    Nearest by cosine. With `depth` above k it says what exact rescoring of `depth` candidates would find.
    """
    if len(before) != len(after):
        raise InputError(f"after: want {len(before)} rows, got {len(after)}")
    depth = k if depth is None else depth
    kept = 0
    for start in range(0, len(before), 512):
        stop = min(start + 512, len(before))
        exact, rough = cosine(before[start:stop], before), cosine(after[start:stop], after)
        for place in range(stop - start):
            exact[place, start + place] = rough[place, start + place] = -np.inf
            wanted = top_k(exact[place], k)
            kept += int(np.isin(wanted, top_k(rough[place], depth)).sum())
    return kept / (len(before) * k)
