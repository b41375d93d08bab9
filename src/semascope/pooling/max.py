"""Max pooling: each column of a text's vector is the largest value that any of its tokens has there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semascope.card import Card, Claim, Evidence, Paper
from semascope.lab import Lab
from semascope.ops import each_text, recall_at
from semascope.types import Pooling, States, Vectors


@dataclass(frozen=True)
class Max:
    """Take each column's largest value over a text's tokens, special ones included, at the last layer given."""

    def __call__(self, states: States) -> Vectors:
        """Rows float32 (n, d); a text without tokens gives a zero row."""
        return each_text(states, lambda rows: rows.max(axis=0))


def _one_loud_token_is_heard(lab: Lab, pool: Pooling) -> Evidence:
    """Baseline: the mean. Margin: 0.5 of recall@1 more, and at least 0.9."""
    rng = lab.rng(11)
    texts, tokens, dim = 60, 200, 64
    patterns = (rng.random((texts, dim)) < 0.1).astype(np.float32)
    hidden = rng.normal(size=(texts, tokens, dim)).astype(np.float32)
    hidden[np.arange(texts), rng.integers(0, tokens, texts)] += 6 * patterns
    states = States.from_padded(hidden[None], np.ones((texts, tokens)))
    found = {
        "recall@1 of the pooling": recall_at(patterns, pool(states), k=1),
        "recall@1 of the mean": recall_at(patterns, hidden.mean(axis=1), k=1),
    }
    pooled, mean = found.values()
    return Evidence(pooled >= max(0.9, mean + 0.5), found)


CARD = Card(
    make=Max,
    family="pooling",
    keys=(),
    papers=(
        Paper(
            "Supervised Learning of Universal Sentence Representations from Natural Language Inference Data",
            ("Alexis Conneau", "Douwe Kiela", "Holger Schwenk", "Loïc Barrault", "Antoine Bordes"),
            2017,
            "https://arxiv.org/abs/1705.02364",
        ),
    ),
    claim=Claim(
        "One token that stands out among two hundred finds its text by max pooling, where the mean drowns it.",
        _one_loud_token_is_heard,
    ),
)
