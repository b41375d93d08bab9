"""Which words are in a text, read off its vector: learned from rows whose texts are known."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.card import Card, Claim, Evidence, Paper
from semascope.errors import InputError
from semascope.estimator import VectorTransform
from semascope.lab import Lab
from semascope.learned import LinearHead
from semascope.ops import integer, option
from semascope.ops.discriminant import Discriminant, Tempering, calibration, folds, membership
from semascope.ops.text_maps import told
from semascope.ops.words import little_words, words
from semascope.types import Array, Vectors

# Tried on held-out rows, of which the best is kept; the first is for too few rows to hold any out.
_PENALTIES, _FEW, _TRUST = (0.01, 0.1, 1.0), (3.0, 10.0, 30.0, 100.0), (0.5, 0.7, 1.0)
_PLAIN = Tempering(0.1, few=10.0, trust=0.7)
_HELD = 500  # rows held out, at most a quarter
_TRIED = 4000  # of the commonest words, when choosing: the likeliest guesses are hardly ever others


class WordInversion(VectorTransform):
    """Score every word of the known texts for a row, by a tempered linear discriminant; guess the likeliest.

    `transform` gives the scores, a column for each word of `learned_.names`: log odds, roughly calibrated on held-out rows for the
    likeliest words of a row. Words are as `semascope.ops.words.words` cuts them.

    Args:
        k: How many words `invert` guesses.
        leave_out: "little" leaves articles, pronouns and the like out, of the languages of the known texts, which anybody
            would guess; "nothing" counts every word.
        least: Known texts that a word is in, for it to be learned.
        n_words: How many words are learned at most, the commonest.
        random_state: Of the rows held out to choose the tempering.
    """

    _needs_y = True

    def __init__(
        self, k: int = 5, leave_out: str = "little", least: int = 2, n_words: int = 20_000, random_state: int = 0
    ) -> None:
        self.k = k
        self.leave_out = leave_out
        self.least = least
        self.n_words = n_words
        self.random_state = random_state

    def _learn(self, X: Vectors, y: Array | None) -> LinearHead:
        k = integer(self.k, name="k", least=1)
        seed = integer(self.random_state, name="random_state", least=0)
        option(self.leave_out, ("little", "nothing"), name="leave_out")
        own = [set(words(text)) for text in told(y, len(X))]
        little = little_words(own) if self.leave_out == "little" else frozenset[str]()
        own = [found - little for found in own]
        names = _commonest(
            own, integer(self.least, name="least", least=1), integer(self.n_words, name="n_words", least=1)
        )
        x = X.astype(np.float64)
        how, slope, constant = _chosen(x, own, names, k, np.random.default_rng(seed))
        # Names are in the order of how common they are, so that words equally likely come commonest first.
        made = Discriminant(x, _has(own, names), within=False)
        weight, bias = made.head(how)
        return LinearHead(
            made.mean.astype(np.float32),
            (weight * slope).astype(np.float32),
            (bias * slope + constant).astype(np.float32),
            tuple(names),
        )

    def invert(self, X: Array) -> list[str]:
        """The k likeliest words of each row (n, d), likeliest first, joined by spaces."""
        return [" ".join(best) for best in self.guesses(X)]

    def guesses(self, X: Array, k: int | None = None) -> list[list[str]]:
        """The same as lists; `k` in place of the option of that name."""
        head, x = self._fitted(), self._rows(X)
        count = integer(self.k if k is None else k, name="k", least=1)
        return [best for start in range(0, len(x), 1024) for best in head.best(x[start : start + 1024], count)]


def _commonest(own: list[set[str]], least: int, most: int) -> list[str]:
    """Words by how many texts they are in, commonest first; equally common ones in the order of the alphabet."""
    times = Counter(word for found in own for word in found)
    ordered = sorted(times, key=lambda word: (-times[word], word))
    if not ordered:
        raise InputError("y: want texts that hold words, got none with a word that says something")
    # Where no two texts share a word, one text is all there is to learn a word from.
    return [word for word in ordered if times[word] >= least][:most] or ordered[:most]


def _has(own: list[set[str]], names: list[str]) -> Any:
    place = {word: column for column, word in enumerate(names)}
    found = [(row, place[word]) for row, there in enumerate(own) for word in sorted(there & place.keys())]
    return membership([row for row, _ in found], [column for _, column in found], (len(own), len(names)))


def _chosen(
    x: Array, own: list[set[str]], names: list[str], k: int, rng: np.random.Generator
) -> tuple[Tempering, float, float]:
    """The tempering whose k likeliest words are right most often on held-out rows, and how to make odds of its scores."""
    if len(x) < 20:
        return _PLAIN, 1.0, 0.0
    learn, held = folds(len(x), max(4, -(-len(x) // _HELD)), rng)[0]
    there = set[str]().union(*(own[row] for row in learn))
    tried = [word for word in names if word in there][:_TRIED]
    if len(tried) <= k:
        return _PLAIN, 1.0, 0.0
    right = _has([own[row] for row in held], tried).toarray() > 0
    made = Discriminant(x[learn], _has([own[row] for row in learn], tried), within=False)
    rows = x[held] - made.mean
    best, how, kept = -1.0, _PLAIN, np.zeros(0)
    for penalty in _PENALTIES:
        weight, bias = made.head(Tempering(penalty))
        said, far = (rows @ weight).astype(np.float32), 2 * (made.odds - bias)
        for few in _FEW:
            known = made.times / (made.times + few)
            telling = said * known.astype(np.float32) - (far * known**2 / 2).astype(np.float32)
            for trust in _TRUST:
                scores = np.float32(trust) * telling + made.odds.astype(np.float32)
                hits = float(np.take_along_axis(right, _top(scores, k), axis=1).mean())
                if hits > best:
                    best, how, kept = hits, Tempering(penalty, few, trust), scores
    top = _top(kept, min(3 * k, len(tried) - 1))
    slope, constant = calibration(np.take_along_axis(kept, top, axis=1), np.take_along_axis(right, top, axis=1))
    return how, slope, constant


def _top(scores: Array, k: int) -> NDArray[np.int64]:
    return np.argpartition(-scores, k, axis=1)[:, :k]


def _words_are_read_off(lab: Lab, method: Any) -> Evidence:
    """Words of 1,000 unseen sentences after 2,000 known ones: of five guessed for each, the share that is in it.

    Baseline: the five commonest words; and known rows whose texts were dealt at random. Margin: 0.4 right, 0.3 from the
    signs of the numbers alone, both at least 0.2 above the commonest; dealt texts at most 0.05 above it.
    """
    texts = lab.sentences(3000, words=6)
    known, unseen = texts[:2000], [frozenset(words(text)) for text in texts[2000:]]
    x = lab.encoder("default").encode(texts)
    signs = np.sign(x - x[:2000].mean(axis=0))
    usual = little_words([words(text) for text in known])
    common = [" ".join(_commonest([set(words(text)) - usual for text in known], 1, 5))] * len(unseen)
    dealt = [known[int(i)] for i in lab.rng(1).permutation(2000)]
    found = {
        "five commonest words": _share(common, unseen),
        "right": _share(method.fit(x[:2000], known).invert(x[2000:]), unseen),
        "right from signs": _share(method.fit(signs[:2000], known).invert(signs[2000:]), unseen),
        "right from dealt texts": _share(method.fit(x[:2000], dealt).invert(x[2000:]), unseen),
    }
    base, whole, bits, chance = found.values()
    holds = whole >= max(0.4, base + 0.2) and bits >= max(0.3, base + 0.2) and chance <= base + 0.05
    return Evidence(holds, found)


def _share(guesses: list[str], there: list[frozenset[str]]) -> float:
    return float(np.mean([word in held for guess, held in zip(guesses, there, strict=True) for word in guess.split()]))


CARD = Card(
    make=WordInversion,
    family="inversion",
    keys=(),
    papers=(
        Paper(
            "Information Leakage in Embedding Models",
            ("Congzheng Song", "Ananth Raghunathan"),
            2020,
            "https://arxiv.org/abs/2004.00053",
        ),
    ),
    claim=Claim(
        "From 2,000 rows with known texts, of five words guessed for an unseen row at least 40 in a hundred are in its text, "
        "and 30 in a hundred from one bit a number; the commonest words are right far less often.",
        _words_are_read_off,
    ),
    example="word_inversion(k=4, leave_out='nothing')",
    notes="The paper's attacker trains a network to guess the set of a text's words and says how many of all words come back "
    "(F1 0.5 to 0.7). This is a closed form from a few thousand rows, and says how many of its few likeliest guesses are "
    "right: the two are not comparable. Words that no known text holds, and the order of words, are not guessed: it is a "
    "lower bound.",
)
