"""Rows of a PostgreSQL database, vectors of pgvector included: read in one read-only transaction, through a cursor of the server."""

from __future__ import annotations

import struct
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from semascope.corpus.columns import Row, nearest
from semascope.corpus.problems import Problems
from semascope.errors import AccessError, InputError, RemoteError, UnknownNameError
from semascope.ops import need
from semascope.subject.pg_sampling import Draw, Table, draw_of
from semascope.subject.sampling import Even, released
from semascope.subject.sql import Asked, Passing, at_most, distinct, drawn_of, shown, without_secrets
from semascope.types import Progress

_BLOCK = 1000  # rows of one fetch
_CONNECT = 10  # seconds
_VECTORS = ("vector", "halfvec", "sparsevec")
# Types that come over as they are; every other one comes as PostgreSQL writes it as text.
_PLAIN = ("text", "varchar", "bpchar", "name", "int2", "int4", "int8", "float4", "float8", "bool")
_ARRAYS = ("_float4", "_float8", "_int2", "_int4")


@dataclass(frozen=True)
class _Column:
    name: str
    kind: str

    def select(self) -> str:
        """The expression that fetches it; names are quoted and % is doubled by the caller's driver, never here."""
        name = '"' + self.name.replace('"', '""') + '"'
        if self.kind in (*_VECTORS, "bit", "varbit", "bytea", *_PLAIN, *_ARRAYS):
            return f"q.{name}"
        if self.kind in ("numeric", "money"):
            return f"q.{name}::numeric::float8 AS {name}"
        return f"q.{name}::text AS {name}"


