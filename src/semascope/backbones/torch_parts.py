"""What a transformer block is put together from, in torch: matrix products, norms, turns."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import numpy as np

from semascope.backbones.architecture import Activation, Architecture
from semascope.errors import DeviceMemoryError

# A tensor of torch, which is imported inside functions only.
Tensor = Any

FUSED = {"gelu": ("gelu", "none"), "gelu_tanh": ("gelu", "tanh"), "relu": ("relu", ""), "silu": ("swish", "")}


class Dense:
    """x (n, columns) to x W' + b, then the activation where there is one.

    On a processor the matrix is kept in the order in which oneDNN multiplies fastest, and bias and activation are part of the product.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, activation: Activation | None = None) -> None:
        self.bias = bias
        self.activation: Activation | None = activation
        self.fused = FUSED[activation] if activation else ("none", "")
        self.packed = _packed(weight, bias, self.fused)
        self.weight: Any = weight if self.packed is None else None

    def __call__(self, x: Tensor) -> Tensor:
        import torch

        if self.packed is not None:
            return torch.ops.mkldnn._linear_pointwise(x, self.packed, self.bias, self.fused[0], [], self.fused[1])  # noqa: SLF001 - no public name for it
        y = torch.nn.functional.linear(x, self.weight, self.bias)
        return activate(y, self.activation) if self.activation else y

    def onto(self, x: Tensor, stream: Tensor) -> Tensor:
        """`stream` plus what x gives."""
        import torch

        if self.packed is not None and stream.dtype == x.dtype:
            return torch.ops.mkldnn._linear_pointwise.binary(x, stream, self.packed, self.bias, "add")  # noqa: SLF001 - no public name for it
        return self(x).float().add_(stream)


def _packed(weight: Tensor, bias: Tensor | None, fused: tuple[str, str]) -> Tensor | None:
    """The matrix in oneDNN's own order; None where this torch or this processor has none for it."""
    import torch

    if weight.device.type != "cpu" or weight.dtype == torch.float16 or not torch.backends.mkldnn.is_available():
        return None
    ops = torch.ops.mkldnn
    try:
        packed = ops._reorder_linear_weight(weight)  # noqa: SLF001 - no public name for it
        ops._linear_pointwise(weight[:1], packed, bias, fused[0], [], fused[1])  # noqa: SLF001 - no public name for it
    except (RuntimeError, AttributeError, TypeError):
        # These operators are torch's own business and may go; the plain product stays.
        return None
    return packed


def activate(x: Tensor, activation: Activation) -> Tensor:
    """The activation of every value."""
    from torch.nn import functional as f

    if activation == "gelu":
        return f.gelu(x)
    if activation == "gelu_tanh":
        return f.gelu(x, approximate="tanh")
    return f.relu(x) if activation == "relu" else f.silu(x)


class Norm:
    """Rows brought to mean 0 and spread 1 ("layer"), or to root mean square 1 ("rms"), then scaled; in float32."""

    def __init__(self, kind: str, weight: Tensor, bias: Tensor | None, eps: float) -> None:
        self.kind = kind
        self.weight = weight
        self.bias = bias
        self.eps = eps

    def __call__(self, x: Tensor) -> Tensor:
        import torch

        x = x.float()
        if self.kind == "layer":
            return torch.nn.functional.layer_norm(x, x.shape[-1:], self.weight, self.bias, self.eps)
        return self.weight * (x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps))


def turns(architecture: Architecture, places: Tensor, *, local: bool) -> tuple[Tensor, Tensor]:
    """Cosines and sines of places (tokens,), each (tokens, 1, rotary_columns), float32."""
    import torch

    speed = torch.from_numpy(architecture.frequencies(local=local)).to(places.device)
    angles = places.float()[:, None] * speed
    angles = torch.cat((angles, angles), dim=-1)[:, None]
    return angles.cos(), angles.sin()


def turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Heads (tokens, heads, head_dim) with their first columns turned; RoFormer (Su et al. 2021), equation 34."""
    import torch

    columns = cos.shape[-1]
    first = x[..., :columns].float()
    half = columns // 2
    swapped = torch.cat((-first[..., half:], first[..., :half]), dim=-1)
    made = (first * cos + swapped * sin).to(x.dtype)
    return made if columns == x.shape[-1] else torch.cat((made, x[..., columns:]), dim=-1)


def distance_bias(table: Tensor, length: int, buckets: int, *, farthest: int = 128) -> Tensor:
    """Relative biases (heads, length, length) of a table (buckets, heads); buckets of distance as in T5 (Raffel et al. 2020)."""
    import torch

    apart = np.arange(-(length - 1), length)  # place of the key minus place of the query
    half, exact = buckets // 2, buckets // 4
    size = np.abs(apart)
    far = np.log(np.maximum(size, 1).astype(np.float32) / np.float32(exact)) / np.float32(np.log(farthest / exact))
    wide = np.minimum(exact + (far * np.float32(half - exact)).astype(np.int64), half - 1)
    bucket = (apart > 0) * half + np.where(size < exact, size, wide)
    by_distance = table[torch.from_numpy(bucket).to(table.device)].T  # (heads, 2 length - 1)
    place = torch.arange(length, device=table.device)
    return by_distance[:, place[None, :] - place[:, None] + length - 1]


@contextmanager
def memory_errors(what: str) -> Generator[None]:
    """Too little memory, on the processor or the accelerator, becomes one named error."""
    import torch

    try:
        yield
    except MemoryError as error:
        raise DeviceMemoryError(f"{what}: want a batch that fits in memory, got one that does not; {error}") from error
    except RuntimeError as error:
        out = isinstance(error, torch.cuda.OutOfMemoryError)
        if not out and "not enough memory" not in str(error) and "can't allocate memory" not in str(error):
            raise
        first = str(error).strip().splitlines()[0]
        raise DeviceMemoryError(f"{what}: want a batch that fits in memory, got one that does not; {first}") from error
