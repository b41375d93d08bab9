"""Scores in a file, to be compared later with those of other encoders."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from semascope.errors import InputError
from semascope.metrics.scores import Scores
from semascope.ops.files import write_text

FORMAT = 1


def save_scores(path: str | Path, scores: Sequence[Scores], *, encoder: str = "", passport: str = "") -> None:
    """Write scores of one encoder as JSON, whole or not at all.

    Args:
        path: The file.
        scores: Of any number of tasks.
        encoder: What it is called.
        passport: Its id.
    """
    plain = {
        "format": FORMAT,
        "encoder": encoder,
        "passport": passport,
        "scores": [one.to_json() for one in scores],
    }
    write_text(Path(path), json.dumps(plain, ensure_ascii=False, allow_nan=False) + "\n")


def load_scores(path: str | Path) -> tuple[str, list[Scores]]:
    """The name of the encoder and the scores that `save_scores` wrote, to the bit.

    Raises:
        InputError: the file cannot be read, or holds something else.
    """
    path = Path(path)
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        if plain["format"] != FORMAT:
            raise InputError(f"{path.name}: want scores of format {FORMAT}, got {plain['format']!r}")
        return str(plain["encoder"]), [Scores.from_json(one) for one in plain["scores"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path.name}: want what save_scores wrote, got what cannot be read ({error!r})") from error
