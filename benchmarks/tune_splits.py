"""How often `semascope tune` beats the plain recipe on held-out units, over splits of one set of judgements.

python benchmarks/tune_splits.py --data FOLDER [--encoder minilm] [--splits 8] [--budget "64 bytes"] [--confirm FOLDER]

For every seed: what was chosen, its gain on the units that chose and on the others, whether that is shown after Holm, and what the best
recipe on the choosing units would have gained instead of the simplest that cannot be told from it. The model is run once.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from semascope.encoders import Encoder
from semascope.subject.tasks import open_tasks
from semascope.tune import Tuned, tune


def line(found: Tuned, seed: int, budget: str) -> dict[str, Any]:
    winner, plain = found.winner, found.plain
    within = [one for one in found.searched.whole if found.budget.allows(one.bytes, found.latency.of(one))]
    best = max(within, key=lambda one: (found.searched.quality(one), -one.bytes)) if within else None
    instead = next((one for one in found.finalists if one.recipe == best), None)
    first = found.finalists[0] if found.finalists else winner
    return {
        "seed": seed,
        "budget": budget,
        "outcome": found.outcome,
        "chosen": found.text(found.chosen),
        "gain": str(winner.overall),
        "first": found.text(first.recipe),
        "first gain, choosing": float(np.mean(np.subtract(first.chose, plain.chose))),
        "first gain, held out": first.overall.value,
        "best": "" if instead is None else found.text(instead.recipe),
        "best gain, choosing": None if instead is None else float(np.mean(np.subtract(instead.chose, plain.chose))),
        "best gain, held out": None if instead is None else instead.overall.value,
        "plain, held out": float(np.mean(plain.values)),
        "recipes": len(found.searched.values),
        "cpu": round(sum(cpu for _, cpu in found.seconds.values()), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--confirm")
    parser.add_argument("--kind", default=None)
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--splits", type=int, default=8)
    parser.add_argument("--budget", action="append", default=[])
    parser.add_argument("--cache", type=Path)
    given = parser.parse_args()
    how = {"kinds": [given.kind]} if given.kind else {}
    tasks = open_tasks(given.data, **how)
    others = open_tasks(given.confirm, **how) if given.confirm else []
    encoder = Encoder(given.encoder)
    every: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as aside:
        for seed in range(given.splits):
            for budget in given.budget or [""]:
                where = given.cache or Path(aside)
                found = tune(None, encoder, tasks, confirm_on=others, budget=budget, cache=where, seed=seed)
                every.append(line(found, seed, budget))
                print(json.dumps(every[-1]), flush=True)
    for budget in given.budget or [""]:
        mine = [one for one in every if one["budget"] == budget]
        shown = sum(one["outcome"] == "better" for one in mine)
        mean = {
            name: float(np.mean([one[name] if one[name] is not None else one[f"first{name[4:]}"] for one in mine]))
            for name in ("first gain, choosing", "first gain, held out", "best gain, choosing", "best gain, held out")
        }
        print(f"{budget or 'no budget'}: shown to be better in {shown} of {len(mine)}; mean gains {mean}")


if __name__ == "__main__":
    main()
