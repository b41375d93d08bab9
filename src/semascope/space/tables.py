"""What is kept of a document beside its text so that it is found: the words of its passages, and its fields."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from semascope.corpus import Document
from semascope.space import lexical
from semascope.space.filters import field_value

# The words are in an index without a copy of the text, so that taking a passage out needs its very text again.
SCHEMA = f"""
CREATE VIRTUAL TABLE words USING fts5 (title, body, content = '', tokenize = "{lexical.TOKENIZER}");
CREATE TABLE fields (
  key TEXT NOT NULL, value TEXT NOT NULL, number REAL, doc INTEGER NOT NULL, PRIMARY KEY (key, value, doc))
  WITHOUT ROWID;
CREATE INDEX fields_number ON fields (key, number) WHERE number IS NOT NULL;
"""


def add_words(database: sqlite3.Connection, document: Document, first: int, spans: Iterable[tuple[int, int]]) -> None:
    """Index the words of a document's passages, whose numbers start at `first`."""
    title = lexical.index_text(document.title)
    database.executemany(
        "INSERT INTO words (rowid, title, body) VALUES (?, ?, ?)",
        ((row, title, lexical.index_text(document.text[a:b])) for row, (a, b) in enumerate(spans, first)),
    )


def remove_words(database: sqlite3.Connection, document: Document, passages: Iterable[tuple[int, int, int]]) -> None:
    """Take out what `add_words` put in; `passages` are the numbers and spans of the document's passages."""
    title = lexical.index_text(document.title)
    database.executemany(
        "INSERT INTO words (words, rowid, title, body) VALUES ('delete', ?, ?, ?)",
        ((row, title, lexical.index_text(document.text[a:b])) for row, a, b in passages),
    )


def add_fields(database: sqlite3.Connection, doc: int, document: Document) -> None:
    """Put down what filters read of a document."""
    database.executemany(
        "INSERT INTO fields VALUES (?, ?, ?, ?)",
        ((key, value, number, doc) for key, (value, number) in _fields(document).items()),
    )


def remove_fields(database: sqlite3.Connection, doc: int, document: Document) -> None:
    """Take it out again."""
    database.executemany(
        "DELETE FROM fields WHERE key = ? AND value = ? AND doc = ?",
        ((key, value, doc) for key, (value, _) in _fields(document).items()),
    )


def _fields(document: Document) -> dict[str, tuple[str, float | None]]:
    own = {"title": document.title or None, "label": document.label, "time": document.time, "lang": document.lang}
    found = {**document.metadata, **{key: value for key, value in own.items() if value is not None}, "id": document.id}
    return {key: field_value(value) for key, value in found.items()}
