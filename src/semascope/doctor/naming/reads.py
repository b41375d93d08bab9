"""An encoder's vectors under every layer and pooling, from one pass over its tokens."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.doctor.naming.candidates import Candidate, Reading
from semascope.encoders import CutTextWarning, EmptyTextWarning, StaticEncoder, TransformerEncoder
from semascope.types import Array, States, Tokens

Tick = Callable[[], None]
_WORDS = re.compile(r"\w+|[^\w\s]")
_AT_ONCE = 2_048  # tokens whose states at all layers are held together
_POOLINGS = (
    *("mean", "mean without special tokens", "mean without prompt", "first", "last", "last word", "max"),
    *("weighted by position", "weighted by position, without special tokens"),
)


@dataclass(frozen=True)
class Way:
    """Layers and pooling."""

    layers: tuple[int, ...]
    pooling: str


def reads_of(encoder: Any) -> Reads:
    """Whatever an encoder lets be tried."""
    if isinstance(encoder, TransformerEncoder):
        return TransformerReads(encoder)
    if isinstance(encoder, StaticEncoder):
        return StaticReads(encoder)
    return Reads(encoder)


class Reads:
    """An encoder of which nothing but its own vectors can be had. Texts are given as a reading lays them out.

    Args:
        encoder: Anything with `encode`.
    """

    cuttable = False

    def __init__(self, encoder: Any) -> None:
        self.encoder = encoder
        self.name = str(getattr(encoder, "name", "") or type(encoder).__name__)
        self.ways: tuple[Way, ...] = (Way((), "own"),)
        self.own_way = self.ways[0]
        self._seen: dict[Any, NDArray[np.float32]] = {}

    @property
    def width(self) -> int:
        """Columns of a vector."""
        return int(self.encoder.dim)

    @property
    def own(self) -> Reading:
        """How the encoder reads documents."""
        return Reading()

    @property
    def longest(self) -> int | None:
        """Tokens that the model can read."""
        return None

    def prompts(self) -> tuple[str, ...]:
        """The encoder's own prompts."""
        found = dict(getattr(self.encoder, "prompts", None) or {})
        return tuple(str(text) for text in found.values() if text)

    def lengths(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """How long texts are, in tokens where those are to be had: (n,)."""
        return np.array([len(text.split()) for text in texts], dtype=np.int64)

    def keys(self, texts: Sequence[str], reading: Reading) -> list[Any]:
        """What the model is shown of every text: two readings with equal keys give equal vectors."""
        return [reading.prompt + text for text in texts]

    def counts(self, texts: Sequence[str], reading: Reading) -> NDArray[np.int64]:
        """Tokens that are pooled of each text, (n,)."""
        return self.lengths([reading.prompt + text for text in texts])

    def pooled(self, texts: Sequence[str], reading: Reading, tick: Tick | None = None) -> NDArray[np.float32]:
        """The vectors of texts, float32 (n, ways, width); what was read once is not read again."""
        keys = self.keys(texts, reading)
        new = {key: None for key in keys if key not in self._seen}
        if new:
            self._read(list(new), tick)
        return np.stack([self._seen[key] for key in keys])

    def forget(self) -> None:
        """Let go of all that was read."""
        self._seen.clear()

    def vectors(self, texts: Sequence[str], candidate: Candidate, tick: Tick | None = None) -> NDArray[np.float32]:
        """The vectors of one candidate's way, float32 (n, width); nothing of them is kept."""
        place = self.ways.index(Way(candidate.layers, candidate.pooling))
        out: list[Array] = []
        for start in range(0, len(texts), 64):
            out.append(self.pooled(texts[start : start + 64], candidate.reading, tick)[:, place].copy())
            self.forget()
        return np.concatenate([np.zeros((0, self.width), np.float32), *out])

    def _read(self, keys: list[Any], tick: Tick | None) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CutTextWarning)
            warnings.simplefilter("ignore", EmptyTextWarning)
            rows = self.encoder.encode(keys)
        for key, row in zip(keys, rows, strict=True):
            self._seen[key] = np.asarray(row, dtype=np.float32)[None]
        if tick is not None:
            tick()


