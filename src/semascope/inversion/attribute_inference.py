"""What a row's text is like (its label, author, language ...), read off its vector: learned from rows with known labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from semascope.card import Card, Claim, Evidence, Paper
from semascope.estimator import VectorTransform
from semascope.lab import Lab
from semascope.learned import LinearHead
from semascope.ops import integer
from semascope.ops.discriminant import label_head, told_labels
from semascope.testing.nulls import Commonest
from semascope.types import Array, Vectors


class AttributeInference(VectorTransform):
    """Score every label for a row by a linear discriminant (Fisher's, its covariance shrunk by held-out rows).

    `transform` gives the scores, a column for each label of `learned_.names`: log odds up to a constant of the row.

    Args:
        random_state: Of the split by which the shrinkage is chosen.
    """

    _needs_y = True

    def __init__(self, random_state: int = 0) -> None:
        self.random_state = random_state

    def _learn(self, X: Vectors, y: Array | None) -> LinearHead:
        seed = integer(self.random_state, name="random_state", least=0)
        mean, weight, bias, names = label_head(X.astype(np.float64), told_labels(y, len(X)), seed=seed)
        return LinearHead(mean.astype(np.float32), weight.astype(np.float32), bias.astype(np.float32), names)

    def invert(self, X: Array) -> list[str]:
        """The likeliest label of each row (n, d); labels are as `str` writes them."""
        return [best[0] for best in self._fitted().best(self._rows(X), 1)]

    def score(self, X: Array, y: Any) -> float:
        """Share of rows (n, d) whose likeliest label is the one in y (n,)."""
        guess = self.invert(X)
        return float(np.mean([one == other for one, other in zip(guess, told_labels(y, len(guess)), strict=True)]))


def _few_labelled_rows_tell(lab: Lab, method: Any) -> Evidence:
    """How a sentence opens, by the commonest first word or by another: as many of either, 1,000 unseen rows.

    Baseline: half are right by guessing; and labels dealt at random to the same rows. Margin: 0.15 above half from 40
    labelled rows, 0.25 from 400; dealt labels at most 0.05 away from half.
    """
    texts = lab.sentences(4000, words=4)
    opening = np.array([text.split()[0].lower() for text in texts])
    there, times = np.unique(opening, return_counts=True)
    kinds = [np.flatnonzero(opening == there[times.argmax()]), np.flatnonzero(opening != there[times.argmax()])]
    half = min(700, *map(len, kinds))
    rows = lab.rng(1).permutation(np.concatenate([kind[:half] for kind in kinds]))
    labels = np.where(opening[rows] == there[times.argmax()], "usual", "other")
    texts = [texts[int(i)] for i in rows]
    x = lab.encoder("default").encode(texts)
    dealt = lab.rng(2).permutation(labels[:400])
    found = {
        "right from 40 rows": _right(method, x, labels, labels[:40]),
        "right from 400 rows": _right(method, x, labels, labels[:400]),
        "right from 400 dealt labels": _right(method, x, labels, dealt),
    }
    # Reported and not claimed: whether a sentence is longer than most.
    length = np.array([len(text) for text in texts])
    length = np.where(length > np.median(length), "long", "short")
    few, many, chance = found.values()
    found["length, right from 400 rows"] = _right(method, x, length, length[:400])
    return Evidence(few >= 0.65 and many >= 0.75 and abs(chance - 0.5) <= 0.05, found)


def _right(method: Any, x: Vectors, labels: Array, known: Array) -> float:
    return float((np.array(method.fit(x[: len(known)], known).invert(x[400:])) == labels[400:]).mean())


CARD = Card(
    make=AttributeInference,
    family="inversion",
    keys=("vec2vec",),
    papers=(
        Paper(
            "Information Leakage in Embedding Models",
            ("Congzheng Song", "Ananth Raghunathan"),
            2020,
            "https://arxiv.org/abs/2004.00053",
        ),
        Paper(
            "Harnessing the Universal Geometry of Embeddings",
            ("Rishi Jha", "Collin Zhang", "Vitaly Shmatikov", "John X. Morris"),
            2025,
            "https://arxiv.org/abs/2505.12540",
        ),
    ),
    claim=Claim(
        "Whether a sentence opens with the commonest first word is read off its vector after 40 labelled rows, and better "
        "after 400.",
        _few_labelled_rows_tell,
        null=Commonest,
    ),
    notes="Song and Raghunathan infer authorship from few labelled vectors with a trained classifier; here it is a linear "
    "discriminant in closed form. Of the paper on translating between spaces without pairs only the question is here, "
    "which attributes the vectors give away: it asks it of translated vectors without labelled rows, and the "
    "translation is not built. The check's first form asked for 0.15 above the commonest label, "
    "and of length too: length is hardly read off an average of word vectors (0.58 to 0.62 of two halves, from 400 rows), "
    "and of two openings of which one has 80 in a hundred, 40 rows tell no more than that at one seed of three.",
)
