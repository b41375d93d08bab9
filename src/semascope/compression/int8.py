"""Scalar quantisation: one byte per number."""

from __future__ import annotations

import numpy as np

from semascope.card import Card, Claim, Evidence, Paper
from semascope.estimator import VectorTransform
from semascope.lab import Lab
from semascope.learned import ScalarCoder
from semascope.ops import neighbours_kept
from semascope.types import Array, Vectors


class Int8(VectorTransform):
    """Spread the range that each column had in the rows learned from over 255 levels; beyond it, values are held."""

    def _learn(self, X: Vectors, y: Array | None) -> ScalarCoder:
        del y
        low, high = X.min(axis=0).astype(np.float64), X.max(axis=0).astype(np.float64)
        scale = ((high - low) / 254).astype(np.float32)
        offset = ((low + high) / 2).astype(np.float32)
        # A column that is constant, or as good as that to float32, needs no step.
        return ScalarCoder(offset, np.where(scale >= np.finfo(np.float32).tiny, scale, np.float32(1)))


def _keeps_neighbours(lab: Lab, method: VectorTransform) -> Evidence:
    """Baseline: float32. Margin: 0.97 of the ten nearest kept in a quarter of the bytes, on rows not learned from."""
    x = lab.encoder("default").encode(lab.sentences(3000))
    coder = method.fit(x[:1000]).learned_
    rows = x[1000:]
    found = {
        "bytes of float32 per byte of code": 4 * x.shape[1] / (coder.bits / 8),
        "ten nearest kept": neighbours_kept(rows, coder.decode(coder.encode(rows))),
    }
    ratio, kept = found.values()
    return Evidence(ratio >= 4 and kept >= 0.97, found)


CARD = Card(
    make=Int8,
    family="compression",
    keys=(),
    papers=(
        Paper(
            "Quantization",
            ("Robert M. Gray", "David L. Neuhoff"),
            1998,
            "https://doi.org/10.1109/18.720541",
        ),
    ),
    claim=Claim(
        "A quarter of the bytes keeps at least 97 of a hundred nearest neighbours of real sentence vectors.",
        _keeps_neighbours,
    ),
)
