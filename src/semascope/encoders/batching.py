"""Which texts go through a model together: as many as a token budget allows, of like length, so that little is wasted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.errors import DeviceMemoryError
from semascope.types import Array


def batches(lengths: NDArray[np.int64], budget: int, *, size: int | None = None) -> Iterator[NDArray[np.int64]]:
    """Places of texts, the longest first, in groups of at most `budget` tokens counted as if all were as long as the longest.

    The longest come first so that whatever does not fit into memory shows at once. A text longer than the budget goes alone.
    `size` is a number of texts in place of the budget.
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        longest = max(1, int(lengths[order[start]]))
        stop = start + (size or max(1, budget // longest))
        yield order[start:stop]
        start = stop


def shrinking(places: Array, run: Callable[[Array], Any]) -> Iterator[tuple[Array, Any]]:
    """`run(places)`, in halves where the device has not the memory for all of them at once.

    Raises:
        DeviceMemoryError: not even one text alone fits.
    """
    waiting = [places]
    while waiting:
        part = waiting.pop()
        try:
            found = run(part)
        except DeviceMemoryError:
            if len(part) == 1:
                raise
            waiting += [part[len(part) // 2 :], part[: len(part) // 2]]
            continue
        yield part, found


def groups(items: Iterable[str], size: int) -> Iterator[list[str]]:
    """Any number of texts, so many at a time; the last may be fewer."""
    waiting: list[str] = []
    for item in items:
        waiting.append(item)
        if len(waiting) == size:
            yield waiting
            waiting = []
    if waiting:
        yield waiting
