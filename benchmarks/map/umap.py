"""umap-learn with its defaults, by cosine."""

# /// script
# dependencies = ["umap-learn==0.5.12"]
# ///
from __future__ import annotations

import umap
from map._measure import measured

if __name__ == "__main__":
    measured(
        "umap-learn", "umap-learn", lambda x: umap.UMAP(n_neighbors=15, metric="cosine", n_jobs=1).fit_transform(x)
    )
