"""Small files to be evaluated on, in words that the bundled encoder knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

ANIMALS = ("dog", "cat", "horse", "cow", "sheep", "rabbit", "mouse", "bird", "fish", "goat")
TOOLS = ("hammer", "screwdriver", "saw", "drill", "wrench", "shovel", "axe", "knife", "chisel", "rake")
PLACES = ("garden", "kitchen", "street", "forest", "field", "house", "yard", "barn")


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def sentence(rng: np.random.Generator, things: tuple[str, ...]) -> str:
    thing, other = rng.choice(things, 2, replace=False)
    return f"the {thing} and the {other} are in the {rng.choice(PLACES)}"


def labelled(path: Path, n: int = 60, seed: int = 0) -> Path:
    """Sentences about animals or tools."""
    rng = np.random.default_rng(seed)
    kinds = [("animals", ANIMALS), ("tools", TOOLS)]
    chosen = [kinds[int(rng.integers(2))] for _ in range(n)]
    return written(path, [{"text": sentence(rng, things), "label": name} for name, things in chosen])


def pairs(path: Path, n: int = 60, seed: int = 1) -> Path:
    """Pairs that share a sentence, a kind, or nothing, with 2, 1 or 0."""
    rng = np.random.default_rng(seed)
    rows = []
    for at in range(n):
        one = sentence(rng, ANIMALS)
        other = (sentence(rng, TOOLS), sentence(rng, ANIMALS), one.replace("the", "a"))[at % 3]
        rows.append({"a": one, "b": other, "score": at % 3})
    return written(path, rows)


def beir(folder: Path, n: int = 40) -> Path:
    rng = np.random.default_rng(2)
    things = [f"{a} {b}" for a in ANIMALS for b in PLACES][:n]
    written(
        folder / "corpus.jsonl",
        [{"_id": f"d{i}", "title": "", "text": f"{one} {sentence(rng, TOOLS)}"} for i, one in enumerate(things)],
    )
    written(folder / "queries.jsonl", [{"_id": f"q{i}", "text": f"where is the {one}"} for i, one in enumerate(things)])
    lines = ["query-id\tcorpus-id\tscore", *(f"q{i}\td{i}\t1" for i in range(n))]
    (folder / "qrels").mkdir(exist_ok=True)
    (folder / "qrels" / "test.tsv").write_text("\n".join(lines) + "\n")
    return folder
