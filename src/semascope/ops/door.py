"""Checks at the door: say which argument is wrong, what was wanted and what came."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from semascope.errors import InputError, InputTypeError, MissingExtraError, OptionError
from semascope.types import Array, Vectors


def vectors(x: Any, *, dim: int | None = None, least: int = 1, name: str = "X") -> Vectors:
    """Return `x` as finite C-contiguous float32 rows (n, d), or say what is wrong with it.

    Args:
        x: Anything numpy takes as a 2-D array of real numbers. Never written to.
        dim: The number of columns it must have.
        least: The fewest rows allowed.
        name: What the argument is called in the error.

    Raises:
        InputError: not 2-D, not numbers, too few rows, wrong width, NaN or infinite values.
    """
    array = _numbers(x, name)
    if array.ndim != 2:
        raise InputError(
            f"{name}: want a 2-D array of rows, got shape {array.shape}. Reshape your data: x.reshape(1, -1) is one row"
        )
    # The words in parentheses here and below are those that scikit-learn's own checks look for.
    if array.shape[1] < 1:
        raise InputError(
            f"{name}: want at least 1 column, got 0 feature(s) (shape={array.shape}) while a minimum of 1 is required."
        )
    if len(array) < least:
        rows = f"{least} row{'s' * (least != 1)}"
        raise InputError(f"{name}: want at least {rows}, got {len(array)} (n_samples={len(array)})")
    if dim is not None and array.shape[1] != dim:
        raise InputError(f"{name}: want {dim} columns, got {array.shape[1]}")
    # A float64 too large for float32 becomes infinite here and is refused below with a plain message.
    with np.errstate(over="ignore"):
        out = np.ascontiguousarray(array, dtype=np.float32)
    # One pass: the sum is finite only where every value is, unless it overflows; only then look closely.
    with np.errstate(all="ignore"):
        finite = bool(np.isfinite(out.sum())) or bool(np.isfinite(out).all())
    if not finite:
        row = int(np.flatnonzero(~np.isfinite(out).all(axis=1))[0])
        raise InputError(f"{name}: want finite numbers, got NaN or infinite values (first in row {row})")
    return out


def _numbers(x: Any, name: str) -> Array:
    if isinstance(x, str):
        raise InputError(f"{name}: want a 2-D array of rows, got str")
    if hasattr(x, "toarray"):
        raise InputError(
            f"{name}: want a dense array, got a sparse one ({type(x).__name__}); x.toarray() makes it dense"
        )
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise InputError(f"{name}: want a 2-D array of rows, got rows of different lengths") from error
    if array.dtype.kind == "O":
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            kind = InputTypeError if isinstance(error, TypeError) else InputError
            raise kind(f"{name}: want real numbers, got something else ({error})") from error
    if array.dtype.kind == "c":
        raise InputError(f"{name}: want real numbers, got {array.dtype}. Complex data not supported")
    if array.dtype.kind not in "fiub":
        raise InputError(f"{name}: want real numbers, got dtype {array.dtype}")
    return array


def texts(items: Any, *, name: str = "texts") -> list[str]:
    """Return `items` as a list of str, or say what is wrong. A bare string is refused: it is one text, not a list."""
    if isinstance(items, str | bytes):
        raise InputError(f"{name}: want a list of texts, got one {type(items).__name__}; write [text]")
    if not isinstance(items, Iterable):
        raise InputError(f"{name}: want a list of texts, got {type(items).__name__}")
    out: list[Any] = list(items)  # pyright: ignore[reportUnknownArgumentType]
    for place, item in enumerate(out):
        if not isinstance(item, str):
            raise InputError(f"{name}: want str at every place, got {type(item).__name__} at {place}")
    return out


def integer(value: Any, *, name: str, least: int | None = None, most: int | None = None) -> int:
    """Return `value` as an int within bounds, or say what is wrong."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise OptionError(f"{name}: want a whole number, got {value!r}")
    if least is not None and value < least:
        raise OptionError(f"{name}: want at least {least}, got {value}")
    if most is not None and value > most:
        raise OptionError(f"{name}: want at most {most}, got {value}")
    return int(value)


def option(value: str, choices: Sequence[str], *, name: str) -> str:
    """Return `value` if it is one of `choices`, or say which there are."""
    if value not in choices:
        raise OptionError(f"{name}: want one of {', '.join(choices)}; got {value!r}")
    return value


def need(package: str, *, extra: str) -> ModuleType:
    """Import an optional package, or say how to install it."""
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"{package} is needed here: pip install 'semascope[{extra}]'") from error
