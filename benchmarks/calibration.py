"""Are the calibrator's probabilities what they say? Calibration error on pairs held out, of several sets, and thresholds that are kept.

python benchmarks/calibration.py --data FOLDER [--encoder NAME ...] [--seeds 3]

FOLDER holds the shared sets: pairs/sick-train.jsonl (a match is an entailment), pairs/msrp-train.jsonl, sts/stsb-*.jsonl (a match is a score
of 4 or more), classification/ag-news.jsonl (pairs of one label or of two). Of each set and seed a third of the pairs is learned from, at most
2,000, and all others are held out; the bar is a debiased error of 0.03 in ten bins of equal mass on 3,000 pairs or more.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semascope import Encoder
from semascope.evaluation.calibrator import Calibrator
from semascope.metrics import brier, calibration_error, calibration_interval, sweep_error
from semascope.ops import proportion, unit

Pairs = tuple[list[str], list[str], NDArray[np.bool_]]
PRECISIONS = (0.8, 0.9)
FEW = (30, 100, 300)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoder", action="append")
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    for name in args.encoder or ["default", "minilm"]:
        encoder = Encoder(name)
        for what, (a, b, matches) in read(args.data).items():
            every = list(dict.fromkeys([*a, *b]))
            place = {text: at for at, text in enumerate(every)}
            x = unit(encoder.encode(every))
            one, other = ([place[text] for text in side] for side in (a, b))
            scores = np.einsum("ij,ij->i", x[one], x[other]).astype(np.float64)
            for seed in range(args.seeds):
                print(f"{name}, {what}, seed {seed}: {judged(scores, matches, seed)}", flush=True)


def read(data: Path) -> dict[str, Pairs]:
    """The pairs of each set, and whether they match."""
    sick, msrp, news = (
        rows(data / p) for p in ("pairs/sick-train.jsonl", "pairs/msrp-train.jsonl", "classification/ag-news.jsonl")
    )
    sts = [row for split in ("train", "dev") for row in rows(data / f"sts/stsb-en-{split}.jsonl")]
    rng = np.random.default_rng(0)
    first, second = rng.permutation(len(news)), rng.permutation(len(news))
    apart = first != second
    return {
        "SICK": _pairs(sick, [row["label"] == "ENTAILMENT" for row in sick]),
        "MSRP": _pairs(msrp, [row["label"] == 1 for row in msrp]),
        "STS benchmark": _pairs(sts, [row["score"] >= 4 for row in sts]),
        "AG News, same label": (
            [news[i]["text"] for i in first[apart]],
            [news[i]["text"] for i in second[apart]],
            np.array([news[i]["label"] == news[j]["label"] for i, j in zip(first[apart], second[apart], strict=True)]),
        ),
    }


def rows(path: Path) -> list[dict[str, str | float]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _pairs(found: list[dict[str, str | float]], matches: list[bool]) -> Pairs:
    return [str(row["a"]) for row in found], [str(row["b"]) for row in found], np.array(matches)


def judged(scores: NDArray[np.float64], matches: NDArray[np.bool_], seed: int) -> str:
    order = np.random.default_rng((seed, 5)).permutation(len(scores))
    # MSRP has 3,576 pairs, of which 3,000 are to be held out.
    size = min(2000, len(scores) // 3, len(scores) - 3000)
    learn, out = order[:size], order[size:]
    found = Calibrator(random_state=seed).fit(scores[learn], matches[learn])
    so = matches[out]
    said = found.probability(scores[out])
    platt = Calibrator(method="platt").fit(scores[learn], matches[learn]).probability(scores[out])
    error = calibration_interval(said, so, seed=seed)
    parts = [
        f"{size} learned ({found.method_}), {len(out)} held out: error {error.value:.4f} [{error.low:.4f}, {error.high:.4f}]",
        f"plain {calibration_error(said, so, debiased=False):.4f}, sweep {sweep_error(said, so):.4f}",
        f"Platt {calibration_error(platt, so):.4f}, bare cosine {calibration_error(np.clip(scores[out], 0, 1), so):.4f}",
        f"Brier {brier(said, so):.4f} (share of matches {brier(np.full(len(so), matches[learn].mean()), so):.4f})",
    ]
    for precision in PRECISIONS:
        where = found.threshold(precision)
        if where is None:
            parts.append(f"no score for precision {precision}")
            continue
        above = scores[out] >= where.score
        got = proportion(int(so[above].sum()), int(above.sum())) if above.any() else "no pair"
        told = where.precision
        parts.append(
            f"precision {precision}: score {where.score:.3f}, said {told.value:.3f} [{told.low:.3f}, {told.high:.3f}], got {got}"
        )
    for few in FEW:
        small = Calibrator(random_state=seed).fit(scores[learn[:few]], matches[learn[:few]])
        told = small.probability(scores[out])
        parts.append(
            f"from {few} pairs ({small.method_}): error {calibration_error(told, so):.4f}, Brier {brier(told, so):.4f}"
        )
    return "; ".join(parts)


if __name__ == "__main__":
    main()
