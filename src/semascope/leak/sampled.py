"""A quick audit of a Space: the attacker plays on a sample of its passages, once, and no defence is tried."""

from __future__ import annotations

from pathlib import Path

from semascope.errors import InputError
from semascope.leak.audit import audit
from semascope.ops import vectors
from semascope.report import Report
from semascope.subject import open_subject
from semascope.types import Progress

ATTACKED, LEAST = 2_500, 250  # passages that the attacker looks at, and the fewest that are worth it


def audit_sample(folder: str | Path, *, seed: int = 0, progress: Progress | None = None) -> Report:
    """How much of the texts behind a Space's vectors an attacker can read who knows four fifths of 2,500 passages.

    Args:
        folder: Of the Space.
        seed: Of every draw.
        progress: Told after each attack.

    Raises:
        StoreError: it is no Space.
        InputError: it holds fewer than 250 passages.
    """
    rows = open_subject(folder)
    if len(rows) < LEAST:
        raise InputError(
            f"leak: want at least {LEAST} passages to play the attacker on, got {len(rows):,} in {rows.name}"
        )
    rows = rows.sample(ATTACKED, seed=seed)
    return audit(
        vectors(rows.vectors),
        rows.texts or (),
        known=len(rows) * 4 // 5,
        hidden=len(rows) // 5,
        splits=1,
        defences=[],
        seed=seed,
        name=rows.name,
        progress=progress,
    )
