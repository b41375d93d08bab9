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
from semascope.types import Progress

AT_ONCE = 64  # texts whose token states are held at one time


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
    paths: bool = True,
    alpha: float = 1.0,
    signed: bool = True,
    progress: Progress | None = None,
) -> LayerReading:
    """Run texts through a model once, and keep of every layer what is small.

    Args:
        model: A Reader: what gives token states.
        texts: At least one.
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
    parts: list[tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]] = []
    total, squares, count = np.zeros(0), np.zeros(0), 0
    for start in range(0, len(items), AT_ONCE):
        states = model.states(items[start : start + AT_ONCE], layers="all")
        empty = np.flatnonzero(states.lengths == 0)
        if len(empty):
            raise InputError(f"texts: want a token in each, got none in text {start + int(empty[0])}")
        hidden = states.hidden.astype(np.float64)
        parts.append(_kept(hidden, states.offsets, paths=paths, alpha=alpha, signed=signed))
        total = hidden.sum(axis=1) + (total if count else 0)
        squares = np.square(hidden).sum(axis=1) + (squares if count else 0)
        count += hidden.shape[1]
        if progress is not None:
            progress(min(start + AT_ONCE, len(items)), len(items))
    mean = total / count
    spread = np.sqrt((squares / count - np.square(mean)).clip(0))
    rows, entropy, bend = (np.concatenate(one, axis=1) for one in zip(*parts, strict=True))
    return LayerReading(rows, entropy, bend, mean, spread, count)


def _kept(
    hidden: NDArray[np.float64], offsets: NDArray[np.int64], *, paths: bool, alpha: float, signed: bool
) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]:
    layers, _, dim = hidden.shape
    n = len(offsets) - 1
    rows = np.empty((layers, n, dim), np.float32)
    entropy, bend = np.full((layers, n), np.nan), np.full((layers, n), np.nan)
    for text, (start, stop) in enumerate(pairwise(offsets.tolist())):
        own = hidden[:, start:stop]
        rows[:, text] = own.mean(axis=1)
        if paths:
            entropy[:, text] = [prompt_entropy(one, alpha=alpha) for one in own]
            bend[:, text] = [curvature(one, signed=signed) for one in own]
    return rows, entropy, bend


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
