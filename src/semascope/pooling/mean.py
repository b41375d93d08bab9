"""Mean pooling: a text's vector is the average of its token vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semascope.card import Card, Claim, Evidence, Paper
from semascope.lab import Lab
from semascope.ops import each_text, recall_at
from semascope.types import Pooling, States, Vectors


@dataclass(frozen=True)
class Mean:
    """Average a text's tokens, special ones included, at the last layer given."""

    def __call__(self, states: States) -> Vectors:
        """Rows float32 (n, d); a text without tokens gives a zero row."""
        return each_text(states, lambda rows: rows.mean(axis=0, dtype=np.float64))


def _halves_find_each_other(lab: Lab, pool: Pooling) -> Evidence:
    """Baseline: the first token. Margin: three times its share, and 0.1 more."""
    reader = lab.encoder("default")
    left, right = (reader.states(half) for half in lab.halves(400))
    found = {
        "recall@10 of the pooling": recall_at(pool(left), pool(right)),
        "recall@10 of the first token": recall_at(_first(left), _first(right)),
    }
    pooled, first = found.values()
    return Evidence(pooled >= max(3 * first, first + 0.1), found)


def _first(states: States) -> Vectors:
    return each_text(states, lambda rows: rows[0])


CARD = Card(
    make=Mean,
    family="pooling",
    keys=(),
    papers=(
        Paper(
            "Sentence-BERT: Sentence Embeddings using Siamese BERT-Networks",
            ("Nils Reimers", "Iryna Gurevych"),
            2019,
            "https://arxiv.org/abs/1908.10084",
        ),
    ),
    claim=Claim(
        "The two halves of a sentence's words find each other at least three times as often by their mean token vector as by their first token.",
        _halves_find_each_other,
    ),
    notes="Special tokens count, as in Sentence-BERT's code.",
)
