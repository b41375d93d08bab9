"""The shapes everything fits. Imports numpy and the standard library, nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from semascope.passport import Passport

Vectors = NDArray[np.float32]  # (n, d), C-contiguous, finite
Array = NDArray[Any]
Kind = Literal["document", "query"]
Scalar = str | int | float | bool
Progress = Callable[[int, int | None], None]  # (done so far, total or None where it is not known)


@dataclass(frozen=True, eq=False)
class States:
    """What a model saw token by token, for n texts, one after the other without padding.

    Text i owns the rows `offsets[i]:offsets[i + 1]` of every token array.
    """

    hidden: NDArray[np.float32]  # (layers, tokens, d)
    offsets: NDArray[np.int64]  # (n + 1,), offsets[0] == 0, offsets[-1] == tokens
    ids: NDArray[np.int32]  # (tokens,)
    spans: NDArray[np.int32]  # (tokens, 2) character offsets into the text; (-1, -1) for special tokens
    layers: tuple[int, ...]  # which layers `hidden` holds, in order

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each text, (n,)."""
        return np.diff(self.offsets)

    def padded(self, layer: int = -1, *, side: Literal["left", "right"] = "right") -> tuple[Vectors, NDArray[np.bool_]]:
        """The usual padded view: hidden (n, longest, d), zero where there is no token, and its mask (n, longest)."""
        lengths = self.lengths
        longest = int(lengths.max(initial=0))
        place = np.arange(longest)
        mask = place < lengths[:, None] if side == "right" else place >= longest - lengths[:, None]
        out = np.zeros((len(self), longest, self.hidden.shape[-1]), dtype=np.float32)
        out[mask] = self.hidden[layer]
        return out, mask

    @staticmethod
    def from_padded(
        hidden: Array,
        mask: Array,
        *,
        ids: Array | None = None,
        spans: Array | None = None,
        layers: Sequence[int] | None = None,
    ) -> States:
        """Ragged states of `hidden` (layers, n, t, d) and a boolean `mask` (n, t); values under ~mask are never read."""
        mask = np.asarray(mask, dtype=bool)
        total = int(mask.sum())
        return States(
            hidden=np.ascontiguousarray(hidden[:, mask], dtype=np.float32),
            offsets=np.concatenate([[0], np.cumsum(mask.sum(1))]).astype(np.int64),
            ids=np.zeros(total, np.int32) if ids is None else np.asarray(ids)[mask].astype(np.int32),
            spans=np.full((total, 2), -1, np.int32) if spans is None else np.asarray(spans)[mask].astype(np.int32),
            layers=tuple(layers) if layers is not None else tuple(range(-len(hidden), 0)),
        )


@runtime_checkable
class Encoder(Protocol):
    """Texts in, one float32 row each out."""

    @property
    def dim(self) -> int: ...

    @property
    def passport(self) -> Passport: ...

    def encode(
        self,
        texts: Sequence[str],
        *,
        kind: Kind = "document",
        batch_size: int | None = None,
        progress: Progress | None = None,
    ) -> Vectors: ...


@runtime_checkable
class Reader(Encoder, Protocol):
    """An encoder whose insides can be read."""

    def states(self, texts: Sequence[str], *, layers: Sequence[int] = (-1,)) -> States: ...


class Pooling(Protocol):
    """Token states in, one row per text out. A text without tokens gives a zero row."""

    def __call__(self, states: States) -> Vectors: ...


class Learned(Protocol):
    """What an estimator learnt: frozen arrays that can be saved."""

    def save(self, path: Any) -> None: ...


class Map(Learned, Protocol):
    """A learned row-wise function of vectors."""

    def __call__(self, x: Array) -> Vectors: ...


class Coder(Learned, Protocol):
    """A learned encode/decode pair: quantisers, hashes, sparse dictionaries."""

    @property
    def bits(self) -> float: ...

    def encode(self, x: Array) -> Array: ...

    def decode(self, codes: Array) -> Vectors: ...


Options = Mapping[str, Any]
