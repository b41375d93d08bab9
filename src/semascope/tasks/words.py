"""Word similarity: are words alike that people call alike, and how many of the words does the encoder know?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from semascope.metrics.scores import Scores
from semascope.tasks.similarity import Similarity
from semascope.types import Array


@dataclass(frozen=True, eq=False)
class WordSimilarity(Similarity):
    """Pairs of words with a score each. Headline: Spearman's correlation of cosine and score.

    A word whose row is zero is one the encoder does not know. Its pairs stay, so that encoders are compared on the same ones, and get
    the mean cosine of the others, which says nothing of them; `more` has the share of pairs that are known, "covered".
    """

    kind: str = "word similarity"

    def judge(self, rows: Mapping[str, Array]) -> Scores:
        """By cosine of rows (n, d)."""
        found = super().judge(rows)
        there = np.abs(np.asarray(rows["texts"])).max(axis=1) > 0
        known = there[self.places[:, 0]] & there[self.places[:, 1]]
        cosines = np.asarray(found.columns["score"])
        middle = float(cosines[known].mean()) if known.any() else 0.0
        columns = {"gold": found.columns["gold"], "score": np.where(known, cosines, middle)}
        return Scores(
            self.name, found.metric, found.statistic, self.units, columns, {"covered": known.astype(np.float64)}
        )
