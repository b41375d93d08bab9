"""Clicks as judgements, where there are no others: what somebody clicked is taken to be relevant, and the bias is said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from semascope.corpus.problems import Problems
from semascope.errors import InputError, UnknownNameError
from semascope.metrics import Scores
from semascope.subject.files import TableFile
from semascope.subject.tasks.cells import number
from semascope.tasks import Retrieval
from semascope.types import Array

GRADES = 3  # the grade of the document that was clicked most for a query
_QUERY = ("query", "query_id", "query-id", "qid", "question", "search", "q")
_CLICKED = (
    "clicked",
    "clicked_id",
    "document",
    "document_id",
    "doc",
    "doc_id",
    "docid",
    "corpus-id",
    "corpus_id",
    "id",
    "url",
    "item",
)
_COUNT = ("count", "clicks", "n", "times", "frequency")
_POSITION = ("position", "rank", "pos")


_Key = TypeVar("_Key", str, int)


@dataclass(frozen=True)
class Clicks:
    """A click log, summed up.

    Args:
        counts: Query (its id or its text) -> document id -> clicks.
        positions: Position (from 1) at which the documents were shown -> clicks; empty where that is not on record.
        inverse: As `counts`, every click weighed by the position it was made at; empty where that is not on record.
        shown: Query -> document id -> position -> clicks; empty where that is not on record.
        columns: Which columns were taken for what.
        passed: Rows that could not be used.
        below: Rows whose position is below 1, which count without it.
    """

    counts: Mapping[str, Mapping[str, float]]
    positions: Mapping[int, float]
    inverse: Mapping[str, Mapping[str, float]]
    shown: Mapping[str, Mapping[str, Mapping[int, float]]]
    columns: Mapping[str, str]
    passed: int = 0
    below: int = 0

    def __len__(self) -> int:
        return sum(len(documents) for documents in self.counts.values())


def read_click_file(path: str | Path) -> Clicks:
    """Clicks of a CSV, TSV, JSON Lines or Parquet file; as `read_clicks`.

    Raises:
        UnknownNameError: nothing is there.
        InputError: it is no table, or as `read_clicks`.
    """
    path = Path(path)
    if not path.is_file():
        raise UnknownNameError(f"clicks: want a file, got {path}, where there is none")
    feed, log = TableFile(path), Problems()
    if not feed.table:
        raise InputError(f"clicks: want a table (CSV, TSV, JSON Lines, Parquet), got {path.name}")
    with closing(feed.rows(log, None, 0, None)) as rows:
        found = read_clicks(row.values for row in rows)
    return replace(found, passed=found.passed + log.total)


def read_clicks(rows: Iterable[Mapping[str, Any]]) -> Clicks:
    """Clicks of rows with a query and a clicked document id, and perhaps a count and a position.

    Columns are known by their usual names: query, clicked (or document_id, doc_id, ...), count, position.

    Raises:
        InputError: no column of queries or clicked ids, or no row that can be used.
    """
    counts: dict[str, dict[str, float]] = {}
    inverse: dict[str, dict[str, float]] = {}
    shown: dict[str, dict[str, dict[int, float]]] = {}
    positions: dict[int, float] = {}
    columns: dict[str, str] = {}
    passed = below = 0
    for row in rows:
        columns = columns or _columns(row)
        query, document = (_text(row.get(columns[role])) for role in ("query", "clicked"))
        count = number(row.get(columns["count"])) if "count" in columns else 1.0
        if not query or not document or count is None or count <= 0:
            passed += 1
            continue
        _add(counts.setdefault(query, {}), document, count)
        position = number(row.get(columns["position"])) if "position" in columns else None
        if position is not None and position < 1:
            below += 1
        elif position is not None:
            _add(positions, int(position), count)
            _add(inverse.setdefault(query, {}), document, count * int(position))
            _add(shown.setdefault(query, {}).setdefault(document, {}), int(position), count)
    if not counts:
        raise InputError(f"clicks: want rows with a query and the id of a clicked document, got {passed} without")
    return Clicks(counts, positions, inverse, shown, columns, passed, below)


def _text(value: Any) -> str:
    """An id or a text; 0 is an id as good as others."""
    return "" if value is None or str(value) == "nan" else str(value).strip()


def _add(to: dict[_Key, float], key: _Key, amount: float) -> None:
    to[key] = to.get(key, 0.0) + amount


def _columns(row: Mapping[str, Any]) -> dict[str, str]:
    names = {name.strip().lower(): name for name in row}
    found: dict[str, str] = {}
    for role, known in (("query", _QUERY), ("clicked", _CLICKED), ("count", _COUNT), ("position", _POSITION)):
        column = next((names[one] for one in known if one in names), None)
        if column is not None:
            found[role] = column
    for role, known in (("query", _QUERY), ("clicked", _CLICKED)):
        if role not in found:
            raise InputError(f"clicks: want a column {role!r} (or {', '.join(known[1:4])}), got {', '.join(row)}")
    return found


class Clicked(Retrieval):
    """Retrieval where nearly every query has one clicked document: the headline is MRR@10, where it stands."""

    def judge_ranking(self, places: Array) -> Scores:
        """By places of documents (queries, k), best first."""
        whole = super().judge_ranking(places)
        more = {"nDCG@10": np.asarray(whole.columns["value"]), **whole.more}
        return replace(whole, metric="MRR@10", columns={"value": more.pop("MRR@10")}, more=more)


@dataclass(frozen=True, eq=False)
class ClickTask:
    """A task made of clicks.

    Args:
        task: To be judged by; MRR@10 where nearly every query has one clicked document, else nDCG@10.
        says: What it is made of, and what clicks cannot say, one sentence each.
        clicks: The log.
        weighed: The same with every click weighed by the position it was made at; None where positions are not on record.
    """

    task: Retrieval
    says: Sequence[str]
    clicks: Clicks
    weighed: Retrieval | None = None


def click_task(
    name: str, documents: Mapping[str, str], clicks: Clicks, queries: Mapping[str, str] | None = None
) -> ClickTask:
    """A retrieval task whose judgements are clicks.

    The clicks of a query are made grades from 1 to 3 by their share of those of its most clicked document: three times as
    many clicks are not three times as relevant.

    Args:
        name: What the task is called.
        documents: Document id -> text.
        clicks: The log.
        queries: Query id -> text, where the log has ids.

    Raises:
        InputError: no clicked document is among the documents.
    """
    known = {query: _there(counts, documents) for query, counts in clicks.counts.items()}
    known = {query: counts for query, counts in known.items() if counts}
    if not known:
        some = next(iter(next(iter(clicks.counts.values()))))
        raise InputError(
            f"clicks: want ids of the {len(documents):,} documents of {name} ({next(iter(documents), '')!r}, ...), got {some!r}, ..."
        )
    texts = {query: (queries or {}).get(query, query) for query in known}
    single = np.mean([len(counts) == 1 for counts in known.values()])
    kind = Clicked if single >= 0.9 else Retrieval
    task = kind(name, documents, texts, {query: _grades(counts) for query, counts in known.items()})
    weighed = None
    if clicks.inverse:
        told = {query: _there(clicks.inverse.get(query, {}), documents) for query in known}
        judged = {query: _grades(counts) for query, counts in told.items() if counts}
        weighed = kind(name, documents, {query: texts[query] for query in judged}, judged) if judged else None
    return ClickTask(task, _says(clicks, known, float(single)), clicks, weighed)


def made_by(clicks: Clicks, task: Retrieval, places: Array) -> float | None:
    """Share of the clicks that were made at the very position at which a ranking has the document; None where none is on record.

    Near 1 for whatever made the lists that were shown.

    Args:
        clicks: The log.
        task: The task made of it.
        places: A ranking, (queries, k) places of documents, best first.
    """
    names = list(task.documents)
    every = same = 0.0
    for row, query in zip(places, task.units, strict=True):
        rank = {names[int(place)]: position for position, place in enumerate(row, 1) if place >= 0}
        for document, positions in clicks.shown.get(query, {}).items():
            every += sum(positions.values())
            same += positions.get(rank.get(document, 0), 0.0)
    return same / every if every else None


def _there(counts: Mapping[str, float], documents: Mapping[str, str]) -> dict[str, float]:
    return {name: count for name, count in counts.items() if name in documents}


def _grades(counts: Mapping[str, float]) -> dict[str, float]:
    most = max(counts.values())
    return {name: float(np.ceil(GRADES * count / most)) for name, count in counts.items()}


def _says(clicks: Clicks, known: Mapping[str, Mapping[str, float]], single: float) -> list[str]:
    total = len(clicks)
    used = sum(len(counts) for counts in known.values())
    said = [
        f"Judged by clicks: {used:,} clicked documents of {len(known):,} queries"
        + (f"; {total - used:,} more are not among the documents" if total > used else "")
        + (f"; {clicks.passed:,} rows could not be used" if clicks.passed else "")
        + (f". {single:.0%} of the queries have one clicked document, so where it stands counts (MRR@10)." if single >= 0.9 else ". Many clicks give a higher grade (1 to 3)."),
        "Clicks are biased: only what was shown could be clicked, so whatever made the shown lists has an advantage, and a better document "
        "that was never shown counts as wrong.",
    ]  # fmt: skip
    if clicks.below:
        said.append(
            f"{clicks.below:,} rows have a position below 1 and count as clicks without one: the first place is 1, not 0."
        )
    if clicks.positions:
        every = sum(clicks.positions.values())
        said.append(
            f"{clicks.positions.get(1, 0) / every:.0%} of the clicks were on what stood first, {sum(c for p, c in clicks.positions.items() if p <= 3) / every:.0%} "
            "on the first three: people click what stands high, whatever it is."
        )
    return said
