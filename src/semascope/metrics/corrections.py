"""p-values when many were looked at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.types import Array


def holm(p: Sequence[float] | Array) -> NDArray[np.float64]:
    """p-values (m,) corrected for having looked at all of them; the chance of one false alarm among them stays below the level.

    Source: Holm (1979), "A Simple Sequentially Rejective Multiple Test Procedure".

    Raises:
        InputError: something that is no p-value.
    """
    found, order = _ordered(p)
    stepped = np.maximum.accumulate(found[order] * (len(found) - np.arange(len(found))))
    return _placed(stepped, order)


def benjamini_hochberg(p: Sequence[float] | Array) -> NDArray[np.float64]:
    """p-values (m,) corrected so that of all that are called shown at a level, that share at most is expected to be false alarms.

    It lets through more than Holm's; for independent tests and those that tend to go together.

    Source: Benjamini and Hochberg (1995), "Controlling the False Discovery Rate".

    Raises:
        InputError: something that is no p-value.
    """
    found, order = _ordered(p)
    scaled = found[order] * len(found) / np.arange(1, len(found) + 1)
    return _placed(np.minimum.accumulate(scaled[::-1])[::-1], order)


def _ordered(p: Sequence[float] | Array) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    found = np.asarray(p, np.float64).ravel()
    if not ((found >= 0) & (found <= 1)).all():
        raise InputError(f"p: want values from 0 to 1, got {found[~((found >= 0) & (found <= 1))][0]}")
    return found, np.argsort(found, kind="stable")


def _placed(stepped: NDArray[np.float64], order: NDArray[np.intp]) -> NDArray[np.float64]:
    out = np.empty(len(stepped))
    out[order] = np.minimum(stepped, 1.0)
    return out
