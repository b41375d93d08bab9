"""All estimators of dimension from one graph, and the orthogonal Procrustes problem, by this package."""

# /// script
# dependencies = ["semascope"]
# ///
from __future__ import annotations

import numpy as np
from cloud._measure import LARGE, SMALL, cloud, least, say

import semascope
from semascope.ops.cloud import cells, intrinsic_dimension, levina_bickel, near, procrustes, two_nn


def both(x: np.ndarray) -> tuple[float, float]:
    graph = near(x, 20)
    parts = cells(x, graph)
    return two_nn(graph, parts).value, levina_bickel(graph, parts).value


small, large = cloud(SMALL), cloud(LARGE)
turned = large @ np.linalg.qr(np.random.default_rng(1).standard_normal((384, 384)))[0].astype(np.float32)
few, (line, likelihood) = least(lambda: both(small))
every, _ = least(lambda: intrinsic_dimension(small))
many, _ = least(lambda: intrinsic_dimension(large), 1)
part, _ = least(lambda: intrinsic_dimension(large, asked=10_000), 1)
turn, fit = least(lambda: procrustes(large, turned))
say(
    "semascope",
    {
        "TwoNN and MLE, 5,000 x 384, CPU-seconds": few,
        "11 estimates with intervals, 5,000 x 384, CPU-seconds": every,
        "11 estimates with intervals, 40,000 x 384, CPU-seconds": many,
        "the same, 10,000 of the 40,000 asked, CPU-seconds": part,
        "orthogonal Procrustes, 40,000 x 384, CPU-seconds": turn,
        "same TwoNN": line,
        "same MLE": likelihood,
        "same turn": float(np.abs(large[:100] @ fit.rotation - turned[:100]).max()),
    },
    {"semascope": semascope.__version__, "numpy": np.__version__},
)
