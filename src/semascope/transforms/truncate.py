"""Truncation: keep the leading columns, which an encoder trained or sorted for it fills first."""

from __future__ import annotations

import numpy as np

from semascope.card import Card, Claim, Evidence, Paper
from semascope.estimator import VectorTransform
from semascope.lab import Lab
from semascope.learned import Affine
from semascope.ops import integer, neighbours_kept
from semascope.types import Array, Vectors


class Truncate(VectorTransform):
    """Keep the first columns as they are. Lengths change: compare by cosine, or scale rows to length one afterwards.

    Args:
        n_components: How many leading columns to keep; None keeps the first half.
    """

    width_only = True
    _least = 1

    def __init__(self, n_components: int | None = None) -> None:
        self.n_components = n_components

    def _learn(self, X: Vectors, y: Array | None) -> Affine:
        del y
        keep = (X.shape[1] + 1) // 2
        if self.n_components is not None:
            keep = integer(self.n_components, name="n_components", least=1, most=X.shape[1])
        return Affine(np.zeros(X.shape[1], np.float32), np.eye(X.shape[1], keep, dtype=np.float32))


def _the_first_columns_are_the_best(lab: Lab, method: VectorTransform) -> Evidence:
    """Baseline: as many columns drawn by lot. Margin: 0.05 more of the ten nearest kept, in half the width or less."""
    x = lab.encoder("default").encode(lab.sentences(2000))
    short = method.fit_transform(x)
    lot = x[:, lab.rng(21).permutation(x.shape[1])[: short.shape[1]]]
    found = {
        "columns before": float(x.shape[1]),
        "columns after": float(short.shape[1]),
        "ten nearest kept by the first": neighbours_kept(x, short),
        "ten nearest kept by lot": neighbours_kept(x, lot),
    }
    _, width, first, drawn = found.values()
    return Evidence(width <= (x.shape[1] + 1) // 2 and first >= drawn + 0.05, found)


CARD = Card(
    make=Truncate,
    family="transforms",
    keys=(),
    papers=(
        Paper(
            "Matryoshka Representation Learning",
            (
                "Aditya Kusupati",
                "Gantavya Bhatt",
                "Aniket Rege",
                "Matthew Wallingford",
                "Aditya Sinha",
                "Vivek Ramanujan",
                "William Howard-Snyder",
                "Kaifeng Chen",
                "Sham Kakade",
                "Prateek Jain",
                "Ali Farhadi",
            ),
            2022,
            "https://arxiv.org/abs/2205.13147",
        ),
    ),
    claim=Claim(
        "The first half of the default encoder's columns keeps more of the ten nearest neighbours than any half drawn by lot.",
        _the_first_columns_are_the_best,
    ),
    example="truncate(n_components=8)",
    notes="The paper trains encoders so that prefixes work; this only cuts. It does not rescale rows: an encoder whose "
    "vectors have length one scales them again at the end.",
)
