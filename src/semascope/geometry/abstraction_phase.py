"""The layers where texts spread over most dimensions: intrinsic dimension by layer, beside that of shuffled tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.card import Card, Claim, Evidence, Paper
from semascope.lab import Lab
from semascope.ops import Interval, integer, model_folder, vectors
from semascope.ops.cloud.likeness import information_imbalance
from semascope.ops.layer_dimension import DimensionProfile, dimension_at, token_windows, window_rows
from semascope.types import Array, Progress


@dataclass(frozen=True)
class AbstractionPhase:
    """Intrinsic dimension of windows of tokens, layer by layer, by the generalised ratios estimator (GRIDE).

    `measure` looks at one cloud, `profile` at every layer of a model.

    Args:
        scale: The dimension is told from each row's neighbours `scale` and 2 `scale`; 1 is TwoNN.
        length: Tokens of a window.
        mean: Whether a window's vector is the mean of its tokens' states; False takes its last token's, as the paper does.
        random_state: Of windows drawn and tokens shuffled.
    """

    scale: int = 8
    length: int = 20
    mean: bool = False
    random_state: int = 0

    def measure(self, X: Array) -> dict[str, Interval]:
        """The dimension of rows X (n, d) at the scale asked for, and from the two nearest neighbours.

        Raises:
            InputError: fewer than 20 rows that differ, or no rows of finite numbers.
            OptionError: `scale` below 1.
        """
        here, nearest = dimension_at(vectors(X), self.scale, 1)
        return {"dimension": here, "dimension, two nearest": nearest}

    def profile(
        self,
        model: Any,
        texts: Sequence[str],
        *,
        shuffled: bool = True,
        imbalance: bool = False,
        most: int = 1500,
        progress: Progress | None = None,
    ) -> DimensionProfile:
        """The dimension at every layer of a model that can be run on tokens.

        Args:
            model: Ours, or what has its `tokenize` and `run`.
            texts: Whose tokens are cut into windows.
            shuffled: Whether the same windows are read with their tokens in another order, too.
            imbalance: Whether the information imbalance of each layer with the last is wanted.
            most: Windows looked at.
            progress: Told windows read and to be read.

        Raises:
            InputError: too few windows.
            OptionError: the model cannot be run on tokens, or an option is out of range.
        """
        seed = integer(self.random_state, name="random_state", least=0)
        ids = token_windows(model, texts, length=self.length, most=most, seed=seed)
        total = len(ids) * (1 + shuffled)

        def told(done: int, before: int) -> None:
            if progress is not None:
                progress(before + done, total)

        rows = window_rows(model, ids, mean=self.mean, progress=lambda done, _: told(done, 0))
        other = None
        if shuffled:
            turned = np.random.default_rng((seed, 1)).permuted(ids, axis=1)
            mixed = window_rows(model, turned, mean=self.mean, progress=lambda done, _: told(done, len(ids)))
            other = tuple(dimension_at(one, self.scale)[0] for one in mixed)
        ways: list[tuple[Interval, ...] | None] = [None, None]
        if imbalance:
            ways = [
                tuple(information_imbalance(one, rows[-1]) for one in rows),
                tuple(information_imbalance(rows[-1], one) for one in rows),
            ]
        real = tuple(dimension_at(one, self.scale)[0] for one in rows)
        return DimensionProfile(tuple(range(len(rows))), real, other, ways[0], ways[1], rows)


def _rises_and_falls(lab: Lab, method: Any) -> Evidence:
    """Baselines: shuffled tokens, and the same model before training. Margin: 4 of 5 parts of the windows.

    In at least 4 of 5 parts of 750 windows the dimension of the trained model's last tokens is to be higher at an inner layer
    than after its first block and its last, and there higher than that of shuffled tokens; and the same model before its
    training is to have no such peak, above shuffled tokens or not. Besides, cubes of 2, 5 and 10 dimensions in 50 columns are told within 15 % from the two nearest.
    """
    found = {
        f"a cube of {d} dimensions": method.measure(_cube(lab, d))["dimension, two nearest"].value for d in (2, 5, 10)
    }
    exact = all(abs(value / d - 1) <= 0.15 for d, value in zip((2, 5, 10), found.values(), strict=True))
    texts = [text for _, text in lab.documents()]
    folder = model_folder("tiny_gpt")
    seen: dict[str, float] = {}
    for name, where in (("trained", folder), ("untrained", folder / "checkpoint-0")):
        model = lab.encoder(str(where))
        ids = token_windows(model, texts, most=750, seed=lab.seed)
        turned = lab.rng(40).permuted(ids, axis=1) if name == "trained" else None
        peaks = _peaks(method, window_rows(model, ids), None if turned is None else window_rows(model, turned))
        seen[name] = peaks["parts of 5 with an inner peak"]
        found |= {f"{name}: {what}": value for what, value in peaks.items()}
    return Evidence(exact and seen["trained"] >= 4 and seen["untrained"] < 4, found)


def _cube(lab: Lab, dim: int) -> NDArray[np.float32]:
    rng = lab.rng(41 + dim)
    turn = np.linalg.qr(rng.normal(size=(50, 50)))[0][:dim]
    return (rng.uniform(size=(200 * dim, dim)) @ turn).astype(np.float32)


def _peaks(method: Any, real: NDArray[np.float32], mixed: NDArray[np.float32] | None) -> dict[str, float]:
    """The dimension by layer from the first block on, mean of 5 parts, and in how many an inner peak, above shuffled where given."""
    parts = np.array_split(np.arange(real.shape[1]), 5)
    ways = {"dimension": real} | ({} if mixed is None else {"shuffled": mixed})
    table = {
        way: np.array([[method.measure(x[part])["dimension"].value for x in rows[1:]] for part in parts])
        for way, rows in ways.items()
    }
    count = 0
    for part, text in enumerate(table["dimension"]):
        top = int(text.argmax())
        above = mixed is None or text[top] > table["shuffled"][part, top]
        count += int(0 < top < len(text) - 1 and above)
    found = {
        f"{way} at layer {at + 1}": float(value)
        for way, one in table.items()
        for at, value in enumerate(one.mean(axis=0))
    }
    return found | {"parts of 5 with an inner peak": float(count)}


class _Columns:
    """The control: a cloud has as many dimensions as columns."""

    def measure(self, X: Array) -> dict[str, Interval]:
        """The number of columns of X (n, d)."""
        d = float(np.shape(X)[1])
        one = Interval(d, d, d, len(X))
        return {"dimension": one, "dimension, two nearest": one}


CARD = Card(
    make=AbstractionPhase,
    family="geometry",
    keys=("abstraction-phase",),
    papers=(
        Paper(
            "Emergence of a High-Dimensional Abstraction Phase in Language Transformers",
            (
                "Emily Cheng",
                "Diego Doimo",
                "Corentin Kervadec",
                "Iuri Macocco",
                "Lei Yu",
                "Alessandro Laio",
                "Marco Baroni",
            ),
            2024,
            "https://arxiv.org/abs/2405.15471",
        ),
    ),
    claim=Claim(
        "A trained causal model's windows of text have a peak of intrinsic dimension at an inner layer, above that of shuffled "
        "tokens, which the same model has not before training.",
        _rises_and_falls,
        needs=("torch", "encoder:tiny_gpt"),
        null=_Columns,
    ),
    notes="The paper's models have 7 billion parameters and some 32 layers; tiny_gpt has 2.6 million and 4. The paper takes the scale "
    "at which the estimate is steady for each layer; here one scale is taken for all, so that layers are compared at the same "
    "neighbours. Layer 0 is left out of peaks: there a window's last token is one of a few hundred vectors. The untrained model has random "
    "blocks, and token vectors from counted neighbours. Information imbalance is offered (`profile(..., imbalance=True)`) and not "
    "claimed.",
)
