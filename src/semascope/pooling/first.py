"""First-token pooling: a text's vector is that of its first token, the [CLS] of BERT."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semascope.card import Card, Claim, Evidence, Paper
from semascope.lab import Lab
from semascope.ops import each_text
from semascope.types import Pooling, States, Vectors


@dataclass(frozen=True)
class First:
    """Take each text's first token at the last layer given."""

    def __call__(self, states: States) -> Vectors:
        """Rows float32 (n, d); a text without tokens gives a zero row."""
        return each_text(states, lambda rows: rows[0])


class _Last:
    def __call__(self, states: States) -> Vectors:
        return each_text(states, lambda rows: rows[-1])


def _what_was_gathered_is_read(lab: Lab, pool: Pooling) -> Evidence:
    """Baseline: any one other token. Margin: a fifth of its squared error."""
    topic, states = lab.contextual(attends="first")
    error = float(np.square(pool(states) - topic).mean())
    other = float(
        np.square(np.stack([rows[1] for rows in np.split(states.hidden[-1], states.offsets[1:-1])]) - topic).mean()
    )
    return Evidence(error <= other / 5, {"error of the pooling": error, "error of the second token": other})


CARD = Card(
    make=First,
    family="pooling",
    keys=(),
    papers=(
        Paper(
            "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding",
            ("Jacob Devlin", "Ming-Wei Chang", "Kenton Lee", "Kristina Toutanova"),
            2018,
            "https://arxiv.org/abs/1810.04805",
        ),
    ),
    claim=Claim(
        "Where attention has gathered a text into its first token, that token lies closer to the topic than any other.",
        _what_was_gathered_is_read,
        null=_Last,
    ),
    notes="Useful only where a model was trained so; the check builds such states, it runs no model.",
)
