"""A matrix of vectors that somebody has in a file, as it stands: nothing is repaired, so that what is wrong can be seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from semascope.encoders.jobs.stored_rows import passport_beside
from semascope.errors import InputError, UnknownNameError
from semascope.passport import Passport
from semascope.types import Array

SUFFIXES = (".npy",)


@dataclass(frozen=True, eq=False)
class Matrix:
    """Rows of a file.

    Args:
        name: The file's name.
        values: (n, d) of any number type, perhaps mapped from disk; may hold NaN, infinite values and zero rows.
        ids: Of the rows, where the file says them.
        passport: From beside the file, where there is one.
    """

    name: str
    values: Array
    ids: Sequence[str] | None = None
    passport: Passport | None = None


def is_matrix(source: str | Path) -> bool:
    """Whether a path looks like a file of vectors."""
    return Path(source).suffix.lower() in SUFFIXES


def open_matrix(source: str | Path) -> Matrix:
    """The vectors of a file; mapped from disk where its format allows.

    Raises:
        UnknownNameError: nothing is there.
        InputError: it is no 2-D array of numbers.
    """
    path = Path(source)
    if not path.is_file():
        raise UnknownNameError(f"vectors: want a file of vectors, got {path}, where there is none")
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise InputError(f"vectors: want a .npy file of numbers, got {path.name}: {error}") from None
    if values.ndim != 2 or values.dtype.kind not in "fiu" or not values.size:
        raise InputError(
            f"vectors: want numbers in rows (n, d), got {values.dtype} of shape {values.shape} in {path.name}"
        )
    return Matrix(path.name, values, passport=passport_beside(path))
