"""What a transformer is made of, read from the config.json of a Hugging Face folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Architecture:
    """The numbers and choices that tell one transformer from another.

    Args:
        kind: `model_type` of the config ("bert", "gpt2", "llama", ...).
        depth: Blocks.
        width: Columns of a hidden state.
        heads: Of attention.
        kv_heads: Heads of keys and values; fewer than `heads` where they are shared.
        head_dim: Columns of one head.
        inner: Columns inside the feed-forward part.
        vocabulary: Token ids.
        causal: Whether a token sees only what stands before it.
        norm: "layer" (mean and spread) or "rms" (spread alone).
        norm_eps: Added under the root.
        norm_first: Whether a block norms what it reads (and the model its last states) rather than what it gives.
        activation: Of the feed-forward part.
        gated: Whether the feed-forward part multiplies two projections.
        positions: How places enter: "learned" vectors, "rotary" turns, "relative" biases (MPNet), or "none".
        position_start: Row of the first place in a table of learned positions.
        longest: Tokens the positions allow; None where nothing limits them.
        rotary_base: Of rotary angles.
        rotary_share: Share of a head's columns that is turned.
        window: Tokens that a local layer sees on either side together; None where every layer sees all.
        global_every: Every so-manieth layer is global where there is a window.
        local_base: Rotary base of local layers.
    """

    kind: str
    depth: int
    width: int
    heads: int
    kv_heads: int
    head_dim: int
    inner: int
    vocabulary: int
    causal: bool
    norm: Literal["layer", "rms"] = "layer"
    norm_eps: float = 1e-12
    norm_first: bool = False
    activation: Literal["gelu", "gelu_tanh", "relu", "silu"] = "gelu"
    gated: bool = False
    positions: Literal["learned", "rotary", "relative", "none"] = "learned"
    position_start: int = 0
    longest: int | None = None
    rotary_base: float = 10_000.0
    rotary_share: float = 1.0
    window: int | None = None
    global_every: int = 1
    local_base: float = 10_000.0
