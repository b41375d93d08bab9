"""Attention within texts of different lengths that lie one after the other, without padding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.backbones.architecture import Architecture
from semascope.backbones.torch_parts import Tensor, distance_bias

PLAIN_BFLOAT16, PLAIN_FLOAT32 = 512, 40  # longest texts whose scores are written out
SCORES = 1 << 19  # of one piece


@dataclass
class Ragged:
    """Which rows belong together, and what each of their tokens may see.

    Texts stand sorted by length; those of equal length are attended to in one go, as (texts, heads, length, head_dim).

    Args:
        architecture: Says heads, windows and biases.
        lengths: Of the texts, ascending, (n,).
        causal: Whether a token sees only what stands before it.
        bias: Table of relative biases (buckets, heads), or None.
    """

    architecture: Architecture
    lengths: NDArray[np.int64]
    causal: bool
    bias: Tensor | None = None
    _groups: list[tuple[int, int, int]] = field(default_factory=list[tuple[int, int, int]])
    _masks: dict[tuple[int, bool], Tensor | None] = field(default_factory=dict[tuple[int, bool], Tensor | None])
    _asked: list[Packed | None] = field(default_factory=list["Packed | None"])

    def __call__(self, block: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """What every token gathers, (tokens, heads * head_dim), of q (tokens, heads, head_dim) and k, v (tokens, kv_heads, head_dim)."""
        import torch

        a = self.architecture
        local = block in a.local_layers
        packed = self._packed(q)
        if packed is not None:
            return packed(q, k, v, local, a.scale(block))
        out = torch.empty(q.shape[0], a.heads * a.head_dim, dtype=q.dtype, device=q.device)
        self._groups = self._groups or self.groups()
        for start, count, length in self._groups:
            stop = start + count * length
            parts = [_heads_first(x[start:stop], count, a.heads) for x in (q, k, v)]
            into = out[start:stop].view(count, length, a.heads, a.head_dim).transpose(1, 2)
            if self._plain(length, local, q):
                _in_pieces(parts, a.scale(block), into)
            else:
                into.copy_(self._group(parts, local, a.scale(block)))
        return out

    def _plain(self, length: int, local: bool, like: Tensor) -> bool:
        """Whether products and a softmax written out are faster, as they are for short texts on processors: by a fifth to a third."""
        import torch

        if like.device.type != "cpu" or self.causal:
            return False
        longest = {torch.bfloat16: PLAIN_BFLOAT16, torch.float32: PLAIN_FLOAT32}.get(like.dtype, 0)
        return length <= longest and self._mask(length, local, like) is None

    def _packed(self, like: Tensor) -> Packed | None:
        """Attention without groups, where the accelerator has a kernel for it; asked once a run."""
        import torch

        if not self._asked:
            columns = like.shape[-1]
            fits = like.dtype != torch.float32 and columns % 8 == 0 and columns <= 256 and self.bias is None
            kernel = varlen() if fits and like.device.type == "cuda" and _modern(like.device) else None
            packed = kernel and Packed(kernel, self.architecture, self.lengths, self.causal, like.device)
            self._asked.append(packed or None)
        return self._asked[0]

    def groups(self) -> list[tuple[int, int, int]]:
        """First row, texts and length of every run of texts of equal length (those of none left out)."""
        lengths, counts = np.unique(self.lengths[self.lengths > 0], return_counts=True)
        starts = np.concatenate([[0], np.cumsum(lengths * counts)[:-1]]) if len(lengths) else lengths
        return [(int(s), int(c), int(n)) for s, c, n in zip(starts, counts, lengths, strict=True)]

    def _group(self, parts: list[Tensor], local: bool, scale: float) -> Tensor:
        from torch.nn import functional as f

        length, reach = parts[0].shape[2], self.architecture.reach
        if local and reach is not None and length > 2 * _step(reach):
            return self._banded(parts, reach, scale)
        mask = self._mask(length, local, parts[0])
        return f.scaled_dot_product_attention(
            *parts, attn_mask=mask, is_causal=self.causal and mask is None, scale=scale
        )

    def _mask(self, length: int, local: bool, like: Tensor) -> Tensor | None:
        """True where a token may look, or what is added to scores; None where all (or all before it) may be seen."""
        reach = self.architecture.reach
        windowed = local and reach is not None and length > reach + 1
        if not windowed and self.bias is None:
            return None
        key = length, windowed
        if key not in self._masks:
            seen = visible(length, length, 0, self.causal, reach if windowed else None, like.device)
            mask = seen
            if self.bias is not None:
                added = distance_bias(self.bias, length, self.architecture.buckets)
                mask = added.masked_fill(~seen, float("-inf")).to(like.dtype)
            self._masks[key] = mask
        return self._masks[key]

    def _banded(self, parts: list[Tensor], reach: int, scale: float) -> Tensor:
        """Local attention a strip of queries at a time, so that cost grows with length, not with its square."""
        import torch
        from torch.nn import functional as f

        q, k, v = parts
        length, step = q.shape[2], _step(reach)
        made: list[Tensor] = []
        for start in range(0, length, step):
            stop = min(start + step, length)
            first, last = max(0, start - reach), stop if self.causal else min(length, stop + reach)
            seen = visible(stop - start, last - first, start - first, self.causal, reach, q.device)
            made.append(
                f.scaled_dot_product_attention(
                    q[:, :, start:stop], k[:, :, first:last], v[:, :, first:last], attn_mask=seen, scale=scale
                )
            )
        return torch.cat(made, dim=2)


class Packed:
    """Attention over all texts in one call of a kernel that is told where each begins (CUDA, 16 bits).

    Args:
        kernel: Of the shape of torch.nn.attention.varlen.varlen_attn.
        architecture: Says heads and windows.
        lengths: Of the texts, (n,).
        causal: Whether a token sees only what stands before it.
        device: Of the tensors to come.
    """

    def __init__(
        self,
        kernel: Callable[..., Tensor],
        architecture: Architecture,
        lengths: NDArray[np.int64],
        causal: bool,
        device: Any,
    ) -> None:
        import torch

        self.kernel = kernel
        self.architecture = architecture
        self.causal = causal
        lengths = lengths[lengths > 0]
        self.longest = int(lengths.max())
        self.bounds = torch.from_numpy(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)).to(device)

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, local: bool, scale: float) -> Tensor:
        """What every token gathers, (tokens, heads * head_dim)."""
        a = self.architecture
        behind = a.reach if local and a.reach is not None else -1
        window = behind, 0 if self.causal else behind
        if a.kv_heads != a.heads:
            k, v = (x.repeat_interleave(a.heads // a.kv_heads, dim=1) for x in (k, v))
        bounds, longest = self.bounds, self.longest
        mixed = self.kernel(q, k, v, bounds, bounds, longest, longest, scale=scale, window_size=window)
        return mixed.reshape(q.shape[0], -1)


def varlen() -> Callable[..., Tensor] | None:
    """Torch's attention over texts of different lengths that lie one after the other; None where this torch has none of that shape."""
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return None
    return varlen_attn if {"scale", "window_size"} <= set(signature(varlen_attn).parameters) else None


