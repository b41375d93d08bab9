"""A transformer read from its formulas, number by number, to compare the tiny model and all readouts with."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from semascope.testing.model import START, TinyModel

Rows = list[np.ndarray]


def ids_of(text: str) -> list[int]:
    return [START, *text.encode()]


def normed(x: np.ndarray) -> np.ndarray:
    mean = sum(x) / len(x)
    spread = math.sqrt(sum((value - mean) ** 2 for value in x) / len(x) + 1e-12)
    return np.array([(value - mean) / spread for value in x])


def layers_of(
    model: TinyModel, ids: list[int], *, causal: bool = True, between: Callable[[int, Rows], None] | None = None
) -> list[Rows]:
    """States after every layer, the last one normed; `between` may change a layer's rows before the next block reads them."""
    width, heads = model.width, model.heads
    size = width // heads
    rows: Rows = []
    for place, token in enumerate(ids):
        row = model.table[token].copy()
        for pair in range(width // 2):
            angle = place / 10_000 ** (2 * pair / width)
            row[2 * pair] += math.sin(angle)
            row[2 * pair + 1] += math.cos(angle)
        rows.append(row)
    found: list[Rows] = []
    for layer in range(model.depth + 1):
        if layer:
            rows = block(rows, model.blocks[layer - 1], heads, size, causal=causal)
        if between is not None:
            between(layer, rows)
        found.append([normed(row) for row in rows] if layer == model.depth else [row.copy() for row in rows])
    return found


def block(rows: Rows, weights: dict[str, np.ndarray], heads: int, size: int, *, causal: bool) -> Rows:
    read = [normed(row) for row in rows]
    q, k, v = ([row @ weights[name] for row in read] for name in "qkv")
    out: Rows = []
    for i, row in enumerate(rows):
        seen = range(i + 1) if causal else range(len(rows))
        mixed = np.zeros_like(row)
        for head in range(heads):
            part = slice(head * size, (head + 1) * size)
            scores = [float(q[i][part] @ k[j][part]) / math.sqrt(size) for j in seen]
            shares = [math.exp(score - max(scores)) for score in scores]
            for share, j in zip(shares, seen, strict=True):
                mixed[part] += share / sum(shares) * v[j][part]
        new = row + mixed @ weights["out"]
        out.append(new + np.maximum(normed(new) @ weights["up"], 0) @ weights["down"])
    return out


def log_p(model: TinyModel, last: np.ndarray) -> np.ndarray:
    """Log probability of every next token, from a last state."""
    scores = np.array([float(row @ last) / math.sqrt(model.width) for row in model.table])
    return scores - scores.max() - math.log(sum(math.exp(score - scores.max()) for score in scores))
