"""Removing top components: subtract the mean and project out the few directions that all vectors share."""

from __future__ import annotations

import numpy as np

from semascope.card import Card, Claim, Evidence, Paper
from semascope.estimator import VectorTransform
from semascope.lab import Lab
from semascope.learned import Affine
from semascope.ops import cosine, integer, recall_at
from semascope.types import Array, Vectors


class RemoveTop(VectorTransform):
    """Subtract the mean and remove the strongest principal axes; the number of columns stays.

    Args:
        n_removed: How many axes to remove; None removes one per hundred columns, at least one.
    """

    def __init__(self, n_removed: int | None = None) -> None:
        self.n_removed = n_removed

    def _learn(self, X: Vectors, y: Array | None) -> Affine:
        del y
        remove = max(1, X.shape[1] // 100)
        if self.n_removed is not None:
            remove = integer(self.n_removed, name="n_removed", least=0, most=X.shape[1])
        mean = X.mean(axis=0, dtype=np.float64)
        centred = X - mean
        axes = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :remove]
        return Affine(mean.astype(np.float32), (np.eye(X.shape[1]) - axes @ axes.T).astype(np.float32))


def _opens_the_cone(lab: Lab, method: VectorTransform) -> Evidence:
    """Baseline: word vectors as they are. Margin: half the mean cosine left, and no fewer halves found."""
    reader = lab.encoder("default")
    left, right = lab.halves(2000)
    x, y = reader.encode(left), reader.encode(right)
    method.fit(np.concatenate([x[:1000], y[:1000]]))
    a, b = method.transform(x[1000:]), method.transform(y[1000:])
    found = {
        "mean cosine before": _mean_cosine(x[1000:]),
        "mean cosine after": _mean_cosine(a),
        "recall@10 before": recall_at(x[1000:], y[1000:]),
        "recall@10 after": recall_at(a, b),
    }
    open_ = abs(found["mean cosine after"]) <= abs(found["mean cosine before"]) / 2
    return Evidence(open_ and found["recall@10 after"] >= found["recall@10 before"] - 0.01, found)


def _mean_cosine(x: Vectors) -> float:
    return float(cosine(x, x)[np.triu_indices(len(x), 1)].mean())


CARD = Card(
    make=RemoveTop,
    family="transforms",
    keys=(),
    papers=(
        Paper(
            "All-but-the-Top: Simple and Effective Postprocessing for Word Representations",
            ("Jiaqi Mu", "Suma Bhat", "Pramod Viswanath"),
            2017,
            "https://arxiv.org/abs/1702.01417",
        ),
        Paper(
            "A Simple but Tough-to-Beat Baseline for Sentence Embeddings",
            ("Sanjeev Arora", "Yingyu Liang", "Tengyu Ma"),
            2017,
            "https://openreview.net/forum?id=SyK00v5xx",
        ),
    ),
    claim=Claim(
        "Removing the mean and the strongest shared directions makes unrelated sentences' cosine fall towards zero "
        "and finds related ones as well as before.",
        _opens_the_cone,
    ),
    notes="Mu, Bhat and Viswanath subtract the mean, which is followed; Arora, Liang and Ma remove one axis and do not.",
)
