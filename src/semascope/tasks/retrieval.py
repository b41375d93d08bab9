"""Retrieval: do queries find the documents that are judged relevant?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.metrics.ranking import Judgements, average_precision_at, ndcg, ranked, recall_within, reciprocal_rank
from semascope.metrics.scores import Scores
from semascope.ops import unit
from semascope.types import Array, Kind

DEEP = 100  # how far down a ranking is looked at
_AT_ONCE = 32_000_000  # scores held at once


@dataclass(frozen=True, eq=False)
class Retrieval:
    """Rank all documents for each query by cosine. Headline: nDCG@10; also MAP@100, MRR@10, recall@10 and @100.

    A document that is the query itself (its id, and its text or the end of it, where a title stands before) is left out of that
    query's ranking unless it is judged relevant, as BEIR and MTEB do, which look at ids alone.

    Args:
        name: What it is called.
        documents: Document id -> text.
        queries: Query id -> text; queries without judgements are left out.
        judged: Query id -> document id -> grade.
        labelled: Whether people judged.
        sources: Query id -> what it was made of, where tasks are made of texts: halves keep what is of one source together.
    """

    name: str
    documents: Mapping[str, str]
    queries: Mapping[str, str]
    judged: Mapping[str, Mapping[str, float]]
    labelled: bool = True
    kind: str = "retrieval"
    sources: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        if not self.documents:
            raise InputError(f"{self.name}: want documents to rank, got none")
        if not self.units:
            raise InputError(
                f"{self.name}: want queries with a relevant document among {len(self.documents)}, got none"
            )

    @property
    def units(self) -> tuple[str, ...]:
        """Ids of the queries for which some document is relevant."""
        return self._units

    @cached_property
    def _units(self) -> tuple[str, ...]:
        return tuple(
            name
            for name in self.queries
            if any(grade > 0 and document in self.documents for document, grade in self.judged.get(name, {}).items())
        )

    @cached_property
    def judgements(self) -> Judgements:
        """By place."""
        return Judgements.of(self.judged, self.units, list(self.documents))

    @cached_property
    def _own(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Places of queries, and of the documents that are these queries."""
        place = {name: at for at, name in enumerate(self.documents)}
        rows = [
            (row, place[name])
            for row, name in enumerate(self.units)
            if name in place
            and not self.judged[name].get(name, 0) > 0
            and _same(self.queries[name], self.documents[name])
        ]
        found = np.array(rows, np.int64).reshape(-1, 2)
        return found[:, 0], found[:, 1]

    @cached_property
    def _best(self) -> Array:
        return self.judgements.best(10)

    def inputs(self) -> dict[str, tuple[Sequence[str], Kind]]:
        """Two inputs: "documents" and "queries"."""
        return {
            "documents": (list(self.documents.values()), "document"),
            "queries": ([self.queries[name] for name in self.units], "query"),
        }

    def judge(self, rows: Mapping[str, Array]) -> Scores:
        """By cosine of rows (n, d)."""
        return self.judge_ranking(self.ranking(rows))

    def ranking(self, rows: Mapping[str, Array], k: int = DEEP) -> NDArray[np.int64]:
        """Places of the k documents nearest to each query by cosine of rows (n, d), best first, (queries, k or all there are)."""
        documents, queries = unit(rows["documents"]), unit(rows["queries"])
        step = max(1, _AT_ONCE // len(documents))
        parts = [
            self._ranked(queries[start : start + step] @ documents.T, k, start)
            for start in range(0, len(queries), step)
        ]
        return np.concatenate(parts)

    def _ranked(self, scores: Array, k: int, start: int = 0) -> NDArray[np.int64]:
        """Places of the k best of scores (q, documents), which may be written to; what is the query itself is last, and -1."""
        row, own = self._own
        here = (row >= start) & (row < start + len(scores))
        scores[row[here] - start, own[here]] = -np.inf
        return self._without_own(ranked(scores, k), start)

    def _without_own(self, places: NDArray[np.int64], start: int = 0) -> NDArray[np.int64]:
        """Rankings without documents that are the query itself: what stands below moves up, and -1 is last."""
        row, own = self._own
        here = (row >= start) & (row < start + len(places))
        if not here.any():
            return places
        out = places.copy()
        for at, document in zip((row[here] - start).tolist(), own[here].tolist(), strict=True):
            left = out[at][out[at] != document]
            out[at, : len(left)], out[at, len(left) :] = left, -1
        return out

    def judge_scores(self, scores: Array) -> Scores:
        """By scores (queries, documents), however they were made."""
        given = np.asarray(scores)
        if len(self._own[0]):
            given = np.array(given, np.result_type(given, np.float32))
        return self.judge_ranking(self._ranked(given, DEEP))

    def judge_run(self, run: Mapping[str, Mapping[str, float]]) -> Scores:
        """By a run as TREC has it, query id -> document id -> score, the largest first and equal ones as they stand there.

        A query without a ranking scores 0; documents that are not in this task take a rank and gain nothing.
        """
        place = {name: at for at, name in enumerate(self.documents)}
        out = np.full((len(self.units), DEEP + 1), -1, np.int64)  # one more, for what is the query itself
        for row, query in enumerate(self.units):
            scores = run.get(query, {})
            best = sorted(scores, key=lambda name, of=scores: -of[name])[: DEEP + 1]
            out[row, : len(best)] = [place.get(name, -1) for name in best]
        return self.judge_ranking(out)

    def judge_ranking(self, places: Array) -> Scores:
        """By places of documents (queries, k), best first, -1 for none."""
        gains, relevant = self.judgements.gains(self._without_own(np.asarray(places))), self.judgements.relevant()
        return Scores(
            self.name,
            "nDCG@10",
            "mean",
            self.units,
            {"value": ndcg(gains, self._best, 10)},
            {
                "MAP@100": average_precision_at(gains, relevant, DEEP),
                "MRR@10": reciprocal_rank(gains, 10),
                "recall@10": recall_within(gains, relevant, 10),
                "recall@100": recall_within(gains, relevant, DEEP),
            },
        )

    def part(self, places: Array) -> Retrieval:
        """These queries alone, over all documents."""
        chosen = [self.units[int(place)] for place in places]
        return replace(self, queries={name: self.queries[name] for name in chosen})

    def rewritten(self, change: Callable[[Sequence[str]], Sequence[str]]) -> Retrieval:
        """Documents and queries in other words."""
        documents, queries = change(list(self.documents.values())), change(list(self.queries.values()))
        return replace(
            self,
            documents=dict(zip(self.documents, documents, strict=True)),
            queries=dict(zip(self.queries, queries, strict=True)),
        )


def _same(query: str, document: str) -> bool:
    """Whether a document is the query: word for word, or with a title before it."""
    one, other = " ".join(query.split()), " ".join(document.split())
    return bool(one) and (one == other or other.endswith(f" {one}"))
