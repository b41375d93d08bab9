"""Do-nothing methods by family: a claim that one of these also satisfies says nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.estimator import VectorTransform
from semascope.learned import Affine
from semascope.ops import each_text, kept, pooled, vectors
from semascope.types import Array, Model, Pooling, States, Vectors


class FirstToken:
    """Pooling that reads one token."""

    def __call__(self, states: States) -> Vectors:
        """Rows float32 (n, d): each text's first token."""
        return each_text(states, lambda rows: rows[0])


class Identity(VectorTransform):
    """A transform that changes nothing."""

    def _learn(self, X: Vectors, y: Array | None) -> Affine:
        del y
        return Affine(np.zeros(X.shape[1], np.float32), np.eye(X.shape[1], dtype=np.float32))


@dataclass(frozen=True)
class OneReading:
    """A readout that runs the model once, as it usually is, and pools its last states.

    Args:
        pooling: Makes one row of a text's states; None is their mean.
    """

    pooling: Pooling | None = None

    def __call__(self, model: Model, texts: Sequence[str]) -> Vectors:
        """Rows float32 (n, d), of the texts' own tokens."""
        states = model.run(model.tokenize(texts))
        return pooled(kept(states, states.spans[:, 0] >= 0), self.pooling)


class MeanCoder:
    """A coder whose code says nothing: everything decodes to the mean.

    Args:
        mean: float32 (d,).
    """

    def __init__(self, mean: Vectors) -> None:
        self.mean = mean
        self.bits = 8.0
        self.dim = len(mean)

    def encode(self, x: Array) -> NDArray[np.uint8]:
        """One zero byte for every row of x (n, d)."""
        return np.zeros((len(vectors(x, dim=self.dim, least=0)), 1), np.uint8)

    def decode(self, codes: Array) -> Vectors:
        """The mean, once per code (n, 1): float32 (n, d)."""
        return np.repeat(self.mean[None], len(codes), axis=0)

    def __call__(self, x: Array) -> Vectors:
        """The mean, once per row of x (n, d)."""
        return self.decode(self.encode(x))


class MeanOnly(VectorTransform):
    """A codec that keeps the mean and one empty byte."""

    def _learn(self, X: Vectors, y: Array | None) -> MeanCoder:
        del y
        return MeanCoder(X.mean(axis=0))


# Family -> how to make its do-nothing method. A family without one needs `Claim.null` in its cards.
NULL: Mapping[str, Callable[[], Any]] = {
    "pooling": FirstToken,
    "readouts": OneReading,
    "transforms": Identity,
    "compression": MeanOnly,
}
