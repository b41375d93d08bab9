"""Reranking: are the few candidates that another search found for a query put in a better order?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.metrics.ranking import average_precision_at, ndcg, reciprocal_rank
from semascope.metrics.scores import Scores
from semascope.ops import unit
from semascope.tasks.units import checked, named, once
from semascope.types import Array, Kind

_AT_ONCE = 32_000_000  # numbers of candidates' vectors held at once


@dataclass(frozen=True, eq=False)
class Reranking:
    """Order each query's own candidates by cosine. Headline: MAP; also MRR and nDCG@10.

    Queries whose candidates are all relevant, or none, are left out: every order of them is as good. Equal cosines count
    against: what is not relevant comes first, so that an encoder that tells nothing apart gains nothing by the file's order.

    Args:
        name: What it is called.
        queries: Texts.
        candidates: Of each query, the texts to order.
        grades: Of each query, how relevant each candidate is; above 0 is relevant.
        ids: One for each query; their places where None.
        labelled: Whether people judged.
    """

    name: str
    queries: Sequence[str]
    candidates: Sequence[Sequence[str]]
    grades: Sequence[Sequence[float]]
    ids: Sequence[str] | None = None
    labelled: bool = True
    kind: str = "reranking"

    def __post_init__(self) -> None:
        checked(self.name, self.ids, queries=self.queries, candidates=self.candidates, grades=self.grades)
        for at, (texts, grades) in enumerate(zip(self.candidates, self.grades, strict=True)):
            if len(texts) != len(grades):
                raise InputError(
                    f"{self.name}: want a grade for each of {len(texts)} candidates, got {len(grades)} of query {at}"
                )
        if not self._kept:
            raise InputError(
                f"{self.name}: want queries with a relevant candidate and another one, got none among {len(self.queries)}"
            )

    @cached_property
    def _kept(self) -> list[int]:
        """Places of the queries whose candidates differ in relevance."""
        return [at for at, grades in enumerate(self.grades) if len({grade > 0 for grade in grades}) == 2]

    @property
    def units(self) -> tuple[str, ...]:
        """Ids of the queries that are judged."""
        return self._units

    @cached_property
    def _units(self) -> tuple[str, ...]:
        every = named(self.ids, len(self.queries))
        return tuple(every[at] for at in self._kept)

    @cached_property
    def _documents(self) -> tuple[list[str], NDArray[np.int64]]:
        return once([text for at in self._kept for text in self.candidates[at]])

    @cached_property
    def _lists(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Places of the candidates' texts and their grades (q, most), those of low grade first; -1 and 0 for none."""
        sizes = [len(self.candidates[at]) for at in self._kept]
        places = np.full((len(sizes), max(sizes)), -1, np.int64)
        grades = np.zeros(places.shape)
        start = 0
        for row, (at, size) in enumerate(zip(self._kept, sizes, strict=True)):
            own = np.maximum(np.asarray(self.grades[at], np.float64), 0)
            order = np.argsort(own, kind="stable")
            places[row, :size] = self._documents[1][start : start + size][order]
            grades[row, :size] = own[order]
            start += size
        return places, grades

    def inputs(self) -> dict[str, tuple[Sequence[str], Kind]]:
        """Two inputs: "queries", and "documents", every different candidate once."""
        return {
            "queries": ([self.queries[at] for at in self._kept], "query"),
            "documents": (self._documents[0], "document"),
        }

    def judge(self, rows: Mapping[str, Array]) -> Scores:
        """By cosine of rows (n, d)."""
        queries, documents = unit(rows["queries"]), unit(rows["documents"])
        places, grades = self._lists
        gains = np.zeros_like(grades)
        most = places.shape[1]
        step = max(1, _AT_ONCE // (most * documents.shape[1]))
        for start in range(0, len(places), step):
            here = places[start : start + step]
            cosines = np.einsum("qd,qkd->qk", queries[start : start + step], documents[here])
            order = np.argsort(np.where(here >= 0, -cosines, np.inf), axis=1, kind="stable")
            gains[start : start + step] = np.take_along_axis(grades[start : start + step], order, axis=1)
        best = np.sort(grades, axis=1)[:, ::-1]
        more = {"MRR": reciprocal_rank(gains, most), "nDCG@10": ndcg(gains, best, 10)}
        value = average_precision_at(gains, (grades > 0).sum(1), most)
        return Scores(self.name, "MAP", "mean", self.units, {"value": value}, more)

    def relevant(self, place: int) -> list[str]:
        """The candidates that are relevant for the judged query at this place."""
        at = self._kept[place]
        return [text for text, grade in zip(self.candidates[at], self.grades[at], strict=True) if grade > 0]

    def part(self, places: Array) -> Reranking:
        """These of the judged queries alone, each with its candidates."""
        every = named(self.ids, len(self.queries))
        chosen = [self._kept[int(place)] for place in places]
        return replace(
            self,
            queries=[self.queries[at] for at in chosen],
            candidates=[self.candidates[at] for at in chosen],
            grades=[self.grades[at] for at in chosen],
            ids=[every[at] for at in chosen],
        )

    def rewritten(self, change: Callable[[Sequence[str]], Sequence[str]]) -> Reranking:
        """Queries and candidates in other words."""
        flat = iter(change([text for texts in self.candidates for text in texts]))
        return replace(
            self,
            queries=list(change(list(self.queries))),
            candidates=[[next(flat) for _ in texts] for texts in self.candidates],
        )