class PostgresRows:
    """The rows of a table or a query.

    Nothing is ever written: the transaction is READ ONLY, which the server holds, and is rolled back at the end.

    Args:
        address: postgresql://user:password@host:port/database; what it leaves out comes from the environment (PGHOST,
            PGPASSWORD, ~/.pgpass ...), as with psql.
        asked: Which rows.
    """

    numerals = False

    def __init__(self, address: str, asked: Asked) -> None:
        self._psycopg: Any = need("psycopg", extra="sql")
        self._address = _checked(address, self._psycopg)
        self._asked = asked
        self.name = shown(address).rpartition("/")[2] or "postgresql"
        self.vectors: tuple[str, ...] = ()
        self.total = 0
        self.said = ""

    def __repr__(self) -> str:
        return f"PostgresRows({shown(self._address)!r})"

    def rows(self, log: Problems, most: int | None, seed: int, progress: Progress | None) -> Generator[Row]:  # noqa: ARG002
        """At most so many rows, drawn evenly.

        Raises:
            RemoteError: the server cannot be reached or gives up; AccessError: it refuses the user.
            UnknownNameError: no table or column of that name.
            InputError: the query cannot be run, or would write.
        """
        with self._told(), self._connected() as connection:
            table = None if self._asked.query is not None else self._table(connection)
            where = self._asked.query if table is None else table.sql
            columns = self._columns(connection, f"({where}\n)" if table is None else f"{where}")
            if table is None:
                draw = Draw(f"({where}\n) AS q", "", None, "the query")
            else:
                draw = draw_of(connection, table, most, seed)
            statement = f"SELECT {', '.join(one.select() for one in columns)} FROM {draw.source}"  # noqa: S608
            fetched = self._fetched(connection, statement, columns)
            if most is None:
                self.said = ""
                for row in Passing(fetched, None, progress):
                    self.total = row.number
                    yield row
                return
            passing = Passing(fetched, at_most(most) if draw.total is None else None, progress)
            even = Even(most, seed)
            kept = even.of(passing)
            self.total = even.seen if draw.total is None else max(draw.total, len(kept))
            self.said = (
                drawn_of(len(kept), even.seen, draw.what, stopped=passing.stopped)
                if draw.total is None
                else draw.told(len(kept))
            )
        yield from released(kept)  # the transaction is over: nobody waits for what is done with the rows

    @contextmanager
    def _connected(self) -> Generator[Any]:
        connection = self._psycopg.connect(
            self._address, connect_timeout=_CONNECT, application_name="semascope", autocommit=False
        )
        try:
            connection.read_only = True
            connection.isolation_level = self._psycopg.IsolationLevel.REPEATABLE_READ
            connection.execute(
                "SELECT set_config('statement_timeout', %s, true)", [f"{int(self._asked.timeout * 1000)}"]
            )
            connection.execute("SET LOCAL datestyle = 'ISO, YMD'")
            # Every scan begins at the first page, so that the same rows come in the same order, and the same are drawn.
            connection.execute("SET LOCAL synchronize_seqscans = off")
            yield connection
        finally:
            connection.close()  # which ends the transaction, whatever state it is in

    @contextmanager
    def _told(self) -> Generator[None]:
        """Errors of the driver as errors of ours, without the password, and without the driver's own behind them."""
        try:
            yield
        except self._psycopg.Error as error:
            raise _as_ours(error, self._address, self._asked, self._psycopg.errors) from None

    def _table(self, connection: Any) -> Table:
        found = connection.execute(
            "SELECT c.oid, n.nspname, c.relname, c.relkind::text, c.reltuples::float8, pg_table_is_visible(c.oid) "
            "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r','p','v','m','f') "
            "AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%' "
            "AND NOT c.relispartition ORDER BY n.nspname, c.relname"
        ).fetchall()
        tables = [Table(*one) for one in found]
        names = [one.name for one in tables]
        asked = self._asked.table
        if asked is None:
            if len(tables) != 1:
                raise InputError(
                    f"table: want one of {self.name} named with --table, or a --query; there are: "
                    + (", ".join(names[:30]) + ", ..." * (len(names) > 30) if names else "none that this user sees")
                )
            chosen = tables[0]
        else:
            meant = [one for one in tables if asked == one.whole or (one.visible and asked == one.table)]
            if not meant:
                raise UnknownNameError(f"table: no table {asked!r} in {self.name}{nearest(asked, names)}")
            chosen = meant[0]
        self.name = f"{self.name}/{chosen.name}"
        return chosen

    def _columns(self, connection: Any, source: str) -> list[_Column]:
        """The columns worth fetching: of several vectors only the one asked for, and no bytes unless asked for."""
        cursor = connection.execute(f"SELECT * FROM {source} AS q LIMIT 0")  # noqa: S608 (quoted, or the query itself)
        names = distinct([one.name for one in cursor.description or ()], self.name)
        kinds: Mapping[int, str] = dict(
            connection.execute(
                "SELECT oid::int8, typname::text FROM pg_type WHERE oid = ANY(%s)",
                [[one.type_code for one in cursor.description]],
            ).fetchall()
        )
        columns = [
            _Column(name, kinds.get(one.type_code, "")) for name, one in zip(names, cursor.description, strict=True)
        ]
        asked = self._asked.vector
        if asked and asked not in names:
            raise UnknownNameError(f"vector: no column {asked!r} in {self.name}{nearest(asked, names)}")
        typed = [one.name for one in columns if one.kind in _VECTORS]
        if len(typed) > 1 and asked is None:
            raise InputError(
                f"vector: want one column of {self.name}, got several with vectors; name one with --vector: {', '.join(typed)}"
            )
        self.vectors = (asked,) if asked else tuple(typed) if asked is None else ()
        heavy = {one.name for one in columns if one.kind in (*_VECTORS, "bit", "varbit")} - {*self.vectors}
        return [one for one in columns if one.name not in heavy]

    def _fetched(self, connection: Any, statement: str, columns: Sequence[_Column]) -> Iterator[Row]:
        """Rows in blocks: the server keeps the rest, and so memory does not grow with the table."""
        names = [one.name for one in columns]
        reads = [(place, _READS[one.kind]) for place, one in enumerate(columns) if one.kind in _READS]
        number = 0
        with connection.cursor(name="semascope_rows") as cursor:
            cursor.execute(statement, binary=True)
            while block := cursor.fetchmany(_BLOCK):
                for found in block:
                    number += 1
                    values = dict(zip(names, found, strict=True))
                    for place, read in reads:
                        if found[place] is not None:
                            values[names[place]] = read(found[place])
                    yield Row(f"{self.name}:{number}", number, values)


