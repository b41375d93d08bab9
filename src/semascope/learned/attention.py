"""Token states -> a small trained network of attention -> one row: poolings that learned what to look for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError, OptionError
from semascope.ops import unit
from semascope.ops.segments import each_stack, each_text, want_width, with_layers
from semascope.types import Array, States, Vectors

_TOKENS = 1024  # of one text taken at once: what is widened for each is many times its size
_EPSILON = 1e-5  # of the variance in a layer norm, as everywhere

Weights = Mapping[str, Any]  # names as in `CrossAttention` -> numpy arrays, or tensors while training


def block(w: Weights, heads: int, askers: Any, asked: Any, ops: Any) -> Any:
    """What a transformer's block of cross-attention makes of `askers` (..., a, d) that look at `asked` (..., b, d).

    x = askers + Attention(norm(askers), norm(asked)); x + FeedForward(norm(x)), the latter gated by GELU. Without masks:
    whoever is not to be looked at is left out.

    Args:
        w: The arrays of `CrossAttention`.
        heads: Among which the attention is split.
        askers: Queries, before their norm.
        asked: Keys and values, before their norm.
        ops: `InNumpy`, or `InTorch` where gradients are wanted.
    """
    look = ops.norm(asked, w["norms"][1])
    q, k, v = (
        _split(x @ w[name], heads)
        for x, name in ((ops.norm(askers, w["norms"][0]), "query"), (look, "key"), (look, "value"))
    )
    found = ops.softmax(q @ k.swapaxes(-1, -2) * (q.shape[-1] ** -0.5)) @ v
    found = found.swapaxes(-2, -3)
    x = askers + found.reshape(*found.shape[:-2], -1) @ w["out"]
    wide = ops.norm(x, w["norms"][2]) @ w["widen"] + w["widen_shift"]
    half = wide.shape[-1] // 2
    return x + (wide[..., :half] * ops.gelu(wide[..., half:])) @ w["narrow"] + w["narrow_shift"]


def _split(x: Any, heads: int) -> Any:
    return x.reshape(*x.shape[:-1], heads, -1).swapaxes(-2, -3)


class InNumpy:
    """What `block` asks of numpy, which is all that pooling needs."""

    @staticmethod
    def norm(x: Array, norm: Array) -> Array:
        """Rows of mean 0 and variance 1, times a scale and plus a shift."""
        centred = x - x.mean(axis=-1, keepdims=True)
        return centred / np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + _EPSILON) * norm[0] + norm[1]

    @staticmethod
    def softmax(x: Array) -> Array:
        """Shares that add up to one along the last axis."""
        shares = np.exp(x - x.max(axis=-1, keepdims=True))
        return shares / shares.sum(axis=-1, keepdims=True)

    @staticmethod
    def gelu(x: Array) -> Array:
        """Each number times the share of a normal distribution that lies below it, to 1.5e-7 of it.

        Source: Abramowitz and Stegun (1964), 7.1.26, for the error function, which numpy does not have.
        """
        size = np.abs(x) * np.float32(0.5**0.5)
        t = 1 / (1 + np.float32(0.3275911) * size)
        tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
        return x * (0.5 + 0.5 * np.copysign(1 - tail * np.exp(-size * size), x))


class InTorch:
    """What `block` asks of torch, which keeps the way back.

    Args:
        torch: The package, imported by whoever has made sure that it is there.
    """

    def __init__(self, torch: Any) -> None:
        self._torch = torch

    def norm(self, x: Any, norm: Any) -> Any:
        """As in numpy."""
        return self._torch.nn.functional.layer_norm(x, x.shape[-1:], norm[0], norm[1], _EPSILON)

    def softmax(self, x: Any) -> Any:
        """As in numpy."""
        return x.softmax(dim=-1)

    def gelu(self, x: Any) -> Any:
        """As in numpy, exactly."""
        return self._torch.nn.functional.gelu(x)


@dataclass(frozen=True, eq=False)
class CrossAttention:
    """One block of cross-attention between texts and learned latents; the two kinds below say who asks whom.

    Args:
        latents: float32 (r, d).
        norms: Scale and shift of three layer norms, of askers, of asked and before widening, float32 (3, 2, d).
        query: float32 (d, heads * w).
        key: float32 (d, heads * w).
        value: float32 (d, heads * w).
        out: float32 (heads * w, d).
        widen: float32 (d, 2 * m); the second half gates the first.
        widen_shift: float32 (2 * m,).
        narrow: float32 (m, d).
        narrow_shift: float32 (d,).
        heads: Among which the attention is split.
    """

    latents: NDArray[np.float32]
    norms: NDArray[np.float32]
    query: NDArray[np.float32]
    key: NDArray[np.float32]
    value: NDArray[np.float32]
    out: NDArray[np.float32]
    widen: NDArray[np.float32]
    widen_shift: NDArray[np.float32]
    narrow: NDArray[np.float32]
    narrow_shift: NDArray[np.float32]
    heads: int

    def __post_init__(self) -> None:
        flat = {"norms": 3, "widen_shift": 1, "narrow_shift": 1}
        for name, value in vars(self).items():
            if name in CrossAttention.__dataclass_fields__ and name != "heads" and value.ndim != flat.get(name, 2):
                raise InputError(f"{name}: want {flat.get(name, 2)} dimensions, got {value.ndim}")
        d, inner, m = self.latents.shape[-1], self.query.shape[-1], self.narrow.shape[0]
        shapes = {
            "latents": (len(self.latents), d),
            "norms": (3, 2, d),
            **dict.fromkeys(("query", "key", "value"), (d, inner)),
            "out": (inner, d),
            "widen": (d, 2 * m),
            "widen_shift": (2 * m,),
            "narrow": (m, d),
            "narrow_shift": (d,),
        }
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise InputError(f"{name}: want shape {shape}, got {getattr(self, name).shape}")
        if self.heads < 1 or inner % self.heads:
            raise InputError(f"heads: want a divisor of {inner}, got {self.heads}")

    @property
    def dim(self) -> int:
        """Columns of a row, those of the states."""
        return int(self.latents.shape[1])

    def save(self, path: str | Path) -> None:
        """Write to one safetensors file."""
        from semascope.learned.disk import save

        save(self, path)

    def _block(self, askers: Array, asked: Array) -> Array:
        # Infinite or NaN states give NaN rows, which are refused by name where they come out.
        with np.errstate(invalid="ignore", over="ignore"):
            return block(vars(self), self.heads, askers, asked, InNumpy)


@dataclass(frozen=True, eq=False)
class LayerAttention(CrossAttention):
    """Latents look at a text's layers, each one vector; their average, at length one, is the text's row.

    Args:
        positions: Added to the layers' vectors, one each, float32 (layers, d).
        token: What stands for a text at a layer: its "last" token, or the "mean" of its tokens.
        layers: The layers looked at, in order.
    """

    positions: NDArray[np.float32]
    token: Literal["last", "mean"]
    layers: tuple[int, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "layers", tuple(self.layers))  # a file keeps it as a list
        standing(self.token)
        if self.positions.shape != (len(self.layers), self.dim):
            raise InputError(f"positions: want shape {(len(self.layers), self.dim)}, got {self.positions.shape}")

    def __call__(self, states: States) -> Vectors:
        """Rows float32 (n, d) of length one; a text without tokens gives a zero row.

        Raises:
            InputError: the states lack a layer that was learned from, are of another width, or hold NaN.
        """
        want_width(states, self.dim)
        states = with_layers(states, self.layers)
        stand = standing(self.token)

        def row(tokens: Array) -> Array:
            return self._block(self.latents, stand(tokens) + self.positions).mean(axis=0, dtype=np.float64)

        return unit(each_stack(states, row))


@dataclass(frozen=True, eq=False)
class TokenAttention(CrossAttention):
    """A text's tokens look at the latents; the average of what they become, at length one, is the text's row."""

    def __call__(self, states: States) -> Vectors:
        """Rows float32 (n, d) of length one; a text without tokens gives a zero row.

        Raises:
            InputError: the states are of another width than was learned from, or hold NaN.
        """
        want_width(states, self.dim)

        def row(tokens: Array) -> Array:
            total = np.zeros(self.dim)
            for start in range(0, len(tokens), _TOKENS):
                part = np.asarray(tokens[start : start + _TOKENS], np.float32)
                total += self._block(part, self.latents).sum(axis=0, dtype=np.float64)
            return total / len(tokens)

        return unit(each_text(without_prompts(states), row))


def standing(token: str) -> Callable[[Array], Array]:
    """The function from a text's tokens (layers, t, d) to one float32 row a layer (layers, d).

    Raises:
        OptionError: `token` is neither "last" nor "mean".
    """
    if token == "last":  # noqa: S105 - of a text
        return lambda tokens: np.asarray(tokens[:, -1], np.float32)
    if token == "mean":  # noqa: S105
        return lambda tokens: tokens.mean(axis=1, dtype=np.float64).astype(np.float32)
    raise OptionError(f"token: want 'last' or 'mean', got {token!r}")


def without_prompts(states: States) -> States:
    """The last layer of tokens that have a place in their text; of a text where none has, all of its tokens.

    Prompts and special tokens have none. Tokens that were not cut from a text, bare ids, have none either.
    """
    placed = states.spans[:, 0] >= 0
    owner = np.repeat(np.arange(len(states)), states.lengths)
    some = np.zeros(len(states), bool)
    some[owner[placed]] = True
    kept = placed | ~some[owner]
    return States(
        hidden=states.hidden[-1:, kept],
        offsets=np.concatenate([[0], np.cumsum(np.bincount(owner[kept], minlength=len(states)))]).astype(np.int64),
        ids=states.ids[kept],
        spans=states.spans[kept],
        layers=states.layers[-1:],
    )


def drawn(d: int, *, latents: int, heads: int, seed: int, layers: int = 0) -> dict[str, NDArray[np.float32]]:
    """Weights of a block to start training from: its inner width is 4 * d, a head's width d / heads, at least 1.

    Latents are normal, matrices and shifts uniform within one over the root of what comes in, norms do nothing; `layers`
    positions, normal too, where there are any.
    """
    rng = np.random.default_rng(seed)
    inner, m = heads * max(1, d // heads), 4 * d

    def uniform(*shape: int, of: int) -> NDArray[np.float32]:
        return rng.uniform(-(of**-0.5), of**-0.5, shape).astype(np.float32)

    weights = {
        "latents": rng.normal(size=(latents, d)).astype(np.float32),
        "norms": np.repeat(np.array([[[1.0], [0.0]]], np.float32), 3, axis=0).repeat(d, axis=2),
        "query": uniform(d, inner, of=d),
        "key": uniform(d, inner, of=d),
        "value": uniform(d, inner, of=d),
        "out": uniform(inner, d, of=inner),
        "widen": uniform(d, 2 * m, of=d),
        "widen_shift": uniform(2 * m, of=d),
        "narrow": uniform(m, d, of=m),
        "narrow_shift": uniform(d, of=m),
    }
    if layers:
        weights["positions"] = rng.normal(size=(layers, d)).astype(np.float32)
    return weights
