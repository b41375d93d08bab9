"""Array files that are whole or absent, and how large a folder is."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, Self

import numpy as np

from semascope.errors import CorruptError
from semascope.ops import whole
from semascope.types import Array


@dataclass(frozen=True, slots=True)
class ArrayFile:
    """What is on record of a .npy file.

    Args:
        name: Its path inside the Space, with forward slashes.
        dtype: As numpy writes it, such as "<f4".
        shape: Of the array in it.
        bytes: Size of the whole file.
        sha256: Of the whole file.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int
    sha256: str

    @classmethod
    def write(cls, folder: Path, name: str, blocks: Iterable[Array], shape: tuple[int, ...]) -> Self:
        """Write an array of `shape` that comes in blocks, one after the other, to `folder`/`name`.

        It is written aside, flushed to the disk, then renamed.
        """
        rest = iter(blocks)
        first = next(rest)
        head, path = header(first.dtype.str, shape), folder / name
        total, written = hashlib.sha256(head), len(head)
        with whole(path) as file:
            file.write(head)
            for block in chain([first], rest):
                body = np.ascontiguousarray(block).reshape(-1).view(np.uint8).data
                file.write(body)
                total.update(body)
                written += len(body)
        return cls(name, first.dtype.str, shape, written, total.hexdigest())

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Self:
        """Read what `to_json` gave."""
        return cls(plain["name"], plain["dtype"], tuple(plain["shape"]), plain["bytes"], plain["sha256"])

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    def check(self, folder: Path) -> None:
        """Compare size and header with the record, without reading the array.

        Raises:
            FileNotFoundError: it is not there (the caller knows whether it may have been merged away).
            CorruptError: it is, but cut short or altered.
        """
        path, head = folder / self.name, header(self.dtype, self.shape)
        with path.open("rb", buffering=0) as file:
            size, found = os.fstat(file.fileno()).st_size, file.read(len(head))
        if size != self.bytes:
            raise CorruptError(f"{path}: want {self.bytes:,} bytes, got {size:,}. Restore a copy, or build it anew")
        if found != head:
            raise CorruptError(f"{path}: its header was altered. Restore a copy, or build it anew")

    def map(self, folder: Path) -> Array:
        """The array, memory-mapped and read-only."""
        if 0 in self.shape:
            return np.zeros(self.shape, self.dtype)
        offset = len(header(self.dtype, self.shape))
        # The plain view: every slice of a numpy memmap object costs microseconds more.
        return np.asarray(np.memmap(folder / self.name, np.dtype(self.dtype), "r", offset, self.shape))

    def intact(self, folder: Path) -> bool:
        """Whether its bytes are those that were written; reads all of them."""
        with (folder / self.name).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256


@lru_cache(maxsize=1024)
def header(dtype: str, shape: tuple[int, ...]) -> bytes:
    """The start of a .npy file, as numpy writes it."""
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": dtype, "fortran_order": False, "shape": shape})
    return out.getvalue()


def size(folder: Path) -> int:
    """Bytes of all files below `folder`."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += path.stat().st_size if path.is_file() else 0
    return total
