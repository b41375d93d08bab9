"""What every worker of this suite does: rank labels of AG News and TREC, of which 5 % were changed at random, by how wrong they look.

Every worker ranks by the same out-of-sample probabilities; ours may ask the nearest rows too.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SETS = {"AG News": "ag-news", "TREC": "trec-train"}
SEEDS = (0, 1, 2)
SHARE = 0.05


def data() -> Path:
    return Path(os.environ.get("SEMASCOPE_SHARED", Path(__file__).resolve().parents[3] / "shared")) / "data"


def rows(name: str) -> list[dict[str, str]]:
    lines = (data() / "classification" / f"{name}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def measure(peer: str, rank: Callable[[Any, Any, Any], tuple[Any, float]], versions: dict[str, str]) -> None:
    """`rank(vectors, labels, probabilities)` gives a score a row, the lowest for the worst, and how many it takes for wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    work: Path = parser.parse_args().work
    from sklearn.metrics import average_precision_score

    numbers: dict[str, float] = {}
    for title, name in SETS.items():
        x = np.load(work / f"{name}.npy")
        found: dict[str, list[float]] = {}
        for seed in SEEDS:
            made = np.load(work / f"{name}-{seed}.npz")
            start = time.process_time()
            scores, told = rank(x, made["labels"], made["probabilities"])
            seconds = time.process_time() - start
            found.setdefault("average precision", []).append(
                average_precision_score(made["wrong"], -np.asarray(scores))
            )
            found.setdefault("labels taken for wrong", []).append(told)
            found.setdefault("CPU-seconds", []).append(seconds)
        for what, values in found.items():
            numbers[f"{title}: {what}"] = statistics.fmean(values)
    print(json.dumps({"peer": peer, "numbers": numbers, "versions": versions}))
