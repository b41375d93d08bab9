"""Tasks of the rows of a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semascope.corpus.columns import Row
from semascope.corpus.document import clean
from semascope.corpus.problems import Problems
from semascope.errors import InputError
from semascope.subject.files import TableFile
from semascope.subject.sampling import drawn
from semascope.subject.tasks.cells import matched, number, strings
from semascope.subject.tasks.guessing import Guess, guesses
from semascope.tasks import (
    Analogy,
    Classification,
    Clustering,
    PairMatching,
    Reranking,
    Retrieval,
    Similarity,
    WordSimilarity,
)
from semascope.types import Progress, Task

HEAD = 1_000  # rows from which columns are guessed
Cells = Mapping[str, Any]


@dataclass(frozen=True)
class Read:
    """The rows of a table that can be used for one guess.

    Args:
        ids: One for each row, all different.
        rows: Role -> value, checked.
    """

    ids: list[str]
    rows: list[Cells]

    def column(self, role: str) -> list[Any]:
        """The values of a role."""
        return [row[role] for row in self.rows]


def table_tasks(
    path: Path, name: str, asked: Mapping[str, str], log: Problems, progress: Progress | None = None
) -> list[tuple[Task, str]]:
    """The tasks of a table, each with what was guessed; empty where its columns hold no judgements.

    Raises:
        InputError: it cannot be read, or too few of its rows can be used.
        UnknownNameError: no column of a name asked for.
    """
    feed = TableFile(path)
    if not feed.table:
        raise InputError(f"data: want a table (CSV, TSV, JSON Lines, Parquet), got {path.name}")
    with closing(feed.rows(log, None, 0, progress)) as rows:
        every = list(rows)
    if not every:
        raise InputError(f"data: want rows, got none in {path.name}")
    # From all over the file: one that is sorted by its labels begins with a single one.
    found = guesses([every[at] for at in drawn(len(every), HEAD, 0)], asked, path.name)
    several = sum(len(guess.kinds) for guess in found) > 1
    out: list[tuple[Task, str]] = []
    for guess in found:
        read = _read(every, guess, log)
        out += [(_MAKE[kind](f"{name} {kind}" if several else name, read), str(guess)) for kind in guess.kinds]
    return out


def _read(rows: Sequence[Row], guess: Guess, log: Problems) -> Read:
    """Rows whose cells can be used; the others are reported."""
    ids: list[str] = []
    kept: list[Cells] = []
    for row in rows:
        cells: dict[str, Any] = {}
        wrong = ""
        for role, column in guess.columns.items():
            value, want = _CELLS[role](row.values.get(column))
            if value is None:
                wrong = f"{role}: want {want}, got {str(row.values.get(column))[:40]!r} (column {column!r})"
                break
            cells[role] = value
        if wrong:
            log.bad(row.place, f"{wrong}; passed over")
            continue
        ids.append(cells.pop("id", str(row.number)))
        kept.append(cells)
    if not kept:
        raise InputError(
            f"data: want rows for {guess}, got none that can be used; the first: {log[0] if len(log) else ''}"
        )
    return Read(ids if len(set(ids)) == len(ids) else [str(at) for at in range(1, len(ids) + 1)], kept)


def _text(value: Any) -> tuple[str | None, str]:
    found = strings(value)
    return (clean(", ".join(found)) if found else None), "a text"


def _texts(value: Any) -> tuple[list[str] | None, str]:
    return [clean(one) for one in strings(value)] or None, "texts"


def _number(value: Any) -> tuple[float | None, str]:
    return number(value), "a number"


def _match(value: Any) -> tuple[bool | None, str]:
    return matched(value), "yes or no"


def _grade(value: Any) -> tuple[float | None, str]:
    found = number(value)
    said = matched(value) if found is None else None
    return (float(said) if said is not None else found), "a grade"


def _label(value: Any) -> tuple[str | None, str]:
    said = "" if value is None else str(value).strip()
    return clean(said) or None, "a label"


_CELLS: Mapping[str, Callable[[Any], tuple[Any, str]]] = {
    **dict.fromkeys(("a", "b", "c", "d", "text", "query", "document"), _text),
    **dict.fromkeys(("positives", "negatives"), _texts),
    "score": _number,
    "match": _match,
    "grade": _grade,
    "label": _label,
    "id": _label,
}


def _pairs(read: Read) -> list[tuple[str, str]]:
    return list(zip(read.column("a"), read.column("b"), strict=True))


def _similarity(name: str, read: Read) -> Task:
    return Similarity(name, _pairs(read), read.column("score"), read.ids)


def _word_similarity(name: str, read: Read) -> Task:
    return WordSimilarity(name, _pairs(read), read.column("score"), read.ids)


def _pair_matching(name: str, read: Read) -> Task:
    return PairMatching(name, _pairs(read), read.column("match"), read.ids)


def _classification(name: str, read: Read) -> Task:
    return Classification(name, read.column("text"), read.column("label"), read.ids)


def _clustering(name: str, read: Read) -> Task:
    return Clustering(name, read.column("text"), read.column("label"), read.ids)


def _analogy(name: str, read: Read) -> Task:
    return Analogy(name, [(row["a"], row["b"], row["c"], row["d"]) for row in read.rows], None, read.ids)


def _reranking(name: str, read: Read) -> Task:
    """Rows of one query are one query."""
    lists: dict[str, dict[str, float]] = {}
    first: dict[str, str] = {}
    for own, row in zip(read.ids, read.rows, strict=True):
        graded = lists.setdefault(row["query"], {})
        first.setdefault(row["query"], own)
        graded.update(dict.fromkeys((text for text in row["negatives"] if text not in graded), 0.0))
        graded.update(dict.fromkeys(row["positives"], 1.0))
    grades = list(lists.values())
    return Reranking(
        name, list(lists), [list(one) for one in grades], [list(one.values()) for one in grades], list(first.values())
    )


def _retrieval(name: str, read: Read) -> Task:
    """Every different document is ranked for every different query; a row without a grade judges its document relevant."""
    documents = {text: f"d{at}" for at, text in enumerate(dict.fromkeys(read.column("document")), 1)}
    queries: dict[str, str] = {}
    judged: dict[str, dict[str, float]] = {}
    for own, row in zip(read.ids, read.rows, strict=True):
        query = queries.setdefault(row["query"], own)
        graded = judged.setdefault(query, {})
        document = documents[row["document"]]
        graded[document] = max(graded.get(document, 0.0), row.get("grade", 1.0))
    return Retrieval(
        name, {own: text for text, own in documents.items()}, {own: text for text, own in queries.items()}, judged
    )


_MAKE: Mapping[str, Callable[[str, Read], Task]] = {
    "similarity": _similarity,
    "word similarity": _word_similarity,
    "pair matching": _pair_matching,
    "classification": _classification,
    "clustering": _clustering,
    "analogy": _analogy,
    "reranking": _reranking,
    "retrieval": _retrieval,
}
