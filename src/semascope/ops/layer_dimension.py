"""The intrinsic dimension of short token windows at every layer, beside that of the same tokens in another order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError, OptionError
from semascope.ops.cloud.dimension import LEAST, cells, gride
from semascope.ops.cloud.near import near
from semascope.ops.door import integer
from semascope.ops.door import texts as checked_texts
from semascope.ops.statistics import Interval
from semascope.types import Array, Progress, Tokens

AT_ONCE = 256  # windows whose token states are held at one time


@dataclass(frozen=True, eq=False)
class DimensionProfile:
    """Intrinsic dimension by layer.

    Args:
        layers: Numbers of the layers, from 0, the token vectors before the first block.
        real: Of windows of text, by layer.
        shuffled: Of the same windows with their tokens in another order; None where that was not asked for.
        to_last: Information imbalance from each layer to the last: what a layer's nearest leave unsaid of the last's; or None.
        from_last: The other way; or None.
        rows: The windows' vectors, float32 (layers, n, d).
    """

    layers: tuple[int, ...]
    real: tuple[Interval, ...]
    shuffled: tuple[Interval, ...] | None
    to_last: tuple[Interval, ...] | None
    from_last: tuple[Interval, ...] | None
    rows: NDArray[np.float32]

    @property
    def peak(self) -> int:
        """The layer of the highest dimension behind the first block; at layer 0 a window's last token is one of few vectors."""
        values = [one.value for one in self.real[1:]]
        return self.layers[1 + int(np.argmax(values))]

    @property
    def inner(self) -> bool:
        """Whether the peak is higher than the first block's and the last one's, and neither of the two itself."""
        return self.peak not in (self.layers[1], self.layers[-1])

    @property
    def height(self) -> float:
        """The dimension at the peak less that of shuffled tokens there; nan without these."""
        at = self.layers.index(self.peak)
        return float("nan") if self.shuffled is None else self.real[at].value - self.shuffled[at].value


def dimension_at(x: Array, *scales: int) -> tuple[Interval, ...]:
    """GRIDE's dimension of rows x (n, d) from neighbours `scale` and 2 `scale`, nearer ones where there are fewer than 4 `scale` rows.

    One for each of the scales.

    Raises:
        InputError: fewer than 20 rows that differ, or no rows of finite numbers.
        OptionError: a scale below 1.
    """
    graph = near(x, 2 * max(integer(scale, name="scale", least=1) for scale in scales))
    if len(graph.rows) < LEAST:
        raise InputError(f"X: want at least {LEAST} rows that differ to tell a dimension, got {len(graph.rows)}")
    most = min(len(graph.rows) // 4, graph.k // 2)
    cut = cells(x, graph)
    return tuple(gride(graph, cut, min(scale, most), 2 * min(scale, most)).dimension for scale in scales)


def token_windows(
    model: Any, texts: Sequence[str], *, length: int = 20, most: int = 1500, seed: int = 0
) -> NDArray[np.int32]:
    """Windows of `length` tokens that follow each other in one text, without special tokens, drawn without repeats: ids (n, length).

    Raises:
        InputError: fewer than 20 windows in these texts.
        OptionError: the model has no tokens to be run on.
    """
    if not hasattr(model, "tokenize") or not hasattr(model, "run"):
        raise OptionError(f"model: want one that can be run on tokens, got {type(model).__name__}")
    integer(length, name="length", least=2)
    tokens = model.tokenize(checked_texts(texts), special=False)
    found = [
        tokens.ids[at : at + length]
        for start, stop in zip(tokens.offsets[:-1].tolist(), tokens.offsets[1:].tolist(), strict=True)
        for at in range(start, stop - length + 1, length)
    ]
    if len(found) < LEAST:
        raise InputError(f"texts: want at least {LEAST} windows of {length} tokens, got {len(found)}")
    order = np.random.default_rng(seed).permutation(len(found))[:most]
    return np.stack([found[int(place)] for place in order]).astype(np.int32)


def window_rows(
    model: Any, ids: NDArray[np.int32], *, mean: bool = False, progress: Progress | None = None
) -> NDArray[np.float32]:
    """The state of each window's last token at every layer, or the mean of all its tokens': float32 (layers, n, d)."""
    parts: list[NDArray[np.float32]] = []
    n, length = ids.shape
    for start in range(0, n, AT_ONCE):
        some = ids[start : start + AT_ONCE]
        hidden = model.run(Tokens.of(some.tolist()), layers="all").hidden
        hidden = hidden.reshape(len(hidden), len(some), length, -1)
        parts.append(hidden.mean(axis=2, dtype=np.float64).astype(np.float32) if mean else hidden[:, :, -1])
        if progress is not None:
            progress(min(start + AT_ONCE, n), n)
    return np.concatenate(parts, axis=1)
