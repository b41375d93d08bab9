"""Which column of a table holds the text, the id, the title ...: asked for, or guessed and said."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from semascope.corpus.document import Document, clean, flaw
from semascope.corpus.guessing import KNOWN, Profile, guess
from semascope.corpus.problems import Problems
from semascope.errors import InputError, UnknownNameError
from semascope.types import Scalar

# The text first; a language or a time also looks like a label.
_ORDER = ("text", "id", "title", "lang", "time", "label")
SAMPLE_ROWS = 1000
SAMPLE_CHARACTERS = 4_000_000
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_INT64 = 1 << 63
_VECTOR = 64  # numbers from which on a list is a vector, and nothing to filter by


class Row(NamedTuple):
    """One row of a table: where it stands, its number (its id where there is no other), its values by column."""

    place: str
    number: int
    values: Mapping[str, Any]


class Columns(Mapping[str, str]):
    """Role -> column, such as {"text": "body"}. Printing it says what was guessed.

    Args:
        roles: The columns taken, by role.
        guessed: The roles nobody asked for.
        kept: The columns kept as metadata; None keeps every other one.
        others: Role -> columns that might have been meant, of a guess between several.
    """

    def __init__(
        self,
        roles: Mapping[str, str],
        guessed: Iterable[str] = (),
        kept: Sequence[str] | None = None,
        others: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._roles = dict(roles)
        self.guessed = frozenset(guessed)
        self.kept = None if kept is None else tuple(kept)
        self.others = {role: tuple(names) for role, names in (others or {}).items()}

    def __getitem__(self, role: str) -> str:
        return self._roles[role]

    def __iter__(self) -> Iterator[str]:
        return iter(self._roles)

    def __len__(self) -> int:
        return len(self._roles)

    def __str__(self) -> str:
        said = [f"{role} = {name}{self._how(role)}" for role, name in self._roles.items()]
        if self._roles and "id" not in self._roles:
            said.append("id = row number")
        return ", ".join(said)

    def _how(self, role: str) -> str:
        if role not in self.guessed:
            return ""
        others = self.others.get(role)
        return f" (guessed, not {' or '.join(others)})" if others else " (guessed)"


def sample(rows: Iterator[Row]) -> list[Row]:
    """The first rows: enough to guess from, and no more than fits in memory whatever their length."""
    out: list[Row] = []
    characters = 0
    for row in rows:
        out.append(row)
        characters += sum(len(value) for value in row.values.values() if isinstance(value, str))
        if len(out) >= SAMPLE_ROWS or characters >= SAMPLE_CHARACTERS:
            break
    return out


def choose(
    rows: Sequence[Row],
    asked: Mapping[str, str | None],
    *,
    keep: Sequence[str] | None = None,
    name: str = "source",
    textless: bool = False,
) -> Columns:
    """Choose the column of every role from what was asked for and from a sample of the rows.

    Known names win where what is in their columns fits; else the content decides (`guessing`). The text is the longest
    language; a label has few values that come back; times read as dates; an id differs from row to row. An empty name
    switches a role off.

    Raises:
        UnknownNameError: a column that was asked for is not there.
        InputError: no column holds text.
    """
    names = list(dict.fromkeys(column for row in rows for column in row.values))
    wanted = {role: column for role, column in asked.items() if column is not None}
    for role, column in [*wanted.items(), *(("metadata", column) for column in keep or ())]:
        if column and column not in names:
            raise UnknownNameError(f"{role}: no column {column!r} in {name}{nearest(column, names)}")
    roles = {role: column for role, column in wanted.items() if column}
    profiles = [Profile(name, [row.values.get(name) for row in rows]) for name in names]
    others: dict[str, list[str]] = {}
    for role in _ORDER:
        if role in wanted:
            continue
        column, rivals = guess(role, [one for one in profiles if one.name not in roles.values()], sure=textless)
        if column is not None:
            roles[role] = column
            others[role] = rivals
    # A rival that got another role after all was not left out.
    left = {role: [one for one in rivals if one not in roles.values()] for role, rivals in others.items()}
    if "text" not in roles and not textless:
        raise InputError(f"text: no column of {name} holds text; name one with text=...; columns: {', '.join(names)}")
    return Columns({role: roles[role] for role in KNOWN if role in roles}, others, keep, left)


def nearest(name: str, names: Sequence[str]) -> str:
    """The end of an error message about `name`: the nearest of `names`, then all of them."""
    from difflib import get_close_matches

    if not names:
        return "; it has none"
    close = get_close_matches(name.lower(), [known.lower() for known in names], 1)
    meant = [known for known in names if close and known.lower() == close[0]]
    listed = ", ".join(names[:30]) + ", ..." * (len(names) > 30)
    return f"; did you mean {meant[0]!r}? There are: {listed}" if meant else f"; there are: {listed}"


class Mapper:
    """Makes documents of rows.

    Args:
        columns: Which column plays which role.
        max_text: The most characters a text may have.
        numerals: Whether numbers come as text (CSV) and are to be read.
    """

    def __init__(self, columns: Columns, max_text: int, numerals: bool = False) -> None:
        self.columns = columns
        self.max_text = max_text
        self.numerals = numerals
        # Looked up once and not for each of a million rows.
        self._text = columns.get("text")
        self._roles = {role: column for role, column in columns.items() if role not in ("text", "title")}
        self._title = columns.get("title")
        # A label, a time or a language that the table calls otherwise stays under that name too, so that
        # `--where topic=news` finds what was taken for the label.
        own = {role for role in columns if role in ("text", "title", "id")}
        self._used = frozenset(column for role, column in columns.items() if role in own or role == column)

    def document(self, row: Row, log: Problems) -> Document | None:
        """The document of a row, or None, reported, where its text is missing, blank or too long.

        Where the text is blank and there is a title, the title is the text.
        """
        values, place = row.values, row.place
        if self._text is None:
            return self._named(row, "", "", log)
        text = values.get(self._text)
        title = values.get(self._title) if self._title is not None else None
        title = "" if title is None else cleaned(str(title), place, "title", log)
        if (text is None or (isinstance(text, str) and not text.strip())) and title.strip():
            log.note(place, "no text; its title was taken for it")
            text, title = title, ""
        if text is None:
            return log.bad(place, f"no text (column {self._text!r}); passed over")
        if not isinstance(text, str):
            return log.bad(place, f"text: want a string, got {type(text).__name__}; passed over")
        if not usable(text, self.max_text, place, log):
            return None
        return self._named(row, cleaned(text, place, "text", log), title, log)

    def _named(self, row: Row, text: str, title: str, log: Problems) -> Document:
        values = row.values
        given = {role: said for role, column in self._roles.items() if (said := _said(values, column, role, row, log))}
        name = given.pop("id", None) or str(row.number)
        return Document(name, text, title, metadata=self._metadata(row, log), **given)

    def _metadata(self, row: Row, log: Problems) -> dict[str, Scalar]:
        used, kept, values = self._used, self.columns.kept, row.values
        out: dict[str, Scalar] = {}
        for name in values if kept is None else kept:
            if kept is None and name in used:
                continue
            value = plain(values.get(name))
            if isinstance(value, str):
                value = cleaned(value, row.place, name, log)
                if self.numerals:
                    value = numeral(value)
            if value is not None:
                out[clean(str(name))] = value
        return out


def _said(values: Mapping[str, Any], column: str, role: str, row: Row, log: Problems) -> str | None:
    value = values.get(column)
    if value is None or (not isinstance(value, str) and (value := plain(value)) is None):
        return None
    return cleaned(str(value).strip(), row.place, role, log)


def usable(text: str, max_text: int, place: str, log: Problems) -> bool:
    """Whether a text is neither blank nor too long; if not, it is reported."""
    if not text or text.isspace():
        log.bad(place, "the text is empty or only white space; passed over")
        return False
    if len(text) > max_text:
        log.bad(place, f"{len(text):,} characters, more than max_text={max_text:,}; passed over")
        return False
    return True


def cleaned(text: str, place: str, name: str, log: Problems) -> str:
    """`text` fit for UTF-8, and a report where it had to be altered."""
    at = flaw(text)
    if at < 0:
        return text
    what = "a NUL" if text[at] == "\0" else "a lone surrogate"
    log.bad(place, f"{name}: {what} at character {at}; such characters became U+FFFD")
    return clean(text)


def numeral(value: str) -> Scalar | None:
    """A value of a CSV file: a number where all of it reads as one and it has no leading zero; None where empty."""
    if not value:
        return None
    match = _NUMBER.fullmatch(value)
    if match is None:
        return value
    number = int(value) if value.lstrip("-").isdigit() else float(value)
    return number if math.isfinite(number) else value


def plain(value: Any) -> Scalar | None:
    """A value as str, int, float or bool: nested ones as JSON text, dates as ISO text.

    None where there is nothing, bytes or a vector.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        return value if -_INT64 <= value < _INT64 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return _as_text(value)


def _as_text(value: Any) -> str | None:
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, bytes):
        return None
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping | list | tuple):
        if len(value) >= _VECTOR and not isinstance(value, Mapping) and isinstance(value[0], int | float):
            return None
        return json.dumps(value, ensure_ascii=False, default=str) if len(value) else None
    return str(value)
