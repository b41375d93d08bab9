"""openTSNE with its defaults, by cosine."""

# /// script
# dependencies = ["openTSNE==1.0.4"]
# ///
from __future__ import annotations

import openTSNE
from map._measure import measured

if __name__ == "__main__":
    measured("openTSNE", "openTSNE", lambda x: openTSNE.TSNE(metric="cosine", n_jobs=1, random_state=0).fit(x))
