"""What every worker of this suite does with its model."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

PASSES = 3


def work_folder() -> Path:
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    return parser.parse_args().work


def cpu(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


def measure(
    peer: str,
    load: Callable[[Path], tuple[Callable[[list[str]], Any], Callable[[str], Any]]],
    versions: Callable[[], dict[str, str]],
) -> None:
    """Load, encode, print. `load(folder)` gives a function of many texts and one of a single text."""
    work = work_folder()
    texts = json.loads((work / "texts.json").read_text())
    loading, (_, one) = cpu(lambda: _first(load, work))
    import numpy as np

    numbers: dict[str, float] = {"CPU-seconds from import to first vector": loading}
    for name in ("short", "mixed"):
        many, _ = _first(load, work)  # loaded anew, so that no word was seen before
        seconds, rows = cpu(partial(many, texts[name]))
        numbers[f"{name} texts per CPU-second, never seen before"] = len(texts[name]) / seconds
        again = [cpu(partial(many, texts[name]))[0] for _ in range(PASSES)]
        numbers[f"{name} texts per CPU-second, words seen before"] = len(texts[name]) / statistics.median(again)
        rows = np.asarray(rows, dtype=np.float32)
        np.save(work / f"{name}-{peer}.npy", rows)
        ours = work / f"{name}-semascope.npy"
        if peer != "semascope" and ours.is_file():
            numbers[f"largest difference from our vectors, {name}"] = float(np.abs(np.load(ours) - rows).max())
        pattern = np.random.default_rng(0).normal(size=rows.shape[1])
        numbers[f"same vectors, {name}: mean of a random projection"] = float((rows @ pattern).mean())
    single = [cpu(lambda: [one(text) for text in texts["one"]])[0] for _ in range(PASSES)]
    numbers["CPU-microseconds for one short text"] = statistics.median(single) / len(texts["one"]) * 1e6
    print(json.dumps({"peer": peer, "numbers": numbers, "versions": versions()}))


def _first(load: Callable[[Path], Any], work: Path) -> Any:
    many, one = load(work / "table")
    many(["a first text", "and a second one"])
    return many, one
