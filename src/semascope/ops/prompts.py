"""Texts inside prompts: tokens of the whole, and which of them are the text's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError, OptionError
from semascope.types import Model, Tokens

TEXT = "{text}"


@dataclass(frozen=True, eq=False)
class Prompts:
    """Prompts with a text in each, as tokens.

    Args:
        tokens: Of the whole prompts; spans count their characters. Special tokens behind a prompt are left out, so that a
            model can go on from its end.
        places: int64 (n, copies, 2): from which row of `tokens.ids` to before which every copy of the text goes.
        wholes: The prompts as they were read, their texts cut where they were too long.
    """

    tokens: Tokens
    places: NDArray[np.int64]
    wholes: tuple[str, ...]

    def inside(self, copy: int) -> NDArray[np.bool_]:
        """Which tokens are those of that copy of the text, (tokens,)."""
        out = np.zeros(len(self.tokens.ids), bool)
        for start, stop in self.places[:, copy].tolist():
            out[start:stop] = True
        return out


def prompted(model: Model, template: str, texts: Sequence[str], *, most: int | None = None, spare: int = 0) -> Prompts:
    """Put each text into the template wherever that says {text}, and say which tokens became the text's.

    A text too long for the model, or of more than `most` tokens, loses its end, every copy at the same character; the
    template is never cut. A token that holds characters of the text and of the template counts as the text's.

    Args:
        model: Whose tokens.
        template: Holds {text} once or more.
        texts: What is put there, as it is.
        most: Tokens of a copy.
        spare: Tokens that will be added to each prompt, for which room is left.

    Raises:
        OptionError: the template has no {text}, or does not fit into the model.
        InputError: the tokenizer does not say which characters its tokens stand for.
    """
    parts = template.split(TEXT)
    copies = len(parts) - 1
    if not copies:
        raise OptionError(f"template: want {TEXT} in it, got {template!r}")
    budget = _budget(model, parts, most, spare)
    bare = model.tokenize(texts, special=False)
    if len(bare.ids) and (bare.spans < 0).all():
        raise InputError("model: want a tokenizer that says which characters a token stands for, got one that does not")
    cut = [_cut(text, bare, place, budget) for place, text in enumerate(texts)]
    tokens = model.tokenize([text.join(parts) for text in cut])
    # The start of a text can have more tokens than it had as a part of the whole: cut on until all of the prompt fits.
    while late := [i for i in _too_long(model, tokens, [text.join(parts) for text in cut], spare) if cut[i]]:
        for place in late:
            cut[place] = cut[place][: len(cut[place]) * 7 // 8]
        tokens = model.tokenize([text.join(parts) for text in cut])
    tokens = _open(tokens)
    places = np.zeros((len(cut), copies, 2), np.int64)
    for place, text in enumerate(cut):
        start = 0
        for copy in range(copies):
            start += len(parts[copy])
            places[place, copy] = _rows(tokens, place, start, start + len(text))
            start += len(text)
    return Prompts(tokens, places, tuple(text.join(parts) for text in cut))


def _budget(model: Model, parts: Sequence[str], most: int | None, spare: int) -> int | None:
    """Tokens of a copy that fit, or None where any number does."""
    if model.max_length is None:
        return most
    alone = len(model.tokenize(["".join(parts)]).ids)
    room = (model.max_length - spare - alone) // (len(parts) - 1)
    if room < 1:
        raise OptionError(
            f"template: want one that leaves room for a text among {model.max_length} tokens, got one of at least {alone}"
            + (f", and {spare} more to come" if spare else "")
        )
    return room if most is None else min(room, most)


def _cut(text: str, bare: Tokens, place: int, budget: int | None) -> str:
    start, stop = bare.offsets[place : place + 2].tolist()
    if budget is None or stop - start <= budget:
        return text
    return text[: int(bare.spans[start + budget - 1, 1])] if budget else ""


def _too_long(model: Model, tokens: Tokens, wholes: Sequence[str], spare: int) -> list[int]:
    """Which prompts leave no room for the spare tokens, or were cut by the tokenizer."""
    if model.max_length is None:
        return []
    over = np.flatnonzero(tokens.lengths > model.max_length - spare).tolist()
    full = np.flatnonzero(tokens.lengths == model.max_length).tolist()
    return sorted(
        {*over, *(i for i in full if not _reached(wholes[i], tokens.spans[slice(*tokens.offsets[i : i + 2])]))}
    )


def _reached(whole: str, spans: NDArray[np.int32]) -> bool:
    """Whether tokens reach from a prompt's first character to its last."""
    spans = spans[spans[:, 0] >= 0]
    first, last = len(whole) - len(whole.lstrip()), len(whole.rstrip())
    return first == last or (len(spans) > 0 and int(spans[:, 0].min()) <= first and int(spans[:, 1].max()) >= last)


def _open(tokens: Tokens) -> Tokens:
    """Without special tokens behind the last one that stands for characters; those in front stay."""
    kept = np.ones(len(tokens.ids), bool)
    for start, stop in pairwise(tokens.offsets.tolist()):
        real = np.flatnonzero(tokens.spans[start:stop, 0] >= 0)
        if len(real):
            kept[start + int(real[-1]) + 1 : stop] = False
    before = np.concatenate([[0], np.cumsum(kept)]).astype(np.int64)
    return Tokens(tokens.ids[kept], before[tokens.offsets], tokens.spans[kept])


def _rows(tokens: Tokens, place: int, start: int, stop: int) -> tuple[int, int]:
    first, last = tokens.offsets[place : place + 2].tolist()
    spans = tokens.spans[first:last]
    inside = np.flatnonzero((spans[:, 0] >= 0) & (spans[:, 0] < stop) & (spans[:, 1] > start))
    return (first + int(inside[0]), first + int(inside[-1]) + 1) if len(inside) else (first, first)


def reads_forward(model: Model, who: str) -> None:
    """Refuse a model that reads both ways.

    Args:
        model: Whose reading is asked for.
        who: The method that needs it, for the message.

    Raises:
        OptionError: a token of the model sees what stands behind it.
    """
    if not model.causal:
        raise OptionError(f"{who}: want a model that reads from left to right (causal), got one that reads both ways")
