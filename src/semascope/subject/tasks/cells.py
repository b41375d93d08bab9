"""What stands in one cell of a table: a number, a yes or no, one text or several."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

_YES = frozenset(
    ("1", "1.0", "true", "yes", "y", "t", "match", "duplicate", "paraphrase", "equivalent", "same", "positive", "ja")
)
_NO = frozenset(
    (
        *(
            "0",
            "0.0",
            "-1",
            "-1.0",
            "false",
            "no",
            "n",
            "f",
            "no match",
            "not duplicate",
            "not a duplicate",
            "different",
        ),
        *("not paraphrase", "not equivalent", "negative", "none", "nein", "non match", "nonmatch"),
    )
)


def number(value: Any) -> float | None:
    """A finite number, or text that reads as one; else None."""
    if isinstance(value, bool | np.bool_) or value is None or isinstance(value, list | tuple | Mapping):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def matched(value: Any) -> bool | None:
    """Whether a cell says that two belong together; None where it says neither yes nor no."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    said = " ".join(
        str(value).strip().lower().replace("_", " ").replace("-", " " if str(value)[:1] != "-" else "-").split()
    )
    return True if said in _YES else False if said in _NO else None


def strings(value: Any) -> list[str]:
    """The texts of a cell that holds one, a list of them, or such a list as JSON; empty where it holds none."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, str):
        listed = _json_list(value) if value.lstrip().startswith("[") else None
        value = [value] if listed is None else listed
    if not isinstance(value, list | tuple):
        return []
    texts = [one.get("text") if isinstance(one, Mapping) else one for one in value]
    return [one for one in texts if isinstance(one, str) and one.strip()]


def _json_list(text: str) -> list[Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, list) else None
