"""The orthogonal Procrustes problem by scipy."""

# /// script
# dependencies = ["scipy"]
# ///
from __future__ import annotations

import numpy as np
import scipy
from cloud._measure import LARGE, cloud, least, say
from scipy.linalg import orthogonal_procrustes

large = cloud(LARGE)
turned = large @ np.linalg.qr(np.random.default_rng(1).standard_normal((384, 384)))[0].astype(np.float32)
spent, (turn, _) = least(lambda: orthogonal_procrustes(large, turned))
wide, wider = large.astype(np.float64), turned.astype(np.float64)
exact, _ = least(lambda: orthogonal_procrustes(wide, wider))
say(
    "scipy",
    {
        "orthogonal Procrustes, 40,000 x 384, CPU-seconds": spent,
        "the same given in float64, CPU-seconds": exact,
        "same turn": float(np.abs(large[:100] @ turn - turned[:100]).max()),
    },
    {"scipy": scipy.__version__},
)
