"""All rows of a database as a Corpus, to be read as often as wanted; nothing is sampled."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from semascope.corpus import Corpus, Problems
from semascope.corpus.problems import OnBad
from semascope.subject.sql import TIMEOUT, Asked, open_database, shown


def open_corpus(
    source: str | Path,
    *,
    query: str | None = None,
    table: str | None = None,
    columns: Mapping[str, str | None] | None = None,
    metadata: Sequence[str] | None = None,
    on_bad: OnBad = "report",
    timeout: float = TIMEOUT,
) -> Corpus:
    """The texts of a database; each pass is one read-only transaction, which lasts as long as the pass.

    Vectors of pgvector and bytes are left out. Rows without an id are numbered in the order in which the database gives
    them.

    Args:
        source: An address, or the file of one.
        query: One SELECT; or
        table: the name of a table or view.
        columns: Role -> column; the others are guessed.
        metadata: Names of columns to keep; None keeps all others.
        on_bad: As for `Corpus`.
        timeout: Seconds after which a server is to give up on a statement.

    Raises:
        InputError, UnknownNameError, RemoteError, OptionError, MissingExtraError: as `open_subject`, when rows are read.
    """
    asked = Asked(query, table, "", timeout)

    def rows() -> Generator[Mapping[str, Any]]:
        with closing(open_database(source, asked).rows(Problems(on_bad), None, 0, None)) as passing:
            for row in passing:
                yield {name: value for name, value in row.values.items() if not isinstance(value, bytes)}

    name = Path(shown(source)).name or "database"
    return Corpus(rows, name=f"{name}/{table}" if table else name, columns=columns, metadata=metadata, on_bad=on_bad)
