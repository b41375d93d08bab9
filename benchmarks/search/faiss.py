"""faiss' exhaustive index of inner products."""

# /// script
# dependencies = ["faiss-cpu==1.15.1", "numpy>=2"]
# ///
from __future__ import annotations

import faiss
from search._measure import BATCH, TOGETHER, cpu, material, rate, say


def main() -> None:
    faiss.omp_set_num_threads(1)
    given = material()
    index = faiss.IndexFlatIP(given.documents.shape[1])
    index.add(given.documents)
    held = given.held_out
    numbers = {
        "exact queries per CPU-second, one at a time": rate(lambda query: index.search(query[None], 10), held[:50]),
        TOGETHER: BATCH / cpu(lambda: index.search(held[:BATCH], 10)),
    }
    say("faiss", numbers, {"faiss": faiss.__version__})


if __name__ == "__main__":
    main()
