"""Which rows to look at: short texts, which are cheap, and long ones, which alone tell maximum lengths apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from semascope.doctor.naming.candidates import CUTS
from semascope.types import Array

_MEASURED = 4_000  # texts whose length is looked at
_A_CUT = 3  # rows for every maximum length that they tell from the next


def pick(lengths: Array, rows: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Places of at most `rows` texts of given lengths (n,): some longer than each usual maximum length, the rest evenly by length."""
    n = len(lengths)
    if n <= rows:
        return np.arange(n, dtype=np.int64)
    order = rng.permutation(n)
    lengths = np.asarray(lengths)
    taken: list[int] = []
    for low, high in zip((0, *CUTS), (*CUTS, np.inf), strict=True):
        inside = order[(lengths[order] > low) & (lengths[order] <= high)]
        taken += inside[: min(_A_CUT, max(1, rows // 8))].tolist()
    taken = taken[:rows]
    ranked = order[np.argsort(lengths[order], kind="stable")]
    rest = ranked[~np.isin(ranked, taken)]
    wanted = rows - len(taken)
    evenly = rest[np.linspace(0, len(rest) - 1, wanted).astype(np.int64)] if wanted else rest[:0]
    return np.sort(np.unique([*taken, *evenly.tolist()])).astype(np.int64)


def few(lengths: Array, rows: int) -> NDArray[np.int64]:
    """Places of at most `rows` of some texts: the first of every length class, then the shortest."""
    lengths = np.asarray(lengths)
    classes = np.searchsorted(np.array(CUTS), lengths, side="left")
    order = np.argsort(lengths, kind="stable")
    firsts = [int(order[classes[order] == one][0]) for one in np.unique(classes)]
    rest = [place for place in order.tolist() if place not in firsts]
    return np.sort(np.array([*firsts, *rest][:rows], dtype=np.int64))


def measured(n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Places of the texts whose length is looked at: all, or evenly drawn."""
    return np.sort(rng.permutation(n)[:_MEASURED]).astype(np.int64)


def some(items: Sequence[str], places: Array | Sequence[int]) -> list[str]:
    """The items at these places."""
    return [items[int(place)] for place in places]


def some_titles(titles: Sequence[str] | None, places: Array | Sequence[int]) -> list[str] | None:
    """The titles at these places, where there are any."""
    return None if titles is None else some(titles, places)


def usable(texts: Sequence[str], values: Array, places: Array) -> NDArray[np.int64]:
    """The places at which there is a text and a finite row that is not zero, each text once."""
    seen: set[str] = set()
    kept: list[int] = []
    for at in places:
        place = int(at)
        text = texts[place]
        row = np.asarray(values[place])
        if text.strip() and text not in seen and np.isfinite(row).all() and row.any():
            seen.add(text)
            kept.append(place)
    return np.array(kept, dtype=np.int64)
