"""One pass over a model with every layer looked at: what each text is at each layer, without holding all tokens."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError, OptionError
from semascope.ops.door import texts as checked_texts
from semascope.ops.layer_quality import curvature, prompt_entropy
from semascope.ops.rewording import CASES, cases, typos
from semascope.types import Kind, Progress

AT_ONCE = 64  # texts whose token states are held at one time, at most
HELD = 2**26  # numbers in them, layers x tokens x columns, unless one text has more


class LayerReading(NamedTuple):
    """What texts are at every layer of a model.

    Attributes:
        rows: The mean of each text's token states, special ones included, float32 (layers, n, d).
        entropy: Entropy of each text's token states by `prompt_entropy`, float64 (layers, n); nan below 2 tokens, or if not asked for.
        curvature: By `curvature`, float64 (layers, n); nan below 3 tokens, or if not asked for.
        token_mean: Mean of all token states, float64 (layers, d).
        token_spread: Standard deviation of each column over all tokens, float64 (layers, d).
        tokens: How many tokens there were.
    """

    rows: NDArray[np.float32]
    entropy: NDArray[np.float64]
    curvature: NDArray[np.float64]
    token_mean: NDArray[np.float64]
    token_spread: NDArray[np.float64]
    tokens: int


def read_every_layer(
    model: Any,
    texts: Sequence[str],
    *,
    kind: Kind = "document",
    paths: bool = True,
    alpha: float = 1.0,
    signed: bool = True,
    progress: Progress | None = None,
) -> LayerReading:
    """Run texts through a model once, and keep of every layer what is small.

    Args:
        model: A Reader: what gives token states.
        texts: At least one.
        kind: Whose prompt is put in front, where the model has prompts.
        paths: Whether the entropy and the curvature of each text are wanted.
        alpha: Order of the entropy.
        signed: Whether turning back counts in the curvature.
        progress: Told texts done and texts there are.

    Raises:
        InputError: no texts, or one of which the model keeps no token.
        OptionError: the model gives no token states.
    """
    items = checked_texts(texts)
    if not items:
        raise InputError("texts: want at least 1, got none")
    if not hasattr(model, "states"):
        raise OptionError(f"model: want one whose layers can be read, got {type(model).__name__}")
    # A model without prompts need not know of kinds.
    named = {"kind": kind} if kind != "document" and getattr(model, "prompts", None) else {}
    sums = _Sums(paths, alpha, signed)
    start = 0
    while start < len(items):
        stop = start + _fitting(items[start : start + AT_ONCE], sums.numbers, getattr(model, "max_length", None))
        states = model.states(items[start:stop], layers="all", **named)
        empty = np.flatnonzero(states.lengths == 0)
        if len(empty):
            raise InputError(f"texts: want a token in each, got none in text {start + int(empty[0])}")
        sums.add(states.hidden, states.offsets)
        start = stop
        if progress is not None:
            progress(start, len(items))
    return sums.reading()


def _fitting(texts: Sequence[str], numbers: int, longest: int | None) -> int:
    """How many of the next texts have states that can be held at once: one where it is not known yet how much a token takes."""
    if not numbers:
        return 1
    # A token stands for a byte or more; a few are put around a text, and a prompt before it.
    most = [min(len(text.encode("utf-8", "replace")) + 32, longest or HELD) for text in texts]
    return max(1, int(np.searchsorted(np.cumsum(most), HELD // numbers, side="right")))


class _Sums:
    """What is kept of states, layer by layer, so that one layer of them at a time is held in float64.

    Args:
        paths: As above.
        alpha: As above.
        signed: As above.
    """

    def __init__(self, paths: bool, alpha: float, signed: bool) -> None:
        self.numbers = 0  # of one token at all layers
        self._paths = paths
        self._alpha = alpha
        self._signed = signed
        self._parts: list[tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]] = []
        self._total, self._squares, self._count = np.zeros(0), np.zeros(0), 0

    def add(self, hidden: NDArray[np.float32], offsets: NDArray[np.int64]) -> None:
        """States (layers, tokens, d) of further texts."""
        layers, tokens, dim = hidden.shape
        if not self.numbers:
            self.numbers = layers * dim
            self._total, self._squares = np.zeros((layers, dim)), np.zeros((layers, dim))
        n = len(offsets) - 1
        rows = np.empty((layers, n, dim), np.float32)
        entropy, bend = np.full((layers, n), np.nan), np.full((layers, n), np.nan)
        for layer in range(layers):
            states = hidden[layer].astype(np.float64)
            self._total[layer] += states.sum(axis=0)
            self._squares[layer] += np.einsum("td,td->d", states, states)
            for text, (start, stop) in enumerate(pairwise(offsets.tolist())):
                own = states[start:stop]
                rows[layer, text] = own.mean(axis=0)
                if self._paths:
                    entropy[layer, text] = prompt_entropy(own, alpha=self._alpha)
                    bend[layer, text] = curvature(own, signed=self._signed)
        self._count += tokens
        self._parts.append((rows, entropy, bend))

    def reading(self) -> LayerReading:
        """Of all that was added."""
        mean = self._total / self._count
        spread = np.sqrt((self._squares / self._count - np.square(mean)).clip(0))
        rows, entropy, bend = (np.concatenate(one, axis=1) for one in zip(*self._parts, strict=True))
        return LayerReading(rows, entropy, bend, mean, spread, self._count)


def reworded_views(texts: Sequence[str], count: int, *, seed: int = 0) -> list[list[str]]:
    """The same texts with slips, some words in another case and some cut in two, in `count` ways, each drawn anew.

    As the paper's augmentations do: words split, keys beside the right one; ours change about three words in ten.
    """
    found: list[list[str]] = []
    for view in range(count):
        own = seed * 1000 + view
        slipped = typos(texts, 0.15, own)
        turned = cases(slipped, CASES[view % len(CASES)], 0.1, own)
        found.append([_split(text, np.random.default_rng((own, place))) for place, text in enumerate(turned)])
    return found


def _split(text: str, rng: np.random.Generator) -> str:
    """A text with one of its words of six or more letters cut in two; as it is where there is none."""
    words = text.split(" ")
    long = [place for place, word in enumerate(words) if len(word) >= 6 and word.isalpha()]
    if not long:
        return text
    place = long[int(rng.integers(len(long)))]
    word = words[place]
    at = int(rng.integers(2, len(word) - 1))
    words[place] = f"{word[:at]} {word[at:]}"
    return " ".join(words)
