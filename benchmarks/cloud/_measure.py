"""Clouds that every worker of this suite measures, and how they are timed: CPU-seconds on one thread, the least of three calls."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np

SMALL, LARGE, WIDE = 5_000, 40_000, 384


def cloud(n: int) -> np.ndarray:
    """Rows (n, 384) of length one about a bent sheet of twelve dimensions, with some noise in all columns."""
    rng = np.random.default_rng(0)
    flat = rng.random((n, 12))
    bent = np.concatenate([flat, np.sin(3 * flat), np.cos(2 * flat)], axis=1) @ rng.standard_normal((36, WIDE))
    x = bent + 0.05 * rng.standard_normal((n, WIDE))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def least(call: Callable[[], Any], times: int = 3) -> tuple[float, Any]:
    spent, said = [], None
    for _ in range(times):
        began = time.process_time()
        said = call()
        spent.append(time.process_time() - began)
    return min(spent), said


def say(peer: str, numbers: dict[str, float], versions: dict[str, str]) -> None:
    argparse.ArgumentParser().parse_known_args()
    print(json.dumps({"peer": peer, "numbers": numbers, "versions": versions}))
