"""A matrix of vectors on disk: rows appended to a .npy file whose header comes last, and the passport that stands beside it."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from semascope.errors import CorruptError
from semascope.ops import guarded
from semascope.passport import Passport
from semascope.types import Array

FORMAT = 1
SIDE = ".passport.json"
HEADER = 128  # bytes before the rows of a .npy file; numpy writes it so that the number of rows can still change


class RowFile:
    """A .npy file that grows by rows; its header is written when their number is known.

    Args:
        path: The file.
        dtype: Of its numbers.
        dim: Columns.
        rows: That are known to be in it; what comes behind them is dropped.
    """

    def __init__(self, path: Path, dtype: np.dtype[Any], dim: int, rows: int) -> None:
        self._path, self._dtype, self._dim = path, dtype, dim
        done = HEADER + rows * dim * dtype.itemsize
        with guarded(f"write {path}"):
            if rows and (not path.exists() or path.stat().st_size < done):
                raise CorruptError(
                    f"{path}: want {done:,} bytes, as its journal says, got fewer; begin anew with resume=False"
                )
            self._file = path.open("r+b" if path.exists() else "w+b", buffering=0)
            try:
                self._file.truncate(done)
                self._file.seek(done)
            except OSError:
                self._file.close()
                raise

    def append(self, rows: Array) -> None:
        """Write rows, and wait until they are on the disk."""
        with guarded(f"write {self._path}"):
            self._write(rows.tobytes())

    def finish(self, rows: int) -> None:
        """Write the header."""
        head = io.BytesIO()
        shape = (rows, self._dim)
        np.lib.format.write_array_header_1_0(head, {"descr": self._dtype.str, "fortran_order": False, "shape": shape})
        if head.tell() != HEADER:
            raise CorruptError(f"{self._path}: want a header of {HEADER} bytes, got {head.tell()}")
        with guarded(f"write {self._path}"):
            self._file.seek(0)
            self._write(head.getvalue())

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]  # a disk that fills up takes the first part of it
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close it."""
        self._file.close()


def passport_beside(path: str | Path) -> Passport | None:
    """The passport of a .npy file that `encode_to` made, read from beside it; None where there is none.

    Raises:
        CorruptError: it cannot be read, or is that of another matrix.
    """
    path = Path(path)
    side = path.with_name(path.name + SIDE)
    if not side.is_file():
        return None
    try:
        plain = json.loads(side.read_text(encoding="utf-8"))
        if plain["format"] != FORMAT:
            raise CorruptError(f"{side}: want format {FORMAT}, got {plain['format']!r}; a newer semascope may read it")
        passport, rows = Passport.from_json(plain["passport"]), int(plain["rows"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, CorruptError):
            raise
        raise CorruptError(
            f"{side}: cannot be read ({error!r}); remove it to use the matrix without a passport"
        ) from error
    shape = np.load(path, mmap_mode="r", allow_pickle=False).shape
    if shape != (rows, passport.dim):
        raise CorruptError(
            f"{side}: want a matrix of shape {(rows, passport.dim)}, got {shape}: it belongs to another one; remove it"
        )
    return passport
