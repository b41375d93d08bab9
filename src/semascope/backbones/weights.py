"""The tensors of a Hugging Face folder, checked against its config and under names that are the same for every architecture.

Files of safetensors alone are read, memory-mapped, one tensor at a time; pickled ones never are.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from semascope.backbones import layouts
from semascope.backbones.architecture import Architecture
from semascope.backbones.layouts import Piece, Shape
from semascope.errors import CorruptError, OptionError
from semascope.types import Array

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
# bfloat16 has no numpy type: its 16 bits are read as they are.
KINDS = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": np.uint16}
PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5", "flax_model.msgpack")


@dataclass(frozen=True, eq=False)
class Stored:
    """One tensor where it lies in a file."""

    path: Path
    data: NDArray[np.uint8]  # the whole file, memory-mapped
    kind: str
    shape: Shape
    start: int
    end: int

    def raw(self) -> Array:
        """Its numbers as they are kept (bfloat16 as uint16), a view of the file."""
        if self.kind not in KINDS:
            raise CorruptError(f"{self.path}: want one of {', '.join(KINDS)} in weights, found {self.kind}")
        return self.data[self.start : self.end].view(KINDS[self.kind]).reshape(self.shape)

    def floats(self) -> NDArray[np.float32]:
        """Its numbers in float32."""
        raw = self.raw()
        if self.kind == "BF16":
            return (raw.astype(np.uint32) << 16).view(np.float32)
        return raw.astype(np.float32)


class Weights:
    """The tensors of one model by our names (see `layouts`), each read from the file when it is asked for.

    Attributes:
        architecture: What they were checked against.
        names: Of every tensor there is.
        speaks: Whether a head over the vocabulary is among them (`head.out.weight` is then absent where it is the token table).
        extra: The file's tensors that nothing here reads (poolers, classifiers, buffers).
    """

    def __init__(
        self, architecture: Architecture, pieces: dict[str, Piece], stored: dict[str, Stored], *, speaks: bool
    ) -> None:
        self.architecture = architecture
        self.speaks = speaks
        self.names = tuple(pieces)
        self._pieces = pieces
        self._stored = stored
        read = {source for piece in pieces.values() for source in piece.sources}
        self.extra = tuple(sorted(set(stored) - read))

    def __contains__(self, name: object) -> bool:
        return name in self._pieces

    def array(self, name: str) -> NDArray[np.float32]:
        """One tensor, float32, C-contiguous, matrices as (out, in); a copy."""
        piece = self._pieces[name]
        parts = [self._stored[source].floats() for source in piece.sources]
        whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
        if piece.turn == "transposed":
            whole = whole.T
        elif piece.turn == "interleaved":
            # (heads, q k v, columns of a head, ...) to (q k v, heads, columns of a head, ...)
            a = self.architecture
            whole = whole.reshape(a.heads, 3, a.head_dim, *whole.shape[1:]).swapaxes(0, 1).reshape(whole.shape)
        return np.ascontiguousarray(whole)


def open_weights(folder: str | Path, architecture: Architecture) -> Weights:
    """The weights of a folder, every name, shape and length checked; nothing but headers is read yet.

    Raises:
        CorruptError: a file is cut short or missing, or its tensors are not what the config says: the message names file, tensor, and
            both shapes.
        OptionError: there are only pickled weights, which are never opened.
    """
    folder = Path(folder)
    stored = _plain_names(_stored(folder))
    pieces = _with_prefix(layouts.pieces(architecture), layouts.LAYOUTS[architecture.kind].prefix, stored)
    for name, piece in pieces.items():
        _check(folder, name, piece, stored)
    _check_depth(folder, architecture, stored)
    ends = _head(folder, architecture, stored)
    return Weights(architecture, {**pieces, **(ends or {})}, stored, speaks=ends is not None)


def weights_digest(folder: str | Path) -> str:
    """sha256 (hex) of the bytes of the weight files in order of their names; of one file, what `sha256sum` says."""
    total = hashlib.sha256()
    for path in weight_files(Path(folder)):
        with path.open("rb") as file:
            while block := file.read(1 << 22):
                total.update(block)
    return total.hexdigest()


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files that hold a model's weights."""
    if (folder / SINGLE).is_file():
        return [folder / SINGLE]
    if not (folder / INDEX).is_file():
        pickled = [name for name in PICKLED if (folder / name).is_file()]
        if pickled:
            raise OptionError(
                f"{folder}: want {SINGLE}, got {pickled[0]}. Such files can run code when they are opened, so they never are here; where "
                f"you trust it, convert it once: python -c \"from transformers import AutoModel as A; A.from_pretrained('{folder}')"
                f".save_pretrained('{folder}')\""
            )
        raise CorruptError(f"{folder}: want {SINGLE} or {INDEX}, found neither")
    return [folder / name for name in sorted(set(_shards(folder).values()))]


