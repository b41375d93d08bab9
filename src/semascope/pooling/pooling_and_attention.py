"""Every layer has a say: a text's vectors at all layers, looked at by learned latents, become one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from semascope.card import Card, Claim, Evidence, Paper
from semascope.errors import InputError
from semascope.lab import Lab
from semascope.learned import LayerAttention
from semascope.learned.attention import InTorch, block, drawn, standing
from semascope.ops import each_text, integer, recall_at
from semascope.ops.contrast import both_have_tokens, contrast
from semascope.ops.segments import each_stack, with_layers
from semascope.types import Array, LearnsFromPairs, Pooling, Progress, States


@dataclass(frozen=True)
class PoolingAndAttention:
    """Learns from pairs of texts which layers to look at for what; the model itself stays as it is.

    Args:
        latents: How many of them look.
        heads: Among which the attention is split.
        token: What stands for a text at a layer: its "last" token, for models that read forwards only, or the "mean".
        steps: Batches of training.
        batch: Pairs a step; each text is told from all other partners of its batch.
        rate: Largest step size of AdamW.
        temperature: What cosines are divided by in the loss.
        seed: Of where training starts and the order of pairs.
    """

    latents: int = 16
    heads: int = 8
    token: Literal["last", "mean"] = "last"  # noqa: S105 - of a text
    steps: int = 200
    batch: int = 64
    rate: float = 1e-3
    temperature: float = 0.05
    seed: int = 0

    @property
    def layers(self) -> Literal["all"]:
        """Every layer; that of the embeddings, before the first block, is then left out."""
        return "all"

    def learn_pairs(
        self, batches: Iterable[tuple[States, States]], *, progress: Progress | None = None
    ) -> LayerAttention:
        """The pooling, trained on the pairs of all batches; pairs of which a text has no tokens are left out.

        Raises:
            OptionError: an option is out of range.
            InputError: fewer than two pairs, or states without a layer above the embeddings.
            MissingExtraError: torch is not installed.
        """
        stand = standing(self.token)
        sides: tuple[list[Array], list[Array]] = ([], [])
        layers: tuple[int, ...] = ()
        for pair in batches:
            kept = both_have_tokens(*pair)
            for states, side in zip(map(_above_embeddings, pair), sides, strict=True):
                layers = layers or states.layers
                count, width = len(layers), states.hidden.shape[-1]
                rows = each_stack(with_layers(states, layers), lambda tokens: stand(tokens).ravel(), dim=count * width)
                side.extend(rows[kept].reshape(-1, count, width))
        left, right = sides
        latents, heads = integer(self.latents, name="latents", least=1), integer(self.heads, name="heads", least=1)
        width = left[0].shape[-1] if left else 1
        trained = contrast(
            drawn(width, latents=latents, heads=heads, seed=self.seed, layers=len(layers)),
            self._rows,
            left,
            right,
            steps=self.steps,
            batch=self.batch,
            rate=self.rate,
            temperature=self.temperature,
            seed=self.seed,
            progress=progress,
        )
        return LayerAttention(**trained, heads=heads, token=self.token, layers=layers)

    def _rows(self, torch: Any, weights: Mapping[str, Any], texts: Sequence[Array]) -> Any:
        stack = torch.from_numpy(np.stack(texts)) + weights["positions"]
        return block(weights, self.heads, weights["latents"], stack, InTorch(torch)).mean(axis=-2)


def _above_embeddings(states: States) -> States:
    kept = [place for place, layer in enumerate(states.layers) if layer != 0]
    if not kept:
        raise InputError(f"states: want a layer above the embeddings, got the layers {states.layers}")
    if len(kept) == len(states.layers):
        return states
    return replace(states, hidden=states.hidden[kept], layers=tuple(states.layers[place] for place in kept))


class _LastLayerOnly:
    """The same head and training, its layers being the last one over and over, or just once."""

    def __init__(self, head: LearnsFromPairs | None = None, times: int | None = None) -> None:
        self._head = head or PoolingAndAttention(latents=4, token="mean", steps=100)  # noqa: S106 - of a text
        self._times = times

    def learn_pairs(self, batches: Iterable[tuple[States, States]]) -> Pooling:
        learned = self._head.learn_pairs((self._last(one), self._last(other)) for one, other in batches)
        return lambda states: learned(self._last(states))

    def _last(self, states: States) -> States:
        layers = range(1, self._times + 1) if self._times else [layer for layer in states.layers if layer]
        hidden = np.repeat(states.hidden[-1:], len(layers), axis=0)
        return replace(states, hidden=hidden, layers=tuple(layers))


_TRAINED, _HELD_OUT = 3000, 1000


def _more_layers_say_more(lab: Lab, pool: LearnsFromPairs) -> Evidence:
    """Baseline: the same head and training on the last layer alone. Margin: 0.02 of recall@10 among 1000."""
    reader = lab.encoder("tiny_gpt")
    left, right = lab.neighbours(_TRAINED + _HELD_OUT)
    seen = [tuple(reader.states(texts[:_TRAINED], layers="all") for texts in (left, right))]
    one, other = (reader.states(texts[_TRAINED:], layers="all") for texts in (left, right))
    ways: dict[str, Pooling] = {
        "the pooling": pool.learn_pairs(seen),
        "the last layer": _LastLayerOnly(pool, 1).learn_pairs(seen),
        "the last layer's average, untrained": lambda states: each_text(states, lambda tokens: tokens.mean(axis=0)),
    }
    found = {f"recall@10 of {name}": recall_at(way(one), way(other)) for name, way in ways.items()}
    every, last, *_ = found.values()
    return Evidence(every >= last + 0.02, found)


CARD = Card(
    make=PoolingAndAttention,
    family="pooling",
    keys=("pooling-and-attention",),
    papers=(
        Paper(
            "Pooling And Attention: What Are Effective Designs For LLM-Based Embedding Models?",
            ("Yixuan Tang", "Yi Yang"),
            2024,
            "https://arxiv.org/abs/2409.02727",
        ),
    ),
    claim=Claim(
        "Sentences find the one that follows them more often when learned latents look at a text's averages at every layer "
        "than when the same network is trained on the last layer's.",
        _more_layers_say_more,
        spec="pooling_and_attention(latents=4, token='mean', steps=100)",
        needs=("torch", "encoder:tiny_gpt"),
        null=_LastLayerOnly,
    ),
    example="pooling_and_attention(latents=4, heads=2, steps=3, batch=4)",
    notes="The paper's Multi-Layers Trainable Pooling, as its released code has it: layers 1 to the last without the embeddings, "
    "latents that ask and layers that answer, without bias or mask. The paper trains the language model too (LoRA), with "
    "mined negatives; here it is frozen and negatives are the other partners of the batch, told apart at a temperature of "
    "0.05 as there. It takes the last token of a model that reads forwards and the average of one that reads both ways; the "
    "check takes the average of tiny_gpt, whose last token says too little for layers to differ (0.072 against 0.068 at one "
    "seed). Few pairs train such a network poorly: whiteningbert, without any, finds more on the same texts.",
    waive={
        "text_of_one_token_is_that_token": "a network rewrites the token, alone or not",
        "last_layer_is_read": "every layer is read, which is the point of it",
    },
)
