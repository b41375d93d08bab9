"""From last states to a vector, as a Sentence Transformers folder says: pooling, dense layers, a norm, unit length."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semascope import registry
from semascope.errors import OptionError
from semascope.ops import unit
from semascope.types import Array, Pooling, States, Vectors


def _gelu(x: Array) -> Array:
    from scipy.special import erf

    return 0.5 * x * (1 + erf(x / np.sqrt(2)))


# What a dense layer may end with: a list, so that a folder can name no other code.
ACTIVATIONS: Mapping[str, Callable[[Array], Array]] = {
    "identity": lambda x: x,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "gelu": _gelu,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}


@dataclass(frozen=True, eq=False)
class DenseLayer:
    """One dense layer of vectors.

    Args:
        weight: float32 (out, in), as torch keeps it.
        bias: float32 (out,); None without one.
        activation: One of ACTIVATIONS.
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32] | None = None
    activation: str = "identity"

    def __post_init__(self) -> None:
        if self.activation not in ACTIVATIONS:
            raise OptionError(f"activation: want one of {', '.join(ACTIVATIONS)}; got {self.activation!r}")

    def __call__(self, x: Vectors) -> Vectors:
        """Rows (n, in) to float32 (n, out)."""
        out = x @ self.weight.T
        if self.bias is not None:
            out = out + self.bias
        return np.asarray(ACTIVATIONS[self.activation](out), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class NormLayer:
    """Layer norm of vectors.

    Args:
        weight: float32 (d,).
        bias: float32 (d,).
        eps: Added under the root.
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    eps: float = 1e-5

    def __call__(self, x: Vectors) -> Vectors:
        """Rows (n, d) to float32 (n, d)."""
        x64 = x.astype(np.float64)
        centred = x64 - x64.mean(axis=1, keepdims=True)
        scaled = centred / np.sqrt(np.square(centred).mean(axis=1, keepdims=True) + self.eps)
        return (scaled * self.weight + self.bias).astype(np.float32)


@dataclass(frozen=True)
class UnitLayer:
    """Length one, between other layers; at the end it is `normalize`."""

    def __call__(self, x: Vectors) -> Vectors:
        """Rows (n, d) to float32 (n, d) of length one; zero rows stay zero."""
        return unit(x)


Layer = DenseLayer | NormLayer | UnitLayer


@dataclass(frozen=True, eq=False)
class Head:
    """Pooling and what follows it.

    Args:
        poolings: Recipe texts of poolings; the vectors of several stand side by side.
        include_prompt: Whether the prompt's tokens are pooled too.
        layers: Dense layers, norms and unit lengths after the pooling, in order.
        normalize: Whether vectors are scaled to length one at the end.
    """

    poolings: tuple[str, ...] = ("mean",)
    include_prompt: bool = True
    layers: tuple[Layer, ...] = ()
    normalize: bool = False

    def __post_init__(self) -> None:
        if not self.poolings:
            raise OptionError("poolings: want at least one, got none")
        object.__setattr__(self, "_made", tuple(registry.make(text) for text in self.poolings))

    def __str__(self) -> str:
        text = "+".join(self.poolings) + ("" if self.include_prompt else " without prompt")
        return text + "".join(f" | {_named(layer)}" for layer in self.layers)

    def dim(self, width: int) -> int:
        """Columns of a vector, from those of a hidden state."""
        dense = [layer for layer in self.layers if isinstance(layer, DenseLayer)]
        return int(dense[-1].weight.shape[0]) if dense else width * len(self.poolings)

    def __call__(self, states: States, prompt: NDArray[np.int64]) -> Vectors:
        """Rows float32 (n, d) of states whose texts begin with so many prompt tokens each (n,)."""
        if not self.include_prompt and prompt.any():
            states = without_first(states, prompt)
        made: tuple[Pooling, ...] = getattr(self, "_made")  # noqa: B009 - set in a frozen class
        x = np.concatenate([pooling(states) for pooling in made], axis=1)
        empty = states.lengths == 0
        for layer in self.layers:
            x = layer(x)
        if self.normalize:
            x = unit(x)
        x[empty] = 0
        return x


def _named(layer: Layer) -> str:
    if isinstance(layer, DenseLayer):
        return f"dense({layer.weight.shape[0]}, {layer.activation})"
    return "norm" if isinstance(layer, NormLayer) else "unit"


def without_first(states: States, count: NDArray[np.int64]) -> States:
    """The states without the first `count` (n,) tokens of each text."""
    starts = np.repeat(states.offsets[:-1], states.lengths)
    places = np.arange(len(states.ids)) - starts
    kept = places >= np.repeat(count, states.lengths)
    lengths = np.maximum(states.lengths - count, 0)
    return dataclasses.replace(
        states,
        hidden=states.hidden[:, kept],
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        ids=states.ids[kept],
        spans=states.spans[kept],
    )
