"""Small, seeded material for checks and contract tests. Whoever runs a check hands the lab its encoders and texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.errors import MissingExtraError
from semascope.ops import unit
from semascope.types import States, Vectors


def _no_encoder(name: str) -> Any:
    raise MissingExtraError(f"encoder {name!r}: this lab was given none; run the check through semascope check")


def _no_texts() -> Sequence[str]:
    raise MissingExtraError("texts: this lab was given none; run the check through semascope check")


@dataclass(frozen=True)
class Lab:
    """Everything here is a function of `seed`, and of what the lab was handed.

    Args:
        seed: Of all randomness.
        encoder: Gives an encoder by name ("default", "minilm").
        texts: Gives real sentences (of the Python documentation, or the person's own), always in the same order.
    """

    seed: int = 0
    encoder: Callable[[str], Any] = _no_encoder
    texts: Callable[[], Sequence[str]] = _no_texts

    def rng(self, salt: int = 0) -> np.random.Generator:
        """A generator of its own for every use."""
        return np.random.default_rng((self.seed, salt))

    def sentences(self, n: int, *, salt: int = 0) -> list[str]:
        """`n` of the texts, drawn without repeats."""
        every = self.texts()
        chosen = self.rng(100 + salt).permutation(len(every))[:n]
        return [every[int(i)] for i in chosen]

    def vectors(self, n: int = 64, dim: int = 16) -> Vectors:
        """Correlated, off-centre rows, as real encoders give."""
        rng = self.rng(1)
        mix = rng.normal(size=(dim, dim)) * (0.9 ** np.arange(dim))
        return (rng.normal(size=(n, dim)) @ mix.T + rng.normal(size=dim) * 2).astype(np.float32)

    def anisotropic(self, n: int = 200, dim: int = 32) -> tuple[Vectors, NDArray[np.float64]]:
        """Rows squeezed into a cone (n, dim), and the all-pairs cosine (n, n) they had before that."""
        rng = self.rng(2)
        meaning = unit(rng.normal(size=(n, dim))).astype(np.float64)
        squeeze = np.linalg.qr(rng.normal(size=(dim, dim)))[0] * np.geomspace(8, 0.5, dim)
        return (meaning @ squeeze + 10 * rng.normal(size=dim)).astype(np.float32), meaning @ meaning.T

    def states(self, n: int = 6, longest: int = 9, dim: int = 16, layers: int = 2) -> States:
        """Token states of texts of different lengths, each with at least one token."""
        rng = self.rng(3)
        lengths = rng.integers(1, longest + 1, size=n)
        lengths[0] = longest
        total = int(lengths.sum())
        starts = np.concatenate([np.arange(length) for length in lengths])
        return States(
            hidden=rng.normal(size=(layers, total, dim)).astype(np.float32),
            offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            ids=rng.integers(0, 100, size=total).astype(np.int32),
            spans=np.stack([starts, starts + 1], axis=-1).astype(np.int32),
            layers=tuple(range(-layers, 0)),
        )
