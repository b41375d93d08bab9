"""Arrays of `.npz` and `.safetensors` files: their headers are read first, then one array (n, d), and never pickle."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from semascope.corpus.columns import nearest
from semascope.errors import InputError, UnknownNameError
from semascope.types import Array

_HEADER = 100_000_000  # bytes: no header of a safetensors file is longer
_TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "<i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "<u1",
}  # fmt: skip


class _Head(NamedTuple):
    """What a header says of an array."""

    shape: tuple[int, ...]
    dtype: str


def pick(heads: Mapping[str, tuple[int, ...]], name: str | None, file: str) -> str:
    """Which of several arrays, their shapes by name, holds the vectors: the one asked for, or the only one (n, d).

    Raises:
        UnknownNameError: the one asked for is not there.
        InputError: there is no array (n, d), or more than one.
    """
    if name is not None:
        if name not in heads:
            raise UnknownNameError(f"vector: no array {name!r} in {file}{nearest(name, list(heads))}")
        return name
    flat = [one for one, shape in heads.items() if len(shape) == 2 and shape[0] and shape[1]]
    said = ", ".join(f"{one} {'x'.join(map(str, shape)) or 'one number'}" for one, shape in list(heads.items())[:20])
    if not flat:
        raise InputError(f"vectors: want an array of numbers (n, d), got none in {file}; there are: {said or 'none'}")
    if len(flat) > 1:
        raise InputError(f"vectors: want one array of {file}, got several; name one with --vector: {said}")
    return flat[0]


def from_npz(path: Path, name: str | None) -> tuple[Array, list[str] | None]:
    """The array (n, d) of a .npz file, and the strings of its array `ids` where there is one for each row.

    Raises:
        InputError: it cannot be read, or holds pickled objects in place of numbers.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            heads = {one.removesuffix(".npy"): _npy_head(packed, one) for one in packed.namelist()}
        # Objects are never unpickled, so no array of them can be meant.
        plain = {one: head.shape for one, head in heads.items() if head.dtype != "O"}
        if name in heads and name not in plain:
            raise InputError(f"vector: want numbers, got pickled objects in {name!r} of {path.name}, never unpickled")
        chosen = pick({one: shape for one, shape in plain.items() if heads[one].dtype in "fiu"}, name, path.name)
        with np.load(path, allow_pickle=False) as arrays:
            values = arrays[chosen]
            ids = heads.get("ids")
            named = arrays["ids"] if ids is not None and ids.shape == values.shape[:1] and ids.dtype in "iuUS" else None
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, OSError, KeyError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"vectors: want a .npz file of numbers, got {path.name}: {error}") from None
    if named is None:
        return values, None
    return values, [one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one) for one in named.tolist()]


def _npy_head(packed: zipfile.ZipFile, member: str) -> _Head:
    with packed.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(stream)
    return _Head(shape, dtype.kind)


def from_safetensors(path: Path, name: str | None) -> Array:
    """The tensor (n, d) of a safetensors file, mapped from disk; bfloat16 becomes float32.

    Raises:
        InputError: it cannot be read, is cut short, or the tensor is of a type that has no numbers here.
    """
    with path.open("rb") as stream:
        start = stream.read(8)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or not 0 < length <= min(_HEADER, path.stat().st_size - 8):
            raise InputError(f"vectors: want a safetensors file, got {path.name}, whose header cannot be read")
        try:
            found: Any = json.loads(stream.read(length))
            heads = {
                key: _Head(tuple(int(size) for size in one["shape"]), str(one["dtype"]))
                for key, one in found.items()
                if key != "__metadata__"
            }
            spans = {key: (int(found[key]["data_offsets"][0]), int(found[key]["data_offsets"][1])) for key in heads}
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise InputError(f"vectors: want a safetensors file, got {path.name}: {error!r} in its header") from None
    chosen = pick({key: head.shape for key, head in heads.items()}, name, path.name)
    head, (begin, end) = heads[chosen], spans[chosen]
    if head.dtype not in _TYPES:
        raise InputError(f"vectors: want numbers of {', '.join(_TYPES)}, got {head.dtype} in {chosen!r} of {path.name}")
    dtype = np.dtype(_TYPES[head.dtype])
    size = int(np.prod(head.shape, dtype=np.int64)) * dtype.itemsize
    if min(head.shape, default=0) < 1 or end - begin != size or 8 + length + end > path.stat().st_size:
        raise InputError(
            f"vectors: want {size:,} bytes for {chosen!r} of {path.name}, got fewer; the file is cut short"
        )
    raw = np.memmap(path, dtype=dtype, mode="r", offset=8 + length + begin, shape=head.shape)
    if head.dtype != "BF16":
        return raw
    # A bfloat16 is the upper half of a float32.
    return (raw.astype(np.uint32) << 16).view(np.float32)
