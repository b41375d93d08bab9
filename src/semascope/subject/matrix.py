"""A matrix of vectors that somebody has in a file, as it stands: nothing is repaired, so that what is wrong can be seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from semascope.encoders.jobs.stored_rows import passport_beside
from semascope.errors import InputError, UnknownNameError
from semascope.passport import Passport
from semascope.subject.arrays import from_npz, from_safetensors
from semascope.types import Array

SUFFIXES = (".npy", ".npz", ".safetensors")
TABLES = (".parquet", ".pq", ".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".tab")


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
    """Whether a path looks like a file of nothing but vectors."""
    return Path(source).suffix.lower() in SUFFIXES


def open_matrix(source: str | Path, vector: str | None = None) -> Matrix:
    """The vectors of a file; mapped from disk where its format allows.

    Formats: `.npy`; `.npz` and `.safetensors` with one array (n, d), or several of which one is named (bfloat16 and
    float16 too); Parquet, JSON Lines and CSV with a column of vectors, found by what is in it or named. In a table a
    row without a vector is a row of NaN, so that rows stay in step with their texts.

    Args:
        source: The file.
        vector: Name of the array or column.

    Raises:
        UnknownNameError: nothing is there, or nothing of that name in it.
        InputError: it holds no (n, d) of numbers, or several; rows of different lengths, with the row.
        MissingExtraError: Parquet without pyarrow.
    """
    path = Path(source)
    if not path.is_file():
        raise UnknownNameError(f"vectors: want a file of vectors, got {path}, where there is none")
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    if suffix == ".npz":
        values, ids = from_npz(path, vector)
    elif suffix == ".safetensors":
        values, ids = from_safetensors(path, vector), None
    elif suffix in TABLES:
        from semascope.subject.tables import raw_vectors

        values, ids = raw_vectors(path, vector)
    else:
        values, ids = _from_npy(path, vector), None
    if values.ndim != 2 or values.dtype.kind not in "fiu" or not values.size:
        raise InputError(
            f"vectors: want numbers in rows (n, d), got {values.dtype} of shape {values.shape} in {path.name}"
        )
    return Matrix(path.name, values, ids=ids, passport=passport_beside(path) if suffix == ".npy" else None)


def _from_npy(path: Path, vector: str | None) -> Array:
    if vector is not None:
        raise InputError(f"vector: want no name of an array for {path.name}, which holds one without a name")
    try:
        # Not np.load, which goes by what is in a file and also opens archives.
        return np.lib.format.open_memmap(path, mode="r")
    except (ValueError, EOFError, OSError) as error:
        raise InputError(f"vectors: want a .npy file of numbers, got {path.name}: {error}") from None
