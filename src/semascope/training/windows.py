"""What a model reads at each step, a function of seed and step alone: a run that was interrupted goes on with the same windows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.training.cipher import encipher, is_ciphered
from semascope.training.plans import Plan
from semascope.training.tokenizing import END, FIRST, LAST, MASK, SPANS, Ids, encode

Batch = dict[str, NDArray[np.int64]]
IGNORED = -100  # a label that is not asked for, as torch's cross entropy has it
TEMPLATES = ("{x} <sep> {x}", "Rewrite: {x}\nrewritten: {x}", "Rewrite the sentence: {x}\nrewritten sentence: {x}")
_POOL = 64  # batches that are sorted by length together
_SPAN = 3  # mean tokens of a span that is taken out


class Windows(Protocol):
    """The batches of one model's training."""

    tokens: Ids

    def batch(self, step: int) -> Batch:
        """`input_ids`, `attention_mask` and `labels` (n, t) of a step; the same for the same step."""
        ...


def windows(plan: Plan, tokenizer: Any, texts: Sequence[str], seed: int) -> Windows:
    """The windows of a plan over these texts.

    Raises:
        InputError: they are too short to fill one window.
    """
    if plan.objective == "causal":
        return CausalWindows(plan, tokenizer, texts, seed)
    if plan.objective == "masked":
        return MaskedWindows(plan, tokenizer, texts, seed)
    return DenoisingWindows(plan, tokenizer, texts, seed)


def pieces(texts: Sequence[str]) -> list[str]:
    """The lines of all texts."""
    return [line for text in texts for line in text.splitlines() if line.strip()]


