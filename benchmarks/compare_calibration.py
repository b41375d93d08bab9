"""Does `semascope compare` keep what it promises? False alarms, power, and coverage of its intervals, where the truth is known.

python benchmarks/compare_calibration.py [--data BEIR_FOLDER] [--pairs PAIRS.jsonl] [--a default] [--b minilm] [--runs 2000] [--small 50] [--cache FOLDER]

Made of the real per-query differences of two encoders: for each query a coin says which is called A (exchanged), or the mean gain is
taken off (recentred) and queries are drawn anew; 4.1 to 5.9 % of 2,000 fair runs is what chance allows 19 times in 20. Without --data the
titles of the Python documentation installed here are the queries, and their texts the documents. PAIRS.jsonl holds texts a, b and a score.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import numpy as np

from semascope import Corpus, as_encoder
from semascope.compare.calibration import Calibration, calibrated
from semascope.encoders.jobs import Kept
from semascope.metrics import Difference, Scores, paired, score
from semascope.subject.tasks import open_tasks
from semascope.tasks import Retrieval
from semascope.types import Task


def python_task() -> Task:
    """Titles of docstrings as queries, for which their own text is to be found."""
    documents = {one.id: one for one in Corpus.python_docs(limit=4_000) if one.title and len(one.text) > 80}
    asked = list(documents)[::10]
    return Retrieval(
        "python",
        {name: one.text for name, one in documents.items()},
        {name: documents[name].title for name in asked},
        {name: {name: 1.0} for name in asked},
        labelled=False,
    )


def line(metric: str, one: Calibration) -> None:
    low = f"{one.below / one.runs:.1%} / {1 - (one.covered + one.below) / one.runs:.1%}"
    print(
        f"| {metric} | {one.null} | {one.n} | {one.truth:+.3f} | {one.rate:.1%} | {one.coverage:.1%} | {low} | {one.width:.3f} | "
        f"{one.detectable:.3f} |",
        flush=True,
    )


def study(a: Scores, b: Scores, runs: int, small: int) -> None:
    whole = paired(a, b)
    means = a.statistic == "mean"
    sizes: Sequence[int] = [len(a), small] if means else [225, small]
    for n in sizes:
        for null in ("exchanged", "recentred", "as they are"):
            line(a.metric, calibrated(a, b, null, n=n, runs=runs))
        if means:
            reach = whole.detectable * (len(a) / n) ** 0.5
            for share in (0.5, 1.0, 1.5):
                line(a.metric, calibrated(a, b, "planted", n=n, plant=share * reach, runs=runs))


def made_up(runs: int) -> None:
    """V-measure and average precision, whose truth is made: two groupings, or two scorers, that differ by chance alone."""
    rng = np.random.default_rng(0)
    for n in (60, 300):
        units = tuple(map(str, range(n)))
        found: dict[str, list[Difference]] = {"V-measure": [], "average precision": []}
        for run in range(runs):
            label, match, shared = rng.integers(0, 5, n), rng.random(n) < 0.3, rng.normal(size=n)
            groups = [np.where(rng.random(n) < 0.6, label, rng.integers(0, 5, n)) for _ in range(2)]
            scores = [match + 0.7 * shared + 0.8 * rng.normal(size=n) for _ in range(2)]
            v = (Scores("t", "V", "v_measure", units, {"label": label, "group": one}) for one in groups)
            ap = (Scores("t", "AP", "average_precision", units, {"match": match * 1.0, "score": one}) for one in scores)
            found["V-measure"].append(paired(*v, draws=499, seed=run))
            found["average precision"].append(paired(*ap, draws=499, seed=run))
        for metric, each in found.items():
            held = [(one.low <= 0 <= one.high, one.high < 0, one.shown) for one in each]
            covered, below, shown = (sum(column) for column in zip(*held, strict=True))
            width, reach = (
                float(np.mean(x)) for x in zip(*((one.high - one.low, one.detectable) for one in each), strict=True)
            )
            line(metric, Calibration("exchanged", n, runs, 0.0, shown, covered, below, width, reach))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="")
    parser.add_argument("--pairs", default="")
    parser.add_argument("--a", default="default")
    parser.add_argument("--b", default="minilm")
    parser.add_argument("--runs", type=int, default=2_000)
    parser.add_argument("--small", type=int, default=50)
    parser.add_argument("--cache", default=None)
    parser.add_argument("--made-up", type=int, default=0, help="runs of V-measure and average precision, made up")
    args = parser.parse_args()
    tasks = [task for source in (args.data, args.pairs) if source for task in open_tasks(source)] or [python_task()]
    encoders = [Kept(as_encoder(name), args.cache) for name in (args.a, args.b)]
    began = time.process_time()
    print(
        "| metric | truth made by | n | true difference | shown | intervals that hold it | all below / above it | width | detectable |"
    )
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    if args.made_up:
        made_up(args.made_up)
        return
    for task in tasks:
        a, b = (score(encoder, task) for encoder in encoders)
        if a.statistic not in ("mean", "spearman"):
            print(f"{task.name}: {a.metric} is left out, whose truth cannot be made so")
            continue
        study(a, b, args.runs, args.small)
    print(f"\n{args.runs:,} runs a line; {time.process_time() - began:.0f} CPU-seconds with encoding.")


if __name__ == "__main__":
    main()
