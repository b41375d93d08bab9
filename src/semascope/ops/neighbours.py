"""Who is nearest to whom, and how much of that survives."""

from __future__ import annotations

import numpy as np

from semascope.errors import InputError
from semascope.ops.arrays import cosine, unit
from semascope.ops.statistics import Interval, bootstrap
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


def trustworthiness(
    x: Array,
    places: Array,
    k: int = 15,
    *,
    sample: int | None = 2000,
    new: tuple[Array, Array] | None = None,
    seed: int = 0,
) -> Interval:
    """How far a row's `k` neighbours on the map are neighbours in the space too: 1 where all are, about 0.5 by chance.

    Each neighbour on the map costs by how far beyond the k-th it is in the space, by cosine; the mean over rows, with its interval.

    Args:
        x: Rows (n, d).
        places: Where they lie, (n, 2).
        k: Neighbours of each row; fewer than n / 2.
        sample: How many rows to look at, drawn without repeats; None looks at all.
        new: Rows (m, d) and their places (m, 2), to ask it of those instead, with `x` and `places` as their neighbours.
        seed: Of the draw, and of the interval.

    Source: Venna and Kaski (2001), "Neighborhood preservation in nonlinear projection methods", equation 1.
    """
    if len(x) != len(places):
        raise InputError(f"places: want {len(x)} rows, got {len(places)}")
    own = new is None
    rows, spots = unit(x), np.asarray(places, np.float64)
    asked, at = (rows, spots) if new is None else (unit(new[0]), np.asarray(new[1], np.float64))
    n = len(rows) - own  # others that a row can have as neighbours
    if not 1 <= k < (n + 1) / 2:
        raise InputError(f"k: want 1 to fewer than half of {n + 1} rows, got {k}")
    drawn = np.arange(len(asked))
    if sample is not None and sample < len(asked):
        drawn = np.sort(np.random.default_rng(seed).permutation(len(asked))[:sample])
    worst = k * (2 * n + 2 - 3 * k - 1) / 2  # the cost of a row all of whose neighbours on the map are its farthest
    cost = np.empty(len(drawn))
    for start in range(0, len(drawn), 256):
        part = drawn[start : start + 256]
        scores = asked[part] @ rows.T
        gaps = np.square(at[part, :1] - spots[:, 0]) + np.square(at[part, 1:] - spots[:, 1])
        if own:
            scores[np.arange(len(part)), part], gaps[np.arange(len(part)), part] = -np.inf, np.inf
        near = np.take_along_axis(scores, np.argpartition(gaps, k - 1, axis=1)[:, :k], axis=1)
        scores.sort(axis=1)
        for place in range(len(part)):
            rank = len(rows) - np.searchsorted(scores[place], near[place], side="right") + 1
            cost[start + place] = np.maximum(rank - k, 0).sum()
    return bootstrap(1 - cost / worst, draws=2000, seed=seed)
