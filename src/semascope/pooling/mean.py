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
    """Baseline: the first token. Margin: twice its share, and 0.2 more."""
    reader = lab.encoder("default")
    left, right = lab.halves(400)
    found = {"recall@10 of the pooling": recall_at(pool(reader.states(left)), pool(reader.states(right)))}
    first = [part.split()[:1] for part in (*left, *right)]
    alone = reader.encode([" ".join(word) for word in first])
    found["recall@10 of the first word"] = recall_at(alone[: len(left)], alone[len(left) :])
    pooled, word = found.values()
    return Evidence(pooled >= max(2 * word, word + 0.2), found)


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
        "The two halves of a sentence's words find each other far more often by their mean token vector than by one token.",
        _halves_find_each_other,
    ),
    notes="Special tokens count, as in Sentence-BERT's code.",
)
