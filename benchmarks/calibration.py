"""Are the calibrator's probabilities what they say? Calibration error on pairs held out, of several sets, and thresholds that are kept.

python benchmarks/calibration.py --data FOLDER [--encoder NAME ...] [--seeds 10]

FOLDER holds the shared sets: pairs/sick-train.jsonl (a match is an entailment), pairs/msrp-train.jsonl, sts/stsb-en-*.jsonl (a match is a
score of 4 or more), classification/ag-news.jsonl (pairs of one label or of two). Two ways to hold out: five folds, each told by what was
learned from the other four; and 3,000 pairs drawn at random, told by what was learned from the others, up to 5,000. The bar is a debiased
error of 0.03 in ten bins of equal mass. Figures are the mean over seeds, and the least and greatest.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semascope import Encoder
from semascope.evaluate.calibrating import held_out
from semascope.evaluation.calibrator import Calibrator
from semascope.metrics import brier, calibration_error, sweep_error
from semascope.ops import unit

Pairs = tuple[list[str], list[str], NDArray[np.bool_]]
PRECISIONS = (0.8, 0.9)
FEW = (30, 100, 300)
HELD = 3000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoder", action="append")
    parser.add_argument("--seeds", type=int, default=10)
    args = parser.parse_args()
    for name in args.encoder or ["default", "minilm"]:
        encoder = Encoder(name)
        for what, (a, b, matches) in read(args.data).items():
            every = list(dict.fromkeys([*a, *b]))
            place = {text: at for at, text in enumerate(every)}
            x = unit(encoder.encode(every))
            one, other = ([place[text] for text in side] for side in (a, b))
            scores = np.einsum("ij,ij->i", x[one], x[other]).astype(np.float64)
            found = [judged(scores, matches, seed) for seed in range(args.seeds)]
            print(f"{name}, {what}: {len(scores)} pairs, {matches.mean():.0%} match, {args.seeds} seeds")
            for figure in found[0]:
                values = np.array([one.get(figure, np.nan) for one in found])
                told = values[~np.isnan(values)]
                bar = f"; at most 0.03 in {(told <= 0.03).sum()} of {len(told)}" if figure.startswith("error") else ""
                print(f"  {figure}: {told.mean():.4f} [{told.min():.4f}, {told.max():.4f}]{bar}", flush=True)


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


def judged(scores: NDArray[np.float64], matches: NDArray[np.bool_], seed: int) -> dict[str, float]:
    """All figures of one seed."""
    folded = held_out(scores, matches, seed=seed)
    order = np.random.default_rng((seed, 5)).permutation(len(scores))
    size = min(5000, len(scores) - HELD)
    learn, out = order[:size], order[-HELD:]
    found, so = Calibrator(random_state=seed).fit(scores[learn], matches[learn]), matches[out]
    said = found.probability(scores[out])
    platt = Calibrator(method="platt").fit(scores[learn], matches[learn]).probability(scores[out])
    figures = {
        f"error, five folds, {len(scores)} held out": calibration_error(folded, matches),
        f"error, learned from {size}, {HELD} held out": calibration_error(said, so),
        "the same, by Platt's curve alone": calibration_error(platt, so),
        "the same, the bare cosine": calibration_error(np.clip(scores[out], 0, 1), so),
        "the same, without the debiasing": calibration_error(said, so, debiased=False),
        "the same, by the sweep": sweep_error(said, so),
        "Brier score": brier(said, so),
        "Brier score of the share of matches": brier(np.full(len(so), matches[learn].mean()), so),
    }
    for precision in PRECISIONS:
        where = found.threshold(precision)
        above = np.zeros(0, bool) if where is None else so[scores[out] >= where.score]
        if where is not None and len(above) >= 20:
            figures[f"precision {precision}: said"] = where.precision.value
            figures[f"precision {precision}: got on pairs held out"] = float(above.mean())
            figures[f"precision {precision}: got lies in the interval said"] = float(
                where.precision.low <= above.mean() <= where.precision.high
            )
    for few in FEW:
        told = Calibrator(random_state=seed).fit(scores[learn[:few]], matches[learn[:few]]).probability(scores[out])
        figures[f"from {few} pairs: Brier score"] = brier(told, so)
    return figures


if __name__ == "__main__":
    main()
