"""What does a lower precision cost? Similarities and retrieval of all-MiniLM-L6-v2 against float32, on the same engine.

python benchmarks/precision.py --data FOLDER [--pairs FILE ...] [--engine onnx] [--precision int8]

FOLDER holds corpus.jsonl, queries.jsonl and qrels (see BEIR); every row of FILE (JSON lines) two texts, "a" and "b". The intervals are 95 %
bootstraps over the queries, paired.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from retrieval import ndcg

from semascope import Corpus, Encoder
from semascope.ops import bootstrap, cosine, spearman


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pairs", type=Path, action="append", default=[])
    parser.add_argument("--engine", default="onnx")
    parser.add_argument("--precision", default="int8")
    args = parser.parse_args()
    both = [
        Encoder("minilm", engine=engine, precision=precision)
        for engine, precision in ((args.engine, "float32"), (args.engine, args.precision))
    ]
    for path in args.pairs:
        print(similarities(path, both))
    print(retrieval(args.data, both))


def similarities(path: Path, both: list[Any]) -> str:
    """Whether pairs keep their order, and how far vectors turn."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    sides = [[encoder.encode([row[side] for row in rows]) for side in ("a", "b")] for encoder in both]
    exact, rounded = (np.array([cosine(x[None], y[None])[0, 0] for x, y in zip(a, b, strict=True)]) for a, b in sides)
    turned = [float(cosine(x[None], y[None])[0, 0]) for x, y in zip(sides[0][0], sides[1][0], strict=True)]
    return (
        f"{path.stem}: {len(rows)} pairs, Spearman of their similarities to float32 {spearman(exact, rounded):.5f}, "
        f"cosine to float32 mean {np.mean(turned):.5f}, least {np.min(turned):.5f}"
    )


def retrieval(folder: Path, both: list[Any]) -> str:
    """NDCG@10 of float32 and of the other precision, and the loss, paired by query."""
    corpus = Corpus.read(folder)
    documents = list(corpus)
    judged = {name: text for name, text in corpus.queries.items() if corpus.judgements.get(name)}
    texts = [f"{document.title or ''} {document.text}".strip() for document in documents]
    found: list[np.ndarray] = []
    for encoder in both:
        scores = encoder.encode(list(judged.values()), kind="query") @ encoder.encode(texts).T
        ranked = np.argsort(-scores, axis=1, kind="stable")[:, :10]
        names = [[documents[place].id for place in row] for row in ranked]
        found.append(np.array([ndcg(row, corpus.judgements[name]) for row, name in zip(names, judged, strict=True)]))
    exact, rounded = found
    return (
        f"{folder.name}: nDCG@10 float32 {bootstrap(exact)}, {both[1].engine.precision} {bootstrap(rounded)}\n"
        f"loss {bootstrap(exact - rounded).value:.4f}, 95 % interval {bootstrap(exact - rounded).low:.4f} to "
        f"{bootstrap(exact - rounded).high:.4f} (n={len(exact)})"
    )


if __name__ == "__main__":
    main()
