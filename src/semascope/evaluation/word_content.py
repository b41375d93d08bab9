"""Does a row say which of some words its text holds? A probe, beside what it says of labels dealt at random."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.card import Card, Claim, Evidence, Paper
from semascope.errors import InputError
from semascope.estimator import VectorTransform
from semascope.lab import Lab
from semascope.learned import LinearHead
from semascope.ops import Interval, bootstrap, integer, vectors
from semascope.ops import texts as as_texts
from semascope.ops.discriminant import folds, label_head, told_labels
from semascope.ops.probing import words_asked
from semascope.ops.words import words
from semascope.testing.nulls import Commonest
from semascope.types import Array, Vectors


class WordContent(VectorTransform):
    """Tell which one of `n_words` words, neither common nor rare, a row's text holds, by a linear discriminant.

    `task` finds the words and the texts that hold exactly one of them; `measure` is the probe from beginning to end.

    Args:
        n_words: How many words there are to tell apart.
        random_state: Of the splits, and of the labels of the control task.
    """

    _needs_y = True

    def __init__(self, n_words: int = 20, random_state: int = 0) -> None:
        self.n_words = n_words
        self.random_state = random_state

    def _learn(self, X: Vectors, y: Array | None) -> LinearHead:
        seed = integer(self.random_state, name="random_state", least=0)
        mean, weight, bias, names = label_head(X.astype(np.float64), told_labels(y, len(X)), seed=seed)
        return LinearHead(mean.astype(np.float32), weight.astype(np.float32), bias.astype(np.float32), names)

    def answers(self, X: Array) -> Array:
        """The likeliest word of each row (n, d), an array of str (n,)."""
        return np.array([best[0] for best in self._fitted().best(self._rows(X), 1)], dtype=object)

    def score(self, X: Array, y: Any) -> float:
        """Share of rows (n, d) whose likeliest word is the one in y (n,)."""
        return float((self.answers(X) == np.array(told_labels(y, len(X)), dtype=object)).mean())

    def task(self, texts: Sequence[str]) -> tuple[NDArray[np.int64], list[str]]:
        """The places of the texts that hold exactly one of the words, and that word for each.

        With m words these are the ones of rank 2m to 3m by how many texts they are in, little words left out (the benchmark
        has 1,000 words of rank 2,000 to 3,000).

        Raises:
            InputError: the texts hold too few different words.
        """
        count = integer(self.n_words, name="n_words", least=2)
        return words_asked([words(text) for text in as_texts(texts)], count)

    def measure(self, X: Array, texts: Sequence[str]) -> dict[str, Interval]:
        """The probe on rows X (n, d) and their texts, each row held out once: shares of rows, with intervals.

        "right"; "majority", always the commonest word; "control", the same probe on words dealt at random, which it can
        only learn by heart; "selectivity", right less control.
        """
        x = vectors(X)
        if len(x) != len(texts):
            raise InputError(f"texts: want one for each of {len(x)} rows, got {len(texts)}")
        places, held = self.task(texts)
        rows, labels = x[places], np.array(held, dtype=object)
        seed = integer(self.random_state, name="random_state", least=0)
        rng = np.random.default_rng((seed, 1))
        right, control, majority = (np.zeros(len(rows)) for _ in range(3))
        dealt = labels[rng.permutation(len(labels))]
        for learn, out in folds(len(rows), 3, rng):
            right[out] = self._held_out(rows[learn], labels[learn], rows[out]) == labels[out]
            control[out] = self._held_out(rows[learn], dealt[learn], rows[out]) == dealt[out]
            majority[out] = Counter(labels[learn].tolist()).most_common(1)[0][0] == labels[out]
        found = {"right": right, "majority": majority, "control": control, "selectivity": right - control}
        return {name: bootstrap(values) for name, values in found.items()}

    def _held_out(self, rows: Vectors, labels: Array, asked: Vectors) -> Array:
        return WordContent(self.n_words, self.random_state).fit(rows, labels).answers(asked)


def _words_are_told(lab: Lab, method: Any) -> Evidence:
    """Which of 20 words each sentence holds, by rows of word vectors and of MiniLM; a third of the rows is unseen.

    Baseline: the commonest word; and words dealt at random. Margin: three in four right by an average of word vectors and one
    in two by MiniLM, and dealt words at most 0.05 above the commonest.
    """
    texts = lab.sentences(4000, words=4)
    places, labels = WordContent().task(texts)
    words_, asked = np.array(labels, dtype=object), [texts[int(place)] for place in places]
    cut = 2 * len(asked) // 3
    usual = Counter(labels[:cut]).most_common(1)[0][0]
    found = {"texts": float(len(asked)), "commonest word": float((words_[cut:] == usual).mean())}
    for name in ("default", "minilm"):
        x = lab.encoder(name).encode(asked)
        found[f"right, {name}"] = float((method.fit(x[:cut], words_[:cut]).answers(x[cut:]) == words_[cut:]).mean())
        dealt = lab.rng(1).permutation(words_)
        found[f"dealt, {name}"] = float((method.fit(x[:cut], dealt[:cut]).answers(x[cut:]) == dealt[cut:]).mean())
    base = found["commonest word"] + 0.05
    holds = found["right, default"] >= 0.75 and found["right, minilm"] >= 0.5
    return Evidence(holds and max(found["dealt, default"], found["dealt, minilm"]) <= base, found)


CARD = Card(
    make=WordContent,
    family="evaluation",
    keys=("senteval-study",),
    papers=(
        Paper(
            "Evaluation of sentence embeddings in downstream and linguistic probing tasks",
            ("Christian S. Perone", "Roberto Silveira", "Thomas S. Paula"),
            2018,
            "https://arxiv.org/abs/1806.06259",
        ),
        Paper(
            "What you can cram into a single vector: Probing sentence embeddings for linguistic properties",
            ("Alexis Conneau", "German Kruszewski", "Guillaume Lample", "Loïc Barrault", "Marco Baroni"),
            2018,
            "https://arxiv.org/abs/1805.01070",
        ),
        Paper(
            "Designing and Interpreting Probes with Control Tasks",
            ("John Hewitt", "Percy Liang"),
            2019,
            "https://arxiv.org/abs/1909.03368",
        ),
    ),
    claim=Claim(
        "Which of twenty words a sentence holds is told from its vector, by an average of word vectors three times in four and "
        "by MiniLM at least every second time, and not where words are dealt at random.",
        _words_are_told,
        needs=("encoder:minilm",),
        null=Commonest,
    ),
    notes="One probe of the ten of Conneau et al. (2018), which the first paper runs over encoders; others are in "
    "senteval_study. They have 1,000 words and 100,000 sentences and train a network with a hidden layer; this "
    "has 20 words, as many sentences as there are, and a linear discriminant. The control task is Hewitt and Liang's, "
    "with the sentence as the type: what it is called was dealt at random, so an unseen one can only be guessed.",
)
