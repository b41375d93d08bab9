"""Token states on disk: a folder of safetensors shards and a manifest, read back shard by shard without loading them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from semascope.encoders.jobs.journal import Source
from semascope.errors import CorruptError, UnknownNameError
from semascope.ops import guarded
from semascope.passport import Passport
from semascope.types import Array, States

FORMAT = 1
MANIFEST = "manifest.json"
SHARD = "states-{:05}.safetensors"
_DTYPES = {"F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4"}
_LONGEST_HEADER = 2**20


def manifest(
    passport: Passport, probe: States, dtype: str, source: Source, shards: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What is to be known of a folder of states without opening a shard."""
    return {
        "format": FORMAT,
        "kind": "states",
        "layers": list(probe.layers),
        "dim": probe.hidden.shape[2],
        "dtype": dtype,
        "texts": source.count,
        "tokens": sum(shard["tokens"] for shard in shards),
        "bytes": sum(shard["bytes"] for shard in shards),
        "digest": source.digest,
        "arrays": {
            "hidden": "(layers, tokens, dim)",
            "offsets": "(texts + 1,): text i owns tokens offsets[i]:offsets[i + 1]",
            "ids": "(tokens,)",
            "spans": "(tokens, 2): characters of the text; -1 where a token has no place",
        },
        "shards": list(shards),
        "passport": passport.to_json(),
    }


def shard_bytes_of(hidden: Array, states: States) -> int:
    """Bytes of a shard's arrays on disk."""
    return hidden.nbytes + states.offsets.nbytes + states.ids.nbytes + states.spans.nbytes


def write_shard(path: Path, hidden: Array, states: States) -> int:
    """Write one shard: aside, flushed, then renamed; how many bytes it has."""
    from safetensors.numpy import save

    arrays = {
        "hidden": hidden,
        "offsets": np.ascontiguousarray(states.offsets, np.int64),
        "ids": np.ascontiguousarray(states.ids, np.int32),
        "spans": np.ascontiguousarray(states.spans, np.int32),
    }
    data = save(arrays, metadata={"format": str(FORMAT)})  # one entry only: safetensors writes several in any order
    aside = path.with_name(path.name + ".aside")
    with guarded(f"write {path}"):
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    return len(data)


def open_states(folder: str | Path) -> StoredStates:
    """Open a folder that `states_to` made; sizes are checked, shards are read when they are needed.

    Raises:
        UnknownNameError: there is no such folder.
        CorruptError: a file is missing, cut short or cannot be read.
    """
    folder = Path(folder)
    if not (folder / MANIFEST).is_file():
        raise UnknownNameError(f"folder: want one with token states, which has a {MANIFEST}, got {folder}")
    try:
        plain = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if plain["format"] != FORMAT or plain["kind"] != "states":
            raise CorruptError(
                f"{folder}: want states of format {FORMAT}, got {plain['kind']!r} of {plain['format']!r}; a newer semascope "
                "may read it"
            )
        found = StoredStates(
            folder=folder,
            layers=tuple(int(layer) for layer in plain["layers"]),
            dim=int(plain["dim"]),
            dtype=str(plain["dtype"]),
            texts=int(plain["texts"]),
            tokens=int(plain["tokens"]),
            bytes=int(plain["bytes"]),
            passport=Passport.from_json(plain["passport"]),
            shards=tuple((str(one["file"]), int(one["texts"]), int(one["bytes"])) for one in plain["shards"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, CorruptError):
            raise
        raise CorruptError(f"{folder / MANIFEST}: cannot be read ({error!r})") from error
    found.check()
    return found


@dataclass(frozen=True, eq=False)
class StoredStates:
    """Token states on disk. Iterating gives `States`, a shard at a time, in the order of the texts.

    float32 states are memory-mapped; float16 ones become float32 when their shard is read.

    Args:
        folder: Where they are.
        layers: Which layers they hold, in order.
        dim: Columns of a state.
        dtype: On disk.
        texts: How many.
        tokens: How many in all.
        bytes: Of all shards.
        passport: What made them.
        shards: File, number of texts and bytes of each.
    """

    folder: Path
    layers: tuple[int, ...]
    dim: int
    dtype: str
    texts: int
    tokens: int
    bytes: int
    passport: Passport
    shards: tuple[tuple[str, int, int], ...]

    def __len__(self) -> int:
        return self.texts

    def __iter__(self) -> Iterator[States]:
        for number in range(len(self.shards)):
            yield self.shard(number)

    def check(self) -> None:
        """Compare the sizes of all files with the manifest.

        Raises:
            CorruptError: names the file.
        """
        if sum(texts for _, texts, _ in self.shards) != self.texts:
            raise CorruptError(f"{self.folder / MANIFEST}: want shards of {self.texts:,} texts, got another number")
        for name, _, wanted in self.shards:
            path = self.folder / name
            got = path.stat().st_size if path.is_file() and Path(name).name == name else None
            if got != wanted:
                said = "is missing" if got is None else f"want {wanted:,} bytes, got {got:,}"
                raise CorruptError(f"{path}: {said}. Make the states anew, or restore a copy")

    def shard(self, number: int) -> States:
        """The states of one shard's texts.

        Raises:
            CorruptError: the file was altered.
        """
        name, texts, _ = self.shards[number]
        path = self.folder / name
        arrays = _mapped(path)
        try:
            hidden, offsets, ids, spans = (arrays[key] for key in ("hidden", "offsets", "ids", "spans"))
        except KeyError as error:
            raise CorruptError(f"{path}: want hidden, offsets, ids and spans, got no {error}") from None
        tokens = len(ids)
        fits = hidden.shape == (len(self.layers), tokens, self.dim) and spans.shape == (tokens, 2)
        if not fits or offsets.shape != (texts + 1,) or offsets[0] != 0 or offsets[-1] != tokens:
            raise CorruptError(f"{path}: its arrays do not fit together or the manifest; make the states anew")
        return States(np.asarray(hidden, dtype=np.float32), offsets, ids, spans, self.layers)


def _mapped(path: Path) -> dict[str, Array]:
    """The arrays of a safetensors file, memory-mapped and read-only."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > _LONGEST_HEADER:
                raise ValueError(f"a header of {length:,} bytes")
            header = json.loads(file.read(length))
        out: dict[str, Array] = {}
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            dtype, shape = np.dtype(_DTYPES[entry["dtype"]]), tuple(int(size) for size in entry["shape"])
            start, end = entry["data_offsets"]
            if end - start != dtype.itemsize * int(np.prod(shape)):
                raise ValueError(f"{name} of another size than its shape says")
            empty = 0 in shape
            out[name] = (
                np.zeros(shape, dtype) if empty else np.asarray(np.memmap(path, dtype, "r", 8 + length + start, shape))
            )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorruptError(f"{path}: cannot be read ({error!r}); make the states anew") from error
    return out
