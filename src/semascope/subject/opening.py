"""Opens whatever a person points a verb at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from semascope.corpus import Corpus
from semascope.errors import InputError
from semascope.ops import vectors as checked
from semascope.space import Space
from semascope.space.ingest import encoded_text
from semascope.subject.matrix import is_matrix, open_matrix
from semascope.subject.rows import Subject, of_documents
from semascope.types import Progress


def open_subject(
    source: Any,
    *,
    texts: Any = None,
    columns: Mapping[str, str | None] | None = None,
    sample: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Subject:
    """The rows of a source.

    Args:
        source: The path of a matrix (`.npy`), a Space (a folder, or one that is open), anything `Corpus.read` reads,
            a Corpus, or a list of texts.
        texts: Where the source is a matrix, what `source` may be otherwise: the texts of its rows, in order.
        columns: Role -> column, as for `Corpus.read`.
        sample: At most so many rows, drawn evenly; all of them where None.
        seed: Of that draw.
        progress: Told while rows are read.

    Raises:
        InputError: rows and texts of different numbers, or nothing to read.
        UnknownNameError: nothing is there.
    """
    if isinstance(source, str | Path) and is_matrix(source):
        found = _of_matrix(Path(source), texts, columns)
    elif texts is not None:
        raise InputError(f"texts: want them only beside a matrix of vectors, got {source} too")
    elif isinstance(source, Space) or (isinstance(source, str | Path) and (Path(source) / "space.json").is_file()):
        found = _of_space(source)
    else:
        found = _of_corpus(source, columns, progress)
    return found if sample is None else found.sample(sample, seed=seed)


def _of_matrix(path: Path, texts: Any, columns: Mapping[str, str | None] | None) -> Subject:
    matrix = open_matrix(path)
    x = checked(matrix.values, name=matrix.name)
    ids = [str(i + 1) for i in range(len(x))] if matrix.ids is None else matrix.ids
    alone = Subject(matrix.name, ids, vectors=x, passport=matrix.passport, encoder=_found(matrix.passport))
    if texts is None:
        return alone
    beside = open_subject(texts, columns=columns)
    if len(beside) != len(x):
        raise InputError(f"texts: want one for each of the {len(x):,} rows of {matrix.name}, got {len(beside):,}")
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
