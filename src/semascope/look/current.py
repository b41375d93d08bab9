"""A map that was made of an earlier commit, brought up to the one that is there now."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import numpy as np

from semascope.look.atlas import Atlas, spans_of
from semascope.space.passages import vectors_of
from semascope.space.snapshot import View
from semascope.types import Array

_PAIRS = 40_000_000  # new rows times rows they are compared with, so that it takes about a second


def current(atlas: Atlas, view: View, database: sqlite3.Connection) -> Atlas:
    """The map of the passages that are there now; the same object where none came or went.

    Passages that are gone are left out. A new one stands where the row of the map stands that is nearest to it by cosine,
    and in its group: the nearest of all, or, of many new ones, of an even draw. Its neighbours are not kept: `near` has no
    columns then.

    Args:
        atlas: As it was made.
        view: The encoding as it is now.
        database: Of the Space.
    """
    numbers = view.numbers
    if np.array_equal(numbers, atlas.passages):
        return atlas
    old = atlas.rows_of(numbers)
    new = np.flatnonzero(old < 0)
    if len(new) and (old >= 0).any():
        old[new] = _nearest(view, np.flatnonzero(old >= 0), new, old)
    keep = slice(None) if view.alive is None else view.alive
    there = bool((old >= 0).all())
    return replace(
        atlas,
        places=np.ascontiguousarray(atlas.places[:, old]) if there else np.zeros((2, len(numbers)), np.uint16),
        of=atlas.of[old] if there else np.full(len(numbers), -1, np.int16),
        passages=numbers,
        docs=view.rows[1][keep],
        spans=spans_of(database, numbers),
        near=np.zeros((len(numbers), 0), np.int32),
    )


def _nearest(view: View, known: Array, new: Array, old: Array) -> Array:
    """The row of the map that each new row is nearest to."""
    most = max(256, _PAIRS // len(new))
    drawn = known[np.unique(np.linspace(0, len(known) - 1, min(len(known), most)).astype(np.int64))]
    held = vectors_of(view, view.numbers[drawn])
    out = np.empty(len(new), np.int64)
    for start in range(0, len(new), 512):
        some = vectors_of(view, view.numbers[new[start : start + 512]])
        out[start : start + 512] = old[drawn[(some @ held.T).argmax(axis=1)]]
    return out
