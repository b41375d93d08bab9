"""Trajectories: what a text means is how likely a language model finds each of many sampled continuations of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semascope.card import Card, Claim, Evidence, Paper
from semascope.errors import InputError, OptionError
from semascope.lab import Lab
from semascope.ops import digest, integer, pooled, prompted, reads_forward, unit, vectors
from semascope.ops import texts as checked_texts
from semascope.types import Array, Model, Tokens, Vectors

_AT_ONCE = 4_096  # continuations scored in one call


@dataclass(frozen=True)
class TrajectoryMeaning:
    """Score every text by the mean log-likelihood of the same sampled continuations.

    As vectors the continuations are those of a few fixed beginnings, the same for all texts. `similarity` and `entails`
    compare two texts as the paper does, by continuations of both.

    Args:
        n: Continuations: columns of a vector, or samples of each text of a pair.
        most: Tokens of a continuation.
        beginnings: Texts whose continuations are the columns, in turn; "" is the model's start token, if it has one.
        seed: Of sampling.
    """

    n: int = 20
    most: int = 20
    beginnings: tuple[str, ...] = ("The", "A", "This", "It", "To")
    seed: int = 0

    def __call__(self, model: Model, texts: Sequence[str]) -> Vectors:
        """Rows float32 (n texts, n): nats per token, at most 0.

        A text too long for the model loses its end.

        Raises:
            OptionError: the model reads both ways or gives no next token, or there is nothing to sample from.
        """
        items = checked_texts(texts)
        pool = self.trajectories(model)
        starts = self._tokens(model, items)
        rows = np.repeat(np.arange(len(items)), len(pool))
        scores = _scores(model, starts, rows, pool, np.tile(np.arange(len(pool)), len(items)))
        return vectors(scores.reshape(len(items), len(pool)), least=0, name="scores")

    def trajectories(self, model: Model) -> Tokens:
        """The continuations that the columns stand for, `n` of them, each of at least one token."""
        _fits(model)
        begin = self._tokens(model, checked_texts(self.beginnings, name="beginnings"))
        if not len(begin) or not begin.lengths.all():
            raise OptionError(f"beginnings: want texts with tokens to sample from, got {self.beginnings!r}")
        turns = np.resize(np.arange(len(begin)), integer(self.n, name="n", least=1))
        return self._sampled(model, begin.take(turns), self.seed)

    def similarity(self, model: Model, first: Sequence[str], second: Sequence[str]) -> NDArray[np.float32]:
        """How alike the texts of each pair are, float32 (pairs,): the negative mean gap in nats per token, 0 for equal texts."""
        one, other = self._pairs(model, first, second)
        return -np.abs(one - other).mean(axis=1, dtype=np.float64).astype(np.float32)

    def entails(self, model: Model, first: Sequence[str], second: Sequence[str]) -> NDArray[np.float32]:
        """Positive where the first text of a pair entails the second rather than the other way round, float32 (pairs,).

        The meet of two texts is the smaller of their scores. The first entails the second where the second lies nearer to
        the meet: the mean excess of the first over the second, less that of the second over the first.
        """
        one, other = self._pairs(model, first, second)
        return (one - other).mean(axis=1, dtype=np.float64).astype(np.float32)

    def _pairs(self, model: Model, first: Sequence[str], second: Sequence[str]) -> tuple[Array, Array]:
        """Scores of either text for the continuations of both, each (pairs, 2n)."""
        one, other = checked_texts(first, name="first"), checked_texts(second, name="second")
        if len(one) != len(other):
            raise InputError(f"second: want {len(one)} texts, one for each of the first, got {len(other)}")
        _fits(model)
        every = list(dict.fromkeys([*one, *other]))
        starts = self._tokens(model, every)
        if not starts.lengths.all():
            raise InputError("first, second: want texts with tokens, got an empty one; this model has no start token")
        # A seed of its own for each text: what is sampled does not hang on its neighbours.
        own = [
            self._sampled(model, starts.take([i] * self.n), int(digest(str(self.seed), text)[:12], 16))
            for i, text in enumerate(every)
        ]
        pool = Tokens.of([part.take([i]).ids.tolist() for part in own for i in range(self.n)])
        place = {text: i for i, text in enumerate(every)}
        sides = np.array([[place[a], place[b]] for a, b in zip(one, other, strict=True)]).reshape(-1, 2)
        columns = (sides[:, :, None] * self.n + np.arange(self.n)).reshape(len(one), 2 * self.n)
        both = [
            _scores(model, starts, np.repeat(sides[:, side], 2 * self.n), pool, columns.ravel()).reshape(columns.shape)
            for side in range(2)
        ]
        return both[0], both[1]

    def _tokens(self, model: Model, texts: list[str]) -> Tokens:
        """Tokens of texts, with room for a continuation."""
        return prompted(model, "{text}", texts, spare=integer(self.most, name="most", least=1)).tokens

    def _sampled(self, model: Model, starts: Tokens, seed: int) -> Tokens:
        """One continuation of each start; where the model said nothing, it is asked again."""
        rows: list[list[int]] = [[] for _ in range(len(starts))]
        for again in range(20):
            left = [i for i, row in enumerate(rows) if not row]
            if not left:
                return Tokens.of(rows)
            new = model.generate(starts.take(left), most=self.most, seed=seed + again)
            for place, i in enumerate(left):
                rows[i] = new.take([place]).ids.tolist()
        raise InputError("model: want one that goes on from a text, got one that ended twenty times at once")


def _fits(model: Model) -> None:
    reads_forward(model, "trajectory_meaning")
    if not model.speaks:
        raise OptionError("trajectory_meaning: want a model that gives the next token, got one without such a head")


def _scores(
    model: Model, starts: Tokens, which: NDArray[np.int64], pool: Tokens, paths: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Mean log p of the continuation `paths[i]` after the start `which[i]`, in nats per token."""
    out = np.zeros(len(which))
    start_rows = [starts.take([i]).ids.tolist() for i in range(len(starts))]
    path_rows = [pool.take([i]).ids.tolist() for i in range(len(pool))]
    for begin in range(0, len(which), _AT_ONCE):
        now = slice(begin, begin + _AT_ONCE)
        tokens = Tokens.of([start_rows[i] + path_rows[k] for i, k in zip(which[now], paths[now], strict=True)])
        each = model.log_likelihood(tokens).astype(np.float64)
        sums = np.concatenate([[0.0], np.cumsum(each)])
        lengths = pool.lengths[paths[now]]
        out[now] = (sums[tokens.offsets[1:]] - sums[tokens.offsets[1:] - lengths]) / lengths
    return out


