"""Keep only documents whose fields meet conditions such as `label=physics` and `year>=2020`.

A condition is `field OP value` with OP one of = != >= <= > <. Several are joined by AND: give a list, or write
` and ` between them. A value with spaces, quotes or a leading operator is quoted: `title="War and Peace"`; inside
quotes a backslash takes the next character as it is. Fields are id, title, label, time, lang and any metadata name.

Values compare as numbers where both sides are numbers, else as text, character by character (so that ISO dates
compare as dates, `time>=2020` included). The id is always text under = and !=. `!=` keeps documents without the field.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from semascope.errors import OptionError
from semascope.types import Scalar

__all__ = ["Condition", "Filter", "compile", "field_value", "parse"]

EXAMPLE = """want conditions such as label=physics, "year>=2020 and lang=en" or title="War and Peace\""""
MOST = 100  # SQLite joins at most 500 selects
_QUOTED = r'"(?:[^"\\]|\\.)*"|' + r"'(?:[^'\\]|\\.)*'"
_CONDITION = re.compile(
    rf"""\s*(?P<field>{_QUOTED}|[^\s"'=!<>]+)
         \s*(?P<op>!=|>=|<=|==|=|>|<)
         \s*(?P<value>{_QUOTED}|[^\s"'=!<>][^\s"']*)""",
    re.VERBOSE | re.DOTALL,
)
_AND = re.compile(r"\s+and\s+", re.IGNORECASE)
# The only SQL there is; a value never becomes part of it.
_WHOLE = "SELECT doc FROM (SELECTED)"
_ALL_BUT = "SELECT doc FROM fields WHERE key = 'id' EXCEPT SELECT doc FROM (SELECTED)"
_AS_TEXT = "SELECT doc FROM fields WHERE key = ? AND value OP ?"
_AS_NUMBER = (
    "SELECT doc FROM fields WHERE key = ? AND number OP ? "
    "UNION ALL SELECT doc FROM fields WHERE key = ? AND number IS NULL AND value OP ?"
)
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True)
class Condition:
    """One comparison of a field with a value."""

    field: str
    op: str  # = != >= <= > <
    value: str


@dataclass(frozen=True)
class Filter:
    """Conditions that must all hold."""

    conditions: tuple[Condition, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """The names asked for, each once."""
        return tuple(dict.fromkeys(condition.field for condition in self.conditions))


def parse(where: str | Sequence[str]) -> Filter:
    """Read conditions from one text or several.

    Raises:
        OptionError: something is not `field OP value`; the message says where and shows a right one.
    """
    parts = list(where) if isinstance(where, list | tuple) else [where]
    conditions = tuple(condition for part in parts for condition in _conditions(part))
    if not conditions:
        raise OptionError(f"where: {EXAMPLE}; got nothing")
    if len(conditions) > MOST:
        raise OptionError(f"where: want at most {MOST} conditions, got {len(conditions)}")
    return Filter(conditions)


def compile(wanted: Filter) -> tuple[str, list[str | float]]:  # noqa: A001 - what it is called elsewhere too
    """SQL that selects the row ids of the documents that pass, and its parameters.

    Reads the table `fields(key TEXT, value TEXT, number REAL, doc INTEGER)` with values as `field_value` makes them
    and a row `id` for every document. Names and values go in as bound parameters only. A row id may come twice.
    """
    selects: list[str] = []
    params: list[str | float] = []
    for condition in wanted.conditions:
        select, bound = _select(condition)
        selects.append(_WHOLE.replace("SELECTED", select) if len(wanted.conditions) > 1 else select)
        params.extend(bound)
    return " INTERSECT ".join(selects), params


def field_value(value: Scalar) -> tuple[str, float | None]:
    """A field's value as it is stored: its text, and its number where it is or reads as a finite one."""
    if isinstance(value, bool):
        return ("true" if value else "false"), None
    text = value if isinstance(value, str) else repr(value)
    if not _NUMBER.fullmatch(text.strip()):
        return text, None
    number = float(text)
    return text, number if math.isfinite(number) else None


def _conditions(text: object) -> Iterable[Condition]:
    if not isinstance(text, str):
        raise OptionError(f"where: {EXAMPLE}; got {type(text).__name__}")
    at = 0
    while True:
        match = _CONDITION.match(text, at)
        if match is None:
            raise OptionError(f"where: {EXAMPLE}; got {text[at:].strip()!r}")
        op = "=" if match["op"] == "==" else match["op"]
        yield Condition(_plain(match["field"]), op, _plain(match["value"]))
        at = match.end()
        if not text[at:].strip():
            return
        joint = _AND.match(text, at)
        if joint is None:
            raise OptionError(
                f"where: {EXAMPLE}; got {text[at:].strip()!r} after {match[0].strip()!r} "
                "(quote a value with spaces, join conditions with and)"
            )
        at = joint.end()


def _plain(token: str) -> str:
    out = re.sub(r"\\(.)", r"\1", token[1:-1], flags=re.DOTALL) if token[0] in "\"'" else token
    if not out.isascii() and any("\ud800" <= char <= "\udfff" for char in out):
        raise OptionError(f"where: want text, got {out!r} with half a character in it")
    return out


def _select(condition: Condition) -> tuple[str, list[str | float]]:
    key, op = condition.field, condition.op
    if op == "!=":
        select, params = _select(Condition(key, "=", condition.value))
        # Every document has an id, so this starts from all of them.
        return _ALL_BUT.replace("SELECTED", select), params
    number = None if key == "id" and op == "=" else field_value(condition.value)[1]
    if number is None:
        return _AS_TEXT.replace("OP", op), [key, condition.value]
    return _AS_NUMBER.replace("OP", op), [key, number, key, condition.value]