def _shards(folder: Path) -> dict[str, str]:
    try:
        found = json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"]
        return {str(k): str(v) for k, v in found.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptError(f"{folder / INDEX}: want JSON with a weight_map, got {error!r}") from error


def _stored(folder: Path) -> dict[str, Stored]:
    stored: dict[str, Stored] = {}
    files = weight_files(folder)
    for path in files:
        if path.parent != folder:
            raise CorruptError(f"{folder / INDEX}: want files of this folder, got {path}")
        stored.update(read_header(path))
    if len(files) > 1:
        for name, shard in _shards(folder).items():
            if name not in stored:
                raise CorruptError(f"{folder / shard}: want the tensor {name} that {INDEX} says it holds, found none")
    return stored


def read_header(path: Path) -> dict[str, Stored]:
    """Every tensor of one safetensors file, its place checked against the file's length."""
    if not path.is_file():
        raise CorruptError(f"{path}: want a weight file, found none")
    size = path.stat().st_size
    if size < 8:
        raise CorruptError(f"{path}: want a safetensors file, found {size} bytes")
    data = np.memmap(path, dtype=np.uint8, mode="r")
    length = int(data[:8].view("<u8")[0])
    if length > size - 8:
        raise CorruptError(f"{path}: want a header of {length} bytes, found a file of {size}: it is cut short, or none")
    try:
        header = cast("dict[str, dict[str, Any]]", json.loads(bytes(data[8 : 8 + length])))
        header.pop("__metadata__", None)
        found = {name: _tensor(path, data, 8 + length, item) for name, item in header.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptError(f"{path}: want a safetensors header, got {error!r}") from error
    end = max((t.end for t in found.values()), default=8 + length)
    if end > size:
        raise CorruptError(f"{path}: want {end} bytes as its header says, found {size}: the file is cut short")
    return found


def _tensor(path: Path, data: NDArray[np.uint8], base: int, item: dict[str, Any]) -> Stored:
    kind, shape = str(item["dtype"]), tuple(int(n) for n in item["shape"])
    start, end = (base + int(n) for n in item["data_offsets"])
    bytes_each = np.dtype(KINDS[kind]).itemsize if kind in KINDS else None
    if bytes_each and end - start != bytes_each * int(np.prod(shape, dtype=np.int64)):
        raise ValueError(f"{end - start} bytes for {kind} of shape {shape}")
    return Stored(path, data, kind, shape, start, end)


def _plain_names(stored: dict[str, Stored]) -> dict[str, Stored]:
    """Old files call a norm's weight gamma and its bias beta."""
    new = {"gamma": "weight", "beta": "bias"}
    return {re.sub(r"(?<=\.)(gamma|beta)$", lambda m: new[m[0]], name): t for name, t in stored.items()}


def _with_prefix(pieces: dict[str, Piece], prefix: str, stored: dict[str, Stored]) -> dict[str, Piece]:
    """The same pieces, their names as this file has them: with the model's prefix, or without."""
    if not any(name.startswith(prefix) for name in stored):
        return pieces
    return {
        name: Piece(tuple(prefix + s for s in piece.sources), piece.shapes, piece.turn) if piece.inside else piece
        for name, piece in pieces.items()
    }


def _check(folder: Path, ours: str, piece: Piece, stored: dict[str, Stored]) -> None:
    for name, shape in zip(piece.sources, piece.shapes, strict=True):
        if name not in stored:
            raise CorruptError(f"{folder}: want a tensor {name} of shape {shape} ({ours}) in the weights, found none")
        found = stored[name]
        if found.shape != shape:
            raise CorruptError(
                f"{found.path}: want {name} of shape {shape} as config.json says ({ours}), found {found.shape}"
            )
        if found.kind not in KINDS:
            raise CorruptError(f"{found.path}: want {name} in one of {', '.join(KINDS)}, found {found.kind}")


def _check_depth(folder: Path, architecture: Architecture, stored: dict[str, Stored]) -> None:
    template = layouts.LAYOUTS[architecture.kind].parts["attention.out"]
    pattern = re.escape(template).replace(r"\{i\}", r"(\d+)") + r"\.weight$"
    blocks = [int(m[1]) for m in (re.search(pattern, name) for name in stored) if m]
    if max(blocks, default=-1) >= architecture.depth:
        raise CorruptError(
            f"{folder}: want {architecture.depth} blocks as config.json says, found {max(blocks) + 1} in the weights"
        )


def _head(folder: Path, architecture: Architecture, stored: dict[str, Stored]) -> dict[str, Piece] | None:
    """The tensors of the head over the vocabulary; None where the weights hold none; a part of one is refused."""
    wanted = layouts.head(architecture)
    # Classifiers have a dense layer and a norm of the same names: what scores the vocabulary tells a head.
    telling = [piece for name, piece in wanted.items() if name.startswith("head.out")]
    if telling and not any(_elsewhere(piece, stored).sources[0] in stored for piece in telling):
        return None
    pieces = {name: _elsewhere(piece, stored) for name, piece in wanted.items()}
    for name, piece in pieces.items():
        _check(folder, name, piece, stored)
    return pieces


def _elsewhere(piece: Piece, stored: dict[str, Stored]) -> Piece:
    """Names that heads have had besides: the bias of a masked head beside its decoder, GPT-NeoX's embed_out."""
    other = {
        "cls.predictions.decoder.bias": "cls.predictions.bias",
        "lm_head.decoder.bias": "lm_head.bias",
        "embed_out.weight": "lm_head.weight",
    }
    name = piece.sources[0]
    if name in stored or other.get(name) not in stored:
        return piece
    return Piece((other[name],), piece.shapes, piece.turn, piece.inside)
