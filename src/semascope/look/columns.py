"""What a map can be coloured by: for every row a class or a share, from the fields of its document."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from semascope.corpus.dates import read_dates
from semascope.look.atlas import Atlas
from semascope.ops import ranks
from semascope.space.facets import Facet
from semascope.types import Array

Kind = Literal["class", "share"]
NAMED, CLASSES, COUNTED = 5_000, 256, 8  # most values of a label, of another field, of a number that counts as a class
_NARROW = 0.1  # of the range: where the middle half of the values lies in less, colours go by rank
_NEVER = ("id", "title")
RESERVED = frozenset({"places", "group", "doc", "tags"})
PREFIX = "field:"


@dataclass(frozen=True)
class Listed:
    """A column that there is.

    Args:
        name: Under which it is asked for.
        kind: "class" has a number for each of a few values, "share" a number from 0 to 1.
        what: Where it is from: "label", "time", "field", "group", "moved", "tag", "score".
        field: Name of the documents' field; "" where it is from none.
    """

    name: str
    kind: Kind
    what: str
    field: str = ""


@dataclass(frozen=True, eq=False)
class Column:
    """A value for each row of a map.

    Args:
        kind: "class", "share", or "number" for what is neither.
        values: int16 or int32 (n,) with -1 for none, float32 (n,) with NaN for none; anything for numbers.
        names: Of the classes, the commonest first (numbers by size).
        counts: Rows of each class.
        ends: What 0 and 1 of a share stand for.
        says: How the values were made, in a sentence.
    """

    kind: Literal["class", "share", "number"]
    values: Array
    names: Sequence[str] = ()
    counts: Sequence[int] = ()
    ends: tuple[str, str] | None = None
    says: str = ""

    def header(self) -> dict[str, Any]:
        """What goes before the values on the wire, as plain values."""
        about: dict[str, Any] = {"kind": self.kind, "dtype": self.values.dtype.str, "n": len(self)}
        if self.kind == "class":
            about |= {"names": list(self.names), "counts": list(self.counts)}
        if self.ends is not None:
            about["ends"] = list(self.ends)
        return about | ({"says": self.says} if self.says else {})

    def __len__(self) -> int:
        return len(self.values)


def list_fields(facets: Sequence[Facet]) -> list[Listed]:
    """The columns that documents' fields give: label, language and time first, then others by name.

    A label or language is a class of up to 5,000 values, other text a class of up to 256 that come twice on average,
    numbers are shares (a class where there are up to 8), times are shares. Other text gives none, nor does a field with
    one value.
    """
    found = [one for one in map(_listed, facets) if one is not None]
    first = ("label", "lang", "time")
    return sorted(found, key=lambda one: (first.index(one.field) if one.field in first else len(first), one.name))


def _listed(facet: Facet) -> Listed | None:
    key = facet.name
    if key in _NEVER or facet.distinct < 2:
        return None
    name = f"{PREFIX}{key}" if key in RESERVED or key.startswith((PREFIX, "moved:")) else key
    what = key if key in ("label", "time") else "field"
    if key in ("label", "lang"):
        return Listed(name, "class", what, key) if facet.distinct <= NAMED else None
    if facet.kind == "time":
        return Listed(name, "share", "time", key)
    if facet.kind == "number":
        return Listed(name, "class" if facet.distinct <= COUNTED else "share", what, key)
    few = facet.distinct <= CLASSES and 2 * facet.distinct <= facet.documents
    return Listed(name, "class", what, key) if few else None


def field_column(database: sqlite3.Connection, atlas: Atlas, listed: Listed) -> Column:
    """The values of a field, for each row of a map.

    Args:
        database: Of the Space.
        atlas: The map.
        listed: What `list_fields` said of it.
    """
    key = listed.field
    # In the order of the key that the table is stored by, so that nothing is sorted; values come once each.
    values = database.execute(
        "SELECT value, count(*), min(number) FROM fields WHERE key = ? GROUP BY value ORDER BY value", [key]
    ).fetchall()
    found = database.execute("SELECT doc FROM fields WHERE key = ? ORDER BY value, doc", [key]).fetchall()
    docs = np.array(found, np.int64).reshape(-1)
    which = np.repeat(np.arange(len(values)), [many for _, many, _ in values])
    if listed.kind == "class":
        order = _order(values)
        place = np.empty(len(values), np.int64)
        place[order] = np.arange(len(order))
        return class_column(atlas, docs, place[which], [str(values[at][0]) for at in order])
    if listed.what != "time":
        numbers = np.array([np.nan if number is None else number for _, _, number in values], np.float64)
        return _shared(_of_rows(atlas, docs, numbers[which]))
    days, guess = read_dates([value for value, _, _ in values])
    since = np.array([np.nan if day is None else day.toordinal() for day in days])
    return _dates(_of_rows(atlas, docs, since[which]), guess)


def _order(values: Sequence[tuple[str, int, float | None]]) -> list[int]:
    """Classes by number where all are numbers, else the commonest first."""
    if all(number is not None for _, _, number in values):
        return sorted(range(len(values)), key=lambda at: (values[at][2] or 0.0, values[at][0]))
    return sorted(range(len(values)), key=lambda at: (-values[at][1], values[at][0]))


def class_column(atlas: Atlas, docs: NDArray[np.int64], codes: NDArray[np.int64], names: Sequence[str]) -> Column:
    """A class for each row, of what is known of documents.

    Args:
        atlas: The map.
        docs: int64 (m,), numbers of documents, none twice.
        codes: int64 (m,), the class of each.
        names: Of the classes.
    """
    of = np.full(len(atlas.documents[0]), -1, np.int64)
    at, here = _places(atlas, docs)
    of[at] = codes[here]
    values = of[atlas.documents[1]]
    counts = np.bincount(values[values >= 0], minlength=len(names))
    return Column("class", values.astype("<i2" if len(names) < 2**15 else "<i4"), names, counts.tolist())


def _of_rows(atlas: Atlas, docs: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    of = np.full(len(atlas.documents[0]), np.nan)
    at, here = _places(atlas, docs)
    of[at] = values[here]
    return of[atlas.documents[1]]


def _places(atlas: Atlas, docs: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Places of documents among those of the map, and which of them are on it."""
    numbers = atlas.documents[0]
    at = np.minimum(np.searchsorted(numbers, docs), max(len(numbers) - 1, 0))
    here = numbers[at] == docs if len(numbers) else np.zeros(len(docs), bool)
    return at[here], here