def _modern(device: Any) -> bool:
    """Whether an accelerator can run the kernel (Ampere and later)."""
    import torch

    return torch.cuda.get_device_capability(device) >= (8, 0)


def _in_pieces(parts: list[Tensor], scale: float, into: Tensor) -> None:
    """Attention without a mask, few texts at a time, so that scores stay in the processor's cache."""
    import torch

    count, heads, length, columns = parts[0].shape
    nothing = torch.empty(1, dtype=into.dtype)
    step = max(1, SCORES // (heads * length * length))
    for first in range(0, count, step):
        q, k, v = (x[first : first + step].reshape(-1, length, columns) for x in parts)
        scores = torch.baddbmm(nothing, q, k.transpose(1, 2), beta=0, alpha=scale)
        # torch's softmax of short bfloat16 rows costs twice that of float32 and the way there and back.
        odds = torch.softmax(scores.float(), dim=-1).to(v.dtype) if length < 64 else torch.softmax(scores, dim=-1)
        made = torch.bmm(odds, v)
        into[first : first + step] = made.view(-1, heads, length, columns)


def _step(reach: int) -> int:
    return max(64, reach)


def _heads_first(x: Tensor, count: int, heads: int) -> Tensor:
    """Rows of texts of equal length as (texts, heads, length, head_dim), shared heads of keys repeated."""
    x = x.view(count, -1, *x.shape[1:]).transpose(1, 2)
    return x if x.shape[1] == heads else x.repeat_interleave(heads // x.shape[1], dim=1)


def visible(queries: int, keys: int, ahead: int, causal: bool, reach: int | None, device: Tensor) -> Tensor:
    """Which keys each query may see, (queries, keys); the first query stands `ahead` places behind the first key."""
    import torch

    place = torch.arange(queries, device=device)[:, None] + ahead
    other = torch.arange(keys, device=device)[None, :]
    seen = other <= place if causal else torch.ones(queries, keys, dtype=torch.bool, device=device)
    if reach is not None:
        seen = seen & (other >= place - reach) & (other <= place + reach)
    return seen