@dataclass(frozen=True)
class _Third:
    """Likeness by continuations of a third text: of each of these in turn."""

    thirds: tuple[str, ...]
    n: int
    most: int

    def similarity(self, model: Model, first: Sequence[str], second: Sequence[str]) -> Array:
        out = np.zeros(len(first))
        for turn, third in enumerate(self.thirds):
            step = slice(turn, None, len(self.thirds))
            every = list(dict.fromkeys([*first[step], *second[step]]))
            rows = dict(zip(every, TrajectoryMeaning(self.n, self.most, (third,))(model, every), strict=True))
            gaps = np.array([rows[a] - rows[b] for a, b in zip(first[step], second[step], strict=True)])
            out[step] = -np.abs(gaps).mean(axis=1)
        return out


def _continuations_tell_what_is_alike(lab: Lab, method: TrajectoryMeaning) -> Evidence:
    """A sentence and two thirds of its words, against two thirds of another's. Baselines: a coin, and a third text's continuations.

    Margin: the area under the curve is above each at 95% (1,000 draws of sentences, paired).
    """
    model = lab.encoder("tiny_gpt")
    texts = lab.sentences(80, salt=6, words=8)
    most = [" ".join(word for place, word in enumerate(text.split()) if place % 3 != 2) for text in texts]
    pairs = (texts * 2, most + most[1:] + most[:1])
    third = _Third(tuple(lab.sentences(10, salt=7, words=8)), 12, 8)
    own, other = (_better(read.similarity(model, *pairs)) for read in (method, third))
    draws = [np.ix_(draw, draw) for draw in lab.rng(31).integers(0, len(texts), (1_000, len(texts)))]
    low, gain = (float(np.quantile([side[draw].mean() for draw in draws], 0.025)) for side in (own, own - other))
    found = {
        "AUC": float(own.mean()),
        "lower end at 95%": low,
        "AUC with continuations of a third text": float(other.mean()),
        "lower end of the gain at 95%": gain,
    }
    sides = [model.run(model.tokenize(side)) for side in pairs]
    ends = [states.hidden[0][states.offsets[1:] - 1] for states in sides]
    for what, (a, b) in {"mean": [pooled(states, None) for states in sides], "last": ends}.items():
        found[f"AUC of {what} states"] = float(_better((unit(a) * unit(b)).sum(axis=1)).mean())
    return Evidence(low > 0.5 and gain > 0, found)


def _better(scores: Array) -> Array:
    """Which pairs of the first half of the scores are above which of the second; a half where equal."""
    yes, no = np.split(scores, 2)
    return (yes[:, None] > no) + 0.5 * (yes[:, None] == no)


CARD = Card(
    make=TrajectoryMeaning,
    family="readouts",
    keys=("trajectory-meaning",),
    papers=(
        Paper(
            "Meaning Representations from Trajectories in Autoregressive Models",
            (
                "Tian Yu Liu",
                "Matthew Trager",
                "Alessandro Achille",
                "Pramuditha Perera",
                "Luca Zancato",
                "Stefano Soatto",
            ),
            2023,
            "https://arxiv.org/abs/2310.18348",
        ),
    ),
    claim=Claim(
        "Continuations of both tell a sentence that lost a third of its words from another sentence better than continuations "
        "of a third do.",
        _continuations_tell_what_is_alike,
        spec="trajectory_meaning(n=6, most=8)",
        needs=("encoder:tiny_gpt",),
        null=lambda: _Third(("The", "A", "This", "It", "To"), 4, 8),
    ),
    example="trajectory_meaning(n=5, most=4)",
    notes="Vectors of fixed continuations are our form of it, for search; the paper compares pairs, as `similarity` and "
    "`entails` do. Of its distances this is the first, L1, as a mean in place of a sum. Which side is entailed follows the "
    "code, where the text nearer to the meet is. An end token is not counted among a continuation's tokens. The paper's claim "
    "is that this beats other readings of the same model: cosines of mean and last states are given beside it, and with a "
    "model this small the mean is better.",
)
