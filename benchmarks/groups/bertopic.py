"""BERTopic with its defaults (UMAP to five dimensions, HDBSCAN, class-based tf-idf), on the same vectors.

UMAP is made as BERTopic makes it, and given a seed, so that a run can be had again.
"""

# /// script
# dependencies = ["bertopic==0.17.4"]
# ///

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from groups._measure import measure


def group(texts: Sequence[str], x: Any, seed: int) -> tuple[Sequence[int], Sequence[Sequence[str]]]:
    from bertopic import BERTopic
    from umap import UMAP

    umap = UMAP(n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine", low_memory=False, random_state=seed)
    model = BERTopic(umap_model=umap)
    labels, _ = model.fit_transform(list(texts), embeddings=x)
    return labels, [[word for word, _ in model.get_topic(one)] for one in sorted(set(labels)) if one >= 0]


if __name__ == "__main__":
    measure("bertopic", group, {name: version(name) for name in ("bertopic", "umap-learn", "hdbscan")})
