"""Position-weighted mean pooling: later tokens, which have seen more of the text, count for more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semascope.card import Card, Claim, Evidence, Paper
from semascope.lab import Lab
from semascope.ops import each_text
from semascope.types import Array, Pooling, States, Vectors


@dataclass(frozen=True)
class Weighted:
    """Average a text's tokens with weights 1, 2, 3 ... by position, at the last layer given."""

    def __call__(self, states: States) -> Vectors:
        """Rows float32 (n, d); a text without tokens gives a zero row."""
        return each_text(states, _average)


def _average(rows: Array) -> Array:
    weights = np.arange(1, len(rows) + 1, dtype=np.float64)
    return weights @ rows.astype(np.float64) / weights.sum()


class _Mean:
    def __call__(self, states: States) -> Vectors:
        return each_text(states, lambda rows: rows.mean(axis=0))


def _later_tokens_know_more(lab: Lab, pool: Pooling) -> Evidence:
    """Baseline: the plain mean. Margin: a tenth of its squared error less."""
    topic, states = lab.contextual(attends="before")
    error = float(np.square(pool(states) - topic).mean())
    plain = float(np.square(_Mean()(states) - topic).mean())
    return Evidence(error <= plain * 0.9, {"error of the pooling": error, "error of the plain mean": plain})


CARD = Card(
    make=Weighted,
    family="pooling",
    keys=(),
    papers=(
        Paper(
            "SGPT: GPT Sentence Embeddings for Semantic Search",
            ("Niklas Muennighoff",),
            2022,
            "https://arxiv.org/abs/2202.08904",
        ),
    ),
    claim=Claim(
        "Where every token has seen only those before it, weights that grow with position beat equal ones.",
        _later_tokens_know_more,
        null=_Mean,
    ),
    notes="Weights by word frequency (SIF) are learned by static encoders, whose tables carry them in their rows' sizes.",
)
