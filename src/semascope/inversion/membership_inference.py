"""Whether a text's row is among many: the nearest row to where the text would lie, and how much nearer than usual."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.card import Card, Claim, Evidence, Paper
from semascope.errors import InputError, OptionError
from semascope.estimator import VectorTransform
from semascope.lab import Lab
from semascope.learned import LinearHead
from semascope.ops import integer, ranks
from semascope.ops import texts as as_texts
from semascope.ops.discriminant import folds
from semascope.ops.text_maps import blocks, directions, exact, placed, text_map, told
from semascope.testing.nulls import Commonest
from semascope.types import Array, Vectors

_NEAR = 10  # known texts whose mean cosine to a row says how near it is to any text
_MOST = 2000  # known texts that are looked at for it


class MembershipInference(VectorTransform):
    """Place a text in the rows' space by a ridge map learned from known rows, and see how near the nearest row is.

    The score is the cosine to the nearest row, less half of that row's mean cosine to the ten known texts nearest to it: a
    row that is near to everything proves nothing.
    `transform` gives how far each row points along what the map knows a text by; the attack is `scores`.

    Args:
        encoder: The attacker's own encoder, with `encode(texts)`, which need not be the one that made the rows; where it
            is, no map is needed and none is learned. None knows texts by their words.
        false_alarms: Share of texts without a row that may be taken for members. The threshold is set on half of the known
            rows, and is right for about as many rows; among more, more texts are taken for members wrongly.
        random_state: Of the rows held out.
    """

    _needs_y = True

    def __init__(self, encoder: Any = None, false_alarms: float = 0.01, random_state: int = 0) -> None:
        self.encoder = encoder
        self.false_alarms = false_alarms
        self.random_state = random_state

    def _learn(self, X: Vectors, y: Array | None) -> LinearHead:
        seed = integer(self.random_state, name="random_state", least=0)
        if not 0 < self.false_alarms < 1:
            raise OptionError(f"false_alarms: want a share between 0 and 1, got {self.false_alarms!r}")
        known = told(y, len(X))
        self.threshold_ = self._threshold(X, known, seed) if len(X) >= 40 else 0.5
        head = text_map(known, X, self.encoder, seed=seed)
        self.known_ = list(dict.fromkeys(known))
        self._usual = self._near_to(head, self.known_)
        return head

    def _near_to(self, head: LinearHead, known: list[str]) -> Vectors:
        """Places of known texts, by which to tell rows that are near to everything; none where texts are placed exactly."""
        return placed(head, [] if exact(head, self.encoder) else known[:_MOST], self.encoder)

    def _threshold(self, X: Vectors, known: list[str], seed: int) -> float:
        """What a share of `false_alarms` of known texts would reach if their own rows were not there."""
        learn, held = folds(len(X), 2, np.random.default_rng(seed))[0]
        head = text_map([known[i] for i in learn], X[learn], self.encoder, seed=seed)
        usual = self._near_to(head, [known[i] for i in learn])
        texts = [known[i] for i in held]
        scores, own = np.empty(len(held), np.float32), np.array(texts, dtype=object)
        rows = directions(head, X[held])
        bar = _bar(rows, usual)
        for part, near in blocks(placed(head, texts, self.encoder), rows):
            # Rows of the same text are members too.
            scores[part] = np.where(own[part, None] == own[None, :], -np.inf, near - bar).max(axis=1)
        there = scores[np.isfinite(scores)]
        return float(np.quantile(there, 1 - self.false_alarms)) if len(there) else 0.5

    def scores(self, X: Array, texts: Sequence[str]) -> NDArray[np.float32]:
        """How much each text (m,) looks as if its row were among rows X (n, d), float32 (m,): higher for likelier."""
        rows = directions(self._fitted(), self._rows(X))
        if not len(rows):
            raise InputError("X: want at least 1 row, got 0")
        asked = as_texts(texts)
        bar = _bar(rows, self._usual)
        out = np.empty(len(asked), np.float32)
        for part, near in blocks(placed(self._fitted(), asked, self.encoder), rows):
            out[part] = (near - bar).max(axis=1)
        return out

    def members(self, X: Array, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Whether each text (m,) is taken to have its row among rows X (n, d)."""
        return self.scores(X, texts) > self.threshold_

    def invert(self, X: Array, candidates: Sequence[str] | None = None) -> list[str]:
        """The candidate that each row (n, d) is taken to be made of, "" where it is none; the known texts if none are given."""
        rows = directions(self._fitted(), self._rows(X))
        found = self.known_ if candidates is None else list(dict.fromkeys(as_texts(candidates, name="candidates")))
        if not found:
            raise InputError("candidates: want at least 1 text, got none")
        bar = _bar(rows, self._usual)
        out = [""] * len(rows)
        for part, near in blocks(rows, placed(self._fitted(), found, self.encoder)):
            scores = near - bar[part, None]
            best = scores.argmax(axis=1)
            for i, place in enumerate(best):
                if scores[i, place] > self.threshold_:
                    out[part.start + i] = found[int(place)]
        return out


