"""Segments: runs of passages with their vectors, codes and row numbers in memory-mapped files that never change."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from semascope.errors import CorruptError
from semascope.ops import guarded, settle, unit
from semascope.passport import Passport
from semascope.space.codec import Codec
from semascope.space.disk import ArrayFile
from semascope.space.scan import Calibration
from semascope.space.store import ENCODINGS
from semascope.types import Array, Vectors

_PIECE = 16_384  # rows read at a time when segments are merged
_UNIT = 1e-6  # how far a squared length may be from one for a row to be kept as it came


@dataclass(frozen=True, eq=False)
class Segment:
    """A run of rows, in order, of one encoding.

    Args:
        folder: Of the Space.
        number: Of the segment; never given twice.
        level: How many times its rows were merged.
        first: Its smallest row number.
        count: How many rows it holds.
        files: By what is in them: `vectors` float32 (n, d) of length one or zero, `rows` int64 (2, n) with row and
            document numbers, `codes` uint64 (words, n), and, where rows came with other lengths, `lengths` float32 (n,).
    """

    folder: Path
    number: int
    level: int
    first: int
    count: int
    files: dict[str, ArrayFile]

    def __len__(self) -> int:
        return self.count

    @cached_property
    def vectors(self) -> Vectors:
        """Rows of length one, or zero, (n, d)."""
        return self.files["vectors"].map(self.folder)

    @cached_property
    def codes(self) -> Array:
        """Their codes, (words, n)."""
        return self.files["codes"].map(self.folder)

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Passage numbers and document numbers, (2, n)."""
        return self.files["rows"].map(self.folder)

    @cached_property
    def lengths(self) -> Array | None:
        """What the rows' lengths were, (n,); None where they were one."""
        return self.files["lengths"].map(self.folder) if "lengths" in self.files else None

    def original(self, keep: Array | slice = slice(None)) -> Vectors:
        """The rows as they came, but for the last bit of those whose length was not one."""
        rows = np.array(self.vectors[keep])
        return rows if self.lengths is None else rows * self.lengths[keep, None]

    def open(self) -> None:
        """Compare sizes and headers with the record, and map the files; see `ArrayFile.check`."""
        for file in self.files.values():
            file.check(self.folder)
        # Mapped now, they stay readable when a writer merges them away.
        _ = self.vectors, self.codes, self.rows, self.lengths


@dataclass(frozen=True, eq=False)
class Encoding:
    """What is on record of one way in which the corpus was encoded.

    Args:
        name: Of the encoding and of its folder.
        passport: Of its vectors.
        reference: The encoder's name or recipe, where it has one that finds it again.
        codec: File of the codec, None before the first segment.
        calibration: The depth and the recall measured, None before that.
        through: The last passage that is encoded.
        zero: How many passages had a zero vector.
        current: Whether search uses it unless told otherwise.
    """

    name: str
    passport: Passport
    reference: str | None
    codec: ArrayFile | None
    calibration: Calibration | None
    through: int
    zero: int
    current: bool

    def load_codec(self, folder: Path) -> Codec | None:
        """The codec that made the codes."""
        if self.codec is None:
            return None
        with guarded(f"read {folder / self.codec.name}"):
            try:
                self.codec.check(folder)
            except FileNotFoundError as error:
                raise CorruptError(f"{folder / self.codec.name}: missing. Restore a copy, or build it anew") from error
            both = np.array(self.codec.map(folder))
        return Codec.from_arrays({"rotation": both[:-1], "offset": both[-1]})

    @classmethod
    def from_row(cls, row: tuple[Any, ...]) -> Self:
        """Of a row of the table."""
        name, passport, reference, _dim, codec, calibration, through, zero, current = row
        return cls(
            name,
            Passport.from_json(json.loads(passport)),
            reference,
            ArrayFile.from_json(json.loads(codec)) if codec else None,
            Calibration(**json.loads(calibration)) if calibration else None,
            through,
            zero,
            bool(current),
        )


def encodings(database: sqlite3.Connection) -> dict[str, Encoding]:
    """All encodings by name."""
    rows = database.execute("SELECT * FROM encodings ORDER BY name").fetchall()
    return {row[0]: Encoding.from_row(row) for row in rows}


def segments(database: sqlite3.Connection, folder: Path, encoding: str) -> list[Segment]:
    """The segments of an encoding in the order of their rows."""
    rows = database.execute(
        "SELECT segment, level, first_row, rows, files FROM segments WHERE encoding = ? ORDER BY first_row", [encoding]
    )
    return [
        Segment(folder, number, level, first, count, _files(files))
        for number, level, first, count, files in rows.fetchall()
    ]


