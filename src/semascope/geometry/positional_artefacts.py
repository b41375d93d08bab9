"""Outlier dimensions: find the few columns whose mean lies far from all others', and set them to zero."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from semascope.card import Card, Claim, Evidence, Paper
from semascope.estimator import VectorTransform
from semascope.lab import Lab
from semascope.learned import Affine
from semascope.ops import recall_at, unit, vectors
from semascope.ops.cloud.outliers import outlier_dimensions, place_shares
from semascope.ops.layer_reading import read_every_layer
from semascope.types import Array, States, Vectors


class PositionalArtefacts(VectorTransform):
    """Set those columns to zero whose mean is more than `z` standard deviations off the mean of all columns' means.

    `fit` looks at one cloud, best of token states; `fit_layers` at the same tokens at several layers, and takes the columns
    that are outliers at (almost) all of them. All other columns stay as they are, and so does their number.

    Args:
        z: From how many standard deviations on a column is an outlier.
        share: Share of the layers at which it has to be one, where several are given.
    """

    keeps_columns = True

    def __init__(self, z: float = 3.0, share: float = 0.8) -> None:
        self.z = z
        self.share = share

    def _learn(self, X: Vectors, y: Array | None) -> Affine:
        del y
        return _without(outlier_dimensions(X, z=self.z, share=self.share).dims, X.shape[1])

    def fit_layers(self, layers: Sequence[Array]) -> Self:
        """Learn from the rows (n, d) of the same tokens at each of several layers.

        Raises:
            InputError: not rows of finite numbers, or of different shapes.
            OptionError: `z` or `share` out of range.
        """
        rows = [vectors(one, least=self._least) for one in layers]
        self.fit(rows[0])
        self.learned_ = _without(outlier_dimensions(rows, z=self.z, share=self.share).dims, rows[0].shape[1])
        return self

    @property
    def dims_(self) -> NDArray[np.int64]:
        """The columns that are set to zero, int64 (k,), in order."""
        return np.flatnonzero(~self._fitted().matrix.any(axis=0)).astype(np.int64)


def _without(dims: NDArray[np.int64], width: int) -> Affine:
    kept = np.ones(width, np.float32)
    kept[dims] = 0
    return Affine(np.zeros(width, np.float32), np.diag(kept))


def _clips(lab: Lab, method: Any) -> Evidence:
    """Baseline: layers as they are, and as many columns at random. Margins: 0.75 of the mean cosine, 0.005 of recall.

    At the inner layers of a trained encoder a quarter of the mean cosine of two tokens is to go, and no half of a point of
    recall@10 of the next sentence. Besides, a column that is pushed
    out by 8 standard deviations is found each time and no column with it that was not flagged before; and a model told where
    tokens stand has a mean column farther out, averaged over its layers, than the same model trained without.
    """
    left, right = lab.neighbours(800)
    states = {name: lab.encoder(name).states(left[:300], layers="all") for name in _MODELS}
    rows = read_every_layer(lab.encoder("minilm"), [*left, *right], paths=False).rows
    found = _planted(lab, method, states["tiny_bert"].hidden[2])
    found |= _clipped(lab, method, states["minilm"], rows)
    for name in _MODELS[1:]:
        scores = outlier_dimensions(list(states[name].hidden))
        found[f"{name}: farthest mean column, mean of layers"] = float(np.abs(scores.scores).max(axis=1).mean())
        found[f"{name}: columns out at 8 of 10 layers"] = len(
            outlier_dimensions(list(states[name].hidden), share=0.8).dims
        )
        found |= {f"{name}: {what}": value for what, value in _tied(states[name]).items()}
    found |= {f"minilm: {what}": value for what, value in _tied(states["minilm"]).items()}
    clean = found["planted columns found"] == 1 and found["others flagged with them"] == 0
    opened = found["minilm: mean cosine after"] <= 0.75 * found["minilm: mean cosine before"]
    kept = found["minilm: recall@10 after"] >= found["minilm: recall@10 before"] - 0.005
    placed = found[f"tiny_bert: {_FARTHEST}"] > found[f"tiny_bert_placeless: {_FARTHEST}"]
    return Evidence(clean and opened and kept and placed, found)


def _planted(lab: Lab, method: Any, x: Vectors) -> dict[str, float]:
    """Of 5 columns pushed out by 8 standard deviations of the columns' means, one at a time: the share found, and what else is."""
    usual = _zeroed(method.fit(x))
    means = x.mean(axis=0, dtype=np.float64)
    hits, others = 0, 0
    for column in lab.rng(30).choice(np.setdiff1d(np.arange(x.shape[1]), usual), 5, replace=False):
        pushed = x.copy()
        pushed[:, column] += np.float32(8 * means.std())
        flagged = _zeroed(method.fit(pushed))
        hits += int(column in flagged)
        others += len(np.setdiff1d(flagged, [*usual, column]))
    return {"planted columns found": hits / 5, "others flagged with them": others}


