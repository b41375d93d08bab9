"""Lists made of cards and verdicts: what the command line and the documentation show. No second list exists to forget."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from semascope import registry
from semascope.card import Card, Paper
from semascope.checking.verdict import load, stale


def methods(names: Iterable[str] | None = None, folder: str | Path | None = None) -> list[dict[str, Any]]:
    """One row a method, by family and name: what it does, what is claimed, and what was found when it was checked.

    Args:
        names: Of the methods wanted; None for all.
        folder: Where the verdicts are; None for those that came with the package.

    Returns:
        Rows of plain values: `name`, `family`, `does`, `keys`, `claim`, `needs`, `verdict`, `reason`, `stale`, `seeds`,
        `models`, `date` and `papers` (title, authors, year, url).
    """
    wanted = registry.names() if names is None else list(names)
    rows = [_row(registry.card(name), () if folder is None else (folder,)) for name in wanted]
    return sorted(rows, key=lambda row: (row["family"], row["name"]))


def _row(card: Card, where: Sequence[str | Path]) -> dict[str, Any]:
    kept = load(card.name, *where)
    return {
        "name": card.name,
        "family": card.family,
        "does": (sys.modules[card.make.__module__].__doc__ or "").strip().partition("\n")[0],
        "keys": list(card.keys),
        "claim": card.claim.says,
        "needs": list(card.claim.needs),
        "verdict": "not run" if kept is None else kept.verdict,
        "reason": "" if kept is None else kept.reason,
        "stale": stale(card, *where),
        "seeds": [] if kept is None else list(kept.seeds),
        "models": {} if kept is None else dict(kept.models),
        "date": "" if kept is None else kept.date,
        "papers": [{"title": p.title, "authors": list(p.authors), "year": p.year, "url": p.url} for p in card.papers],
    }


def cite(names: Iterable[str]) -> str:
    """BibTeX of the papers behind methods, named by their name or catalogue key; each paper once, in order of need.

    Raises:
        UnknownNameError: there is no such method or key.
    """
    papers: dict[Paper, None] = {}
    for name in names:
        for card in registry.find(name):
            papers.update(dict.fromkeys(card.papers))
    taken: set[str] = set()
    entries: list[str] = []
    for paper in papers:
        entry = paper.bibtex
        key = re.match(r"@misc\{([^,]*),", entry)
        free = _free(key[1] if key else "", taken)
        taken.add(free)
        entries.append(f"@misc{{{free},{entry.partition(',')[2]}")
    return "\n\n".join(entries)


def _free(key: str, taken: set[str]) -> str:
    """The key, or with the first letter behind it that makes it new: two papers must not share one."""
    return next(k for k in (key, *(f"{key}{letter}" for letter in "bcdefghijklmnopqrstuvwxyz")) if k not in taken)
