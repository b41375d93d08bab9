"""Rows unlike any sizeable part of the corpus."""

from __future__ import annotations

import numpy as np

from semascope.look.found import Outliers
from semascope.ops import unit, vectors
from semascope.types import Array

_SAMPLE = 2_000  # rows that every row is compared with
_SHARE = 0.05  # of them, the nearest, that a row's distance is measured to
_LINE = 3.0  # spreads above the middle from which a row is an outlier
_FEWEST = 40  # rows below which nothing can be said


def find_outliers(x: Array, *, seed: int = 0) -> Outliers:
    """Rows whose nearest part of the corpus is farther away than it is for the others; the farthest first.

    A row's distance is one minus its mean cosine to the nearest twentieth of 2,000 rows drawn at random: not to its few
    nearest, because strange rows often come in handfuls (a batch of broken texts, some in another language) and are near
    to each other. The score is that distance in spreads above its median; the spread is that of the half above the
    median, so that many near rows do not make it small.

    Where nothing is wrong, two to five of a thousand rows pass the line in clouds of normal rows of 16 columns or more and in
    news, up to one in a hundred in other texts. Strange rows that are more than a twentieth of the corpus are not found: they
    are a group of it.

    Args:
        x: Rows (n, d).
        seed: Of the sample.

    Raises:
        InputError: `x` is not rows of finite numbers.
    """
    rows = unit(vectors(x, name="x"))
    n = len(rows)
    if n < _FEWEST:
        return Outliers(
            np.zeros(0, np.int64), np.zeros(0), f"With fewer than {_FEWEST} rows nothing is called an outlier."
        )
    drawn = np.sort(np.random.default_rng(seed).permutation(n)[:_SAMPLE])
    near = max(5, round(_SHARE * len(drawn)))
    away = np.empty(n, np.float64)
    itself = np.isin(np.arange(n), drawn)
    for start in range(0, n, 2048):
        scores = np.partition(rows[start : start + 2048] @ rows[drawn].T, len(drawn) - near - 1, axis=1)[:, -near - 1 :]
        scores.sort(axis=1)
        # A row that was drawn is nearest to itself, which says nothing: it is left out, and for the others the last is.
        own = itself[start : start + 2048]
        away[start : start + 2048] = 1 - np.where(own, scores[:, :-1].mean(axis=1), scores[:, 1:].mean(axis=1))
    score = _spreads(away)
    found = np.flatnonzero(score > _LINE)
    found = found[np.argsort(-score[found], kind="stable")]
    return Outliers(
        found,
        score[found],
        f"The score is how far a row is from the nearest twentieth of the corpus, in spreads above the median row; the "
        f"line is at {_LINE:g}, which up to one in a hundred rows pass though nothing is wrong with them.",
    )


def _spreads(away: Array) -> Array:
    """How many spreads above the median; the spread is from there to the 84th percentile, as one deviation is in normal rows."""
    middle, above = np.quantile(away, [0.5, 0.8413])
    return (away - middle) / max(float(above - middle), 1e-9)
