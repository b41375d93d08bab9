"""Vectors of both sets by all-MiniLM-L6-v2, made once: every peer groups the same ones."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from groups._measure import SETS, rows

from semascope import Encoder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    work: Path = parser.parse_args().work
    for name, _ in SETS.values():
        place = work / f"{name}.npy"
        if not place.is_file():
            np.save(place, Encoder("minilm").encode([row["text"] for row in rows(name)]))


if __name__ == "__main__":
    main()
