"""Does setting outlier columns to zero help at each layer? Spearman on sentence pairs before, after, and with as many columns at random.

python benchmarks/clipping.py --sts stsb-en-dev.jsonl [--encoder minilm]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from semascope.encoders import Encoder
from semascope.geometry.positional_artefacts import PositionalArtefacts
from semascope.ops.layer_reading import read_every_layer
from semascope.tasks import Similarity


def main() -> None:
    """Print one line for each layer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sts", type=Path, required=True, help="JSON lines with a, b and score")
    parser.add_argument("--encoder", default="minilm")
    args = parser.parse_args()
    rows = [json.loads(line) for line in args.sts.read_text(encoding="utf-8").splitlines() if line.strip()]
    task = Similarity(args.sts.stem, [(row["a"], row["b"]) for row in rows], [float(row["score"]) for row in rows])
    texts = list(task.inputs()["texts"][0])
    model, rng = Encoder(args.encoder), np.random.default_rng(0)
    tokens = model.states(texts[:300], layers="all").hidden
    print("layer  columns  as they are  clipped  as many at random")
    for layer, pooled in enumerate(read_every_layer(model, texts, paths=False).rows):
        method = PositionalArtefacts().fit(tokens[layer])
        chance = pooled.copy()
        chance[:, rng.choice(pooled.shape[1], len(method.dims_), replace=False)] = 0
        found = [task.judge({"texts": one}).value() for one in (pooled, method.transform(pooled), chance)]
        print(f"{layer:5}  {len(method.dims_):7}  {found[0]:11.3f}  {found[1]:7.3f}  {found[2]:17.3f}", flush=True)


if __name__ == "__main__":
    main()
