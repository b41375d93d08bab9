"""Our scan of one-bit codes with exact scores after it, and our exact search."""

# /// script
# dependencies = ["semascope"]
# ///
from __future__ import annotations

import json

import numpy as np
from search._measure import BATCH, EQUAL, SINGLE, TOGETHER, WANTED, Material, cpu, material, rate, recall, say

import semascope
from semascope.space.scan import Codec, Scanner, calibrate

DEPTHS = (20, 28, 40, 56, 80, 112, 160, 224, 320, 450, 640)
SHARES = (0.001, 0.01, 0.03, 0.1, 0.3, 1.0)


def filtered(scanner: Scanner, given: Material) -> dict[str, float]:
    """Under filters that let a share of the rows through: the lowest recall, and how much an exact scan would cost."""
    rng = np.random.default_rng(0)
    lowest, slowest = 1.0, np.inf
    queries, everything = given.held_out[:100], len(scanner)
    for share in SHARES:
        mask = rng.random(len(scanner)) < share
        near, _ = scanner.exact(queries, 10, allowed=mask)
        found = [scanner.search(query, 10, allowed=mask)[0] for query in queries]
        lowest = min(lowest, recall(found, near))
        own = cpu(lambda mask=mask: [scanner.search(query, 10, allowed=mask) for query in queries])
        whole = cpu(lambda mask=mask: [scanner.search(q, 10, allowed=mask, depth=everything) for q in queries])
        slowest = min(slowest, whole / own)
    return {
        "lowest recall@10 under filters of 0.1 % to 100 %": lowest,
        "least speed under those filters, as a multiple of an exact scan of what they let through": float(slowest),
    }


def main() -> None:
    given = material()
    x, held = given.documents, given.held_out
    start = Codec.learn(x[:10_000])
    numbers = {"CPU-seconds to build": cpu(lambda: start.encode(x), 1)}
    scanner = Scanner([(x, start.encode(x))], start)
    numbers["CPU-seconds to measure the depth"] = cpu(lambda: calibrate(scanner), 1)
    scanner.depth = calibrate(scanner).depth
    found = [scanner.search(query, 10)[0] for query in given.queries]
    own = recall(found[: len(held)], given.near[: len(held)])
    (given.work / "recall.json").write_text(json.dumps(own))
    numbers["recall@10 of the default, held-out sentences"] = own
    numbers["recall@10 of the default, questions"] = recall(found[len(held) :], given.near[len(held) :])
    numbers["depth of the default"] = scanner.depth
    numbers[EQUAL] = rate(lambda query: scanner.search(query, 10), held)
    for depth in DEPTHS:
        if recall([scanner.search(query, 10, depth=depth)[0] for query in held], given.near) >= WANTED:
            numbers[SINGLE] = rate(lambda query, depth=depth: scanner.search(query, 10, depth=depth), held)
            break
    numbers["exact queries per CPU-second, one at a time"] = rate(
        lambda query: scanner.exact(query[None], 10), held[:50]
    )
    numbers[TOGETHER] = BATCH / cpu(lambda: scanner.exact(held[:BATCH], 10))
    numbers |= filtered(scanner, given)
    say("semascope", numbers, {"semascope": semascope.__version__, "numpy": np.__version__})


if __name__ == "__main__":
    main()
