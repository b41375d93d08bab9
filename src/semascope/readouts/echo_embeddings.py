"""Echo embeddings: read a text twice and pool over the second time, when even its first word has seen the whole."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from semascope.card import Card, Claim, Evidence, Paper
from semascope.lab import Lab
from semascope.ops import kept, pooled, prompted, reads_forward, recall_at, unit
from semascope.ops import texts as checked_texts
from semascope.types import Model, Pooling, Vectors


@dataclass(frozen=True)
class EchoEmbeddings:
    """Put every text into a prompt that repeats it, and pool the states of its last copy.

    Both copies are cut at the same character, so that the prompt fits into the model. Which tokens are the last copy's is
    read from character spans. Pooled with `first_copy` the same way, the first copy is the classical reading.

    Args:
        template: The prompt; holds {text} twice.
        pooling: Makes one row of the copy's states, such as last(); None is their mean.
        layer: Whose states are pooled.
        most: Tokens of a copy; None is as many as fit.
    """

    template: str = "Rewrite the sentence: {text}\nrewritten sentence: {text}"
    pooling: Pooling | None = None
    layer: int = -1
    most: int | None = None

    def __call__(self, model: Model, texts: Sequence[str]) -> Vectors:
        """Rows float32 (n, width); a text without tokens gives a zero row.

        Raises:
            OptionError: the model reads both ways anyway, or the template has no two {text} or does not fit.
        """
        reads_forward(model, "echo_embeddings")
        prompts = prompted(model, self.template, checked_texts(texts), most=self.most)
        states = model.run(prompts.tokens, layers=[self.layer])
        return pooled(kept(states, prompts.inside(-1)), self.pooling)


def _beginnings_know_the_ending(lab: Lab, method: EchoEmbeddings) -> Evidence:
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
    make=EchoEmbeddings,
    family="readouts",
    keys=("echo-embeddings",),
    papers=(
        Paper(
            "Repetition Improves Language Model Embeddings",
            ("Jacob Mitchell Springer", "Suhas Kotha", "Daniel Fried", "Graham Neubig", "Aditi Raghunathan"),
            2024,
            "https://arxiv.org/abs/2402.15449",
        ),
    ),
    claim=Claim(
        "Read for the second time, the beginning of a text alone tells in at least three of five cases which of two "
        "endings it has, which a first reading cannot.",
        _beginnings_know_the_ending,
        needs=("encoder:tiny_gpt",),
    ),
    notes="The paper's code joins the tokens of separately tokenized pieces; here the prompt is tokenized as a whole, as the "
    "model saw such text in training, and the copy found by its character spans. The paper's gain on MTEB needs a large "
    "language model; the check repeats its experiment with texts that differ in their endings. "
    "Random weights pass too (0.997 at seed 0): what is tested is which tokens see which, not what a model has learned.",
)
