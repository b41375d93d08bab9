"""Content hashes: what a passport or a manifest says of bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from semascope.types import Array


def digest(*parts: bytes | str | Array) -> str:
    """sha256 (hex) of the parts in order; an array counts with its dtype and shape, so a reshape is another thing."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            data = part.encode("utf-8", "surrogatepass")
        elif isinstance(part, bytes):
            data = part
        else:
            data = f"{part.dtype.str}{part.shape}".encode() + np.ascontiguousarray(part).tobytes()
        total.update(len(data).to_bytes(8, "little"))
        total.update(data)
    return total.hexdigest()


def file_digest(path: str | Path) -> str:
    """sha256 (hex) of a file's bytes."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
