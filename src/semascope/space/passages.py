"""Passages and where they come from: those of a document, those at the rows of an encoding, and their vectors."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semascope.corpus import Document
from semascope.errors import InputError, UnknownNameError
from semascope.space.snapshot import View
from semascope.space.store import as_document, chunks
from semascope.types import Array, Vectors


@dataclass(frozen=True, eq=False)
class Passages:
    """Some passages of one encoding.

    Args:
        ids: Of their documents, (m,).
        spans: Where they stand in their documents' texts, in characters, int64 (m, 2).
        rows: Their places in the order of `Space.vectors`, int64 (m,).
        numbers: Their numbers, which never change, int64 (m,).
    """

    ids: tuple[str, ...]
    spans: NDArray[np.int64]
    rows: NDArray[np.int64]
    numbers: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)

    def sharing(self, span: tuple[int, int] | None) -> Passages:
        """Those that share characters with a part of the text; all of them where it is None.

        Raises:
            InputError: none does.
        """
        if span is None:
            return self
        keep = np.flatnonzero((self.spans[:, 0] < span[1]) & (self.spans[:, 1] > span[0]))
        if not len(keep):
            raise InputError(f"span: want a part of the text that holds something of a passage, got {list(span)}")
        return Passages(tuple(self.ids[place] for place in keep), self.spans[keep], self.rows[keep], self.numbers[keep])


def known(database: sqlite3.Connection, ids: Iterable[str]) -> list[str]:
    """Those of the ids that are documents."""
    found: list[str] = []
    for some in chunks(ids, 500):
        marks = ",".join("?" * len(some))
        sql = f"SELECT id FROM documents WHERE id IN ({marks})"  # noqa: S608 - only marks
        found.extend(row[0] for row in database.execute(sql, some))
    return found


def named(database: sqlite3.Connection, ids: list[str]) -> dict[str, Document]:
    """The documents of at most a few hundred ids; those that are not there are left out."""
    marks = ",".join("?" * len(ids))
    rows = database.execute(f"SELECT * FROM documents WHERE id IN ({marks})", ids)  # noqa: S608 - only marks
    return {row[1]: as_document(row) for row in rows}


def of_document(database: sqlite3.Connection, view: View, name: str) -> Passages:
    """The passages of a document, in their order.

    Raises:
        UnknownNameError: there is no such document.
    """
    doc = database.execute("SELECT doc FROM documents WHERE id = ?", [name]).fetchone()
    if doc is None:
        raise UnknownNameError(f"id: no document {name!r} in {view.folder}")
    found = database.execute("SELECT row, start, stop FROM passages WHERE doc = ? ORDER BY row", doc).fetchall()
    columns = np.array(found, dtype=np.int64).reshape(-1, 3)
    numbers = columns[:, 0].copy()
    rows = np.searchsorted(view.numbers, numbers).astype(np.int64)
    return Passages((name,) * len(found), columns[:, 1:].copy(), rows, numbers)


def numbers_at(view: View, rows: Array) -> NDArray[np.int64]:
    """The numbers (m,) of the passages at rows (m,) of an encoding.

    Raises:
        InputError: there is no such row.
    """
    wanted = np.asarray(rows, dtype=np.int64).reshape(-1)
    if len(wanted) and not 0 <= int(wanted.min()) <= int(wanted.max()) < len(view.numbers):
        raise InputError(f"rows: want numbers from 0 to {len(view.numbers) - 1}, got {wanted.min()} to {wanted.max()}")
    return view.numbers[wanted]


def at_rows(database: sqlite3.Connection, view: View, rows: Array) -> Passages:
    """The passages at rows (m,) of an encoding, in the order asked for.

    Raises:
        InputError: there is no such row.
    """
    wanted = np.asarray(rows, dtype=np.int64).reshape(-1)
    numbers = numbers_at(view, wanted)
    found: dict[int, tuple[str, int, int]] = {}
    for some in chunks(numbers.tolist(), 500):
        marks = ",".join("?" * len(some))
        sql = f"""SELECT p.row, d.id, p.start, p.stop FROM passages AS p JOIN documents AS d ON d.doc = p.doc
                  WHERE p.row IN ({marks})"""  # noqa: S608 - only marks
        found.update((row, (name, start, stop)) for row, name, start, stop in database.execute(sql, some))
    mine = [found[number] for number in numbers.tolist()]
    spans = np.array([span for _, *span in mine], dtype=np.int64).reshape(-1, 2)
    return Passages(tuple(name for name, _, _ in mine), spans, wanted, numbers)


def vectors_of(view: View, numbers: NDArray[np.int64]) -> Vectors:
    """Rows of length one (or zero), float32 (m, d), of the passages of these numbers."""
    scanner = view.scanner
    if scanner is None or not len(numbers):
        return np.zeros((0, view.encoding.passport.dim), np.float32)
    return scanner.rows(np.searchsorted(view.rows[0], numbers))
