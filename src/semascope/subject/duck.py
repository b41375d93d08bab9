"""Rows of a DuckDB file, opened so that it cannot be written to and cannot reach other files."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from semascope.corpus.columns import Row, nearest
from semascope.corpus.problems import Problems
from semascope.errors import InputError, UnknownNameError
from semascope.ops import need
from semascope.subject.sampling import Even, released
from semascope.subject.sql import Asked, Passing, at_most, chosen_table, distinct, drawn_of, quoted
from semascope.types import Progress

_BLOCK = 1000


class DuckRows:
    """The rows of a table or a query.

    Args:
        path: The file.
        asked: Which rows.

    Raises:
        MissingExtraError: duckdb is not installed.
    """

    numerals = False

    def __init__(self, path: Path, asked: Asked) -> None:
        self._duckdb: Any = need("duckdb", extra="duckdb")
        self.name = path.name
        self.vectors: tuple[str, ...] = ()
        self.total = 0
        self.said = ""
        self._path = path
        self._asked = asked

    def rows(self, log: Problems, most: int | None, seed: int, progress: Progress | None) -> Generator[Row]:  # noqa: ARG002
        """At most so many rows, drawn evenly: of a table from all of it, of a query from its start.

        Raises:
            UnknownNameError: no table or column of that name.
            InputError: the query cannot be run, or the file is damaged or in use.
        """
        with self._opened() as connection:
            even = Even(most, seed)
            if self._asked.query is None:
                what = self._table(connection)
                self.name = f"{self.name}/{what}"
                source = quoted(what)
            else:
                what, source = "the query", f"({self._asked.query}\n)"
            # A table is read whole: DuckDB reads a million rows a second, and knows no ids to draw from beforehand.
            bound = None if self._asked.query is None else at_most(most)
            passing = Passing(self._all(connection, source), bound, progress)
            kept = even.of(passing)
            self.total, self.said = even.seen, drawn_of(len(kept), even.seen, what, stopped=passing.stopped)
        yield from released(kept)

    @contextmanager
    def _opened(self) -> Generator[Any]:
        try:
            with closing(
                self._duckdb.connect(
                    str(self._path), read_only=True, config={"enable_external_access": "false", "threads": "1"}
                )
            ) as connection:
                yield connection
        except self._duckdb.Error as error:
            said = " ".join(str(error).split())
            what = "query" if self._asked.query is not None else "table"
            raise InputError(f"{what}: {self.name}: {said}") from None

    def _table(self, connection: Any) -> str:
        found = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'main' ORDER BY table_name"
        ).fetchall()
        names = [str(name) for (name,) in found]
        return chosen_table(self._asked.table, names, names, self._path.name)

    def _all(self, connection: Any, source: str) -> Iterator[Row]:
        cursor = connection.execute(f"SELECT * FROM {source}")  # noqa: S608 (quoted, or the query itself)
        names = distinct((one[0] for one in cursor.description), self.name)
        if (asked := self._asked.vector) and asked not in names:
            raise UnknownNameError(f"vector: no column {asked!r} in {self.name}{nearest(asked, names)}")
        number = 0
        while block := cursor.fetchmany(_BLOCK):
            for found in block:
                number += 1
                yield Row(f"{self.name}:{number}", number, dict(zip(names, found, strict=True)))
