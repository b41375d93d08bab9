"""A small real encoder for tests: the sum of random directions of a text's words, each drawn from the word's hash.

Texts that share words are near to each other. It needs no files, loads at once, and gives the same bits everywhere.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from semascope.ops import texts as checked_texts
from semascope.ops import unit
from semascope.passport import CANARIES, Passport
from semascope.types import Progress


@lru_cache(maxsize=100_000)
def _direction(word: str, dim: int, seed: int) -> np.ndarray:
    digest = hashlib.sha256(f"{seed} {word}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little")).standard_normal(dim)


class HashingEncoder:
    """Args: `dim`, `seed` of the directions, `normalize`, `slow` seconds a text, `lie` about the canaries."""

    def __init__(
        self, dim: int = 32, *, seed: int = 0, normalize: bool = True, slow: float = 0.0, lie: bool = False
    ) -> None:
        self.dim, self.seed, self.normalize, self.slow, self.lie = dim, seed, normalize, slow, lie
        self.calls = 0

    @property
    def passport(self) -> Passport:
        # One that lies says it is the encoder of another seed.
        said = HashingEncoder(self.dim, normalize=self.normalize) if self.lie else self
        return Passport(
            kind="hashing",
            dim=self.dim,
            weights=f"seed {said.seed}",
            normalize=self.normalize,
            name="hashing",
            canaries=said.encode(list(CANARIES)),
        )

    def encode(
        self,
        texts: Sequence[str],
        *,
        kind: str = "document",  # noqa: ARG002 - as the protocol has it
        batch_size: int | None = None,  # noqa: ARG002
        progress: Progress | None = None,
    ) -> np.ndarray:
        items = checked_texts(texts)
        self.calls += 1
        out = np.zeros((len(items), self.dim))
        for row, text in enumerate(items):
            for word in re.findall(r"\w+", text.lower()):
                out[row] += _direction(word, self.dim, self.seed)
            if self.slow:
                time.sleep(self.slow)
            if progress is not None:
                progress(row + 1, len(items))
        return unit(out) if self.normalize else out.astype(np.float32)
