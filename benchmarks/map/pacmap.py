"""PaCMAP with its defaults, on rows of length one."""

# /// script
# dependencies = ["pacmap==0.9.1"]
# ///
from __future__ import annotations

import pacmap
from map._measure import measured

if __name__ == "__main__":
    measured("PaCMAP", "pacmap", lambda x: pacmap.PaCMAP().fit_transform(x))
