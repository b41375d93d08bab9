"""hnswlib's graph, M = 16 and efConstruction = 128, with the smallest ef that reaches the recall asked for."""

# /// script
# dependencies = ["hnswlib==0.8.0", "numpy>=2"]
# ///
from __future__ import annotations

import hashlib
import importlib.metadata
import json
import time

import hnswlib
import numpy as np
from search._measure import EQUAL, SINGLE, WANTED, Material, material, rate, recall, say

LADDER = (16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 512)


def graph(given: Material) -> tuple[hnswlib.Index, float]:
    """The index and its CPU-seconds; made once for all rounds over the same rows."""
    count, dim = given.documents.shape
    kept, cost = given.work / "graph.bin", given.work / "graph.json"
    index = hnswlib.Index("ip", dim)
    of = hashlib.sha256(np.ascontiguousarray(given.documents).tobytes()).hexdigest()
    if not cost.is_file() or json.loads(cost.read_text()).get("of") != of:
        index.init_index(count, M=16, ef_construction=128, random_seed=0)
        start = time.process_time()
        index.add_items(given.documents, num_threads=1)
        seconds = time.process_time() - start
        index.save_index(str(kept))
        cost.write_text(json.dumps({"seconds": seconds, "of": of}))
    index.load_index(str(kept))
    index.set_num_threads(1)
    return index, json.loads(cost.read_text())["seconds"]


def main() -> None:
    given = material()
    index, seconds = graph(given)
    held, near = given.held_out, given.near[: len(given.held_out)]
    numbers = {"CPU-seconds to build": seconds}

    def search(query):
        return index.knn_query(query, 10, num_threads=1)[0][0]

    wanted = {SINGLE: WANTED, EQUAL: json.loads((given.work / "recall.json").read_text())}
    for name, least in wanted.items():
        for ef in LADDER:
            index.set_ef(ef)
            own = recall([search(query) for query in held], near)
            if own >= least:
                break
        numbers[name] = rate(search, held)
        numbers[f"{name}: recall@10, questions"] = recall(
            [search(query) for query in given.queries[len(held) :]], given.near[len(held) :]
        )
        numbers[f"{name}: ef"] = ef
    say("hnswlib", numbers, {"hnswlib": importlib.metadata.version("hnswlib")})


if __name__ == "__main__":
    main()
