"""Opens whatever a person points a verb at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from semascope.corpus import Corpus
from semascope.errors import InputError, OptionError
from semascope.ops import integer
from semascope.ops import vectors as checked
from semascope.space import Space
from semascope.space.ingest import encoded_text
from semascope.subject.files import TableFile
from semascope.subject.matrix import TABLES, is_matrix, open_matrix
from semascope.subject.rows import Subject, of_documents
from semascope.subject.sampling import drawn
from semascope.subject.sql import SAMPLE, TIMEOUT, Asked, is_database, open_database, shown
from semascope.subject.tables import subject_of
from semascope.types import Progress

PYTHON = "python:"  # and names of packages with commas between: the documentation of what is installed here


def open_subject(
    source: Any,
    *,
    texts: Any = None,
    columns: Mapping[str, str | None] | None = None,
    vector: str | None = None,
    query: str | None = None,
    table: str | None = None,
    timeout: float = TIMEOUT,
    sample: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Subject:
    """The rows of a source.

    Args:
        source: The path of a matrix (`.npy`, `.npz`, `.safetensors`), of a table with or without a column of vectors
            (Parquet, JSON Lines, CSV), of a SQLite or DuckDB file, the address of a PostgreSQL database
            (`postgresql://...`), a Space (a folder, or one that is open), anything else that `Corpus.read` reads,
            "python:" (or "python:numpy,click") for the documentation of the Python installed here, a Corpus, or a list
            of texts.
        texts: Where the source holds vectors, what `source` may be otherwise: the texts of its rows, in order.
        columns: Role -> column, as for `Corpus.read`.
        vector: Column of the vectors, or name of the array; guessed where None, and none wanted where "".
        query: Of a database: one SELECT.
        table: Of a database: the name of a table or view.
        timeout: Seconds after which a server is to give up on a statement.
        sample: At most so many rows, drawn evenly; where None 10,000 of a database, and all of anything else.
        seed: Of that draw.
        progress: Told while rows are read.

    Raises:
        InputError: rows and texts of different numbers, or nothing to read.
        UnknownNameError: nothing is there, or no column, table or array of a name asked for.
        OptionError: a query or a table of what is no database.
        RemoteError: a database that cannot be reached.
        MissingExtraError: PostgreSQL, DuckDB or Parquet without its package.
    """
    if sample is not None:
        integer(sample, name="sample", least=1)
    if is_database(source):
        if texts is not None:
            raise InputError(f"texts: want the texts of {shown(source)} from its own columns, got {texts} too")
        feed = open_database(source, Asked(query, table, vector, timeout))
        most = SAMPLE if sample is None else sample
        return subject_of(feed, columns=columns, vector=vector, sample=most, seed=seed, progress=progress)
    if query is not None or table is not None:
        raise OptionError(f"{'query' if query is not None else 'table'}: want it only of a database, got {source}")
    if isinstance(source, str | Path):
        held = _of_vectors(source, texts, columns, vector, sample, seed, progress)
        if held is not None:
            return held
    if vector:
        raise InputError(f"vector: want it only of vectors in a file or a database, got {source}")
    if texts is not None:
        raise InputError(f"texts: want them only beside vectors, got {source}, which holds none")
    if isinstance(source, Space) or (isinstance(source, str | Path) and (Path(source) / "space.json").is_file()):
        found = _of_space(source)
    else:
        found = _of_corpus(source, columns, progress)
    return found if sample is None else found.sample(sample, seed=seed)


def _of_vectors(
    source: str | Path,
    texts: Any,
    columns: Mapping[str, str | None] | None,
    vector: str | None,
    sample: int | None,
    seed: int,
    progress: Progress | None,
) -> Subject | None:
    """The rows of a file that holds vectors; None where it holds none."""
    if is_matrix(source):
        return _of_matrix(source, texts, columns, vector, sample, seed)
    if not _is_table(source):
        return None
    feed = TableFile(Path(source))
    column = feed.column(vector)
    if column is None:
        return None
    if texts is not None:
        return _of_matrix(source, texts, columns, column, sample, seed)
    return subject_of(feed, columns=columns, vector=vector, sample=sample, seed=seed, progress=progress)


def _is_table(source: str | Path) -> bool:
    path = Path(source)
    return Path(path.name.lower().removesuffix(".gz")).suffix in TABLES and path.is_file()


def _of_matrix(
    source: str | Path,
    texts: Any,
    columns: Mapping[str, str | None] | None,
    vector: str | None,
    sample: int | None,
    seed: int,
) -> Subject:
    """Rows of a matrix; of a large one that is mapped from disk only those of the sample are read."""
    matrix = open_matrix(source, vector)
    total = len(matrix.values)
    rows = drawn(total, sample, seed)
    values = matrix.values if len(rows) == total else matrix.values[rows]
    x = checked(values, name=matrix.name)
    names = [str(i + 1) for i in rows] if matrix.ids is None else [matrix.ids[int(i)] for i in rows]
    alone = Subject(
        matrix.name, names, vectors=x, passport=matrix.passport, encoder=_found(matrix.passport), total=total, rows=rows
    )
    if texts is None:
        return alone
    beside = open_subject(texts, columns=columns)
    if len(beside) != total:
        said = f"; of its rows {beside.problems[0]}" if beside.problems else ""
        raise InputError(f"texts: want one for each of the {total:,} rows of {matrix.name}, got {len(beside):,}{said}")
    beside = beside if len(rows) == total else beside.take(rows)
    return replace(beside, name=matrix.name, vectors=x, passport=alone.passport, encoder=alone.encoder)


def _found(passport: Any) -> str:
    from semascope.encoders import available

    return passport.name if passport is not None and passport.name in [one.name for one in available()] else ""


def _of_space(source: Any) -> Subject:
    space = source if isinstance(source, Space) else Space.open(source)
    try:
        documents = {one.id: one for one in space.documents()}
        ids: list[str] = []
        spans: list[tuple[int, int]] = []
        blocks: list[Any] = []
        for names, places, rows in space.vectors():
            ids += names
            spans += [(int(start), int(stop)) for start, stop in places]
            blocks.append(rows)
        encoding = space.encoding()
        of_rows = [documents[name] for name in ids]
        whole = of_documents(of_rows, name=space.path.name)
        return replace(
            whole,
            texts=[encoded_text(one.title, one.text[a:b]) for one, (a, b) in zip(of_rows, spans, strict=True)],
            vectors=np.concatenate(blocks) if blocks else np.zeros((0, encoding.passport.dim), np.float32),
            passport=encoding.passport if encoding.passport.known else None,
            encoder=(encoding.reference or "") if not (encoding.reference or "").startswith("saved:") else "",
        )
    finally:
        if space is not source:
            space.close()


def _of_corpus(source: Any, columns: Mapping[str, str | None] | None, progress: Progress | None) -> Subject:
    if isinstance(source, Corpus):
        corpus = source
    elif isinstance(source, str) and source.startswith(PYTHON) and not Path(source).exists():
        packages = [name.strip() for name in source.removeprefix(PYTHON).split(",") if name.strip()]
        corpus = Corpus.python_docs(packages, stdlib=False) if packages else Corpus.python_docs()
    elif isinstance(source, str | Path):
        roles: dict[str, Any] = dict(columns or {})
        corpus = Corpus.read(source, **roles)
    else:
        corpus = Corpus(source, name="texts", columns=columns)
    held = []
    for done, document in enumerate(corpus, 1):
        held.append(document)
        if progress is not None and done % 1000 == 0:
            progress(done, None)
    return replace(
        of_documents(held, name=corpus.name, columns=str(corpus.columns)),
        problems=[str(problem) for problem in corpus.problems],
    )