class StaticReads(Reads):
    """A static encoder: its tokens do not see each other, so that a cut is a cut of their list."""

    cuttable = True

    def __init__(self, encoder: StaticEncoder) -> None:
        super().__init__(encoder)
        self._tokens: dict[str, NDArray[np.float32]] = {}

    @property
    def own(self) -> Reading:
        """As the encoder reads."""
        return Reading(max_length=self.encoder.max_length)

    def lengths(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Words and marks of texts, (n,), which take no time to count: about as many as tokens."""
        return np.array([len(_WORDS.findall(text)) for text in texts], dtype=np.int64)

    def forget(self) -> None:
        """Let go of all that was read."""
        super().forget()
        self._tokens.clear()

    def _of(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        """The token vectors of every text, read once."""
        new = list(dict.fromkeys(text for text in texts if text not in self._tokens))
        if new:
            states = self.encoder.states(new)
            self._tokens |= dict(zip(new, np.split(states.hidden[-1], states.offsets[1:-1]), strict=True))
        return [self._tokens[text] for text in texts]

    def counts(self, texts: Sequence[str], reading: Reading) -> NDArray[np.int64]:
        """Tokens that are pooled of each text, (n,)."""
        lengths = np.array([len(one) for one in self._of([reading.prompt + text for text in texts])], dtype=np.int64)
        return lengths if reading.max_length is None else np.minimum(lengths, reading.max_length)

    def keys(self, texts: Sequence[str], reading: Reading) -> list[Any]:
        """The text and which of its tokens are read."""
        shown = [reading.prompt + text for text in texts]
        if reading.max_length == self.encoder.max_length and reading.side == "right":
            return [(text, 0, -1) for text in shown]
        most = reading.max_length or 10**9
        spans = [
            (0, -1) if n <= most else (0, most) if reading.side == "right" else (n - most, n)
            for n in map(len, self._of(shown))
        ]
        return [(text, *span) for text, span in zip(shown, spans, strict=True)]

    def _read(self, keys: list[Any], tick: Tick | None) -> None:
        whole = [key for key in keys if key[2] < 0]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", EmptyTextWarning)
            rows = self.encoder.encode([key[0] for key in whole])
        for key, row in zip(whole, rows, strict=True):
            self._seen[key] = row[None]
        cut = [key for key in keys if key[2] >= 0]
        for key, tokens in zip(cut, self._of([key[0] for key in cut]), strict=True):
            mean = tokens[key[1] : key[2]].mean(axis=0, dtype=np.float64)
            size = float(np.linalg.norm(mean)) if self.encoder.normalize else 1.0
            self._seen[key] = (mean / (size or 1.0)).astype(np.float32)[None]
        if tick is not None:
            tick()


class TransformerReads(Reads):
    """A transformer: every layer and several averages of layers, pooled in every usual way."""

    cuttable = True

    def __init__(self, encoder: TransformerEncoder) -> None:
        super().__init__(encoder)
        self._cut_up: dict[str, NDArray[np.int32]] = {}
        depth = encoder.depth
        singles = tuple((layer,) for layer in range(depth, -1, -1))
        pairs = {(1, depth), (0, depth), (depth - 1, depth), tuple(range(max(depth - 3, 1), depth + 1))}
        self.stacks = (*singles, *sorted(pair for pair in pairs if len(set(pair)) > 1))
        ways = [Way(layers, pooling) for layers in self.stacks for pooling in _POOLINGS]
        self.own_way = self._own_way()
        self.ways = tuple(ways) if self.own_way in ways else (*ways, self.own_way)

    def _own_way(self) -> Way:
        head = self.encoder.head
        named = {"mean": "mean", "first": "first", "last": "last", "max": "max", "weighted": "weighted by position"}
        plain = len(head.poolings) == 1 and head.poolings[0] in named and not head.layers
        if not plain:
            return Way((), "own")
        pooling = named[head.poolings[0]]
        if not head.include_prompt and self.encoder.prompts:
            pooling = "mean without prompt" if pooling == "mean" else "own"
        return Way((), "own") if pooling == "own" else Way((self.encoder.depth,), pooling)

    @property
    def width(self) -> int:
        """Columns of a state."""
        return int(self.encoder.width)

    @property
    def own(self) -> Reading:
        """As the encoder reads documents."""
        manner = self.encoder.manner
        return Reading(prompt=manner.prompt("document"), max_length=manner.max_length, side=manner.side)

    @property
    def longest(self) -> int | None:
        """Positions of the model."""
        return self.encoder.engine.architecture.longest

    def prompts(self) -> tuple[str, ...]:
        """All that its folder names."""
        return tuple(text for text in self.encoder.manner.prompts.values() if text)

    def lengths(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Tokens of texts with special ones, (n,)."""
        around = sum(map(len, self._around))
        return np.array([len(ids) + around for ids in self._ids(list(texts))], dtype=np.int64)

    def counts(self, texts: Sequence[str], reading: Reading) -> NDArray[np.int64]:
        """Tokens that are pooled of each text, (n,)."""
        return np.array([len(key[0]) // 4 for key in self.keys(texts, reading)], dtype=np.int64)

    def keys(self, texts: Sequence[str], reading: Reading) -> list[Any]:
        """Ids, how many of them in front are the prompt's, and how many at either end are special ones."""
        limits = [one for one in (reading.max_length, self.longest) if one is not None]
        before, after = self._around if reading.special else ((), ())
        room = max(min(limits) - len(before) - len(after), 1) if limits else None
        asked = len(before) + len(self._ids([reading.prompt])[0]) if reading.prompt else 0
        made: list[Any] = []
        for ids in self._ids([reading.prompt + text for text in texts]):
            kept = ids if room is None else ids[:room] if reading.side == "right" else ids[-room:]
            whole = np.concatenate([before, kept, after]).astype(np.int32)
            made.append((whole.tobytes(), min(asked, len(whole)), reading.special))
        return made

    def _ids(self, texts: list[str]) -> list[NDArray[np.int32]]:
        """Ids of whole texts without special tokens, cut up once."""
        new = list(dict.fromkeys(text for text in texts if text not in self._cut_up))
        if new:
            tokens = self.encoder.tokenizer.read(new, special=False, spans=False).tokens
            self._cut_up |= dict(zip(new, np.split(tokens.ids, tokens.offsets[1:-1]), strict=True))
        return [self._cut_up[text] for text in texts]

    def forget(self) -> None:
        """Let go of all that was read."""
        super().forget()
        self._cut_up.clear()

    @cached_property
    def _around(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The special tokens before and after a text."""
        tokens = self.encoder.tokenizer.read(["a"], spans=True).tokens
        inner = np.flatnonzero(tokens.spans[:, 0] >= 0)
        return (tokens.ids[: inner[0]], tokens.ids[inner[-1] + 1 :]) if len(inner) else (tokens.ids[:0], tokens.ids[:0])

    def vectors(self, texts: Sequence[str], candidate: Candidate, tick: Tick | None = None) -> NDArray[np.float32]:
        """The vectors of one candidate's way, float32 (n, width): no other layer is read, and nothing is kept."""
        if candidate.pooling == "own":
            return super().vectors(texts, candidate, tick)
        out = np.zeros((len(texts), self.width), np.float32)
        place = _POOLINGS.index(candidate.pooling)
        for start in range(0, len(texts), 32):
            keys = self.keys(texts[start : start + 32], candidate.reading)
            states = self._states(keys, candidate.layers)
            mean = states.hidden.mean(axis=0, keepdims=True)
            for i, key in enumerate(keys):
                part = mean[:, states.offsets[i] : states.offsets[i + 1]]
                out[start + i] = self._pool(part, key, ((0,),))[place]
            if tick is not None:
                tick()
        return out

    def _states(self, keys: list[Any], layers: Any) -> States:
        rows = [np.frombuffer(key[0], dtype=np.int32) for key in keys]
        offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
        ids = np.concatenate(rows).astype(np.int32)
        return self.encoder.run(Tokens(ids, offsets, np.full((len(ids), 2), -1, np.int32)), layers=layers)

    def _read(self, keys: list[Any], tick: Tick | None) -> None:
        part: list[Any] = []
        held = 0
        for key in sorted(keys, key=lambda one: len(one[0])):
            part.append(key)
            held += len(key[0]) // 4
            if held >= _AT_ONCE or len(part) >= 64:
                self._run(part, tick)
                part, held = [], 0
        if part:
            self._run(part, tick)

    def _run(self, keys: list[Any], tick: Tick | None) -> None:
        states = self._states(keys, "all")
        own = None
        if self.own_way.pooling == "own":
            last = States(states.hidden[-1:], states.offsets, states.ids, states.spans, (-1,))
            own = self.encoder.head(last, np.array([key[1] for key in keys], dtype=np.int64))
        for i, key in enumerate(keys):
            made = self._pool(states.hidden[:, states.offsets[i] : states.offsets[i + 1]], key, self.stacks)
            self._seen[key] = made if own is None else np.concatenate([made, _padded(own[i], self.width)])
        if tick is not None:
            tick()

    def _pool(self, hidden: Array, key: Any, stacks: Sequence[tuple[int, ...]]) -> NDArray[np.float32]:
        """Every pooling of every stack: float32 (stacks * poolings, width), from the states (layers, tokens, width) of one text."""
        count = hidden.shape[1]
        out = np.zeros((len(stacks), len(_POOLINGS), hidden.shape[2]), np.float32)
        if not count:
            return out.reshape(-1, hidden.shape[2])
        before, after = map(len, self._around if key[2] else ((), ()))
        first = min(before, count)
        last = max(count - after, first)
        words = slice(first, last) if last > first else slice(0, count)
        asked = slice(key[1], count) if key[1] < count else slice(0, count)
        place = np.arange(1, count + 1, dtype=np.float32)
        inner = np.zeros(count, np.float32)
        inner[words] = np.arange(1, words.stop - words.start + 1)
        made = np.stack(
            [
                hidden.mean(axis=1, dtype=np.float64),
                hidden[:, words].mean(axis=1, dtype=np.float64),
                hidden[:, asked].mean(axis=1, dtype=np.float64),
                hidden[:, 0],
                hidden[:, -1],
                hidden[:, words.stop - 1],
                hidden.max(axis=1),
                np.einsum("t,ltd->ld", place / place.sum(), hidden),
                np.einsum("t,ltd->ld", inner / inner.sum(), hidden),
            ],
            axis=1,
        )
        for place_of, stack in enumerate(stacks):
            out[place_of] = made[list(stack)].mean(axis=0)
            if len(stack) > 1:  # the largest of an average is not the average of the largest
                out[place_of, _POOLINGS.index("max")] = hidden[list(stack)].mean(axis=0).max(axis=0)
        return out.reshape(-1, hidden.shape[2])


def _padded(row: Array, width: int) -> NDArray[np.float32]:
    """A row of the encoder's own as wide as a state: zeros behind it, or cut."""
    out = np.zeros((1, width), np.float32)
    out[0, : min(width, len(row))] = row[:width]
    return out
