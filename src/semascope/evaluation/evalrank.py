"""Just rank: how high each text's partner stands among a crowd of others, in place of a correlation with graded likeness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from semascope.card import Card, Claim, Evidence, Paper
from semascope.errors import InputError
from semascope.lab import Lab
from semascope.ops import Interval, bootstrap, option, spearman, unit
from semascope.ops import texts as checked
from semascope.ops.discriminant import folds
from semascope.ops.layer_reading import read_every_layer
from semascope.tasks import Similarity
from semascope.testing.asking import WordSums
from semascope.types import Array

METRICS = ("cosine", "euclidean")
_AT_ONCE = 16_000_000  # scores held at once


@dataclass(frozen=True)
class Evalrank:
    """Rank all texts by how near they are to one of a pair, and see where the other stands; from both sides.

    Args:
        centre: Whether the mean of all texts, background included, is taken off first, as the paper does for sentences.
        metric: What near is: "cosine" or "euclidean".
    """

    centre: bool = True
    metric: str = "cosine"

    reads: ClassVar[str] = "pairs"

    def measure(
        self, encoder: Any, pairs: Sequence[tuple[str, str]], background: Sequence[str] = ()
    ) -> dict[str, Interval]:
        """Means over pairs and both sides, with intervals over pairs: "MRR", "hits@1", "hits@3", "hits@10" and "mean rank".

        Args:
            encoder: Anything with our `encode`.
            pairs: Texts that say the same.
            background: Other texts to stand among; the texts of all pairs belong to it anyway.

        Raises:
            InputError: fewer than two pairs, or one of the same text twice.
        """
        two = [checked(pair, name="pairs") for pair in pairs]
        if len(two) < 2 or any(len(set(pair)) != 2 for pair in two):
            raise InputError(
                f"pairs: want at least 2 of two different texts each, got {len(two)}, or a text beside itself"
            )
        every = list(dict.fromkeys([*(text for pair in two for text in pair), *checked(background, name="background")]))
        place = {text: at for at, text in enumerate(every)}
        ranks = self.ranks(encoder.encode(every), [(place[one], place[other]) for one, other in two])
        values = {
            "MRR": 1 / ranks,
            **{f"hits@{k}": (ranks <= k).astype(np.float64) for k in (1, 3, 10)},
            "mean rank": ranks.astype(np.float64),
        }
        return {name: bootstrap(each.mean(axis=1), draws=2000) for name, each in values.items()}

    def ranks(self, X: Array, pairs: Sequence[tuple[int, int]] | Array) -> NDArray[np.int64]:
        """The rank of each pair's second row among all rows by nearness to its first, and the other way round: int64 (p, 2).

        A row itself does not stand in its own ranking. What is as near as the partner stands before it: an encoder
        to which all texts are alike puts every partner last.

        Args:
            X: Rows of all texts (n, d).
            pairs: Places of two rows each, (p, 2).
        """
        option(self.metric, METRICS, name="metric")
        x = np.asarray(X, np.float64)
        if self.centre:
            x = x - x.mean(axis=0)
        rows = unit(x) if self.metric == "cosine" else x.astype(np.float32)
        places = np.asarray(pairs, np.int64)
        asked, wanted = places.T.ravel(), places[:, ::-1].T.ravel()
        found = np.empty(len(asked), np.int64)
        length = np.einsum("ij,ij->i", rows, rows) / 2
        step = max(1, _AT_ONCE // len(rows))
        for start in range(0, len(asked), step):
            here = slice(start, start + step)
            # Of one text's distances the order is that of the products, less half of the other's squared length.
            near = rows[asked[here]] @ rows.T - (length if self.metric == "euclidean" else 0)
            row = np.arange(len(near))
            near[row, asked[here]] = -np.inf
            # The partner itself is among those that are as near.
            found[here] = (near >= near[row, wanted[here]][:, None]).sum(axis=1)
        return found.reshape(2, -1).T


@dataclass(frozen=True)
class _Dealt:
    """The measure on pairs whose partners were dealt at random: what it says of encoders is noise."""

    def ranks(self, X: Array, pairs: Sequence[tuple[int, int]] | Array) -> NDArray[np.int64]:
        """As `Evalrank.ranks`, of each first row with the partner of another."""
        one, other = np.asarray(pairs, np.int64).T
        dealt = np.stack([one, np.roll(other, 1)], axis=1)
        return Evalrank().ranks(X, dealt)


def _encoders(lab: Lab, texts: Sequence[str]) -> Mapping[str, Array]:
    """Twelve encoders: the layers of a transformer, an average of word vectors, random words, random projections."""
    layers = read_every_layer(lab.encoder("minilm"), texts, paths=False).rows
    rng = lab.rng(192)
    found: dict[str, Array] = {f"minilm {at}": layer for at, layer in enumerate(layers)}
    found["default"] = lab.encoder("default").encode(texts)
    found["random words"] = WordSums(lab.seed, 256).encode(texts)
    for dim in (4, 16, 64):
        found[f"random {dim}"] = layers[-1] @ rng.normal(size=(layers.shape[2], dim)).astype(np.float32)
    return found


def _module(title: str) -> str:
    return title.split("(", maxsplit=1)[0].split(".", maxsplit=1)[0]


def _thing(title: str) -> str:
    """What a docstring's title names: a class, a function, or something in a class."""
    last = title.split("(", maxsplit=1)[0].split(".")
    inside = len(last) > 1 and last[-2][:1].isupper()
    return "class" if last[-1][:1].isupper() else "in a class" if inside else "function" if "(" in title else "other"


