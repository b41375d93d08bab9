"""Vectors by all-MiniLM-L6-v2, labels of which 5 % were changed, and out-of-sample probabilities of a linear model."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from labels._measure import SEEDS, SETS, SHARE, rows

from semascope import Encoder
from semascope.evaluation.confident_learning import ConfidentLearning


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    work: Path = parser.parse_args().work
    for name in SETS.values():
        held = rows(name)
        place = work / f"{name}.npy"
        if not place.is_file():
            np.save(place, Encoder("minilm").encode([row["text"] for row in held]))
        x = np.load(place)
        classes, true = np.unique([row["label"] for row in held], return_inverse=True)
        for seed in SEEDS:
            rng = np.random.default_rng(seed)
            wrong = rng.permutation(len(true)) < SHARE * len(true)
            labels = (true + wrong * rng.integers(1, len(classes), len(true))) % len(classes)
            judged = ConfidentLearning(n_neighbors=0, random_state=seed).fit(x, labels)
            np.savez(work / f"{name}-{seed}.npz", labels=labels, wrong=wrong, probabilities=judged.probabilities_)


if __name__ == "__main__":
    main()
