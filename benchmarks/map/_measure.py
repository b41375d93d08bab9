"""What the workers of this suite share."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["NUMBA_NUM_THREADS"] = "1"
sys.path.insert(
    0, str(Path(__file__).resolve().parents[2] / "src")
)  # one measure for all, also where semascope is not installed

import numpy as np

from semascope.ops import trustworthiness, unit

TRIPLETS = 200_000


def work_folder() -> Path:
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    return parser.parse_args().work


def vectors() -> Any:
    return unit(np.load(work_folder() / "vectors.npy"))


def triplets(x: Any, places: Any) -> float:
    """Of three rows at random: how often the map says rightly which of two is nearer to the first. Guessing: a half."""
    one, two, three = np.random.default_rng(0).integers(0, len(x), (3, TRIPLETS))
    space = np.einsum("ij,ij->i", x[one], x[two]) > np.einsum("ij,ij->i", x[one], x[three])
    gaps = [np.square(places[one] - places[other]).sum(axis=1) for other in (two, three)]
    return float((space == (gaps[0] < gaps[1])).mean())


def measured(peer: str, package: str, lay_out: Callable[[Any], Any], more: dict[str, float] | None = None) -> None:
    """Lay the rows out once, the time of what has to be compiled first included, and say how long it took and how good it is."""
    from importlib.metadata import version

    x = vectors()
    start = time.process_time()
    places = np.asarray(lay_out(x))
    seconds = time.process_time() - start
    found = trustworthiness(x, places, 15, sample=5000)
    numbers = {
        "CPU-seconds": seconds,
        "trustworthiness@15": found.value,
        "random triplets in order": triplets(x, places),
    }
    print(json.dumps({"peer": peer, "numbers": numbers | (more or {}), "versions": {peer: version(package)}}))