def _bar(rows: Vectors, usual: Vectors) -> NDArray[np.float32]:
    """Half the mean cosine of each row (n, d) to the ten nearest of the known texts' places; 0 where there are none."""
    out = np.zeros(len(rows), np.float32)
    if not len(usual):
        return out
    count = min(_NEAR, len(usual))
    for part, near in blocks(rows, usual):
        out[part] = np.partition(near, near.shape[1] - count, axis=1)[:, -count:].mean(axis=1) / 2
    return out


def _members_are_told(lab: Lab, method: Any) -> Evidence:
    """1,000 rows lie open; 500 of their texts are asked for and 500 others, after 1,000 other rows with known texts.

    Baseline: one half, a score that says nothing; and known texts dealt at random to their rows. Margin: a member scores
    higher than another text 8 times in 10, and where 1 in 100 others is taken for a member, 1 in 10 members are; dealt
    texts within 0.05 of one half.
    """
    texts = lab.sentences(2500, words=6)
    x = lab.encoder("default").encode(texts)
    rows, asked = x[1000:2000], texts[1000:1500] + texts[2000:]
    dealt = [texts[int(i)] for i in lab.rng(1).permutation(1000)]
    scores = method.fit(x[:1000], texts[:1000]).scores(rows, asked)
    chance = _above(method.fit(x[:1000], dealt).scores(rows, asked))
    caught = float((scores[:500] > np.quantile(scores[500:], 0.99)).mean())
    found = {
        "member above another": _above(scores),
        "caught at 1 false alarm in 100": caught,
        "from dealt texts": chance,
    }
    # Reported and not claimed: the attacker has the encoder itself.
    owner: Any = MembershipInference(lab.encoder("default")).fit(x[:1000], np.array(texts[:1000]))
    found["with the encoder"] = _above(owner.scores(rows, asked))
    return Evidence(found["member above another"] >= 0.8 and caught >= 0.1 and abs(chance - 0.5) <= 0.05, found)


def _above(scores: Array) -> float:
    """How often a score of the first half is above one of the second; ties count half."""
    half = len(scores) // 2
    return float((ranks(scores)[:half].sum() - half * (half + 1) / 2) / (half * (len(scores) - half)))


CARD = Card(
    make=MembershipInference,
    family="inversion",
    keys=(),
    papers=(
        Paper(
            "Information Leakage in Embedding Models",
            ("Congzheng Song", "Ananth Raghunathan"),
            2020,
            "https://arxiv.org/abs/2004.00053",
        ),
        Paper(
            "Word Translation Without Parallel Data",
            ("Alexis Conneau", "Guillaume Lample", "Marc'Aurelio Ranzato", "Ludovic Denoyer", "Hervé Jégou"),
            2017,
            "https://arxiv.org/abs/1710.04087",
        ),
    ),
    claim=Claim(
        "Whether a text's row is among a thousand is told well above chance by an attacker without the encoder, who knows the "
        "texts of a thousand other rows.",
        _members_are_told,
        null=Commonest,
    ),
    notes="Song and Raghunathan ask whether a text was in the training data of the encoder; here it is asked whether its row is "
    "among the rows that lie open, as of a vector store, which is easier. Where the attacker has the encoder and nothing was "
    "done to the rows, the answer is all but certain. Taking half a row's usual nearness off is half of the correction for "
    "hubs (CSLS) of the second paper.",
)
