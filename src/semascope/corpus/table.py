"""Rows into documents: any reader of rows, or any iterable, behind one mapping of columns."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Protocol

from semascope.corpus.columns import SAMPLE_CHARACTERS, Columns, Mapper, Row, choose, cleaned, sample, usable
from semascope.corpus.document import Document
from semascope.corpus.problems import Meter, Problems
from semascope.errors import InputError

SAMPLE_ITEMS = 200
Item = str | Mapping[str, Any] | Document


class Documents(Protocol):
    """Where a corpus comes from."""

    def documents(self, log: Problems, meter: Meter) -> Generator[Document]:
        """A fresh pass over the documents."""
        ...


class Rows(Protocol):
    """A reader of rows."""

    @property
    def numerals(self) -> bool: ...

    def rows(self, log: Problems, meter: Meter) -> Generator[Row]:
        """A fresh pass over the rows."""
        ...


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a file as documents, through columns chosen once."""

    source: Rows
    mapper: Mapper

    def documents(self, log: Problems, meter: Meter) -> Generator[Document]:
        """One document per usable row."""
        for row in self.source.rows(log, meter):
            found = self.mapper.document(row, log)
            if found is not None:
                yield found


def table(
    source: Rows, asked: Mapping[str, str | None], *, keep: Sequence[str] | None, max_text: int, name: str
) -> Table:
    """The table whose columns are chosen from the first rows of `source`.

    Raises:
        InputError: there is no row, or no column of text.
        UnknownNameError: a column asked for is not there.
    """
    log = Problems()
    with closing(source.rows(log, Meter())) as rows:
        first = sample(rows)
    if not first:
        said = f"; first of {log.total:,} problems: {log[0]}" if log.total else ""
        raise InputError(f"source: want at least one row, got none in {name}{said}")
    return Table(source, Mapper(choose(first, asked, keep=keep, name=name), max_text, source.numerals))


@dataclass(slots=True)
class Items:
    """Documents of an iterable of str, mappings and `Document`s, or of a function that gives a fresh one.

    Args:
        items: The iterable or function. What is its own iterator can be read once; a second pass is an `InputError`.
        name: What it is called in problems.
        asked: Columns asked for, by role.
        keep: Columns kept as metadata; None keeps all others.
        max_text: The most characters a text may have.
    """

    items: Iterable[Item] | Callable[[], Iterable[Item]]
    name: str
    asked: Mapping[str, str | None]
    keep: Sequence[str] | None
    max_text: int
    columns: Columns | None = None
    _spent: bool = field(default=False, init=False)

    @property
    def once(self) -> bool:
        """Whether there is one pass only."""
        return isinstance(self.items, Iterator)

    def fresh(self) -> Iterator[Item]:
        """A fresh iterator."""
        if self.once:
            if self._spent:
                raise InputError(
                    f"documents: {self.name} came from a one-shot iterator, which has been read;"
                    " give a list, or a function that returns a fresh iterator"
                )
            self._spent = True
        got = self.items() if callable(self.items) else self.items
        if isinstance(got, str | bytes | Mapping) or not hasattr(got, "__iter__"):
            raise InputError(f"documents: want an iterable of texts, got {type(got).__name__}")
        return iter(got)

    def documents(self, log: Problems, meter: Meter) -> Generator[Document]:
        """One document per usable item; items are numbered from 1."""
        items = self.fresh()
        # Columns are guessed from the first items, which are then read like the rest.
        ahead = _first(items)
        mapper = self.mapper(ahead)
        for number, item in enumerate(chain(ahead, items), 1):
            meter.done = number
            place = f"{self.name}:{number}"
            found: Document | None = None
            if isinstance(item, Mapping):
                mapper = mapper or self.mapper([item])
                found = mapper.document(Row(place, number, item), log) if mapper else None
            elif isinstance(item, str):
                if usable(item, self.max_text, place, log):
                    found = Document(str(number), cleaned(item, place, "text", log))
            elif isinstance(item, Document):  # pyright: ignore[reportUnnecessaryIsInstance]
                found = item if usable(item.text, self.max_text, place, log) else None
            else:
                log.bad(place, f"want a str, a mapping or a Document, got {type(item).__name__}; passed over")
            if found is not None:
                yield found

    def peek(self) -> Columns:
        """The columns of the first mappings; empty where there are none or where looking would use them up."""
        if self.columns is None and not self.once:
            self.mapper(_first(self.fresh()))
        return self.columns or Columns({})

    def length(self) -> int:
        """How many items there are, 0 where only counting would tell."""
        return len(self.items) if isinstance(self.items, Sized) else 0

    def mapper(self, items: Sequence[Item]) -> Mapper | None:
        """How the mappings among the items are read; None where there is none."""
        rows = [Row(self.name, number, item) for number, item in enumerate(items, 1) if isinstance(item, Mapping)]
        if not rows:
            return None
        if self.columns is None:
            self.columns = choose(rows, self.asked, keep=self.keep, name=self.name)
        return Mapper(self.columns, self.max_text)


def _first(items: Iterator[Item]) -> list[Item]:
    """The first items: enough to guess columns from, and no more than fits in memory whatever their length."""
    out: list[Item] = []
    characters = 0
    for item in items:
        out.append(item)
        parts = item.values() if isinstance(item, Mapping) else (item,)
        characters += sum(len(part) for part in parts if isinstance(part, str))
        if len(out) >= SAMPLE_ITEMS or characters >= SAMPLE_CHARACTERS:
            break
    return out