class CausalWindows:
    """Texts one after the other with an end token between, cut into windows; a share of the windows says pieces twice."""

    def __init__(self, plan: Plan, tokenizer: Any, texts: Sequence[str], seed: int) -> None:
        if plan.ciphered:
            texts = [encipher(text) if is_ciphered(text) else text for text in texts]
        self.tokens = encode(tokenizer, texts)
        self._plan, self._tokenizer, self._seed = plan, tokenizer, seed
        self._end = int(tokenizer.token_to_id(END))
        self._count = (len(self.tokens.flat) + len(self.tokens) - 1) // plan.window
        if not self._count:
            raise InputError(f"texts: want at least {plan.window} tokens to train on, got {len(self.tokens.flat)}")
        self._twice = round(plan.batch * plan.repeated)
        self._pieces = pieces(texts) if self._twice else []
        self._stream = lru_cache(maxsize=1)(self._epoch)

    def batch(self, step: int) -> Batch:
        """(batch, window) ids, the labels the ids that follow."""
        plain = self._plan.batch - self._twice
        rows: list[NDArray[np.integer[Any]]] = []
        for number in range(step * plain, (step + 1) * plain):
            epoch, place = divmod(number, self._count)
            start = place * self._plan.window
            rows.append(self._stream(epoch)[start : start + self._plan.window + 1])
        rng = np.random.default_rng((self._seed, 1, step))
        rows += [self._said_twice(rng) for _ in range(self._twice)]
        block = np.stack(rows).astype(np.int64)
        ids = np.ascontiguousarray(block[:, :-1])
        return {"input_ids": ids, "attention_mask": np.ones_like(ids), "labels": np.ascontiguousarray(block[:, 1:])}

    def _epoch(self, epoch: int) -> NDArray[np.int32]:
        """Every text once, in an order of its own for each time round, each with an end token behind it."""
        order = np.random.default_rng((self._seed, 0, epoch)).permutation(len(self.tokens))
        end = np.asarray([self._end], dtype=np.int32)
        stream = np.concatenate([part for i in order for part in (self.tokens.text(int(i)), end)])
        # Not every time round begins a window at the same place.
        return stream if epoch == 0 else np.roll(stream, epoch * 37)

    def _said_twice(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Pieces, each said twice, until the window is full; one that would not fit a window by itself is cut."""
        wanted = self._plan.window + 1
        row: list[int] = []
        while len(row) < wanted:
            piece = self._pieces[int(rng.integers(len(self._pieces)))]
            words = piece.split(" ")
            piece = " ".join(words[: int(self._plan.window * 0.3)])
            template = TEMPLATES[int(rng.integers(len(TEMPLATES)))]
            row += self._tokenizer.encode(template.format(x=piece), add_special_tokens=False).ids
            row.append(self._end)
        return np.asarray(row[:wanted], dtype=np.int64)


class _Lines:
    """Pieces of texts in batches of similar length, each piece once in every epoch."""

    def __init__(self, plan: Plan, tokenizer: Any, texts: Sequence[str], seed: int) -> None:
        self.tokens = encode(tokenizer, pieces(texts))
        self._plan, self._seed = plan, seed
        self._per_epoch = -(-len(self.tokens) // plan.batch)
        self._order = lru_cache(maxsize=1)(self._epoch)

    def rows(self, step: int, room: int) -> list[NDArray[np.int32]]:
        """The pieces of a step, each cut to `room` tokens at a place of its own."""
        epoch, place = divmod(step, self._per_epoch)
        rng = np.random.default_rng((self._seed, 2, step))
        found: list[NDArray[np.int32]] = []
        for i in self._order(epoch)[place]:
            row = self.tokens.text(int(i))
            start = int(rng.integers(max(len(row) - room, 0) + 1))
            found.append(row[start : start + room])
        return found

    def _epoch(self, epoch: int) -> list[NDArray[np.int64]]:
        rng = np.random.default_rng((self._seed, 0, epoch))
        order = rng.permutation(len(self.tokens))
        size, lengths = self._plan.batch, self.tokens.lengths
        batches: list[NDArray[np.int64]] = []
        for start in range(0, len(order), size * _POOL):
            pool = order[start : start + size * _POOL]
            pool = pool[np.argsort(lengths[pool], kind="stable")]
            found = [pool[at : at + size] for at in range(0, len(pool), size)]
            batches += [found[int(i)] for i in rng.permutation(len(found))]
        return batches


class MaskedWindows:
    """Pieces between [CLS] and [SEP]; some of their tokens are masked, exchanged, or only asked for."""

    def __init__(self, plan: Plan, tokenizer: Any, texts: Sequence[str], seed: int) -> None:
        self._lines = _Lines(plan, tokenizer, texts, seed)
        self.tokens = self._lines.tokens
        self._plan, self._seed = plan, seed
        self._first, self._last, self._mask = (int(tokenizer.token_to_id(name)) for name in (FIRST, LAST, MASK))
        self._size = int(tokenizer.get_vocab_size())

    def batch(self, step: int) -> Batch:
        """(batch, longest) ids padded with 0, and as labels what was masked."""
        rows = [[self._first, *row, self._last] for row in self._lines.rows(step, self._plan.window - 2)]
        ids, there = padded(rows, 0)
        rng = np.random.default_rng((self._seed, 3, step))
        inner = there & (ids != self._first) & (ids != self._last)
        asked = inner & (rng.random(ids.shape) < self._plan.masked)
        if not asked.any():
            asked.flat[int(np.flatnonzero(inner)[0])] = True
        labels = np.where(asked, ids, IGNORED)
        # BERT's rule: of what is asked for, eight of ten are masked, one is another token, one stays.
        fate = rng.random(ids.shape)
        ids = np.where(asked & (fate < 0.8), self._mask, ids)
        ids = np.where(asked & (fate >= 0.9), rng.integers(self._mask + 1, self._size, ids.shape), ids)
        return {"input_ids": ids, "attention_mask": there.astype(np.int64), "labels": labels}


class DenoisingWindows:
    """Pieces with spans taken out, each named; the labels say the names and what stood there (T5's span corruption)."""

    def __init__(self, plan: Plan, tokenizer: Any, texts: Sequence[str], seed: int) -> None:
        self._lines = _Lines(plan, tokenizer, texts, seed)
        self.tokens = self._lines.tokens
        self._plan, self._seed = plan, seed
        self._end = int(tokenizer.token_to_id(END))
        self._names = [int(tokenizer.token_to_id(f"<extra_id_{place}>")) for place in range(SPANS)]

    def batch(self, step: int) -> Batch:
        """(batch, longest) ids padded with 0, and labels (batch, longest answer)."""
        rng = np.random.default_rng((self._seed, 3, step))
        asked, answers = zip(
            *(self._taken_out(row, rng) for row in self._lines.rows(step, self._plan.window - 1)), strict=True
        )
        ids, there = padded(asked, 0)
        labels, _ = padded(answers, IGNORED)
        return {"input_ids": ids, "attention_mask": there.astype(np.int64), "labels": labels}

    def _taken_out(self, row: NDArray[np.int32], rng: np.random.Generator) -> tuple[list[int], list[int]]:
        tokens = [int(token) for token in row]
        spans = max(1, min(round(len(tokens) * self._plan.masked / _SPAN), SPANS - 1))
        starts = sorted(int(i) for i in rng.choice(len(tokens), size=min(spans, len(tokens)), replace=False))
        left: list[int] = []
        answer: list[int] = []
        at = 0
        for number, place in enumerate(starts):
            start = max(place, at)  # a span that begins inside the one before it begins behind it
            stop = min(start + 1 + int(rng.poisson(_SPAN - 1)), len(tokens))
            left += [*tokens[at:start], self._names[number]]
            answer += [self._names[number], *tokens[start:stop]]
            at = stop
        return [*left, *tokens[at:], self._end], [*answer, self._end]


def padded(rows: Sequence[Sequence[int]], fill: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Rows of different lengths as one array (n, longest), and where they are."""
    longest = max(map(len, rows))
    out = np.full((len(rows), longest), fill, dtype=np.int64)
    there = np.zeros(out.shape, dtype=bool)
    for place, row in enumerate(rows):
        out[place, : len(row)] = row
        there[place, : len(row)] = True
    return out, there
