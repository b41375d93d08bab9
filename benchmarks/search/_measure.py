"""What the workers of this suite share."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

PASSES, BATCH, HELD_OUT = 3, 500, 1_000
WANTED = 0.98
SINGLE = "single queries per CPU-second at recall@10 >= 0.98"
EQUAL = "single queries per CPU-second at the recall of our default"
TOGETHER = f"exact queries per CPU-second, {BATCH} at once"


class Material(NamedTuple):
    """Documents (n, d), queries (m, d): sentences held out and then questions; their true neighbours (m, 10)."""

    work: Path
    documents: Any
    queries: Any
    near: Any

    @property
    def held_out(self) -> Any:
        return self.queries[:HELD_OUT]


def work_folder() -> Path:
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    return parser.parse_args().work


def material() -> Material:
    work = work_folder()
    return Material(work, *(np.load(work / f"{name}.npy") for name in ("documents", "queries", "near")))


def recall(found: Sequence[Any], near: Any) -> float:
    """The share of the true neighbours (m, k) of the first m queries that was found."""
    return float(
        np.mean(
            [
                len(set(map(int, one)) & set(two.tolist())) / len(two)
                for one, two in zip(found, near[: len(found)], strict=True)
            ]
        )
    )


def cpu(call: Callable[[], Any], passes: int = PASSES) -> float:
    """CPU-seconds of a call, the median of some."""
    seconds: list[float] = []
    for _ in range(passes):
        start = time.process_time()
        call()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds)


def rate(search: Callable[[Any], Any], queries: Any) -> float:
    """Queries a CPU-second, one at a time."""
    return len(queries) / cpu(lambda: [search(query) for query in queries])


def say(peer: str, numbers: dict[str, float], versions: dict[str, str]) -> None:
    print(json.dumps({"peer": peer, "numbers": numbers, "versions": versions}))
