"""The map of a corpus, and how far it can be trusted."""

from __future__ import annotations

import numpy as np

from semascope.look.found import Layout
from semascope.ops import Graph, Interval, trustworthiness, vectors
from semascope.types import Array

_SAMPLE = 1_000


def make_layout(x: Array, graph: Graph | None = None, seed: int = 0) -> Layout:
    """Places of rows on a map by `Tsne`, with their trustworthiness among 15 neighbours on up to 1,000 rows.

    Args:
        x: Rows (n, d).
        graph: Their nearest others, where somebody has them already (`ops.nearest`).
        seed: Of the map and of the sample.

    Raises:
        InputError: `x` is not rows of finite numbers.
    """
    from semascope.geometry.tsne import Tsne

    x = vectors(x, name="x")
    places = Tsne(random_state=seed).fit(x, graph=graph).embedding_
    k = min(15, (len(x) - 1) // 2)
    if k < 1:  # one or two rows have no neighbours that could be wrong
        return Layout(places, Interval(1.0, 0.0, 1.0, len(x)))
    return Layout(np.ascontiguousarray(places), trustworthiness(x, places, k, sample=_SAMPLE, seed=seed))
