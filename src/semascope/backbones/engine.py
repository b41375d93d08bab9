"""What an engine is: the arithmetic of one transformer, on ragged tokens, with nothing said about texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from semascope.backbones.architecture import Architecture
from semascope.types import Array, Attention, Patch, Tokens, Vectors


class Engine(Protocol):
    """Runs one transformer over one batch at a time. Batching, sorting and retrying belong to the encoder above it.

    `tokens.offsets` say which texts there are; a text of no tokens is allowed. No text's numbers depend on another's beyond
    rounding. `patch` gets `Batch(texts=texts, offsets=tokens.offsets)`; an engine that cannot patch, or attend in another way than it was
    made for, refuses with OptionError.
    """

    @property
    def architecture(self) -> Architecture: ...

    @property
    def precision(self) -> str:
        """One of "float32", "bfloat16", "float16", "int8"."""
        ...

    @property
    def device(self) -> str: ...

    @property
    def budget(self) -> int:
        """Tokens of a batch that suit it, where nobody measured."""
        ...

    @property
    def versions(self) -> Mapping[str, str]:
        """Of the libraries that compute, for the passport."""
        ...

    @property
    def speaks(self) -> bool:
        """Whether the weights hold a head over the vocabulary."""
        ...

    def run(
        self,
        tokens: Tokens,
        *,
        layers: Sequence[int],
        attention: Attention | None = None,
        patch: Patch | None = None,
        texts: NDArray[np.int64] | None = None,
    ) -> NDArray[np.float32]:
        """Hidden states float32 (len(layers), tokens, d) of layers 0..depth."""
        ...

    def logits(self, hidden: Array) -> Vectors:
        """Scores of every token of the vocabulary for last-layer states (m, d): float32 (m, vocabulary)."""
        ...

    def generate(
        self, tokens: Tokens, *, most: int, temperature: float, top_p: float, rng: np.random.Generator
    ) -> list[list[int]]:
        """New token ids for each text, up to an end-of-text token (left out) or `most` of them."""
        ...
