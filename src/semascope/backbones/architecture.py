"""What a transformer is made of, read from the config.json of a Hugging Face folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Activation = Literal["gelu", "gelu_tanh", "relu", "silu"]


@dataclass(frozen=True)
class Stretch:
    """How rotary angles were slowed down so that a model takes longer texts than it was first trained on.

    Args:
        kind: "linear" (every angle is divided by `factor`) or "llama3" (slow angles are, fast ones are not, with a slope between).
        factor: What slow angles are divided by.
        low: Turns within `original` tokens below which an angle is slow (llama3).
        high: Turns within `original` tokens above which an angle is fast (llama3).
        original: Tokens of the first training (llama3).
    """

    kind: Literal["linear", "llama3"]
    factor: float
    low: float = 1.0
    high: float = 4.0
    original: int = 8192


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
        norm_bias: Whether norms add something after scaling.
        embedding_width: Columns of the token table where they are fewer than `width` (ELECTRA); None where they are not.
        embedding_norm: Whether the embeddings are normed.
        first_norm: Whether the first block norms what it reads (ModernBERT's does not).
        token_types: Rows of the table of token types, of which row 0 is added; 0 where there is none.
        activation: Of the feed-forward part.
        gated: Whether the feed-forward part multiplies two projections.
        parallel: Whether attention and the feed-forward part of a block read the same input (GPT-NeoX).
        qkv_bias: Whether queries, keys and values have a bias.
        out_bias: Whether what attention gives has a bias.
        feed_bias: Whether the feed-forward part has biases.
        qk_norm: Whether every head's queries and keys are normed (Qwen3).
        unscaled: Whether attention scores are left as they are instead of divided by the root of `head_dim` (a choice of GPT-2's).
        scale_by_layer: Whether block l divides its scores by l, counted from 1 (a choice of GPT-2's).
        positions: How places enter: "learned" vectors, "rotary" turns, "relative" biases besides learned vectors (MPNet), or "none".
        position_start: Row of the first place in a table of learned positions.
        longest: Tokens the model was made for: with learned positions nothing longer can be run. None where nothing limits them.
        buckets: Of distance, for relative biases.
        rotary_base: Of rotary angles.
        rotary_share: Share of a head's columns that is turned.
        stretch: Of rotary angles; None where they were left alone.
        reach: How far a local layer sees: a token sees those at most that many places before it, and behind it if not causal.
        local_layers: Which blocks (from 0) are local.
        local_base: Rotary base of local layers.
        tied: Whether the head over the vocabulary is the token table.
        head_activation: Inside the head of a masked model.
        head_norm_eps: Inside the head of a masked model.
        head_dense_bias: Inside the head of a masked model.
        head_bias: Whether the head of a masked model has a bias per token id.
        ends: Token ids that end a text, for generation.
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
    norm_bias: bool = True
    embedding_width: int | None = None
    embedding_norm: bool = True
    first_norm: bool = True
    token_types: int = 0
    activation: Activation = "gelu"
    gated: bool = False
    parallel: bool = False
    qkv_bias: bool = True
    out_bias: bool = True
    feed_bias: bool = True
    qk_norm: bool = False
    unscaled: bool = False
    scale_by_layer: bool = False
    positions: Literal["learned", "rotary", "relative", "none"] = "learned"
    position_start: int = 0
    longest: int | None = None
    buckets: int = 32
    rotary_base: float = 10_000.0
    rotary_share: float = 1.0
    stretch: Stretch | None = None
    reach: int | None = None
    local_layers: tuple[int, ...] = ()
    local_base: float = 10_000.0
    tied: bool = True
    head_activation: Activation = "gelu"
    head_norm_eps: float = 1e-12
    head_dense_bias: bool = True
    head_bias: bool = True
    ends: tuple[int, ...] = ()

    @staticmethod
    def read(folder: str | Path) -> Architecture:
        """The architecture that the config.json of a Hugging Face folder describes. No code of the folder is ever run.

        Raises:
            CorruptError: config.json is missing, unreadable, or its numbers do not fit together.
            UnknownNameError: an architecture we have no engine of our own for.
            OptionError: the folder asks for its own code to be run, or for a choice we do not compute.
        """
        from semascope.backbones.configs import read

        return read(Path(folder))

    @property
    def rotary_columns(self) -> int:
        """Columns of a head that are turned."""
        return int(self.head_dim * self.rotary_share)

    def scale(self, block: int) -> float:
        """What attention scores of a block (from 0) are multiplied by."""
        scale = 1.0 if self.unscaled else self.head_dim**-0.5
        return scale / (block + 1) if self.scale_by_layer else scale

    def frequencies(self, *, local: bool = False) -> NDArray[np.float32]:
        """Radians that each pair of turned columns moves on per place, (rotary_columns / 2,); of local layers or of the others."""
        base = self.local_base if local else self.rotary_base
        share = np.arange(0, self.rotary_columns, 2, dtype=np.float32) / np.float32(self.rotary_columns)
        speed = np.float32(1) / np.float32(base) ** share
        if self.stretch is None:
            return speed
        slow = speed / np.float32(self.stretch.factor)
        if self.stretch.kind == "linear":
            return slow
        turns = self.stretch.original * speed / (2 * np.pi)
        slope = ((turns - self.stretch.low) / (self.stretch.high - self.stretch.low)).clip(0, 1)
        return ((1 - slope) * slow + slope * speed).astype(np.float32)
