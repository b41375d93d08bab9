"""The two principal axes: what a map is when nothing is done."""

# /// script
# dependencies = ["semascope"]
# ///
from __future__ import annotations

import numpy as np
from map._measure import measured


def lay_out(x: np.ndarray) -> np.ndarray:
    centred = x - x.mean(axis=0)
    return centred @ np.linalg.eigh(centred.T @ centred)[1][:, :-3:-1]


if __name__ == "__main__":
    measured("two principal axes", "numpy", lay_out)
