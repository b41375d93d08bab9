"""What documents say of themselves: which fields there are, of what kind, and how often which value."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from semascope.corpus.dates import read_dates
from semascope.errors import UnknownNameError

COMMONEST = 50  # values of a field that are named
_LONGEST = 200  # characters of a value that is worth naming
# Steps from name to name in the index instead of reading all of it.
_FIELD_NAMES = """
WITH RECURSIVE names (key) AS (
  SELECT min(key) FROM fields
  UNION ALL SELECT (SELECT min(key) FROM fields WHERE key > names.key) FROM names WHERE names.key IS NOT NULL)
SELECT key FROM names"""


@dataclass(frozen=True)
class Facet:
    """One field of the documents, as filters know it.

    Args:
        name: Of the field.
        kind: "number" where every value is one, "time" where the commonest all read as dates, else "text".
        documents: How many have it.
        distinct: How many values there are.
        values: The commonest, with how many documents have each, the commonest first. Where there are more than are
            named, those of a single document are left out, and values of more than 200 characters always.
        least: The smallest value, where they are numbers or times; of times that are text, the first in the order of
            characters, as conditions compare them.
        most: The largest.
    """

    name: str
    kind: Literal["text", "number", "time"]
    documents: int
    distinct: int
    values: tuple[tuple[str, int], ...]
    least: float | str | None
    most: float | str | None


def read(database: sqlite3.Connection) -> list[Facet]:
    """All fields but the id, in the order of their names."""
    # Documents and values lie together in the table's one order, so that one pass counts both.
    rows = database.execute(
        """SELECT key, sum(n), count(*), sum(numbers), min(least), max(most), min(value), max(value) FROM (
             SELECT key, value, count(*) AS n, count(number) AS numbers, min(number) AS least, max(number) AS most
             FROM fields WHERE key != 'id' GROUP BY key, value)
           GROUP BY key ORDER BY key"""
    ).fetchall()
    return [_facet(database, *row) for row in rows]


def no_field(database: sqlite3.Connection, name: str) -> UnknownNameError:
    """What to say where no document has a field of that name; the nearest is named."""
    names = [row[0] for row in database.execute(_FIELD_NAMES) if row[0] is not None]
    near = get_close_matches(name, names, n=1)
    said = f"; did you mean {near[0]!r}?" if near else "."
    return UnknownNameError(f"where: no document has a field {name!r}{said} There are {', '.join(names) or 'none'}")


def _facet(
    database: sqlite3.Connection,
    name: str,
    documents: int,
    distinct: int,
    numbers: int,
    least: float | None,
    most: float | None,
    first: str,
    last: str,
) -> Facet:
    common = database.execute(
        """SELECT value, count(*) AS n FROM fields WHERE key = ? AND length(value) <= ? GROUP BY value
           HAVING n > ? ORDER BY n DESC, value LIMIT ?""",
        [name, _LONGEST, int(distinct > COMMONEST), COMMONEST],
    ).fetchall()
    values = tuple((value, n) for value, n in common)
    if _is_time(name, [value for value, _ in values] or [first, last], all_numbers=numbers == documents):
        ends = _ends(database, name) if numbers == documents else (first, last)
        return Facet(name, "time", documents, distinct, values, *ends)
    if numbers == documents:
        return Facet(name, "number", documents, distinct, values, least, most)
    return Facet(name, "text", documents, distinct, values, None, None)


def _ends(database: sqlite3.Connection, name: str) -> tuple[str, str]:
    """The first and the last of times that are numbers, in the order in which conditions compare them."""
    sql = "SELECT value FROM fields WHERE key = ? ORDER BY number {} LIMIT 1"
    first, last = (database.execute(sql.format(way), [name]).fetchone()[0] for way in ("ASC", "DESC"))
    return first, last


def _is_time(name: str, values: list[str], *, all_numbers: bool) -> bool:
    # A number may be a year or anything: only the name says.
    if all_numbers and name != "time":
        return False
    days, _ = read_dates(values)
    return all(day is not None for day in days)
