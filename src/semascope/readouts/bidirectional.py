"""Both ways: read a text with a causal model's weights but let every token see the whole, then pool."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from semascope.card import Card, Claim, Evidence, Paper
from semascope.lab import Lab
from semascope.ops import kept, pooled, reads_forward, recall_at, unit
from semascope.ops import texts as checked_texts
from semascope.types import Model, Pooling, Vectors


@dataclass(frozen=True)
class Bidirectional:
    """Take the causal mask away, without any training, and pool the states of the text's own tokens.

    Args:
        pooling: Makes one row of a text's states, such as last(); None is their mean.
        layer: Whose states are pooled.
    """

    pooling: Pooling | None = None
    layer: int = -1

    def __call__(self, model: Model, texts: Sequence[str]) -> Vectors:
        """Rows float32 (n, width); a text without tokens gives a zero row.

        Raises:
            OptionError: the model reads both ways anyway.
        """
        reads_forward(model, "bidirectional")
        tokens = model.tokenize(checked_texts(texts))
        states = model.run(tokens, layers=[self.layer], attention="bidirectional")
        return pooled(kept(states, states.spans[:, 0] >= 0), self.pooling)


def _beginnings_know_the_ending(lab: Lab, method: Bidirectional) -> Evidence:
    """Baseline: a coin, over 300 cases; a difference below 1e-6 counts as none. Margin: three of five (p below 0.001)."""
    model = lab.encoder("tiny_gpt")
    texts, alike, other, beginning = lab.forked(300)
    read = dataclasses.replace(method, pooling=beginning)
    own, near, far = (unit(read(model, side)) for side in (texts, alike, other))
    chosen = float(((own * near).sum(1) > (own * far).sum(1) + 1e-6).mean())
    found = {
        "share of endings told from the beginning": chosen,
        "recall@10 of a sentence's other words": recall_at(*(method(model, side) for side in lab.halves(400))),
    }
    return Evidence(chosen >= 0.6, found)


CARD = Card(
    make=Bidirectional,
    family="readouts",
    keys=("pooling-and-attention",),
    papers=(
        Paper(
            "LLM2Vec: Large Language Models Are Secretly Powerful Text Encoders",
            (
                "Parishad BehnamGhader",
                "Vaibhav Adlakha",
                "Marius Mosbach",
                "Dzmitry Bahdanau",
                "Nicolas Chapados",
                "Siva Reddy",
            ),
            2024,
            "https://arxiv.org/abs/2404.05961",
        ),
        Paper(
            "Pooling And Attention: What Are Effective Designs For LLM-Based Embedding Models?",
            ("Yixuan Tang", "Yi Yang"),
            2024,
            "https://arxiv.org/abs/2409.02727",
        ),
    ),
    claim=Claim(
        "With the causal mask taken away and nothing trained, the beginning of a text alone tells in at least three of five "
        "cases which of two endings it has.",
        _beginnings_know_the_ending,
        needs=("encoder:tiny_gpt",),
    ),
    notes="The first of LLM2Vec's three steps; masked next-token and contrastive training, which mend what taking the mask "
    "away breaks, belong to training. Special tokens are not pooled, as in its code. "
    "Random weights pass too (0.997 at seed 0): what is tested is which tokens see which, not what a model has learned.",
)
