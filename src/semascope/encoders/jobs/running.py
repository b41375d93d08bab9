"""Long jobs that survive being killed: any number of texts to a matrix on disk, or to the token states a model saw of them."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from semascope.encoders.adapters import as_encoder
from semascope.encoders.jobs.journal import OWN, Journal, Source, full_passport, room_for
from semascope.encoders.jobs.stored_rows import FORMAT, HEADER, SIDE, RowFile
from semascope.encoders.jobs.stored_states import (
    MANIFEST,
    SHARD,
    StoredStates,
    manifest,
    open_states,
    shard_bytes_of,
    write_shard,
)
from semascope.encoders.static import EmptyTextWarning
from semascope.errors import InputError, OptionError, StoreError
from semascope.ops import guarded, integer, option, settle, vectors, write_text
from semascope.passport import CANARIES, Passport
from semascope.types import Array, Kind, Progress, States, Vectors

CHARACTERS = 16_000_000  # of one chunk, so that long texts do not fill the memory
SHARD_BYTES = 64 * 2**20  # of one shard's states in memory, about
_ROWS, _PASSPORT = "rows.npy", "passport.json"
_DTYPES = {"float32": "<f4", "float16": "<f2"}
Dtype = Literal["float32", "float16"]


@dataclass(frozen=True, eq=False)
class EncodedFile:
    """A matrix of vectors on disk, with what made it.

    Args:
        path: The .npy file.
        rows: One a text, in their order.
        dim: Columns.
        dtype: Of the numbers in it.
        passport: What made them; stands beside the file as NAME.npy.passport.json.
        zero_rows: Of texts with nothing to encode.
        resumed: Rows that an earlier, interrupted run had made.
    """

    path: Path
    rows: int
    dim: int
    dtype: str
    passport: Passport
    zero_rows: int = 0
    resumed: int = 0

    def load(self) -> Array:
        """The rows, (rows, dim), memory-mapped and read-only."""
        return np.load(self.path, mmap_mode="r", allow_pickle=False)


def encode_to(
    encoder: Any,
    texts: Iterable[Any],
    path: str | Path,
    *,
    kind: Kind = "document",
    batch: int = 4_096,
    dtype: Dtype = "float32",
    resume: bool = True,
    overwrite: bool = False,
    total: int | None = None,
    progress: Progress | None = None,
) -> EncodedFile:
    """Write one row for every text to a .npy file, a chunk at a time; killed at any moment, the same call goes on from there.

    The file appears when it is whole; until then `PATH.part` holds what is done, and at most one chunk is lost. A run that
    was interrupted ends up with the same bytes as one that was not.

    Args:
        encoder: An encoder, or what `as_encoder` makes one of.
        texts: Any iterable of str, or of things with a `text` (a Corpus); read once, in order, never held all at once. To go on,
            give the same ones again from the beginning.
        path: The file, its name ending in .npy.
        kind: As `encode` takes it.
        batch: Texts of one chunk.
        dtype: Of the numbers in the file.
        resume: Go on with what an interrupted run left, which is the same kind of job or refused; else begin anew.
        overwrite: Replace a file that is there.
        total: About how many texts come, where their iterable does not say.
        progress: Called with (done, total or None) after every chunk.

    Raises:
        InputError: something else than texts, or not the texts with which the interrupted run began.
        PassportError: another encoder than that of the interrupted run; the field that differs is named.
        OptionError: other options than it had.
        StoreError: the file is there already; another process writes it (LockedError); the disk is full (FullError: nothing
            that was done is lost) or read-only (ReadOnlyError).
    """
    option(kind, ("document", "query"), name="kind")
    option(dtype, tuple(_DTYPES), name="dtype")
    integer(batch, name="batch", least=1)
    path = Path(path)
    if path.suffix != ".npy":
        raise OptionError(f"path: want a name that ends in .npy, got {path.name!r}")
    source, used = Source(texts, total), as_encoder(encoder)
    part = path.with_name(path.name + ".part")
    _not_there(path, part, overwrite)
    passport = full_passport(used)
    options = {"kind": kind, "dtype": dtype, "batch": batch}
    with Journal(part, "encode", passport, options, resume=resume) as journal:
        resumed, zero = journal.done, sum(int(mark.get("zero", 0)) for mark in journal.marks)
        source.skip(journal.marks, part)
        if journal.finished:
            source.end(part)
        else:
            zero += _encode(used, passport, source, journal, options, progress)
            side = {"format": FORMAT, "rows": source.count, "kind": kind, "dtype": dtype, "texts": source.digest}
            write_text(
                part / _PASSPORT, json.dumps({**side, "passport": passport.to_json()}, ensure_ascii=False) + "\n"
            )
            journal.mark(source, finished=True)
        _put_in_place(part, path)
    if zero:
        warnings.warn(
            f"{zero:,} of {source.count:,} texts have nothing to encode: their rows are zero",
            EmptyTextWarning,
            stacklevel=2,
        )
    return EncodedFile(path, source.count, passport.dim, dtype, passport, zero, resumed)


def _not_there(path: Path, part: Path, overwrite: bool) -> None:
    # A run that was killed while it put the finished file in its place has to go on, and finds it there.
    if path.exists() and not overwrite and not (part / _PASSPORT).exists():
        raise StoreError(f"path: {path} is there already; give overwrite=True (--overwrite), or another name")
    if path.is_dir():
        raise StoreError(f"path: want a file, got {path}, which is a folder")


def _encode(
    encoder: Any,
    passport: Passport,
    source: Source,
    journal: Journal,
    options: dict[str, Any],
    progress: Progress | None,
) -> int:
    """Append the rows of all texts that are still to come; how many of them are zero."""
    dim, dtype, file, zero = passport.dim, np.dtype(_DTYPES[options["dtype"]]), journal.folder / _ROWS, 0
    if source.left is not None:
        room_for(journal.folder, source.left * dim * dtype.itemsize + HEADER, f"{source.left:,} rows")
    out = RowFile(file, dtype, dim, source.count)
    try:
        while chunk := source.chunk(options["batch"], CHARACTERS):
            rows = _rows(encoder, chunk, options["kind"], dim)
            empty = int(np.logical_not(rows.any(axis=1)).sum())
            out.append(_narrow(rows, dtype, source.count - len(chunk)))
            journal.mark(source, zero=empty)
            zero += empty
            if progress is not None:
                progress(source.count, source.total)
        out.finish(source.count)
    finally:
        out.close()
    return zero


def _rows(encoder: Any, chunk: list[str], kind: Kind, dim: int) -> Vectors:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EmptyTextWarning)  # said once, at the end
        rows = vectors(encoder.encode(chunk, kind=kind), dim=dim, name="what the encoder gave")
    if len(rows) != len(chunk):
        raise InputError(f"what the encoder gave: want {len(chunk)} rows, one a text, got {len(rows)}")
    return rows


def _narrow(numbers: Array, dtype: np.dtype[Any], first: int) -> Array:
    """The numbers in another type, if it holds them all."""
    with np.errstate(over="ignore"):
        out = np.ascontiguousarray(numbers, dtype=dtype)
    if dtype.itemsize < 4 and not np.isfinite(out).all():
        raise InputError(
            f"dtype: want one that holds every number, got float16 and {float(np.abs(numbers).max()):.3g} (in the chunk from "
            f"text {first:,} on); give float32"
        )
    return out


def _put_in_place(part: Path, path: Path) -> None:
    side, gone = path.with_name(path.name + SIDE), part.with_name(part.name + ".old")
    with guarded(f"write {path}"):
        if (part / _ROWS).exists():
            side.unlink(missing_ok=True)  # a passport never stands beside a matrix that it does not belong to
            (part / _ROWS).replace(path)
            settle(path.parent)
        write_text(side, (part / _PASSPORT).read_text(encoding="utf-8"))
        if gone.exists():
            shutil.rmtree(gone)
        part.rename(gone)  # whole or away: half of it could not be gone on with
        shutil.rmtree(gone)


def states_to(
    reader: Any,
    texts: Iterable[Any],
    folder: str | Path,
    *,
    layers: Sequence[int] | Literal["all"] = (-1,),
    dtype: Dtype = "float16",
    batch: int = 4_096,
    shard_bytes: int = SHARD_BYTES,
    resume: bool = True,
    overwrite: bool = False,
    total: int | None = None,
    progress: Progress | None = None,
) -> StoredStates:
    """Write what a model saw of every text, token by token, to a folder of shards; killed at any moment, it goes on from there.

    The folder appears when it is whole; until then `FOLDER.part` holds what is done, and at most one shard is lost. A shard
    is a safetensors file with hidden (layers, tokens, d), offsets (texts + 1), ids (tokens), spans (tokens, 2).

    Args:
        reader: An encoder with `states`.
        texts: As for `encode_to`.
        folder: Where to.
        layers: Which layers, numbered as the reader has them; "all" where it knows that word.
        dtype: Of the hidden states on disk.
        batch: The most texts of one shard.
        shard_bytes: About the most bytes of one shard's states as float32, in memory.
        resume: As for `encode_to`.
        overwrite: Replace a folder of states that is there.
        total: As for `encode_to`.
        progress: Called with (done, total or None) after every shard.

    Raises:
        OptionError: the encoder gives no token states, or not of these layers.
        FullError: the disk has not the room that all texts need, as estimated from the first; both numbers are named.
        InputError, PassportError, StoreError: as for `encode_to`.
    """
    option(dtype, tuple(_DTYPES), name="dtype")
    integer(batch, name="batch", least=1)
    integer(shard_bytes, name="shard_bytes", least=1)
    source, used, folder = Source(texts, total), as_encoder(reader), Path(folder)
    if not hasattr(used, "states"):
        raise OptionError(f"reader: want an encoder that gives token states, got {used!r}")
    part = folder.with_name(folder.name + ".part")
    _no_states_there(folder, overwrite)
    wanted = layers if isinstance(layers, str) else tuple(int(layer) for layer in layers)
    probe: States = used.states(list(CANARIES), layers=wanted)
    passport = full_passport(used)
    options = {"layers": list(probe.layers), "dtype": dtype, "batch": batch, "shard_bytes": shard_bytes}
    with Journal(part, "states", passport, options, resume=resume) as journal:
        source.skip(journal.marks, part)
        if journal.finished:
            source.end(part)
        else:
            _write_states(used, probe, source, journal, options, progress)
            plain = manifest(passport, probe, dtype, source, [mark["shard"] for mark in journal.marks])
            write_text(part / MANIFEST, json.dumps(plain, ensure_ascii=False, indent=1) + "\n")
            journal.mark(source, finished=True)
        _put_folder_in_place(part, folder)
    return open_states(folder)


def _no_states_there(folder: Path, overwrite: bool) -> None:
    if not folder.exists():
        return
    if not (folder / MANIFEST).is_file() and not (folder.is_dir() and not any(folder.iterdir())):
        raise StoreError(f"folder: want a new one, got {folder}, which holds something else than token states")
    if not overwrite and (folder / MANIFEST).is_file():
        raise StoreError(f"folder: {folder} is there already; give overwrite=True (--overwrite), or another name")


def _write_states(
    reader: Any, probe: States, source: Source, journal: Journal, options: dict[str, Any], progress: Progress | None
) -> None:
    """Write the shards of all texts that are still to come."""
    dtype = np.dtype(_DTYPES[options["dtype"]])
    per_character = 4 * probe.hidden.size / sum(map(len, CANARIES))
    characters = max(1, int(options["shard_bytes"] / per_character))
    while chunk := source.chunk(options["batch"], characters):
        states: States = reader.states(chunk, layers=probe.layers)
        if len(states) != len(chunk) or states.hidden.shape[::2] != probe.hidden.shape[::2]:
            raise InputError(
                f"what the reader gave: want states of {len(chunk)} texts, {len(probe.layers)} layers and "
                f"{probe.hidden.shape[2]} columns, got {len(states)}, {states.hidden.shape[0]} and {states.hidden.shape[2]}"
            )
        hidden = _narrow(states.hidden, dtype, source.count - len(chunk))
        name = SHARD.format(len(journal.marks))
        if source.left is not None:
            each, left = shard_bytes_of(hidden, states) / len(chunk), source.left + len(chunk)
            room_for(journal.folder, round(each * left), f"the states of {left:,} texts")
        found = write_shard(journal.folder / name, hidden, states)
        journal.mark(source, shard={"file": name, "texts": len(chunk), "tokens": hidden.shape[1], "bytes": found})
        if progress is not None:
            progress(source.count, source.total)


def _put_folder_in_place(part: Path, folder: Path) -> None:
    old = folder.with_name(folder.name + ".old")
    with guarded(f"write {folder}"):
        if old.exists():
            shutil.rmtree(old)
        if folder.exists():
            folder.rename(old)
        part.rename(folder)
        settle(folder.parent)
        if old.exists():
            shutil.rmtree(old)
        for name in OWN:
            with suppress(FileNotFoundError):
                (folder / name).unlink()
