"""Rows of a table or a database that hold vectors, with or without texts, as a Subject."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from semascope.corpus.columns import KNOWN, Columns, Mapper, Row, choose, nearest
from semascope.corpus.document import Document
from semascope.corpus.problems import Problems
from semascope.errors import InputError, UnknownNameError
from semascope.subject.cells import Stack, holds, is_empty, numbers
from semascope.subject.rows import Subject, of_documents
from semascope.types import Array, Progress

HEAD = 1000  # rows from which columns are guessed
MAX_TEXT = 10_000_000


class Feed(Protocol):
    """Where rows come from."""

    name: str
    numerals: bool
    vectors: tuple[str, ...]  # columns that hold vectors by their type; known when the first row has come
    total: int  # rows of the whole source, and
    said: str  # how these were drawn from it: both known when the last row has come

    def rows(self, log: Problems, most: int | None, seed: int, progress: Progress | None) -> Generator[Row]:
        """At most so many rows, drawn evenly, in the source's order."""
        ...


def subject_of(
    feed: Feed,
    *,
    columns: Mapping[str, str | None] | None = None,
    vector: str | None = None,
    sample: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Subject:
    """The rows of a feed; one without its vector or its text is reported and passed over.

    Args:
        feed: Where they come from.
        columns: Role -> column; the others are guessed.
        vector: Column of the vectors; None guesses it, "" wants none.
        sample: At most so many rows.
        seed: Of that draw.
        progress: Told while rows are read.

    Raises:
        InputError: no row; neither texts nor vectors; several columns of vectors; vectors of different lengths.
        UnknownNameError: no column of a name asked for.
    """
    log = Problems()
    with closing(feed.rows(log, sample, seed, progress)) as rows:
        head = list(islice(rows, HEAD))
        if not head:
            said = f"; first of {log.total:,} problems: {log[0]}" if log.total else ""
            raise InputError(f"source: want at least one row, got none in {feed.name}{said}")
        found = vector_column(head, feed.vectors, vector, feed.name)
        aside = {*feed.vectors, *([found] if found else [])}
        mapper = _mapper(head, aside, columns, feed, textless=found is not None)
        held, stack, places = _kept(chain(head, rows), found, aside, mapper, log)
    if not held:
        said = f"; first of {log.total:,} problems: {log[0]}" if log.total else ""
        raise InputError(f"source: want at least one row that can be used, got none in {feed.name}{said}")
    whole = of_documents(held, name=feed.name, rows=places, columns=_told(mapper.columns, found, vector, stack.dim))
    seen = len(held) + log.total
    return replace(
        whole,
        texts=whole.texts if "text" in mapper.columns else None,
        vectors=None if found is None else np.ascontiguousarray(_finite(stack, held, feed.name), dtype=np.float32),
        total=feed.total if feed.total > seen else len(held),
        drawn=feed.said,
        problems=[str(problem) for problem in log],
    )


def _mapper(
    head: Sequence[Row], aside: set[str], columns: Mapping[str, str | None] | None, feed: Feed, *, textless: bool
) -> Mapper:
    asked = {role: (columns or {}).get(role) for role in KNOWN}
    rest = [_without(row, aside) for row in head]
    return Mapper(choose(rest, asked, name=feed.name, textless=textless), MAX_TEXT, feed.numerals)


def _kept(
    rows: Any, vector: str | None, aside: set[str], mapper: Mapper, log: Problems
) -> tuple[list[Document], Stack, list[int]]:
    held: list[Document] = []
    places: list[int] = []
    stack = Stack(vector or "vector")
    for row in rows:
        cell = None if vector is None else numbers(row.values.get(vector))
        if vector is not None and cell is None:
            log.bad(row.place, _wrong(row.values.get(vector), vector))
            continue
        document = mapper.document(_without(row, aside) if aside else row, log)
        if document is None:
            continue
        if cell is not None:
            stack.add(cell, row.place)
        held.append(document)
        places.append(row.number - 1)
    return held, stack, places


def _wrong(value: Any, column: str) -> str:
    if is_empty(value):
        return f"no vector (column {column!r}); passed over"
    return f"{column}: want a vector, got {type(value).__name__} {str(value)[:30]!r}; passed over"


def _finite(stack: Stack, held: Sequence[Document], name: str) -> Array:
    x = stack.whole()
    bad = np.flatnonzero(~np.isfinite(x).all(axis=1))
    if len(bad):
        raise InputError(
            f"{stack.name}: want finite numbers, got NaN or infinite values in {len(bad):,} rows of {name}, the first "
            f"with id {held[int(bad[0])].id}"
        )
    return x


def _without(row: Row, aside: set[str]) -> Row:
    return Row(row.place, row.number, {name: value for name, value in row.values.items() if name not in aside})


def _told(columns: Columns, vector: str | None, asked: str | None, dim: int) -> str:
    said = [str(columns)] if columns else []
    if vector is not None:
        said.append(f"vector = {vector}{'' if asked else ' (guessed)'}, {dim:,} numbers a row")
    return ", ".join(said)


def vector_column(head: Sequence[Row], typed: Sequence[str], asked: str | None, name: str) -> str | None:
    """The column of the vectors: the one asked for, the one of that type, or one that holds them; None where there is none.

    Raises:
        UnknownNameError: the one asked for is not there.
        InputError: there are several, or the one asked for holds no vectors.
    """
    names = list(dict.fromkeys(column for row in head for column in row.values))
    if asked == "":
        return None
    if asked is not None:
        if asked not in names:
            raise UnknownNameError(f"vector: no column {asked!r} in {name}{nearest(asked, names)}")
        given = [row.values[asked] for row in head if not is_empty(row.values.get(asked))]
        if given and all(numbers(one) is None for one in given):
            raise InputError(f"vector: want numbers in column {asked!r} of {name}, got {str(given[0])[:40]!r}")
        return asked
    found = list(typed) or [one for one in names if holds((row.values.get(one) for row in head), one)]
    if len(found) > 1:
        raise InputError(f"vector: want one column of {name}, got several with vectors; name one: {', '.join(found)}")
    return found[0] if found else None


def raw_vectors(path: Path, vector: str | None) -> tuple[Array, list[str] | None]:
    """The vectors of a table as they stand, a row of NaN where there is none, and the ids of the rows.

    Raises:
        InputError: no column of vectors, or several; rows of different lengths.
    """
    from semascope.subject.files import TableFile

    feed = TableFile(path)
    log = Problems()
    with closing(feed.rows(log, None, 0, None)) as rows:
        head = list(islice(rows, HEAD))
        found = vector_column(head, feed.vectors, vector or None, path.name)
        if found is None:
            names = list(dict.fromkeys(column for row in head for column in row.values))
            raise InputError(
                f"vectors: want a column of vectors in {path.name}, got none; name one with --vector; columns: "
                + ", ".join(names[:30])
            )
        columns = choose([_without(row, {found}) for row in head], {}, name=path.name, textless=True)
        stack = Stack(found, np.float32 if _narrow(head, found) else np.float64)
        ids: list[str] = []
        for row in chain(head, rows):
            cell = numbers(row.values.get(found))
            if cell is None:
                stack.add_missing()
            else:
                stack.add(cell, row.place)
            ids.append(str(row.values.get(columns.get("id", "")) or row.number))
    return stack.whole(), ids if "id" in columns else None


def _narrow(head: Sequence[Row], column: str) -> bool:
    """Whether numbers are stored in at most four bytes, so that float32 holds them as they stand."""
    first = next((row.values[column] for row in head if not is_empty(row.values.get(column))), None)
    return isinstance(first, bytes) or (
        isinstance(first, np.ndarray) and first.dtype.kind == "f" and first.dtype.itemsize <= 4
    )
