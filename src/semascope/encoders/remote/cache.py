"""Vectors that a server was asked for before, in one SQLite file that several processes may share.

A vector is kept under the sha256 of what was sent, never the text itself, and under the state of the model that made it: a
state is known by its canary vectors, so that what another model made behind the same URL is never mixed in.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from semascope.errors import PassportError
from semascope.passport import Passport
from semascope.types import Vectors

NAME = "vectors-1.sqlite"  # the number of the format: another one is another file
_PATIENCE = 30.0  # seconds for another process to finish its writing
_ASKED = 500  # keys of one query
_SHARE_KEPT = 0.8  # of the bytes allowed, when the oldest go
_CHECKED = 16 * 2**20  # bytes written between two looks at the size
_TABLES = """
CREATE TABLE IF NOT EXISTS states (
    state INTEGER PRIMARY KEY, identity TEXT NOT NULL, dim INTEGER NOT NULL, canaries BLOB NOT NULL, seen TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS vectors (
    place INTEGER PRIMARY KEY, state INTEGER NOT NULL, key BLOB NOT NULL, vector BLOB NOT NULL, UNIQUE (state, key)
);
"""
_Found = TypeVar("_Found")


class CacheWarning(UserWarning):
    """The cache of remote vectors cannot be used; everything is asked for again."""


class ModelChangedWarning(UserWarning):
    """Behind the URL is another model than the one whose vectors are cached; those are not used."""


class Met(NamedTuple):
    """A model as it is met now: its canaries' vectors, those of its passport, and its number in the cache."""

    live: Vectors
    canaries: Vectors
    state: int | None


class State(NamedTuple):
    """A model behind a URL as it was met once: its number here, its canaries' vectors, and when."""

    number: int
    canaries: Vectors
    seen: str


class RemoteCache:
    """Keeps vectors by key. Whatever is wrong with the file is warned of once, and the cache is left out from then on.

    Args:
        folder: Where the file is; made at first use.
        most_bytes: How large it may grow; the oldest vectors go first.
    """

    def __init__(self, folder: Path, *, most_bytes: int) -> None:
        self.path = folder / NAME
        self._most = most_bytes
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        self._owner = 0
        self._inherited: list[sqlite3.Connection] = []
        self._broken = False
        self._written = 0

    def meet(self, identity: str, what: str, live: Vectors) -> Met:
        """Find the state whose canaries agree with those just made, or keep a new one.

        Args:
            identity: What the model goes by.
            what: How it is called in the warning that it has changed.
            live: Vectors of the canary texts, (8, dim).
        """
        states = self.states(identity)
        for state in states:
            if _agree(state.canaries, live):
                return Met(live, state.canaries, state.number)
        if states:
            warnings.warn(
                f"{what} gives other vectors than on {states[0].seen[:10]}: another model is behind that URL now. Of its "
                f"{self.count(state.number for state in states):,} cached vectors none is used; what was made with the old one "
                "cannot be mixed with the new",
                ModelChangedWarning,
                stacklevel=2,
            )
        return Met(live, live, self.add_state(identity, live))

    def states(self, identity: str) -> list[State]:
        """Every state in which the model of that name was met, the latest first."""
        rows = self._do(
            lambda database: database.execute(
                "SELECT state, dim, canaries, seen FROM states WHERE identity = ? ORDER BY state DESC", (identity,)
            ).fetchall(),
            [],
        )
        return [
            State(number, np.frombuffer(blob, "<f4").reshape(-1, dim).astype(np.float32), seen)
            for number, dim, blob, seen in rows
            if dim > 0 and len(blob) % (4 * dim) == 0
        ]

    def add_state(self, identity: str, canaries: Vectors) -> int | None:
        """Keep a state that is new; its number, or None where nothing can be kept."""

        def add(database: sqlite3.Connection) -> int | None:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            row = (identity, canaries.shape[1], _blob(canaries), now)
            with database:
                return database.execute(
                    "INSERT INTO states (identity, dim, canaries, seen) VALUES (?, ?, ?, ?)", row
                ).lastrowid

        return self._do(add, None)

    def get(self, state: int, keys: Sequence[bytes], dim: int) -> dict[bytes, Vectors]:
        """The vectors that are there, by key."""

        def find(database: sqlite3.Connection) -> dict[bytes, Vectors]:
            found: dict[bytes, Vectors] = {}
            for start in range(0, len(keys), _ASKED):
                some = keys[start : start + _ASKED]
                marks = ",".join("?" * len(some))
                query = f"SELECT key, vector FROM vectors WHERE state = ? AND key IN ({marks})"  # noqa: S608 - marks only
                for key, blob in database.execute(query, (state, *some)):
                    row = np.frombuffer(blob, "<f4") if len(blob) == 4 * dim else None
                    if row is not None and np.isfinite(row).all():
                        found[key] = row.astype(np.float32)
            return found

        return self._do(find, {})

    def put(self, state: int, rows: Mapping[bytes, Vectors]) -> None:
        """Keep vectors; what another process kept meanwhile stays."""

        def write(database: sqlite3.Connection) -> None:
            blobs = ((state, key, _blob(row)) for key, row in rows.items())
            with database:
                database.executemany("INSERT OR IGNORE INTO vectors (state, key, vector) VALUES (?, ?, ?)", blobs)
            self._written += sum(row.nbytes for row in rows.values())
            if self._written > min(_CHECKED, self._most // 8):
                self._written = 0
                self._trim(database)

        self._do(write, None)

    def count(self, states: Iterable[int]) -> int:
        """Vectors kept of these states."""
        numbers = list(states)
        query = f"SELECT count(*) FROM vectors WHERE state IN ({','.join('?' * len(numbers))})"  # noqa: S608 - marks only
        return self._do(lambda database: int(database.execute(query, numbers).fetchone()[0]), 0)

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            if self._database is not None and self._owner == os.getpid():
                self._database.close()
                self._database = None

    def _trim(self, database: sqlite3.Connection) -> None:
        """Delete the oldest vectors until the file, but for its free pages, is well below what it may be."""
        while (used := _used(database)) > self._most:
            first, last = database.execute("SELECT min(place), max(place) FROM vectors").fetchone()
            if first is None:
                return
            share = 1 - _SHARE_KEPT * self._most / used
            with database:
                database.execute("DELETE FROM vectors WHERE place <= ?", (first + int((last - first) * share),))

    def _do(self, work: Callable[[sqlite3.Connection], _Found], otherwise: _Found) -> _Found:
        with self._lock:
            if self._broken:
                return otherwise
            try:
                return work(self._open())
            except (sqlite3.Error, OSError) as error:
                self._broken = True
                warnings.warn(
                    f"{self.path}: vectors cannot be kept there ({error}), so that every text is sent anew; "
                    "mend or remove that file",
                    CacheWarning,
                    stacklevel=2,
                )
                return otherwise

    def _open(self) -> sqlite3.Connection:
        # A connection must neither be used nor closed by a process forked from the one that opened it.
        if self._database is not None and self._owner != os.getpid():
            self._inherited.append(self._database)
            self._database = None
        if self._database is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(self.path, timeout=_PATIENCE, check_same_thread=False)
            try:
                _prepare(database)
            except BaseException:
                database.close()
                raise
            self._database, self._owner = database, os.getpid()
        return self._database


def _prepare(database: sqlite3.Connection) -> None:
    """Make the tables of a new file, in SQLite's log mode, in which readers and a writer do not wait for each other."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError as error:
            # SQLite itself does not wait here, when several processes open a new file at once.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)
    database.execute("PRAGMA synchronous = NORMAL")
    database.executescript(_TABLES)


def _agree(kept: Vectors, live: Vectors) -> bool:
    if kept.shape != live.shape:
        return False
    try:
        Passport("remote", kept.shape[1], canaries=kept).verify(
            live, what="use cached vectors", mend="send all texts anew"
        )
    except PassportError:
        return False
    return True


def _blob(rows: Vectors) -> bytes:
    return np.ascontiguousarray(rows, "<f4").tobytes()


def _used(database: sqlite3.Connection) -> int:
    pages, free, size = (
        int(database.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size
