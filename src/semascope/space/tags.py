"""Names that people give to documents of a Space, kept beside the corpus in a small database of their own."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from semascope.errors import OptionError, ReadOnlyError, UnknownNameError
from semascope.ops import guarded
from semascope.space.store import chunks, transaction

NAME = "tags.sqlite"
LONGEST = 64  # characters of a name
MOST = 200  # tags
_SCHEMA = """
BEGIN;
CREATE TABLE IF NOT EXISTS tags (tag INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS tagged (tag INTEGER NOT NULL, id TEXT NOT NULL, PRIMARY KEY (tag, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tagged_id ON tagged (id);
COMMIT;
"""


class Tags:
    """The tags of a Space. They go by the documents' ids, so that a document that is replaced keeps its own.

    Safe to use from several threads; several processes may use one file.

    Args:
        folder: Of the Space.
        longest: Characters of a name.
        most: How many tags there may be.
    """

    def __init__(self, folder: str | Path, *, longest: int = LONGEST, most: int = MOST) -> None:
        self._path = Path(folder) / NAME
        self._longest = longest
        self._most = most
        self._lock = threading.Lock()
        self._known: dict[str, tuple[object, frozenset[str]]] = {}
        self._changes = 0

    @property
    def writable(self) -> bool:
        """Whether tags can be given here: whether the Space's folder, or the file that is there, can be written to."""
        return os.access(self._path.parent, os.W_OK) and (not self._path.exists() or os.access(self._path, os.W_OK))

    def names(self) -> list[str]:
        """All tags, in the order of their names."""
        with self._lock, guarded(f"read {self._path}"), closing(self._reading()) as database:
            return [row[0] for row in database.execute("SELECT name FROM tags ORDER BY name")]

    def ids(self, name: str) -> frozenset[str]:
        """Ids of the documents that have a tag, also of those that are no longer there; the same object until it changes.

        Raises:
            UnknownNameError: no tag of that name.
        """
        with self._lock, guarded(f"read {self._path}"), closing(self._reading()) as database:
            stamp = self._stamp()
            known = self._known.get(name)
            if known is not None and known[0] == stamp:
                return known[1]
            number = _number(database, name)
            if number is None:
                raise UnknownNameError(f"tag: no tag {name!r}")
            found = frozenset(row[0] for row in database.execute("SELECT id FROM tagged WHERE tag = ?", [number]))
            self._known[name] = stamp, found
            return found

    def of(self, ids: Iterable[str]) -> dict[str, list[str]]:
        """The tags of some documents, in the order of their names; documents without tags are left out."""
        found: dict[str, list[str]] = {}
        with self._lock, guarded(f"read {self._path}"), closing(self._reading()) as database:
            for some in chunks(ids, 500):
                marks = ",".join("?" * len(some))
                sql = f"""SELECT g.id, t.name FROM tagged AS g JOIN tags AS t ON t.tag = g.tag
                          WHERE g.id IN ({marks}) ORDER BY t.name"""  # noqa: S608 - only marks
                for name, tag in database.execute(sql, some):
                    found.setdefault(name, []).append(tag)
        return found

    def change(self, name: str, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        """Give a tag to documents and take it from others; a tag that is new is made.

        Args:
            name: Of the tag: 1 to 64 characters that can be seen, without spaces at its ends.
            add: Ids of documents.
            remove: Ids of documents; those that have not got it are passed over.

        Raises:
            OptionError: no name for a tag, or there are too many tags.
            ReadOnlyError: the place cannot be written to.
        """
        self._checked(name)
        with self._lock, guarded(f"write {self._path}"), closing(self._writing()) as database, transaction(database):
            number = _number(database, name)
            if number is None:
                if database.execute("SELECT count(*) FROM tags").fetchone()[0] >= self._most:
                    raise OptionError(f"name: want one of the {self._most} tags that there may be, got another one")
                number = database.execute("INSERT INTO tags (name) VALUES (?)", [name]).lastrowid
            database.executemany("DELETE FROM tagged WHERE tag = ? AND id = ?", ((number, id_) for id_ in remove))
            database.executemany("INSERT OR IGNORE INTO tagged VALUES (?, ?)", ((number, id_) for id_ in add))
        self._changes += 1

    def drop(self, name: str) -> None:
        """Take a tag from all documents.

        Raises:
            UnknownNameError: no tag of that name.
            ReadOnlyError: the place cannot be written to.
        """
        with self._lock, guarded(f"write {self._path}"), closing(self._writing()) as database, transaction(database):
            number = _number(database, name)
            if number is None:
                raise UnknownNameError(f"name: no tag {name!r}")
            database.execute("DELETE FROM tagged WHERE tag = ?", [number])
            database.execute("DELETE FROM tags WHERE tag = ?", [number])
        self._changes += 1

    def version(self) -> object:
        """Something that changes whenever tags do."""
        return self._stamp()

    def _checked(self, name: str) -> None:
        if not 1 <= len(name) <= self._longest or name != name.strip() or not name.isprintable():
            raise OptionError(
                f"name: want 1 to {self._longest} characters without line breaks or spaces at its ends, got {name[:80]!r}"
            )

    def _stamp(self) -> object:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        # A file's time is coarse: what is changed here is counted, what another process changes is seen by its time.
        return self._changes, found.st_mtime_ns, found.st_size, found.st_ino

    def _reading(self) -> sqlite3.Connection:
        if not self._path.exists():
            database = sqlite3.connect(":memory:", isolation_level=None)
            database.executescript(_SCHEMA)
            return database
        with guarded(f"read {self._path}"):
            # Immutable where nobody can write: SQLite would want to make a file beside it otherwise.
            how = "mode=ro" if self.writable else "mode=ro&immutable=1"
            return sqlite3.connect(f"{self._path.resolve().as_uri()}?{how}", uri=True, isolation_level=None, timeout=30)

    def _writing(self) -> sqlite3.Connection:
        if not self.writable:
            raise ReadOnlyError(f"{self._path}: tags cannot be written here: the place is read-only")
        database = sqlite3.connect(self._path, isolation_level=None, timeout=30)
        try:
            database.executescript(_SCHEMA)
        except BaseException:
            database.close()
            raise
        return database


def _number(database: sqlite3.Connection, name: str) -> int | None:
    row = database.execute("SELECT tag FROM tags WHERE name = ?", [name]).fetchone()
    return None if row is None else int(row[0])