def _shared(values: NDArray[np.float64]) -> Column:
    """Numbers as shares: by value, or by rank where most of them lie close together."""
    known = np.isfinite(values)
    if not known.any():
        return Column("share", np.full(len(values), np.nan, "<f4"))
    held = values[known]
    low, high = float(held.min()), float(held.max())
    middle = float(np.subtract(*np.quantile(held, [0.75, 0.25])))
    out = np.full(len(values), np.nan)
    by_rank = high > low and middle < _NARROW * (high - low)
    if by_rank:
        rank = ranks(held)
        out[known] = (rank - rank.min()) / (rank.max() - rank.min())
    else:
        out[known] = scaled(held)
    says = "By rank: most values lie close together." if by_rank else "By value."
    return Column("share", out.astype("<f4"), ends=(_written(low), _written(high)), says=says)


def _dates(days: NDArray[np.float64], guess: str) -> Column:
    import datetime as dt

    known = np.isfinite(days)
    if not known.any():
        return Column("share", np.full(len(days), np.nan, "<f4"), says="No date in it could be read.")
    ends = tuple(dt.date.fromordinal(int(end)).isoformat() for end in (days[known].min(), days[known].max()))
    out = np.full(len(days), np.nan)
    out[known] = scaled(days[known])
    says = f"By day. {guess}".strip()
    return Column("share", out.astype("<f4"), ends=(ends[0], ends[1]), says=says)


def scaled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """From 0 for the lowest to 1 for the highest; 0 where all are one."""
    low = values.min(initial=np.inf)
    return (values - low) / max(float(values.max(initial=-np.inf) - low), 1e-300)


def _written(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.6g}"


def group_column(atlas: Atlas) -> Column:
    """The group of each row."""
    names = [one.name or f"group {one.number + 1}" for one in atlas.groups]
    counts = np.bincount(atlas.of[atlas.of >= 0], minlength=len(names))
    return Column("class", atlas.of, names, counts.tolist())


def moved_column(shared: NDArray[np.float32], k: int) -> Column:
    """How much of each row's neighbourhood another encoding does not have.

    Args:
        shared: float32 (n,), the share of its k nearest that it has; NaN where that is not known.
        k: Nearest of each row.
    """
    known = shared[np.isfinite(shared)]
    says = ""
    if len(known) > 1:
        says = (
            f"On average {float(known.mean()):.0%} of a row's {k} nearest are so in the other encoding too; by chance it would be "
            f"{min(1.0, k / (len(known) - 1)):.1%}."
        )
    ends = ("all neighbours kept", "none kept")
    return Column("share", (1 - shared).astype("<f4"), ends=ends, says=says)
