"""Do intervals of scores hold what they say? Coverage on made-up units whose truth is known.

python benchmarks/score_intervals.py --runs 500

The truth is what units of the same kind, as many as those at hand, give in the mean (of 5,000 further draws). Beside it the
plain percentile interval, which `Scores.interval` improves on.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np

from semascope.metrics import Scores, by_counts, resamples

Case = tuple[str, Any, int]
CASES: tuple[Case, ...] = (
    ("mean", "nDCG-like", 20),
    ("mean", "nDCG-like", 225),
    ("mean", 0.9, 50),
    ("mean", 0.9, 500),
    ("spearman", 0.3, 30),
    ("spearman", 0.85, 30),
    ("spearman", 0.85, 150),
    ("spearman", 0.6, 1500),
    ("average_precision", (0.1, 1.0), 100),
    ("average_precision", (0.1, 1.0), 500),
    ("average_precision", (0.5, 1.0), 100),
    ("average_precision", (0.3, 2.0), 1000),
    ("v_measure", (6, 0.6), 100),
    ("v_measure", (6, 0.6), 500),
    ("v_measure", (20, 0.6), 500),
    ("v_measure", (6, 0.0), 500),
    ("v_measure", (4, 0.8), 2000),
)


def units(case: Case, rng: np.random.Generator) -> Scores:
    """Scores of units drawn anew."""
    statistic, how, n = case
    if statistic == "mean":
        zero = rng.random(n) < 0.3
        value = np.where(zero, 0, rng.beta(1.2, 1.2, n)) if how == "nDCG-like" else (rng.random(n) < how) * 1.0
        columns: dict[str, Any] = {"value": value}
    elif statistic == "spearman":
        truth = rng.normal(size=n)
        columns = {"gold": np.round(2 * truth), "score": how * truth + np.sqrt(1 - how**2) * rng.normal(size=n)}
    elif statistic == "average_precision":
        share, apart = how
        match = (rng.random(n) < share) * 1.0
        match[0] = 1.0  # a headline needs one
        columns = {"match": match, "score": rng.normal(size=n) + apart * match}
    else:
        labels, right = how
        label = rng.integers(0, labels, n)
        columns = {"label": label, "group": np.where(rng.random(n) < right, label, rng.integers(0, labels, n))}
    return Scores("t", "m", statistic, tuple(map(str, range(n))), columns)  # type: ignore[arg-type]


def percentile(scores: Scores, seed: int, draws: int) -> tuple[float, float]:
    of = by_counts(scores.statistic, scores.columns)
    found = np.concatenate([of(counts) for counts in resamples(len(scores), draws, seed)])
    low, high = np.nanquantile(found, [0.025, 0.975])
    return float(low), float(high)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--draws", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--only", metavar="STATISTIC")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rows = []
    for number, case in enumerate(CASES):
        if asked.only not in (None, case[0]):
            continue
        rng = np.random.default_rng((asked.seed, number))
        truth = float(np.mean([units(case, rng).value() for _ in range(5_000)]))
        held = np.zeros(2)
        wide = np.zeros(2)
        for run in range(asked.runs):
            scores = units(case, rng)
            found = scores.interval(draws=asked.draws, seed=run)
            for at, (low, high) in enumerate(((found.low, found.high), percentile(scores, run, asked.draws))):
                held[at] += low <= truth <= high
                wide[at] += high - low
        rows.append((*case, truth, *(held / asked.runs), *(wide / asked.runs)))
        if not asked.json:
            print(f"{case[0]:18} {case[1]!s:12} n={case[2]:5} truth {truth:.3f}  held {held[0] / asked.runs:.3f}  "
                  f"(percentile {held[1] / asked.runs:.3f})  width {wide[0] / asked.runs:.3f}", flush=True)  # fmt: skip
    if asked.json:
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
