"""Token prepending: at early layers copy a prompt's last state in front of its text, so that all of it sees a summary."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.card import Card, Claim, Evidence, Paper
from semascope.errors import OptionError
from semascope.lab import Lab
from semascope.ops import integer, kept, pooled, prompted, reads_forward, recall_at
from semascope.ops import texts as checked_texts
from semascope.types import Array, Batch, Model, States, Tokens, Vectors

_MARK = "{summary}"


@dataclass(frozen=True)
class TokenPrepending:
    """Ask for a text in one word, with one more token in front of the text that carries the last token's state back.

    Before blocks 2 to `until` the state of that token is replaced by the state of the prompt's last one. Weights and
    attention stay as they are: what the text's tokens see of what follows them is that summary.

    Args:
        template: The prompt; holds {summary} and behind it {text}.
        until: The last block that reads a summary; 1 is plain prompting.
        layer: Whose last state is the vector; None is the one at 27 thirty-seconds of the depth.
        most: Tokens of a text; None is as many as fit.
    """

    template: str = 'This sentence : {summary}"{text}" means in one word:"'
    until: int = 7
    layer: int | None = None
    most: int | None = None

    def __call__(self, model: Model, texts: Sequence[str]) -> Vectors:
        """Rows float32 (n, width): the last token's state at `layer`.

        Raises:
            OptionError: the model reads both ways, or the template lacks a mark or does not fit.
        """
        layer = max(1, round(model.depth * 27 / 32)) if self.layer is None else self.layer
        states = self.states(model, texts, layers=[layer])
        last = np.zeros(len(states.ids), bool)
        last[states.offsets[1:] - 1] = True
        return pooled(kept(states, last), None)

    def states(self, model: Model, texts: Sequence[str], *, layers: Sequence[int] = (-1,)) -> States:
        """States of the whole prompts; spans count the characters of the prompt without its mark, (-1, -1) for its token."""
        reads_forward(model, "token_prepending")
        until = integer(self.until, name="until", least=1)
        before, mark, after = self.template.partition(_MARK)
        if not mark or "{text}" in before:
            raise OptionError(f"template: want {_MARK} and {{text}} behind it, got {self.template!r}")
        items = [_sentence(text) for text in checked_texts(texts)]
        prompts = prompted(model, before + after, items, most=self.most, spare=1)
        tokens, at = _with_one_more(prompts.tokens, len(before))

        def patch(layer: int, hidden: Any, batch: Batch) -> None:
            if 1 <= layer < until:
                hidden[batch.offsets[:-1] + at[batch.texts]] = hidden[batch.offsets[1:] - 1]

        return model.run(tokens, layers=layers, patch=patch)


def _sentence(text: str) -> str:
    """As the paper's code writes it: a full stop at the end, single quotation marks."""
    if text and text[-1] not in ".?\"'":
        text += "."
    text = text.replace('"', "'")
    return text[:-1] + "." if text.endswith("?") else text


def _with_one_more(tokens: Tokens, character: int) -> tuple[Tokens, NDArray[np.int64]]:
    """One more token before that which holds this character, and its place in each text.

    It repeats the token behind it: what it says at layer 0 is of no account, for block 1 alone reads it.
    """
    at = np.zeros(len(tokens), np.int64)
    for text, (start, stop) in enumerate(zip(tokens.offsets[:-1].tolist(), tokens.offsets[1:].tolist(), strict=True)):
        at[text] = int(np.argmax(tokens.spans[start:stop, 1] > character))
    rows = tokens.offsets[:-1] + at
    return (
        Tokens(
            np.insert(tokens.ids, rows, tokens.ids[rows]),
            tokens.offsets + np.arange(len(tokens) + 1),
            np.insert(tokens.spans, rows, -1, axis=0),
        ),
        at,
    )


def _the_first_word_sees_the_last(lab: Lab, method: TokenPrepending) -> Evidence:
    """Baseline: no summary, where no bit of a first word may move at any layer.

    Margin: half of them move at the last layer by at least 1e-4 of their length, a thousand times what rounding does.
    """
    model = lab.encoder("tiny_gpt")
    sides = _last_words_exchanged(model, lab.sentences(400, words=6))
    moved = _moved(model, method, sides)
    still = _moved(model, dataclasses.replace(method, until=1), sides)
    halves = lab.halves(400)
    middle = float(np.median(moved[-1]))
    found = {"texts": len(sides[0]), "median move": middle, "largest move without": float(still.max())} | {
        f"recall@10 of a sentence's other words, until block {until}": recall_at(
            *(dataclasses.replace(method, until=until)(model, side) for side in halves)
        )
        for until in range(1, model.depth + 1)
    }
    return Evidence(len(sides[0]) >= 50 and not still.any() and middle >= 1e-4, found)


def _last_words_exchanged(model: Model, texts: list[str]) -> tuple[list[str], list[str]]:
    """Those texts that have as many tokens with the next one's last word, and the same with it."""
    ends = [text.split()[-1] for text in texts]
    changed = [
        text.removesuffix(end) + other for text, end, other in zip(texts, ends, ends[1:] + ends[:1], strict=True)
    ]
    alike = model.tokenize(texts).lengths == model.tokenize(changed).lengths
    some = [i for i in np.flatnonzero(alike) if texts[i] != changed[i]]
    return [texts[i] for i in some], [changed[i] for i in some]


def _moved(model: Model, method: TokenPrepending, sides: tuple[list[str], list[str]]) -> Array:
    """How far the state of each text's first token moves from side to side, by its length, (layers from 2 on, texts)."""
    before = method.template.partition("{text}")[0].replace(_MARK, "")
    found: list[Array] = []
    for side in sides:
        states = method.states(model, side, layers=range(2, model.depth + 1))
        inside = states.spans[:, 1] > len(before)
        places = [int(start + np.argmax(inside[start:])) for start in states.offsets[:-1].tolist()]
        found.append(states.hidden[:, places])
    return np.linalg.norm(found[1] - found[0], axis=2) / np.linalg.norm(found[0], axis=2)


CARD = Card(
    make=TokenPrepending,
    family="readouts",
    keys=("token-prepending",),
    papers=(
        Paper(
            "Token Prepending: A Training-Free Approach for Eliciting Better Sentence Embeddings from LLMs",
            ("Yuchen Fu", "Zifeng Cheng", "Zhiwei Jiang", "Zhonghui Wang", "Yafeng Yin", "Zhengliang Li", "Qing Gu"),
            2024,
            "https://arxiv.org/abs/2412.11556",
        ),
    ),
    claim=Claim(
        "With the last state copied in front of a text at early layers, the state of its first word changes with its last "
        "word, of which it keeps every bit without.",
        _the_first_word_sees_the_last,
        needs=("encoder:tiny_gpt",),
        null=lambda: TokenPrepending(until=1),
    ),
    notes="The paper's code makes the added token a random vector and numbers its blocks from 0; here it repeats the token "
    "behind it, which block 1 alone reads, and `until=7` is the code's exit at 7 (the paper's 7B models; 8 in its text). "
    "Full stops and quotation marks are set as the code does. What the summary does for recall is given for every "
    "`until`, with 1 as plain prompting; the gain on STS needs a large language model.",
)
