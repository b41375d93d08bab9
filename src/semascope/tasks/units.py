"""What tasks share: ids of what is asked about, texts that are encoded once however often they stand there, and folds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.ops.hashes import digest


def checked(task: str, ids: Sequence[str] | None, **columns: Sequence[Any]) -> None:
    """Fail unless all columns are of one length, which is at least 1, and ids are as many where there are any.

    Raises:
        InputError: names the column.
    """
    (first, values), *rest = columns.items()
    if not len(values):
        raise InputError(f"{task}: want at least one of {first}, got none")
    for name, others in [*rest, *([("ids", ids)] if ids is not None else [])]:
        if len(others) != len(values):
            raise InputError(f"{task}: want one of {name} for each of {len(values)} {first}, got {len(others)}")


def named(ids: Sequence[str] | None, n: int) -> tuple[str, ...]:
    """The ids, or the places of n units as their ids."""
    return tuple(ids) if ids is not None else tuple(map(str, range(n)))


def once(texts: Sequence[str]) -> tuple[list[str], NDArray[np.int64]]:
    """Every different text once, in order, and the place among them of each (n,)."""
    place = {text: at for at, text in enumerate(dict.fromkeys(texts))}
    return list(place), np.array([place[text] for text in texts], np.int64)


def numbered(labels: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The different labels in the order of their names, and the number of each (n,)."""
    names = tuple(sorted(set(labels)))
    place = {name: at for at, name in enumerate(names)}
    return names, np.array([place[label] for label in labels], np.int64)


def shuffled(units: Sequence[str], seed: int) -> NDArray[np.int64]:
    """Places of units in an order that hangs on their ids and the seed alone, not on where they stand."""
    keys = [digest(str(seed), name) for name in units]
    return np.array(sorted(range(len(keys)), key=lambda at: (keys[at], units[at])), np.int64)


def folds(
    units: Sequence[str], groups: NDArray[np.int64], labels: NDArray[np.int64], k: int, seed: int
) -> NDArray[np.int64]:
    """Which of k folds each unit is in, (n,): those of one group together, and labels spread evenly.

    It hangs on ids and the seed, and not on the order of units.
    """
    out = np.empty(int(groups.max()) + 1, np.int64)
    first: dict[int, int] = {}
    for at in shuffled(units, seed):
        first.setdefault(int(groups[at]), int(at))
    dealt = sorted(first, key=lambda group: int(labels[first[group]]))  # stable: shuffled within a label
    out[dealt] = np.arange(len(dealt)) % k
    return out[groups]
