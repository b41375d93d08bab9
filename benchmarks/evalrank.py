"""Which follows use: the rank of a partner in a crowd, or the correlation with graded likeness? EvalRank on people's judgements.

python benchmarks/evalrank.py --data FOLDER [--texts 1000] [--background 4000]

FOLDER holds `sts/stsb-en-dev.jsonl`, `sts/stsb-en-train.jsonl` and `classification/`. Pairs are those of the STS benchmark's development
half that people rated 4.5 of 5 or more; the crowd is all of its sentences and some of the training half's; uses are the
accuracy of logistic regression on topics (AG News), sentiment (sentence polarity) and questions (TREC). Prints each encoder's figures,
and over encoders Spearman's correlation of MRR, hits@3 and STS Spearman with accuracy, and the paired differences, with bootstrap
intervals over encoders.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from label_free import counted, layers_of_minilm, learnt_rows

from semascope import Encoder
from semascope.encoders import CutTextWarning
from semascope.evaluation.evalrank import Evalrank
from semascope.ops import spearman, unit
from semascope.tasks import Similarity

USES = ("ag-news", "sentence-polarity", "trec-train")


def rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def accuracy(x: np.ndarray, labels: Sequence[str]) -> float:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score

    return float(cross_val_score(LogisticRegression(max_iter=3000), unit(x) * np.sqrt(x.shape[1]), labels, cv=3).mean())


def main() -> None:
    say = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    say.add_argument("--data", type=Path, required=True)
    say.add_argument("--texts", type=int, default=1000, help="of each of the three uses")
    say.add_argument("--background", type=int, default=4000)
    args = say.parse_args()
    warnings.simplefilter("ignore", CutTextWarning)
    rng = np.random.default_rng(0)
    dev, train = (rows(args.data / "sts" / f"stsb-en-{part}.jsonl") for part in ("dev", "train"))
    alike = [(row["a"], row["b"]) for row in dev if row["score"] >= 4.5 and row["a"] != row["b"]]
    task = Similarity("STS-B", [(row["a"], row["b"]) for row in dev], [row["score"] for row in dev])
    more = list(dict.fromkeys(text for row in train for text in (row["a"], row["b"])))
    crowd = list(
        dict.fromkeys([*task.inputs()["texts"][0], *(more[i] for i in rng.permutation(len(more))[: args.background])])
    )
    uses: dict[str, tuple[list[str], list[str]]] = {}
    for name in USES:
        every = rows(args.data / "classification" / f"{name}.jsonl")
        chosen = [every[i] for i in rng.permutation(len(every))[: args.texts]]
        uses[name] = [row["text"] for row in chosen], [str(row["label"]) for row in chosen]
    texts = list(dict.fromkeys([*crowd, *(text for own, _ in uses.values() for text in own)]))
    place = {text: at for at, text in enumerate(texts)}
    at = [place[text] for text in crowd]
    raw = {"default": Encoder("default").encode(texts), **layers_of_minilm(texts), **counted(texts)}
    vectors = learnt_rows(raw, texts, at)
    found: dict[str, tuple[float, ...]] = {}
    for name, x in vectors.items():
        ranks = Evalrank().ranks(x[at], [(at.index(place[a]), at.index(place[b])) for a, b in alike])
        sts = task.judge({"texts": np.stack([x[place[text]] for text in task.inputs()["texts"][0]])}).value()
        use = float(np.mean([accuracy(x[[place[text] for text in own]], labels) for own, labels in uses.values()]))
        found[name] = (float((1 / ranks).mean()), float((ranks <= 3).mean()), sts, use)
        print(
            f"{name:32} MRR {found[name][0]:.3f}  hits@3 {found[name][1]:.3f}  STS {sts:.3f}  use {use:.3f}", flush=True
        )
    print(f"\n{len(alike)} pairs, {len(crowd):,} texts in the crowd")
    agreement("all encoders", np.array(list(found.values())), rng)
    agreement("recipes of all-MiniLM", np.array([of for name, of in found.items() if name.startswith("minilm")]), rng)


def agreement(what: str, table: np.ndarray, rng: np.random.Generator) -> None:
    """Prints how each of the first three columns goes with the fourth over encoders (n, 4), and how the first two differ from the third."""
    print(f"{what}, {len(table)}")
    names = ("MRR", "hits@3", "STS Spearman")
    value = np.array([spearman(table[:, column], table[:, 3]) for column in range(3)])
    # The same encoders drawn for all three, so that differences are paired.
    drawn = np.array(
        [
            [spearman(table[i, column], table[i, 3]) for column in range(3)]
            for i in rng.integers(0, len(table), (2000, len(table)))
        ]
    )
    for column, name in enumerate(names):
        low, high = np.nanquantile(drawn[:, column], [0.025, 0.975])
        print(f"  {name:14} with accuracy in use: {value[column]:.2f} [{low:.2f}, {high:.2f}]")
    for column, name in enumerate(names[:2]):
        low, high = np.nanquantile(drawn[:, column] - drawn[:, 2], [0.025, 0.975])
        print(f"  {name} less {names[2]}: {value[column] - value[2]:.2f} [{low:.2f}, {high:.2f}]")


if __name__ == "__main__":
    main()