def _accuracy(rows: Array, labels: Sequence[str], seed: int) -> float:
    """Share of held-out rows that ridge regression to one column a label puts right, each row held out once."""
    names, place = np.unique(np.asarray(labels), return_inverse=True)
    x, wanted = np.asarray(rows, np.float64), np.eye(len(names))[place]
    right = 0
    for learn, out in folds(len(x), 2, np.random.default_rng(seed)):
        mean, middle = x[learn].mean(axis=0), wanted[learn].mean(axis=0)
        centred = x[learn] - mean
        scatter = centred.T @ centred
        scatter[np.diag_indices_from(scatter)] += 0.1 * np.trace(scatter) / len(scatter)
        weight = np.linalg.solve(scatter, centred.T @ (wanted[learn] - middle))
        right += int((((x[out] - mean) @ weight + middle).argmax(axis=1) == place[out]).sum())
    return right / len(x)


def _ranks_follow_use(lab: Lab, method: Any) -> Evidence:
    """200 sentences and what follows each, 200 halves of others, among some 1,300; twelve encoders, three uses.

    Of each encoder: EvalRank's MRR; Spearman's correlation of cosine with a graded likeness (halves of a sentence above neighbours
    above strangers), which stands for people's; and the mean accuracy of a linear head on three things (the module
    that a docstring is of, what it documents, whether two sentences are neighbours). Baseline: how the correlation ranks encoders.
    Margin: the MRR's ranks agree with those of the accuracy at least as well (Spearman over encoders). And an exact copy
    has rank 1, random rows and equal rows an MRR below 0.01. Which of the two parts held is reported (1 or 0).
    """
    n = 200
    one, other = lab.neighbours(n)
    left, right = lab.halves(n)
    titles, bodies = lab.titled(500, words=8)
    bodies = [body[:200] for body in bodies]
    texts = list(dict.fromkeys([*one, *other, *left, *right, *bodies]))
    place = {text: at for at, text in enumerate(texts)}
    pairs = [(place[a], place[b]) for a, b in [*zip(one, other, strict=True), *zip(left, right, strict=True)] if a != b]
    strangers = [*zip(one, [*other[1:], other[0]], strict=True)]
    graded = Similarity(
        "graded",
        [*zip(left, right, strict=True), *zip(one, other, strict=True), *strangers],
        [2.0] * n + [1.0] * n + [0.0] * n,
        labelled=False,
    )
    modules = [_module(title) for title in titles]
    often = {name for name in modules if modules.count(name) >= 10}
    topic = [at for at, name in enumerate(modules) if name in often]
    found: dict[str, tuple[float, float, float]] = {}
    for name, x in _encoders(lab, texts).items():
        rows = unit(x)
        body = rows[[place[text] for text in bodies]]
        a, b, c = (rows[[place[text] for text in part]] for part in (one, other, [*other[1:], other[0]]))
        met = np.concatenate([np.hstack([a * b, np.abs(a - b)]), np.hstack([a * c, np.abs(a - c)])])
        uses = (
            _accuracy(body[topic], [modules[at] for at in topic], lab.seed),
            _accuracy(body, [_thing(title) for title in titles], lab.seed),
            _accuracy(met, ["yes"] * n + ["no"] * n, lab.seed),
        )
        likeness = graded.judge({"texts": np.stack([x[place[t]] for t in graded.inputs()["texts"][0]])}).value()
        found[name] = (float((1 / method.ranks(x, pairs)).mean()), likeness, float(np.mean(uses)))
    ranked, graded_too, use = np.array(list(found.values())).T
    rng = lab.rng(1)
    noise = rng.normal(size=(4000, 64))
    numbers = {
        "rank follows use": spearman(ranked, use),
        "likeness follows use": spearman(graded_too, use),
        "copies": float((1 / method.ranks(np.tile(noise[:50], (2, 1)), [(i, i + 50) for i in range(50)])).mean()),
        "random": float((1 / method.ranks(noise, [(i, i + 2000) for i in range(500)])).mean()),
    }
    numbers["equal rows"] = float((1 / method.ranks(np.ones((1000, 8)), [(i, i + 500) for i in range(50)])).mean())
    numbers |= {f"{name}: MRR": found[name][0] for name in ("minilm 6", "minilm 0", "default", "random 4")}
    numbers |= {f"{name}: use": found[name][2] for name in ("minilm 6", "minilm 0", "default", "random 4")}
    sound = numbers["copies"] == 1 and max(numbers["random"], numbers["equal rows"]) < 0.01
    follows = numbers["rank follows use"] >= max(numbers["likeness follows use"], 1e-9)
    numbers |= {"instrument is sound": float(sound), "rank follows use as well": float(follows)}
    return Evidence(sound and follows, numbers)


CARD = Card(
    make=Evalrank,
    family="evaluation",
    keys=("evalrank",),
    papers=(
        Paper(
            "Just Rank: Rethinking Evaluation with Word and Sentence Similarities",
            ("Bin Wang", "C.-C. Jay Kuo", "Haizhou Li"),
            2022,
            "https://arxiv.org/abs/2203.02679",
        ),
    ),
    claim=Claim(
        "Over encoders, the rank of a text's partner in a crowd agrees with accuracy in use at least as well as the rank correlation "
        "of cosines with graded likeness does.",
        _ranks_follow_use,
        needs=("encoder:minilm",),
        null=_Dealt,
    ),
    notes="As the paper's code: all texts are centred on their mean, a text's own row stands first in its ranking and is not counted, "
    "and every pair is asked from both sides. Ties count in favour there, so that an encoder to which all texts are alike is perfect; here they count against. The paper's pairs are those that people rated most alike and its "
    "uses are ten data sets; the check has sentences of docstrings, halves and neighbours for pairs, a made-up grade for people's, "
    "three things to tell of docstrings for uses, twelve encoders of which seven are layers of one model, and "
    "ridge regression for logistic regression. Word-level EvalRank is the same measure with words for texts.",
)
