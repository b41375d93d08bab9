"""Rank the documents of a snapshot: by meaning, by words, or by both."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from semascope.errors import CorruptError
from semascope.space import filters, lexical
from semascope.space.fusion import fuse
from semascope.space.hit import Hit, Hits
from semascope.space.snapshot import Ranked, Snapshot, View
from semascope.space.store import as_document
from semascope.types import Array

MODES = ("hybrid", "lexical", "dense", "exact")
POOL = 100  # documents of each ranking that a hybrid search joins
TITLE = 2.0  # how much a word in the title counts, against one in the text
_BY_WORDS = f"""
SELECT p.doc, p.row, -f.rank FROM (
  SELECT rowid, rank FROM words WHERE words MATCH ? AND rank MATCH 'bm25({TITLE}, 1.0)' ORDER BY rank LIMIT ?) AS f
JOIN passages AS p ON p.row = f.rowid ORDER BY f.rank, p.row"""  # noqa: S608 - a constant of ours


class Search:
    """One search over one snapshot.

    Args:
        database: A connection inside the snapshot's transaction.
        snapshot: Of the Space.
        where: A filter, or None.
    """

    def __init__(self, database: sqlite3.Connection, snapshot: Snapshot, where: filters.Filter | None) -> None:
        self._database = database
        self._allowed = None if where is None else snapshot.matching(database, where)

    def dense(self, view: View, query: Array, k: int, *, exact: bool = False) -> Ranked:
        """The k documents whose best passages are nearest to a vector; fewer only where fewer are there."""
        allowed = None if self._allowed is None else view.of(self._allowed)
        return view.best(query, k, exact=exact, allowed=allowed)

    def lexical(self, query: str, k: int) -> Ranked:
        """The k documents whose best passages have the query's words, by BM25; fewer where fewer match."""
        terms = lexical.query_text(query)
        if not terms:
            return Ranked.none()
        wanted = 4 * k
        while True:
            rows = self._database.execute(_BY_WORDS, [terms, wanted]).fetchall()
            found = self._documents(rows)
            if len(found) >= k or len(rows) < wanted:
                some = list(found.items())[:k]
                return Ranked(
                    np.array([doc for doc, _ in some], np.int64),
                    np.array([row for _, (row, _) in some], np.int64),
                    np.array([score for _, (_, score) in some], np.float32),
                )
            wanted *= 8

    def _documents(self, rows: Sequence[tuple[int, int, float]]) -> dict[int, tuple[int, float]]:
        """Each document with its best passage, in order, those that the filter lets through."""
        if self._allowed is not None and rows:
            fits = np.isin(np.array([row[0] for row in rows]), self._allowed)
            rows = [row for row, fit in zip(rows, fits, strict=True) if fit]
        found: dict[int, tuple[int, float]] = {}
        for doc, row, score in rows:
            found.setdefault(doc, (row, score))
        return found

    def hybrid(self, view: View, text: str, query: Array, k: int, weight: float) -> Ranked:
        """Both rankings joined by reciprocal ranks, the words counting `weight` and the meaning the rest."""
        pool = max(k, POOL)
        near, said = self.dense(view, query, pool), self.lexical(text, pool)
        # A query the encoder knows nothing of is near to nothing in particular.
        weights = [1 - weight, weight] if query.any() else [0.0, 1.0]
        docs, scores = fuse([near.docs, said.docs], k, weights=weights)
        row = dict(zip(said.docs.tolist(), said.rows.tolist(), strict=True))
        row.update(zip(near.docs.tolist(), near.rows.tolist(), strict=True))
        return Ranked(docs, np.array([row[doc] for doc in docs.tolist()], np.int64), scores.astype(np.float32))

    def hits(self, ranked: Ranked) -> Hits:
        """The documents of a ranking, read."""
        found = {row[0]: row for row in self._read(ranked.rows)}
        hits = Hits()
        for row, score in zip(ranked.rows.tolist(), ranked.scores.tolist(), strict=True):
            if row not in found:
                raise CorruptError(
                    f"passage {row} has a vector or words but no text: run semascope doctor, or build anew"
                )
            hits.append(_hit(found[row], score))
        return hits

    def _read(self, rows: NDArray[np.int64]) -> list[tuple[int, int, int, int, str, str, str]]:
        marks = ",".join("?" * len(rows))
        sql = f"""SELECT p.row, p.start, p.stop, d.* FROM passages AS p JOIN documents AS d ON d.doc = p.doc
                  WHERE p.row IN ({marks})"""  # noqa: S608 - only marks
        return self._database.execute(sql, rows.tolist()).fetchall()


def _hit(row: tuple[int, int, int, int, str, str, str], score: float) -> Hit:
    start, stop = row[1], row[2]
    document = as_document(row[3:])
    own = {"label": document.label, "time": document.time, "lang": document.lang}
    return Hit(
        id=document.id,
        score=score,
        text=document.text,
        passage=document.text[start:stop],
        span=(start, stop),
        title=document.title,
        metadata={**document.metadata, **{key: value for key, value in own.items() if value is not None}},
    )
