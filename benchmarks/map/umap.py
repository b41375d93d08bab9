"""umap-learn with its defaults, by cosine."""

# /// script
# dependencies = ["umap-learn==0.5.12"]
# ///
from __future__ import annotations

from typing import Any

from map._measure import measured


def lay_out(x: Any) -> Any:
    import umap  # here: numba reads the number of threads when it is imported

    return umap.UMAP(n_neighbors=15, metric="cosine", n_jobs=1).fit_transform(x)


if __name__ == "__main__":
    measured("umap-learn", "umap-learn", lay_out)
