"""What the words of a query say of documents, as a Space counts it: BM25 of its full-text index, over the weight of all its words."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from semascope.space import lexical
from semascope.space.fusion import WHOLE, rarity
from semascope.space.search import POOL, RANKED
from semascope.space.snapshot import SAMPLE
from semascope.types import Array


@dataclass(frozen=True, eq=False)
class Words:
    """How much of each query the best documents by words hold.

    Args:
        shares: float32 (queries, documents); 0 beyond the hundred best of each query.
        seconds: Median time of one query.
    """

    shares: NDArray[np.float32]
    seconds: float

    def part(self, queries: Array) -> Words:
        """Of some of the queries."""
        return Words(self.shares[queries], self.seconds)


def words(documents: Sequence[str], queries: Sequence[str]) -> Words:
    """Score documents for queries by their words; each document is one passage without a title.

    Args:
        documents: Their texts.
        queries: Theirs.
    """
    shares = np.zeros((len(queries), len(documents)), np.float32)
    times = [0.0]
    database = sqlite3.connect(":memory:")
    try:
        database.execute(
            f"CREATE VIRTUAL TABLE words USING fts5 (title, body, content = '', tokenize = \"{lexical.TOKENIZER}\")"
        )
        rows = ((row, "", lexical.index_text(text)) for row, text in enumerate(documents, 1))
        database.executemany("INSERT INTO words (rowid, title, body) VALUES (?, ?, ?)", rows)
        known: dict[str, int] = {}
        for row, query in enumerate(queries):
            terms = lexical.query_text(query)
            if not terms:
                continue
            began = perf_counter()
            found = database.execute(RANKED, [terms, POOL]).fetchall()
            times.append(perf_counter() - began)
            whole = _whole(database, query, len(documents), known)
            for place, score in found:
                shares[row, place - 1] = score / whole
    finally:
        database.close()
    return Words(shares, float(np.median(times)))


def _whole(database: sqlite3.Connection, query: str, documents: int, known: dict[str, int]) -> float:
    """What BM25 gives a document of usual length that has every word of the query once."""
    single, joined = lexical.query_terms(query)
    for term in (*single, *joined):
        if term not in known:
            sql = "SELECT count(*) FROM words WHERE words MATCH ?"
            known[term] = int(database.execute(sql, [lexical.quoted(term)]).fetchone()[0])
    found = [rarity(documents, known[term]) for term in single]
    found += [rarity(documents, known[term]) for term in joined if known[term]]
    return sum(found) or 1.0


def usual(documents: int) -> NDArray[np.int64]:
    """The documents, of so many, whose cosines with a query say what is usual."""
    return np.linspace(0, documents - 1, min(documents, SAMPLE)).astype(np.int64)


class Blend:
    """The rankings of a hybrid search at any weight, from one set of cosines: what words add, in units of the cosine.

    Args:
        cosines: float32 (queries, documents).
        shares: As `Words` has them.
    """

    def __init__(self, cosines: Array, shares: NDArray[np.float32]) -> None:
        self.cosines = cosines
        self._at = np.nonzero(shares)
        spread = cosines[:, usual(cosines.shape[1])].std(axis=1)
        self._adds = np.square(shares[self._at]) * np.where(spread > 0, spread, 1)[self._at[0]] * WHOLE

    def scores(self, weight: float) -> Array:
        """Scores (queries, documents) that rank documents as `blended` does, for a weight below 1."""
        if not weight:
            return self.cosines
        out = self.cosines.copy()
        out[self._at] += (weight / (1 - weight) * self._adds).astype(out.dtype)
        return out


def blended(cosines: Array, shares: Array, weight: float) -> Array:
    """Scores (queries, documents) of a hybrid search: `semascope.space.fusion.fuse` of all of them at once, in float32."""
    some = cosines[:, usual(cosines.shape[1])]
    centre, spread = some.mean(axis=1, keepdims=True), some.std(axis=1, keepdims=True)
    out = (cosines - centre) * np.where(spread > 0, (1 - weight) / np.where(spread > 0, spread, 1), 0)
    out += np.float32(weight * WHOLE) * np.square(shares)
    return out
