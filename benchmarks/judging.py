"""What it costs to judge vectors, and how the linear probe stands beside logistic regression.

OMP_NUM_THREADS=1 python benchmarks/judging.py cost
python benchmarks/judging.py probe --encoder default DATA/classification/trec-test.jsonl ...
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from typing import Any

import numpy as np

from semascope.encoders import as_encoder
from semascope.metrics import Scores, task_rows
from semascope.ops import unit
from semascope.subject.tasks import open_tasks
from semascope.tasks import Analogy, Classification, Clustering, PairMatching, Reranking, Retrieval, Similarity


def random_tasks(n: int) -> dict[str, Any]:
    """Tasks of about n random rows."""
    rng = np.random.default_rng(0)
    texts = [f"text {at}" for at in range(n)]
    labels = [f"label {one}" for one in rng.integers(0, 6, n)]
    pairs = list(zip(texts[::2], texts[1::2], strict=True))
    words = texts[:900]
    questions = [tuple(words[i] for i in rng.choice(900, 4, replace=False)) for _ in range(n)]
    queries = {f"q{at}": f"query {at}" for at in range(225)}
    lists = [[texts[(20 * at + j) % n] for j in range(20)] for at in range(500)]
    labelled = Classification("t", texts, labels, also=())
    return {
        "classification, linear": labelled,
        "classification, knn": replace(labelled, method="knn"),
        "classification, centre": replace(labelled, method="centre"),
        "clustering": Clustering("t", texts, labels),
        "clustering, starts=1, learn=2000": Clustering("t", texts, labels, starts=1, learn=2_000),
        "similarity": Similarity("t", pairs, list(range(len(pairs)))),
        "pair matching": PairMatching("t", pairs, [at % 2 == 0 for at in range(len(pairs))]),
        "retrieval, 225 queries": Retrieval("t", {one: one for one in texts}, queries, {one: {texts[0]: 1} for one in queries}),
        "reranking, 500 queries of 20": Reranking("t", [f"query {at}" for at in range(500)], lists, [[1] + [0] * 19] * 500),
        "analogy, 900 words": Analogy("t", questions),
        "analogy, mul": Analogy("t", questions, method="mul"),
    }  # fmt: skip


def cost(n: int, dim: int) -> None:
    rng = np.random.default_rng(1)
    for name, task in random_tasks(n).items():
        rows = {key: rng.normal(size=(len(texts), dim)).astype(np.float32) for key, (texts, _) in task.inputs().items()}
        task.judge(rows)  # places of texts and folds are found once
        spent = []
        for _ in range(3):
            began = time.process_time()
            task.judge(rows)
            spent.append(time.process_time() - began)
        print(f"{name:34} {1000 * min(spent):7.0f} ms", flush=True)
    gold, score = rng.normal(size=(2, 5_749))
    pairs = Scores("t", "Spearman", "spearman", tuple(map(str, range(5_749))), {"gold": gold, "score": score})
    began = time.process_time()
    pairs.interval()
    print(f"{'interval of Spearman, 5,749 pairs':34} {1000 * (time.process_time() - began):7.0f} ms")


def probe(files: list[str], encoder: str, sample: int) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import PredefinedSplit, cross_val_predict

    opened = as_encoder(encoder)
    for file in files:
        (task,) = open_tasks(file, kinds=["classification"], sample=sample)
        assert isinstance(task, Classification)
        found = task.judge(task_rows(opened, task))
        x = unit(opened.encode(list(task.texts)))
        split = PredefinedSplit(task.fold)
        peer = cross_val_predict(LogisticRegression(max_iter=500), x, task.labels, cv=split) == np.array(task.labels)
        print(f"{task.name}: linear probe {found.interval()}, logistic regression {peer.mean():.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["cost", "probe"])
    parser.add_argument("files", nargs="*")
    parser.add_argument("--encoder", default="default")
    parser.add_argument("--sample", type=int, default=3_000)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--dim", type=int, default=384)
    asked = parser.parse_args()
    if asked.what == "cost":
        cost(asked.rows, asked.dim)
    else:
        probe(asked.files, asked.encoder, asked.sample)


if __name__ == "__main__":
    main()