def _files(text: str) -> dict[str, ArrayFile]:
    return {key: ArrayFile.from_json(file) for key, file in json.loads(text).items()}


def place(encoding: str) -> str:
    """The folder of an encoding inside the Space."""
    return f"{ENCODINGS}/{encoding}"


def write_codec(folder: Path, encoding: str, number: int, codec: Codec) -> ArrayFile:
    """Write a codec beside the segments of an encoding; `number` is that of the first segment it is used for."""
    with guarded(f"write to {folder}"):
        (folder / place(encoding) / "segments").mkdir(parents=True, exist_ok=True)
    arrays = codec.arrays()
    both = np.concatenate([arrays["rotation"], arrays["offset"][None]]).astype(np.float32)
    file = ArrayFile.write(folder, f"{place(encoding)}/codec-{number:06}.npy", [both], both.shape)
    settle(folder / place(encoding))
    return file


def write_segment(
    folder: Path, encoding: str, number: int, x: Vectors, rows: NDArray[np.int64], docs: NDArray[np.int64], codec: Codec
) -> Segment:
    """Write the files of one segment, all on the disk when this returns; they count once a transaction names them."""
    lengths, directions = split(x)
    arrays = {"vectors": directions, "rows": np.stack([rows, docs]), "codes": codec.encode(directions)}
    if lengths is not None:
        arrays["lengths"] = lengths
    stem = f"{place(encoding)}/segments/{number:06}"
    files = {key: ArrayFile.write(folder, f"{stem}.{key}.npy", [a], a.shape) for key, a in arrays.items()}
    settle(folder / place(encoding) / "segments")
    return Segment(folder, number, 0, int(rows[0]), len(rows), files)


def write_merged(
    folder: Path, encoding: str, number: int, parts: Sequence[Segment], dead: NDArray[np.int64]
) -> Segment | None:
    """Write the rows of several segments, in their order, as one; without those of `dead` documents.

    Nothing is computed anew, so that a row and its code stay what they were, to the bit. None where no row is left.
    """
    keep = [~np.isin(part.rows[1], dead) for part in parts]
    count = sum(int(mine.sum()) for mine in keep)
    if not count:
        return None
    stem = f"{place(encoding)}/segments/{number:06}"
    rows = np.concatenate([part.rows[:, mine] for part, mine in zip(parts, keep, strict=True)], axis=1)
    words, dim = len(parts[0].codes), parts[0].vectors.shape[1]
    # A generator each, so that a few thousand rows are in memory at a time.
    sources: dict[str, tuple[tuple[int, ...], Iterable[Array]]] = {
        "vectors": ((count, dim), _pieces(parts, keep)),
        "rows": ((2, count), [rows]),
        "codes": (
            (words, count),
            (part.codes[word][mine] for word in range(words) for part, mine in zip(parts, keep, strict=True)),
        ),
    }
    if any(part.lengths is not None for part in parts):
        sources["lengths"] = ((count,), (_lengths(part)[mine] for part, mine in zip(parts, keep, strict=True)))
    files = {key: ArrayFile.write(folder, f"{stem}.{key}.npy", it, shape) for key, (shape, it) in sources.items()}
    settle(folder / place(encoding) / "segments")
    return Segment(folder, number, max(part.level for part in parts) + 1, int(rows[0, 0]), count, files)


def _pieces(parts: Sequence[Segment], keep: Sequence[NDArray[np.bool_]]) -> Generator[Array]:
    for part, mine in zip(parts, keep, strict=True):
        for start in range(0, len(part), _PIECE):
            yield part.vectors[start : start + _PIECE][mine[start : start + _PIECE]]


def _lengths(part: Segment) -> Array:
    return np.ones(len(part), np.float32) if part.lengths is None else part.lengths


def split(x: Vectors) -> tuple[NDArray[np.float32] | None, Vectors]:
    """Rows of length one (or zero), and what their lengths were; None where all were one, to the bit as they came."""
    squared = np.einsum("ij,ij->i", x, x, dtype=np.float64)
    fine = (np.abs(squared - 1) < _UNIT) | (squared == 0)
    if fine.all():
        return None, np.ascontiguousarray(x, np.float32)
    lengths = np.where(fine, 1, np.sqrt(squared)).astype(np.float32)
    return lengths, np.where(fine[:, None], x, unit(x)).astype(np.float32)
