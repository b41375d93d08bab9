"""A transformer of a few thousand random weights in plain numpy: what contract checks read with, and what engines agree with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from semascope.errors import OptionError
from semascope.ops import digest, each_text
from semascope.ops import texts as checked_texts
from semascope.passport import Passport
from semascope.types import Array, Attention, Batch, Kind, Patch, Progress, States, Tokens, Vectors

START, END = 256, 257  # the special tokens; all others are bytes


class TinyModel:
    """A `Model` with random weights over the bytes of UTF-8: norm first, learned nothing, exact whatever the batch.

    Every text is computed by itself in float64, so its bits depend on nothing else; patches still see several texts at
    once, out of order, as real engines hand them over.

    Args:
        seed: Of the weights.
        depth: Blocks.
        width: Columns of a hidden state.
        heads: Of attention.
        causal: Whether a token sees only what stands before it.
        speaks: Whether it gives the next token.
        max_length: Tokens that `tokenize` keeps of a text.
        together: Texts that a patch sees at once.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        depth: int = 3,
        width: int = 16,
        heads: int = 2,
        causal: bool = True,
        speaks: bool = True,
        max_length: int | None = None,
        together: int = 3,
    ) -> None:
        rng = np.random.default_rng(seed)
        self.depth, self.width, self.heads, self.causal, self.speaks = depth, width, heads, causal, speaks
        self.max_length, self.together, self.seed = max_length, together, seed
        self.table = rng.normal(size=(END + 1, width))
        scale = width**-0.5
        self.blocks = [
            {
                name: rng.normal(size=shape) * scale
                for name, shape in {
                    "q": (width, width),
                    "k": (width, width),
                    "v": (width, width),
                    "out": (width, width),
                    "up": (width, 2 * width),
                    "down": (2 * width, width),
                }.items()
            }
            for _ in range(depth)
        ]

    @property
    def dim(self) -> int:
        """Columns of a vector."""
        return self.width

    @property
    def passport(self) -> Passport:
        """Says which weights these are."""
        weights = digest(self.table, *(block[name] for block in self.blocks for name in block))
        return Passport(kind="tiny", dim=self.width, weights=weights, max_length=self.max_length, normalize=False)

    def encode(
        self,
        texts: Sequence[str],
        *,
        kind: Kind = "document",
        batch_size: int | None = None,
        progress: Progress | None = None,
    ) -> Vectors:
        """The mean of each text's last states, float32 (n, width)."""
        del kind, batch_size
        out = each_text(self.states(texts), lambda rows: rows.mean(axis=0, dtype=np.float64))
        if progress is not None:
            progress(len(out), len(out))
        return out

    def states(self, texts: Sequence[str], *, layers: Sequence[int] | Literal["all"] = (-1,)) -> States:
        """Token states of texts, special tokens among them."""
        return self.run(self.tokenize(texts), layers=layers)

    def tokenize(self, texts: Sequence[str], *, special: bool = True) -> Tokens:
        """A start token and the bytes of each text; a byte's span is its character's."""
        ids: list[list[int]] = []
        spans: list[list[tuple[int, int]]] = []
        for text in checked_texts(texts):
            row, places = ([START], [(-1, -1)]) if special else ([], [])
            for place, character in enumerate(text):
                for byte in character.encode("utf-8", "replace"):
                    row.append(byte)
                    places.append((place, place + 1))
            ids.append(row[: self.max_length])
            spans.append(places[: self.max_length])
        bare = Tokens.of(ids)
        flat = np.array([span for row in spans for span in row], dtype=np.int32).reshape(-1, 2)
        return Tokens(bare.ids, bare.offsets, flat)

    def detokenize(self, ids: Sequence[int]) -> str:
        """The text of token ids; special tokens have none."""
        return bytes(int(i) for i in ids if i < START).decode("utf-8", "replace")

    def run(
        self,
        tokens: Tokens,
        *,
        layers: Sequence[int] | Literal["all"] = (-1,),
        attention: Attention | None = None,
        patch: Patch | None = None,
    ) -> States:
        """Hidden states of the layers asked for, float32, in the order of the texts; a patch at `depth` sees them unnormed."""
        named = tuple(range(self.depth + 1)) if layers == "all" else tuple(layers)
        wrong = [layer for layer in named if not -self.depth - 1 <= layer <= self.depth]
        if wrong:
            raise OptionError(f"layers: want numbers from {-self.depth - 1} to {self.depth}, got {wrong}")
        causal = self.causal if attention is None else attention == "causal"
        out = np.zeros((self.depth + 1, len(tokens.ids), self.width))
        order: NDArray[np.int64] = np.argsort(-tokens.lengths, kind="stable").astype(np.int64)
        for start in range(0, len(order), self.together):
            places = order[start : start + self.together]
            rows = np.concatenate([np.arange(*tokens.offsets[i : i + 2].tolist()) for i in places.tolist()])
            out[:, rows] = self._batch(tokens.take(places), places, causal=causal, patch=patch)
        hidden = out[[layer % (self.depth + 1) for layer in named]].astype(np.float32)
        return States(hidden, tokens.offsets, tokens.ids, tokens.spans, named)

    def logits(self, hidden: Array) -> Vectors:
        """Products with the rows of the token table over the root of their width, (m, 258)."""
        if not self.speaks:
            raise OptionError("model: want one that gives the next token, got one without a head")
        return (np.asarray(hidden, np.float64) @ self.table.T * self.width**-0.5).astype(np.float32)

    def log_likelihood(self, tokens: Tokens) -> NDArray[np.float32]:
        """Log p of each token after those before it; 0 for the first of a text."""
        hidden = self.run(tokens, attention="causal").hidden[-1]
        out = np.zeros(len(tokens.ids), np.float32)
        first = np.zeros(len(tokens.ids), bool)
        first[tokens.offsets[:-1][tokens.lengths > 0]] = True
        at = np.flatnonzero(~first)
        out[at] = _log_softmax(self.logits(hidden[at - 1]))[np.arange(len(at)), tokens.ids[at]]
        return out

    def generate(
        self, tokens: Tokens, *, most: int, temperature: float = 1.0, top_p: float = 1.0, seed: int = 0
    ) -> Tokens:
        """Sampled tokens after each text, up to an end token, which is left out; a text of no tokens gets none."""
        rng = np.random.default_rng(seed)
        rows: list[list[int]] = []
        for text in range(len(tokens)):
            known = [int(i) for i in tokens.take([text]).ids]
            new: list[int] = []
            while known and len(new) < most:
                hidden = self.run(Tokens.of([known + new])).hidden[-1]
                token = _drawn(self.logits(hidden[-1:])[0], temperature, top_p, rng)
                if token == END:
                    break
                new.append(token)
            rows.append(new)
        return Tokens.of(rows)

    def _batch(self, tokens: Tokens, places: NDArray[np.int64], *, causal: bool, patch: Patch | None) -> Array:
        bounds = list(zip(tokens.offsets[:-1].tolist(), tokens.offsets[1:].tolist(), strict=True))
        hidden = self.table[tokens.ids].copy()
        for start, stop in bounds:
            hidden[start:stop] += _waves(stop - start, self.width)
        layers: list[Array] = []
        for layer in range(self.depth + 1):
            if layer:
                hidden = hidden.copy()
                for start, stop in bounds:
                    hidden[start:stop] = self._block(hidden[start:stop], self.blocks[layer - 1], causal=causal)
            if patch is not None:
                changed = patch(layer, hidden, Batch(texts=places, offsets=tokens.offsets))
                hidden = hidden if changed is None else changed
            layers.append(_normed(hidden) if layer == self.depth else hidden)
        return np.stack(layers)

    def _block(self, x: Array, weights: dict[str, Any], *, causal: bool) -> Array:
        if not len(x):
            return x
        read = _normed(x)
        shape = (len(x), self.heads, -1)
        q, k, v = ((read @ weights[name]).reshape(shape).transpose(1, 0, 2) for name in "qkv")
        scores = q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1])
        if causal:
            scores = np.where(np.tri(len(x), dtype=bool), scores, -np.inf)
        shares = np.exp(_log_softmax(scores))
        x = x + (shares @ v).transpose(1, 0, 2).reshape(len(x), -1) @ weights["out"]
        return x + np.maximum(_normed(x) @ weights["up"], 0) @ weights["down"]


def _waves(length: int, width: int) -> Array:
    """Sines and cosines of the place, as the first transformer had them."""
    angles = np.arange(length)[:, None] / 10_000 ** (np.arange(0, width, 2) / width)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(length, -1)


def _normed(x: Array) -> Array:
    x = x - x.mean(axis=-1, keepdims=True)
    return x / np.sqrt(np.square(x).mean(axis=-1, keepdims=True) + 1e-12)


def _log_softmax(scores: Array) -> Array:
    scores = np.asarray(scores, np.float64)
    scores = scores - scores.max(axis=-1, keepdims=True)
    return scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))


def _drawn(logits: Array, temperature: float, top_p: float, rng: np.random.Generator) -> int:
    if temperature == 0:
        return int(logits.argmax())
    shares = np.exp(_log_softmax(np.asarray(logits, np.float64) / temperature))
    order = np.argsort(-shares, kind="stable")
    kept = order[: int(np.searchsorted(np.cumsum(shares[order]), top_p)) + 1]
    return int(rng.choice(kept, p=shares[kept] / shares[kept].sum()))