def vector(data: bytes) -> Any:
    """A `vector` of pgvector as it is sent: int16 length, int16 unused, big-endian float32."""
    return np.frombuffer(data, dtype=">f4", offset=4)


def halfvec(data: bytes) -> Any:
    """A `halfvec`: as `vector`, in float16."""
    return np.frombuffer(data, dtype=">f2", offset=4)


def sparsevec(data: bytes) -> Any:
    """A `sparsevec`: int32 length, count and unused, then places from 0 (int32) and values (float32)."""
    dim, count, _ = struct.unpack_from(">iii", data)
    out = np.zeros(dim, np.float32)
    places = np.frombuffer(data, dtype=">i4", offset=12, count=count)
    out[places] = np.frombuffer(data, dtype=">f4", offset=12 + 4 * count, count=count)
    return out


def bits(data: bytes) -> Any:
    """A `bit` string: int32 count, then the bits, the first one highest; as 0 and 1."""
    count = struct.unpack_from(">i", data)[0]
    return np.unpackbits(np.frombuffer(data, dtype=np.uint8, offset=4))[:count].astype(np.float32)


_READS: Mapping[str, Callable[[bytes], Any]] = {
    "vector": vector,
    "halfvec": halfvec,
    "sparsevec": sparsevec,
    "bit": bits,
    "varbit": bits,
}


def _checked(address: str, psycopg: Any) -> str:
    """An address that the driver reads as it is meant; it is refused here, since the driver would print parts of it."""
    rest = address.partition("://")[2]
    authority = rest.partition("?")[0].partition("/")[0]
    behind = rest[len(authority) :].partition("?")[0]
    wrong = "@" in behind or "@" in authority.rpartition("@")[0]
    hosts = authority.rpartition("@")[2].split(",")
    wrong = wrong or any(not one.rpartition("]")[2].partition(":")[2].isdigit() for one in hosts if _has_port(one))
    try:
        psycopg.conninfo.conninfo_to_dict(address)
    except psycopg.Error:
        wrong = True
    if wrong:
        raise InputError(
            "source: want postgresql://user:password@host:port/database, got an address that cannot be read so; write "
            "characters such as @ / : ? # of a password as %40 %2F %3A %3F %23, or leave it out and set PGPASSWORD"
        )
    return address


def _has_port(host: str) -> bool:
    return ":" in host.rpartition("]")[2]


def _as_ours(error: Any, address: str, asked: Asked, errors: Any) -> Exception:
    what = "query" if asked.query is not None else "table"
    message = without_secrets(str(getattr(error.diag, "message_primary", None) or error), address)
    where = shown(address)
    if isinstance(error, errors.QueryCanceled):
        return RemoteError(f"timeout: {where} gave up after {asked.timeout:g} seconds ({message}); more with --timeout")
    if isinstance(error, errors.ReadOnlySqlTransaction):
        return InputError(f"{what}: want one that only reads; {where} refused it: {message}")
    if isinstance(error, errors.UndefinedTable | errors.UndefinedColumn | errors.UndefinedFunction):
        return UnknownNameError(f"{what}: {message}")
    if isinstance(error, errors.InsufficientPrivilege) or _refused(error, message):
        return AccessError(f"source: {where} refuses access: {message}")
    state = str(error.sqlstate or "")
    if state.startswith(("42", "22", "21", "0A", "25")):  # the statement, its data, what cannot be done
        return InputError(f"{what}: {message}")
    return RemoteError(f"source: {where}: {message}")


def _refused(error: Any, message: str) -> bool:
    return str(error.sqlstate or "").startswith("28") or any(
        one in message for one in ("authentication failed", "no password supplied", "pg_hba.conf")
    )
