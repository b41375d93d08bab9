"""How the states of tokens change from layer to layer."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.types import Array


class LayerReading(NamedTuple):
    """Of one text's tokens at every layer, float32 (layers, tokens) each."""

    to_own: NDArray[np.float32]  # cosine of a token's state with the mean state of that layer
    to_last: NDArray[np.float32]  # cosine of a token's state with its own at the last layer
    size: NDArray[np.float32]  # length of the state


def read_layers(hidden: Array) -> LayerReading:
    """Cosines and lengths of the states (layers, tokens, d) of one text; 0 where a state is zero.

    Raises:
        InputError: it has not three axes, or no layer.
    """
    x = np.asarray(hidden, dtype=np.float64)
    if x.ndim != 3 or not len(x):
        raise InputError(f"hidden: want states (layers, tokens, d), got shape {x.shape}")
    size = np.sqrt(np.einsum("ltd,ltd->lt", x, x))
    own = x.mean(axis=1, keepdims=True) if x.shape[1] else x
    last = np.broadcast_to(x[-1:], x.shape)
    return LayerReading(_cosines(x, np.broadcast_to(own, x.shape)), _cosines(x, last), size.astype(np.float32))


def _cosines(x: Array, y: Array) -> NDArray[np.float32]:
    product = np.einsum("ltd,ltd->lt", x, y)
    size = np.sqrt(np.einsum("ltd,ltd->lt", x, x) * np.einsum("ltd,ltd->lt", y, y))
    return np.where(size > 0, product / np.where(size > 0, size, 1), 0).astype(np.float32)
