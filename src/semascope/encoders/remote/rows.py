"""What an answer of /v1/embeddings holds: its vectors in the order of the texts, or why it cannot be used."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import numpy as np

from semascope.errors import AnswerError
from semascope.types import Array, Vectors

_ABSURD = 1e6  # no embedding holds a number like this; bytes of another type read as float32 soon do
_NOTHING = 1e-9  # ... or rows as short as this


def rows_of(answer: Mapping[str, Any], count: int, *, dim: int | None, where: str) -> Vectors:
    """The vectors of an answer, float32 (count, dim), whichever of its two encodings it came in.

    Args:
        answer: `{"data": [{"index": 0, "embedding": [...] or base64 of little-endian float32}, ...]}`.
        count: Texts that were sent.
        dim: Columns wanted; None takes what comes.
        where: Whose answer it is, for errors.

    Raises:
        AnswerError: not one row for each text, of another width, not numbers, NaN, or bytes of something else than float32.
    """
    items = answer.get("data")
    if not isinstance(items, list) or not all(isinstance(item, Mapping) and "embedding" in item for item in items):
        raise AnswerError(f"{where}: want an answer with data: [{{index, embedding}}, ...], got keys {_keys(answer)}")
    if len(items) != count:
        raise AnswerError(f"{where}: want {count} vectors, one a text, got {len(items)}")
    rows = [_row(item["embedding"], where) for item in items]
    widths = sorted({len(row) for row in rows})
    if len(widths) != 1:
        raise AnswerError(f"{where}: want vectors of one width, got widths {', '.join(map(str, widths))}")
    _check_width(widths[0], dim, where)
    out = np.empty((count, widths[0]), dtype=np.float32)
    with np.errstate(over="ignore"):
        out[_places(items, where)] = np.stack(rows)
    if any(isinstance(item["embedding"], str) for item in items):
        _check_bytes(out, where)
    bad = np.flatnonzero(~np.isfinite(out).all(axis=1))
    if len(bad):
        raise AnswerError(
            f"{where}: want finite numbers, got NaN or infinite ones in the vector of text {bad[0]} of {count}"
        )
    return out


def _keys(answer: Mapping[str, Any]) -> str:
    return ", ".join(map(repr, list(answer)[:8])) or "none"


def _row(value: Any, where: str) -> Array:
    if isinstance(value, str):
        try:
            data = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise AnswerError(f"{where}: want base64 or a list as the embedding, got text that is neither") from None
        if not data or len(data) % 4:
            raise AnswerError(f"{where}: want base64 of float32, four bytes a number, got {len(data)} bytes")
        return np.frombuffer(data, dtype="<f4")
    if not isinstance(value, list) or not value:
        raise AnswerError(f"{where}: want a list of numbers as the embedding, got {type(value).__name__}")
    if isinstance(value[0], list):
        raise AnswerError(
            f"{where}: want one vector a text, got one a token; have the server pool them (mean, cls or last)"
        )
    if any(isinstance(number, bool) or not isinstance(number, int | float) for number in value):
        raise AnswerError(f"{where}: want numbers in the embedding, got something else")
    if _are_bytes(value):
        raise AnswerError(
            f"{where}: want float32 numbers, got the bytes of {len(value) // 4} of them as whole numbers; something between "
            "here and the model confuses the two encodings"
        )
    try:
        return np.asarray(value, dtype=np.float64)
    except OverflowError:
        raise AnswerError(f"{where}: want numbers that float32 holds, got larger ones") from None


def _are_bytes(value: list[Any]) -> bool:
    """Whether these numbers are rather the bytes of an embedding: whole, below 256, and sensible when read so."""
    if len(value) % 4 or not all(isinstance(number, int) and 0 <= number < 256 for number in value):
        return False
    read = np.array(value, dtype=np.uint8).view("<f4").astype(np.float64)
    return bool(np.isfinite(read).all() and np.abs(read).max() < 1e3 and np.linalg.norm(read) > 1e-3)


def _check_width(width: int, dim: int | None, where: str) -> None:
    if dim is None or width == dim:
        return
    why = ""
    if width * 4 == dim:
        why = ": a quarter, which is what bytes or int8 codes give when they are read as float32"
    elif width * 2 == dim or width == 2 * dim:
        why = f": {'half' if width < dim else 'twice'} as many, which is what {'16' if width < dim else '64'}-bit numbers give"
    raise AnswerError(
        f"{where}: want {dim} columns, got {width}{why}. Ask for plain numbers with encoding='float', or mend the server"
    )


def _places(items: list[Mapping[str, Any]], where: str) -> list[int]:
    said = [item.get("index") for item in items]
    if all(index is None for index in said):
        return list(range(len(items)))
    places = [index for index in said if isinstance(index, int) and not isinstance(index, bool)]
    if sorted(places) != list(range(len(items))):
        raise AnswerError(f"{where}: want every index from 0 to {len(items) - 1} once, got {said[:8]}")
    return places


def _check_bytes(rows: Vectors, where: str) -> None:
    """Find base64 of another type or byte order: read as float32 it gives huge numbers, or hardly any length."""
    finite = rows[np.isfinite(rows)].astype(np.float64)
    largest = float(np.abs(finite).max(initial=0.0))
    if largest > _ABSURD or 0 < largest < _NOTHING:
        raise AnswerError(
            f"{where}: want base64 of little-endian float32, got bytes that make no sense as that (the largest number is "
            f"{largest:.3g}). Ask for plain numbers with encoding='float', or mend the server"
        )
