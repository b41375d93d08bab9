"""The chosen recipe as a folder: an encoder that `Encoder(folder)` opens, and beside it what cannot be in one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import semascope
from semascope.encoders.saved import save
from semascope.ops import write_text
from semascope.report.findings import plain
from semascope.tune.run import Tuned

FORMAT = 1
FILE = "tune.json"


def provenance(found: Tuned) -> dict[str, Any]:
    """What made the choice: recipe, weight of words, figures with their intervals, tasks, seed, versions."""
    winner = found.winner
    return plain(
        {
            "format": FORMAT,
            "semascope": semascope.__version__,
            "recipe": found.chosen.vectors.text(found.head),
            "words": found.chosen.weight,
            "outcome": found.outcome,
            "bytes": found.chosen.bytes,
            "seconds": found.latency.of(found.chosen),
            "compared_with": found.latency.rows,
            "budget": str(found.budget),
            "seed": found.seed,
            "encoder": found.encoder.passport.to_json(),
            "learned_from": len(found.learn),
            "recipes": len(found.searched.values),
            "tasks": [
                {
                    "name": name,
                    "kind": kind,
                    "metric": metric,
                    "labelled": labelled,
                    "chose": chose,
                    "confirmed": confirmed,
                    "value": scores.interval()._asdict(),
                    "plain": base.interval()._asdict(),
                    "gain": vars(gain),
                }
                for (name, kind, metric, labelled, chose, confirmed), scores, base, gain in zip(
                    found.tasks, winner.scores, found.plain.scores, winner.gains, strict=True
                )
            ],
        }
    )


def save_tuned(found: Tuned, path: str | Path) -> None:
    """Write the chosen recipe as an encoder folder, with `tune.json` in it.

    The weight of words is no part of an encoder: `tune.json` has it, and it is given to `Space.search(weight=...)`.

    Raises:
        OptionError: the encoder is one that cannot be written down.
        StoreError: the place is taken, or the disk refuses.
    """
    save(found.best_encoder, path)
    write_text(Path(path) / FILE, json.dumps(provenance(found), ensure_ascii=False, indent=2) + "\n")
