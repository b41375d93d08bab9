"""What the databases share: which sources are one, one statement that reads, and addresses without their passwords."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from semascope.corpus.columns import Row, nearest
from semascope.errors import InputError, OptionError, UnknownNameError
from semascope.subject.tables import Feed
from semascope.types import Progress

SAMPLE = 10_000  # rows of a database that are drawn unless another number is asked for
READ = 10  # a query's rows are read up to so many times the sample, and at least up to
READ_LEAST = 100_000
TIMEOUT = 60.0  # seconds
_URLS = ("postgresql://", "postgres://", "sqlite://", "duckdb://")
_SQLITE = b"SQLite format 3\0"
_DUCKDB = b"DUCK"
_SUFFIXES = (".sqlite", ".sqlite3", ".db", ".db3", ".duckdb")
# What a query is made of as far as finding its end goes: strings, names, comments, dollar quotes.
_TOKEN = re.compile(
    r"""[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/
        | \$((?:[A-Za-z_]\w*)?)\$.*?\$\1\$ | ; | [^'"$;/eE-]+ | .""",
    re.VERBOSE | re.DOTALL,
)
_WORD = re.compile(r"[\s(]*([A-Za-z]+)")
_READS = ("select", "with", "values", "table", "from")


@dataclass(frozen=True)
class Asked:
    """Which rows of a database are wanted.

    Args:
        query: One SELECT; or
        table: the name of a table or view; the only table there is where both are None.
        vector: Column of the vectors where that is known.
        timeout: Seconds after which a server is to give up on a statement.
    """

    query: str | None = None
    table: str | None = None
    vector: str | None = None
    timeout: float = TIMEOUT

    def __post_init__(self) -> None:
        if self.query is not None and self.table is not None:
            raise OptionError("query: want a query or a table, got both")
        if not 0 < self.timeout <= 86_400:
            raise OptionError(f"timeout: want seconds above 0 and at most 86,400, got {self.timeout}")
        if self.query is not None:
            object.__setattr__(self, "query", one_statement(self.query))


def is_database(source: Any) -> bool:
    """Whether a source is the address of a database, or a file that is one."""
    if not isinstance(source, str | Path):
        return False
    if isinstance(source, str) and source.lower().startswith(_URLS):
        return True
    path = Path(source)
    return path.suffix.lower() in _SUFFIXES and path.is_file() and _kind(path) != ""


def _kind(path: Path) -> str:
    with path.open("rb") as stream:
        start = stream.read(16)
    if start == _SQLITE or not start:  # an empty file is an empty SQLite database
        return "sqlite"
    return "duckdb" if start[8:12] == _DUCKDB else ""


def open_database(source: str | Path, asked: Asked) -> Feed:
    """The rows of a database, which is only ever read.

    Raises:
        MissingExtraError: PostgreSQL without psycopg, DuckDB without duckdb.
        InputError: the address cannot be read, or the file is no database.
    """
    text = str(source)
    if text.lower().startswith(("postgresql://", "postgres://")):
        from semascope.subject.postgres import PostgresRows

        return PostgresRows(text, asked)
    scheme, found, rest = text.partition("://")
    # As SQLAlchemy writes it: three strokes before a path from here, four before one from the root.
    path = Path(unquote(rest.removeprefix("/"))) if found and isinstance(source, str) else Path(source)
    if not path.is_file():
        raise InputError(f"source: want the file of a database, got {path}, where there is none")
    kind = _kind(path)
    if kind == "duckdb" or (found and scheme.lower() == "duckdb"):
        from semascope.subject.duck import DuckRows

        return DuckRows(path, asked)
    if kind != "sqlite":
        raise InputError(f"source: want a SQLite or DuckDB file, got {path.name}, which is neither")
    from semascope.subject.sqlite import SqliteRows

    return SqliteRows(path, asked)


def shown(source: Any) -> str:
    """A source as it may be printed: the address of a database without password and parameters.

    What stands there can be typed again, with the password in PGPASSWORD or ~/.pgpass.
    """
    text = str(source)
    if not is_database(text) or "://" not in text:
        return text
    scheme, _, rest = text.partition("://")
    if scheme.lower() in ("sqlite", "duckdb"):
        return text
    # Whatever stands before the last @ belongs to user and password, even where a password holds strokes of its own.
    account, at, place = rest.rpartition("@")
    place = place.partition("?")[0]
    hosts, stroke, name = place.partition("/")
    hosts = ",".join(one if re.fullmatch(r"[^:]*(:\d*)?|\[.*\](:\d*)?", one) else "***" for one in hosts.split(","))
    return f"{scheme}://{account.partition(':')[0]}{at}{hosts}{stroke}{name}"


def without_secrets(message: str, address: str) -> str:
    """A message without any password that stands in an address or in the environment."""
    inside = address.partition("://")[2].rpartition("@")[0].partition(":")[2]
    named = re.findall(r"[?&](?:ssl)?password=([^&]*)", address)
    for secret in sorted({inside, *named, os.environ.get("PGPASSWORD", "")}, key=len, reverse=True):
        for form in {secret, unquote(secret)} - {""}:
            message = message.replace(form, "***")
    return " ".join(message.split())


def one_statement(query: str) -> str:
    """A query without the semicolon at its end.

    The server holds that nothing is written; this only says sooner, and more plainly, what is not a query.

    Raises:
        OptionError: it is empty, several statements, or none that reads.
    """
    pieces = [found.group(0) for found in _TOKEN.finditer(query)]
    plain = [" " if piece.startswith(("--", "/*")) else piece for piece in pieces]
    while plain and (not plain[-1].strip() or plain[-1] == ";"):
        plain.pop()
    if ";" in plain:
        raise OptionError("query: want one statement, got several (a semicolon stands between them)")
    text = "".join(plain).strip()
    word = _WORD.match(text)
    if word is None or word.group(1).lower() not in _READS:
        got = text.split(maxsplit=1)[0][:20] if text else "nothing"
        raise OptionError(f"query: want one that reads (SELECT ... or WITH ... SELECT ...), got {got!r}")
    return text


def quoted(name: str) -> str:
    """A name as standard SQL writes it, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def distinct(names: Iterable[str], source: str) -> list[str]:
    """The names of a query's columns.

    Raises:
        InputError: one stands there twice, so that nobody could say which is meant.
    """
    out = list(names)
    twice = next((name for name in out if out.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"query: want a name of its own for each column of {source}, got {twice!r} twice; use AS")
    return out


def at_most(sample: int | None) -> int | None:
    """How many rows of a query are read at most for a sample of so many."""
    return None if sample is None else max(READ * sample, READ_LEAST)


class Passing:
    """Rows as they come, up to a bound.

    Args:
        rows: All of them.
        bound: The most that are passed on; all where None.
        progress: Told as they come.
    """

    def __init__(self, rows: Iterable[Row], bound: int | None, progress: Progress | None) -> None:
        self.stopped = False  # whether there were more
        self._rows, self._bound, self._progress = rows, bound, progress

    def __iter__(self) -> Iterator[Row]:
        for done, row in enumerate(self._rows, 1):
            if self._bound is not None and done > self._bound:
                self.stopped = True
                return
            if self._progress is not None and done % 1000 == 0:
                self._progress(done, None)
            yield row


def drawn_of(kept: int, seen: int, what: str, *, stopped: bool = False) -> str:
    """How rows were drawn from those of a table or query that were read."""
    if stopped:
        return f"{kept:,} rows drawn evenly from the first {seen:,} of {what}, where reading stopped"
    return f"{kept:,} of {seen:,} rows, drawn evenly" if kept < seen else ""


def chosen_table(asked: str | None, names: Sequence[str], likely: Sequence[str], file: str) -> str:
    """The table of a file that is asked for; else the one likely one.

    Raises:
        UnknownNameError: there is none of that name; the nearest is named.
        InputError: none, or more than one, is likely.
    """
    if asked is not None:
        if asked not in names:
            raise UnknownNameError(f"table: no table {asked!r} in {file}{nearest(asked, names)}")
        return asked
    if len(likely) != 1:
        listed = ", ".join(likely or names) or "none"
        raise InputError(f"table: want one of {file} named with --table, or a --query; there are: {listed}")
    return likely[0]
