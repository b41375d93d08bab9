"""Last-token pooling: a text's vector is that of its last token, as language models are read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semascope.card import Card, Claim, Evidence, Paper
from semascope.lab import Lab
from semascope.ops import each_text
from semascope.types import Pooling, States, Vectors


@dataclass(frozen=True)
class Last:
    """Take each text's last token at the last layer given, whichever side was padded."""

    def __call__(self, states: States) -> Vectors:
        """Rows float32 (n, d); a text without tokens gives a zero row."""
        return each_text(states, lambda rows: rows[-1])


def _what_was_read_so_far_is_kept(lab: Lab, pool: Pooling) -> Evidence:
    """Baseline: the token half-way. Margin: three quarters of its squared error."""
    topic, states = lab.contextual(attends="before")
    error = float(np.square(pool(states) - topic).mean())
    middle = np.stack([rows[len(rows) // 2] for rows in np.split(states.hidden[-1], states.offsets[1:-1])])
    half = float(np.square(middle - topic).mean())
    return Evidence(error <= half * 0.75, {"error of the pooling": error, "error of the middle token": half})


CARD = Card(
    make=Last,
    family="pooling",
    keys=(),
    papers=(
        Paper(
            "Improving Text Embeddings with Large Language Models",
            ("Liang Wang", "Nan Yang", "Xiaolong Huang", "Linjun Yang", "Rangan Majumder", "Furu Wei"),
            2023,
            "https://arxiv.org/abs/2401.00368",
        ),
    ),
    claim=Claim(
        "Where every token has seen only those before it, the last lies closer to the topic than the one half-way.",
        _what_was_read_so_far_is_kept,
    ),
    notes="The paper appends an end-of-text token; the encoder's tokenizer has to, a pooling cannot.",
)
