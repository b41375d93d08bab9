"""Two estimators of dimension by scikit-dimension."""

# /// script
# dependencies = ["scikit-dimension==0.5.0"]
# ///
from __future__ import annotations

from importlib.metadata import version

import numpy as np
from cloud._measure import SMALL, cloud, least, say
from skdim.id import GRIDE, MLE, TwoNN

small = cloud(SMALL)


def both() -> tuple[float, float]:
    line = TwoNN().fit(small).dimension_
    # The inverse of the mean of inverses is what MacKay and Ghahramani average.
    local = MLE(K=20).fit_transform_pw(small, n_neighbors=20)
    return float(line), float(1 / np.mean(1 / np.asarray(local)))


spent, (line, likelihood) = least(both, 1)
scales, found = least(lambda: GRIDE(multiscale=True, range_max=512).fit(small), 1)
say(
    "scikit-dimension",
    {
        "TwoNN and MLE, 5,000 x 384, CPU-seconds": spent,
        "GRIDE at all scales, 5,000 x 384, CPU-seconds": scales,
        "same TwoNN": line,
        "same MLE": likelihood,
    },
    {"scikit-dimension": version("scikit-dimension")},
)