def _zeroed(method: Any) -> NDArray[np.int64]:
    return np.flatnonzero(~method.learned_.matrix.any(axis=0)).astype(np.int64)


def _clipped(lab: Lab, method: Any, states: States, rows: NDArray[np.float32]) -> dict[str, float]:
    """Mean cosine of two tokens and recall@10 of the next sentence, over the inner layers, before and after.

    Columns are found on tokens and taken from texts' means, which is the same as taken from the tokens.
    """
    rng = lab.rng(31)
    pairs = rng.integers(0, states.hidden.shape[1], (2, 4000))
    half = rows.shape[1] // 2
    table: list[list[float]] = []
    for x, pooled in zip(states.hidden[1:-1], rows[1:-1], strict=True):
        dims = _zeroed(method.fit(x))
        chance = _without(rng.choice(x.shape[1], len(dims), replace=False), x.shape[1])
        seen: list[float] = [len(dims)]
        for change in (_as_it_is, method.transform, chance):
            one, texts = change(x), change(pooled)
            cosines = (unit(one[pairs[0]]) * unit(one[pairs[1]])).sum(axis=1)
            seen += [float(cosines.mean()), recall_at(texts[:half], texts[half:])]
        table.append(seen)
    heads = ("columns clipped", *(f"{what} {when}" for when in _WHEN for what in ("mean cosine", "recall@10")))
    means = np.mean(table, axis=0).tolist()
    found = {f"minilm: {head}": float(value) for head, value in zip(heads, means, strict=True)}
    return found | {"minilm: layers above 0.5 mean cosine": float(sum(row[1] > 0.5 for row in table))}


def _as_it_is(x: Vectors) -> Vectors:
    return x


def _tied(states: States) -> dict[str, float]:
    """How much of a column's variance a token's place accounts for, over the inner layers: of flagged columns, and of all."""
    places = np.concatenate([np.arange(length) for length in states.lengths])
    flagged: list[float] = []
    every: list[float] = []
    for x in states.hidden[1:-1]:
        shares = place_shares(x, places)
        flagged += shares[outlier_dimensions(x).dims].tolist()
        every.append(float(np.median(shares)))
    return {
        "place's share of flagged columns": float(np.mean(flagged)) if flagged else 0.0,
        "place's share of the median column": float(np.mean(every)),
    }


_MODELS = ("minilm", "tiny_bert", "tiny_bert_placeless")
_FARTHEST = "farthest mean column, mean of layers"
_WHEN = ("before", "after", "after as many at random")


class _Anywhere(VectorTransform):
    """The control: five columns at random set to zero."""

    def _learn(self, X: Vectors, y: Array | None) -> Affine:
        del y
        return _without(np.random.default_rng(0).permutation(X.shape[1])[:5].astype(np.int64), X.shape[1])


CARD = Card(
    make=PositionalArtefacts,
    family="geometry",
    keys=("positional-artefacts",),
    papers=(
        Paper(
            "Positional Artefacts Propagate Through Masked Language Model Embeddings",
            ("Ziyang Luo", "Artur Kulmizev", "Xiaoxi Mao"),
            2020,
            "https://arxiv.org/abs/2011.04393",
        ),
    ),
    claim=Claim(
        "Setting to zero the few columns whose mean lies far out takes a quarter or more of the mean cosine of tokens at inner "
        "layers and loses no related sentences, and a masked model told where tokens stand has a column farther out than one "
        "trained without.",
        _clips,
        needs=("torch", "encoder:minilm", "encoder:tiny_bert", "encoder:tiny_bert_placeless"),
        null=_Anywhere,
    ),
    notes="Related sentences are not the whole story: on the STS benchmark's dev part, which the check does not read, clipping gives "
    "MiniLM's layers 0, 1 and 5 more (0.669 to 0.692, 0.671 to 0.675, 0.763 to 0.764) and layers 2, 3 and 4 less (0.647 to 0.632, 0.630 to "
    "0.579, 0.668 to 0.622): the paper's gain on STS is not found there. Three seeds of sentences and one pair of models, tiny_bert "
    "and the same plan without positions: what another training would give is not known. The paper's outliers disappear without "
    "positions; here they do not: both models keep one column that is out at nearly all layers, which comes from the token "
    "vectors they begin with (the leading directions of counted neighbours). Nor do a token's places account for more of the "
    "flagged columns' variance than of others' in tiny_bert; in MiniLM's inner layers they do, 0.15 against 0.04 of the median "
    "column, while most of those columns' variance is something else. No layer here has a mean cosine of tokens above 0.5, from "
    "where on the catalogue wants a gain.",
)
