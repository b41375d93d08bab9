"""Our t-SNE, its neighbour graph included, and how long it takes to place rows that it has not seen."""

# /// script
# dependencies = ["semascope"]
# ///
from __future__ import annotations

import time

from map._measure import measured, vectors

from semascope.geometry.tsne import Tsne
from semascope.ops import trustworthiness


def placing() -> dict[str, float]:
    x = vectors()
    known, new = x[:-2000], x[-2000:]
    method = Tsne().fit(known)
    start = time.process_time()
    places = method.transform(new)
    together = (time.process_time() - start) / len(new)
    start = time.process_time()
    for row in new[:500]:
        method.transform(row[None])
    alone = (time.process_time() - start) / 500
    return {
        "CPU-milliseconds to place a new row, of 2,000": 1000 * together,
        "CPU-milliseconds to place a new row, alone": 1000 * alone,
        "trustworthiness@15 of 2,000 new rows": trustworthiness(known, method.embedding_, new=(new, places)).value,
    }


if __name__ == "__main__":
    measured("semascope", "semascope", lambda x: Tsne().fit_transform(x), placing())
