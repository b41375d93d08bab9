"""Rows of a SQLite file, opened so that it cannot be written to."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from semascope.corpus.columns import Row, nearest
from semascope.corpus.problems import Problems
from semascope.errors import InputError, UnknownNameError
from semascope.subject.sampling import Even, released
from semascope.subject.sql import Asked, Passing, at_most, chosen_table, distinct, drawn_of, quoted
from semascope.types import Progress

_BLOCK = 500  # rows fetched by their row ids in one statement
_WAIT = 10  # seconds for a writer to be done


class SqliteRows:
    """The rows of a table or a query.

    Args:
        path: The file.
        asked: Which rows.
    """

    numerals = False

    def __init__(self, path: Path, asked: Asked) -> None:
        self.name = path.name
        self.vectors: tuple[str, ...] = ()
        self.total = 0
        self.said = ""
        self._path = path
        self._asked = asked

    def rows(self, log: Problems, most: int | None, seed: int, progress: Progress | None) -> Generator[Row]:  # noqa: ARG002
        """At most so many rows, drawn evenly.

        Of a table the row ids are read first and then the rows that were drawn, so that long values are not read in
        vain; a query, a view or a table without row ids is read from its start.

        Raises:
            UnknownNameError: no table or column of that name.
            InputError: the query cannot be run, or the file is damaged.
        """
        with self._opened() as connection:
            if self._asked.query is not None:
                source, what = f"({self._asked.query}\n)", "the query"
            else:
                what = self._table(connection)
                source = quoted(what)
                self.name = f"{self.name}/{what}"
            names = self._names(connection, source)
            even = Even(most, seed)
            by = "" if self._asked.query is not None or most is None else _row_id(connection, source, names)
            if by:
                cursor = connection.execute(f"SELECT {by} FROM {source} ORDER BY {by}")  # noqa: S608 (quoted)
                ids = even.of((number, row_id) for number, (row_id,) in enumerate(cursor, 1))
                self.total, self.said = even.seen, drawn_of(len(ids), even.seen, what)
                yield from Passing(self._by_id(connection, source, names, ids, by), None, progress)
                return
            passing = self._all(connection, f"SELECT * FROM {source}", names)  # noqa: S608 (quoted, or the query)
            if most is None:
                for row in Passing(passing, None, progress):
                    self.total = row.number
                    yield row
                return
            bounded = Passing(passing, at_most(most), progress)
            kept = even.of(bounded)
            self.total, self.said = even.seen, drawn_of(len(kept), even.seen, what, stopped=bounded.stopped)
            yield from released(kept)

    @contextmanager
    def _opened(self) -> Generator[sqlite3.Connection]:
        try:
            with closing(
                sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True, timeout=_WAIT)
            ) as connection:
                connection.text_factory = _text
                connection.execute("PRAGMA query_only = ON")
                yield connection
        except sqlite3.Error as error:
            said = str(error)
            what = "query" if self._asked.query is not None else "table"
            kind = UnknownNameError if said.startswith(("no such table", "no such column")) else InputError
            more = (
                "; this table needs an extension that is not loaded here" if said.startswith("no such module") else ""
            )
            raise kind(f"{what}: {self.name}: {said}{more}") from None

    def _table(self, connection: sqlite3.Connection) -> str:
        found = connection.execute(
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
            "ORDER BY name"
        ).fetchall()
        names = [str(name) for (name,) in found]
        asked = self._asked.table
        texts = [] if asked is not None else [name for name in names if self._has_text(connection, name)]
        return chosen_table(asked, names, texts, self._path.name)

    def _has_text(self, connection: sqlite3.Connection, table: str) -> bool:
        """Whether a table's first rows hold any text."""
        try:
            first = connection.execute(f"SELECT * FROM {quoted(table)} LIMIT 20").fetchall()  # noqa: S608
        except sqlite3.Error:
            return False  # a table of an extension that is not loaded cannot be the one to guess
        return any(isinstance(value, str) and value.strip() for row in first for value in row)

    def _names(self, connection: sqlite3.Connection, source: str) -> list[str]:
        cursor = connection.execute(f"SELECT * FROM {source} LIMIT 0")  # noqa: S608
        names = distinct((one[0] for one in cursor.description), self.name)
        if (asked := self._asked.vector) and asked not in names:
            raise UnknownNameError(f"vector: no column {asked!r} in {self.name}{nearest(asked, names)}")
        return names

    def _all(self, connection: sqlite3.Connection, statement: str, names: Sequence[str]) -> Iterator[Row]:
        for number, found in enumerate(connection.execute(statement), 1):
            yield Row(f"{self.name}:{number}", number, dict(zip(names, found, strict=True)))

    def _by_id(
        self, connection: sqlite3.Connection, source: str, names: Sequence[str], ids: Sequence[tuple[int, int]], by: str
    ) -> Iterator[Row]:
        for start in range(0, len(ids), _BLOCK):
            block = ids[start : start + _BLOCK]
            marks = ",".join("?" * len(block))
            statement = f"SELECT {by}, * FROM {source} WHERE {by} IN ({marks}) ORDER BY {by}"  # noqa: S608
            places = {row_id: number for number, row_id in block}
            for row_id, *found in connection.execute(statement, [row_id for _, row_id in block]):
                number = places[row_id]
                yield Row(f"{self.name}:{number}", number, dict(zip(names, found, strict=True)))


def _text(data: bytes) -> str:
    """Text of a file that may hold bytes which are none."""
    return data.decode("utf-8", "replace")


def _row_id(connection: sqlite3.Connection, source: str, names: Sequence[str]) -> str:
    """What the row ids of a table are called, in so far as no column has that name; "" where there are none (views)."""
    taken = {name.lower() for name in names}
    for by in ("rowid", "_rowid_", "oid"):
        if by not in taken:
            try:
                first = connection.execute(f"SELECT {by} FROM {source} LIMIT 1").fetchone()  # noqa: S608 (quoted)
            except sqlite3.OperationalError as error:
                if by in str(error):
                    return ""
                raise
            return by if first is not None and first[0] is not None else ""
    return ""
