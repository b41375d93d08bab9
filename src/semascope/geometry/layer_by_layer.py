"""The quality of every layer of a model without labels: entropy, curvature, and how little reworded texts move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.card import Card, Claim, Evidence, Paper
from semascope.errors import InputError
from semascope.lab import Lab
from semascope.ops import Interval, bootstrap, integer, recall_at, spearman
from semascope.ops.layer_quality import (
    HIGHER_IS_BETTER,
    LayerProfile,
    dataset_entropy,
    dime,
    info_nce,
    lidar,
    wanted_order,
)
from semascope.ops.layer_reading import read_every_layer, reworded_views
from semascope.types import Array, Progress


@dataclass(frozen=True)
class LayerByLayer:
    """Figures that tell good layers from bad ones before any label is seen.

    `measure` looks at one cloud of vectors, `profile` at every layer of a model; `profile(...).best("InfoNCE")` picks a layer.

    Args:
        alpha: Order of the entropies; 1 is Shannon's.
        temperature: By which cosines are divided in InfoNCE.
        signed: Whether a path that turns back counts as curved; False is the angle of two lines.
        views: Ways in which every text is reworded; the first two are InfoNCE's and DiME's, all are LiDAR's.
        random_state: Of rewording and permutations.
    """

    alpha: float = 1.0
    temperature: float = 0.1
    signed: bool = True
    views: int = 4
    random_state: int = 0

    def measure(self, X: Array, views: Sequence[Array] = ()) -> dict[str, Interval]:
        """Figures of rows X (n, d), one for each text: dataset entropy, and with views InfoNCE, DiME and LiDAR.

        Args:
            X: Vectors of texts.
            views: Vectors (n, d) of the same texts reworded, in at least two ways, or none.

        Raises:
            InputError: fewer than 2 rows, or views that are not of the same texts.
            OptionError: an option out of range.
        """
        found = {"dataset entropy": dataset_entropy(X, alpha=self.alpha)}
        if len(views) == 1:
            raise InputError("views: want at least 2 or none, got 1")
        if len(views):
            found["InfoNCE"] = info_nce(views[0], views[1], temperature=self.temperature)
            found["DiME"] = dime(views[0], views[1], alpha=self.alpha, seed=self.random_state)
            found["LiDAR"] = lidar(views)
        return found

    def profile(
        self, model: Any, texts: Sequence[str], *, progress: Progress | None = None, most: int = 300
    ) -> LayerProfile:
        """Every figure at every layer of a model; texts go through once as they are, and once for every view.

        Args:
            model: What gives token states at all layers.
            texts: At least 8.
            progress: Told texts read and texts to be read.
            most: Texts that are reworded, the first of them.

        Raises:
            InputError: too few texts.
            OptionError: the model gives no token states, or an option is out of range.
        """
        count = integer(self.views, name="views", least=2)
        wanted_order(self.alpha)
        some = list(texts)[:most]
        total = len(texts) + count * len(some)
        done = 0

        def told(here: int, _: int | None) -> None:
            if progress is not None:
                progress(done + here, total)

        plain = read_every_layer(model, texts, alpha=self.alpha, signed=self.signed, progress=told)
        done += len(texts)
        reworded: list[NDArray[np.float32]] = []
        for view in reworded_views(some, count, seed=integer(self.random_state, name="random_state", least=0)):
            reworded.append(read_every_layer(model, view, paths=False, progress=told).rows)
            done += len(some)
        layers = tuple(range(len(plain.rows)))
        each = [self.measure(plain.rows[layer], [view[layer] for view in reworded]) for layer in layers]
        figures = {name: tuple(one[name] for one in each) for name in each[0]}
        figures["prompt entropy"] = tuple(_mean(one) for one in plain.entropy)
        figures["curvature"] = tuple(_mean(one) for one in plain.curvature)
        return LayerProfile(layers, figures, plain.rows)


def _mean(values: NDArray[np.float64]) -> Interval:
    known = values[np.isfinite(values)]
    if not len(known):
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    return bootstrap(known, draws=1000)


_MODELS = ("tiny_gpt", "tiny_bert", "minilm")
_PICKS = ("InfoNCE", "DiME")


def _finds_good_layers(lab: Lab, method: Any) -> Evidence:
    """Baseline: the last layer, and a layer at random. Margins: 0.02 of recall@10; more picks within one layer than chance has.

    A layer's quality is the recall@10 of a sentence's next among 200, by the mean of its tokens. The layer that InfoNCE picks,
    and the one that DiME picks, is to be within one of the best more often over three models than a layer drawn at random; the
    small causal model's best is not to be its last, and that of MiniLM, tuned by contrast, is.
    """
    left, right = lab.neighbours(200)
    texts = lab.sentences(100, words=8)
    found: dict[str, float] = {}
    hits: dict[str, list[bool]] = {name: [] for name in _PICKS}
    chance: list[float] = []
    ties: dict[str, list[float]] = {}
    for name in _MODELS:
        model = lab.encoder(name)
        rows = read_every_layer(model, [*left, *right], paths=False).rows
        quality = np.array([recall_at(one[: len(left)], one[len(left) :]) for one in rows])
        best = int(quality.argmax())
        found |= {f"{name}: best layer": best, f"{name}: recall@10 there": float(quality[best])}
        found |= {f"{name}: last layer": len(quality) - 1, f"{name}: recall@10 of the last": float(quality[-1])}
        profile = method.profile(model, texts)
        for figure in _PICKS:
            picked = profile.best(figure)
            found[f"{name}: {figure} picks layer"] = picked
            hits[figure].append(abs(picked - best) <= 1)
        chance.append(float((np.abs(np.arange(len(quality)) - best) <= 1).mean()))
        for figure, values in profile.figures.items():
            tie = spearman(np.array([one.value for one in values]), quality)
            ties.setdefault(figure, []).append(0.0 if np.isnan(tie) else tie)
    found |= {f"{figure} within one layer of the best": float(np.mean(one)) for figure, one in hits.items()}
    found["a random layer within one of the best"] = float(np.mean(chance))
    found |= {f"{figure}: Spearman with recall, mean of models": float(np.mean(one)) for figure, one in ties.items()}
    inner = found["tiny_gpt: recall@10 there"] >= found["tiny_gpt: recall@10 of the last"] + 0.02
    tuned = found["minilm: best layer"] == found["minilm: last layer"]
    picked = all(np.mean(one) > np.mean(chance) for one in hits.values())
    return Evidence(bool(inner and tuned and picked), found)


class _Flat:
    """The control: every layer is as good as every other, so that the first is picked."""

    def profile(self, model: Any, texts: Sequence[str]) -> LayerProfile:
        """Zeros."""
        rows = read_every_layer(model, list(texts)[:1], paths=False).rows
        nothing = Interval(0.0, 0.0, 0.0, len(texts))
        return LayerProfile(tuple(range(len(rows))), {name: (nothing,) * len(rows) for name in HIGHER_IS_BETTER}, rows)


CARD = Card(
    make=LayerByLayer,
    family="geometry",
    keys=("layer-by-layer",),
    papers=(
        Paper(
            "Layer by Layer: Uncovering Hidden Representations in Language Models",
            (
                "Oscar Skean",
                "Md Rifat Arefin",
                "Dan Zhao",
                "Niket Patel",
                "Jalal Naghiyev",
                "Yann LeCun",
                "Ravid Shwartz-Ziv",
            ),
            2025,
            "https://arxiv.org/abs/2502.02013",
        ),
    ),
    claim=Claim(
        "A small causal model's best layer for related sentences is not its last and that of a contrastively tuned encoder is, "
        "and the layers that InfoNCE and DiME pick without labels are within one of the best more often than chance has it.",
        _finds_good_layers,
        spec="layer_by_layer(views=2)",
        needs=("torch", "encoder:minilm", "encoder:tiny_gpt", "encoder:tiny_bert"),
        null=_Flat,
    ),
    notes="As the paper's code, token states are centred and scaled to length one for the entropy of a prompt; unlike it, negative "
    "products are not clamped, as a clamped matrix may have negative eigenvalues, and texts' vectors are plain means of tokens. "
    "InfoNCE is given as 1 less the loss by log(2 n - 1), so that guessing gives 0; the code gives the loss. The code's DiME takes "
    "products of columns where there are more texts than columns; here it is always of texts. Curvature is of steps between "
    "tokens and signed; the paper's code at different times took the absolute cosine and the angle of states themselves. The "
    "best by curvature is the straightest layer, by the others the highest: the paper says which correlate, not with which sign.",
)
