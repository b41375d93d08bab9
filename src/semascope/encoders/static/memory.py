"""Remember the vector of every word met, so that a word costs the tokenizer's time once.

Short words are found by an open-addressing hash table kept in arrays, a whole batch at a time; the key is the word itself
(sixteen bytes and no hash of them), so a hit is always right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from semascope.encoders.static.words import SHORT, Units
from semascope.types import Vectors

_LEARNED_TOGETHER = 2_048
_Number = TypeVar("_Number", bound=np.generic)

_LONGEST = 96  # bytes; longer units are almost never seen twice
_FIRST_ROWS = 2_048
_MOST_NEW_ROWS = 8_192  # doubling further would hold far more than is used
_MIX = np.uint64(0x9E3779B97F4A7C15)
_MIX_HIGH = np.uint64(0xC2B2AE3D27D4EB4F)

Learn = Callable[[list[bytes]], tuple[Vectors, NDArray[np.int64]]]  # units -> (vectors, tokens of each (units, 2))


class Memory:
    """Word -> row of `vectors` and `counts`. Rows are only ever added; the owner starts a new one when it is full.

    Args:
        dim: Columns of a vector.
        learn: Computes the vectors and token counts of units that are new.
    """

    def __init__(self, dim: int, learn: Learn) -> None:
        self.vectors: Vectors = np.empty((_FIRST_ROWS, dim), dtype=np.float32)
        self.counts: NDArray[np.int64] = np.zeros((_FIRST_ROWS, 2), dtype=np.int64)
        self.used = 0
        self.names: dict[str, int] = {}  # of words met alone, for the quick path of single texts
        self._learn = learn
        self._long: dict[bytes, int] = {}
        self._low: NDArray[np.uint64] = np.zeros(_FIRST_ROWS, dtype=np.uint64)
        self._high: NDArray[np.uint64] = np.zeros(_FIRST_ROWS, dtype=np.uint64)
        self._set_slots(4 * _FIRST_ROWS)

    def rows(self, units: Units) -> NDArray[np.int64]:
        """The row of every unit, (units,); new ones are learned and added."""
        low, high = units.keys()
        rows = self._find(low, high)
        long = np.flatnonzero(units.lengths > SHORT)
        rows[long] = 0
        missing = np.flatnonzero(rows < 0)
        while len(missing):
            first = missing[np.unique(low[missing] * _MIX ^ high[missing], return_index=True)[1]]
            self._add([units.unit(place) for place in first.tolist()], low[first], high[first])
            rows[missing] = self._find(low[missing], high[missing])
            missing = missing[rows[missing] < 0]  # two words of one mixed key: the other one's turn
        if len(long):
            rows[long] = self._long_rows([units.unit(place) for place in long.tolist()])
        return rows

    def _find(self, low: NDArray[np.uint64], high: NDArray[np.uint64]) -> NDArray[np.int64]:
        slot = self._home(low, high)
        rows = self._slots.take(slot)
        wrong = np.flatnonzero((rows >= 0) & ((self._low.take(rows) != low) | (self._high.take(rows) != high)))
        while len(wrong):
            slot[wrong] = (slot[wrong] + 1) & self._mask
            rows[wrong] = found = self._slots.take(slot[wrong])
            still = (found >= 0) & ((self._low.take(found) != low[wrong]) | (self._high.take(found) != high[wrong]))
            wrong = wrong[still]
        return rows

    def _home(self, low: NDArray[np.uint64], high: NDArray[np.uint64]) -> NDArray[np.int64]:
        mixed = (low ^ (high * _MIX_HIGH)) * _MIX
        return (mixed >> self._shift).astype(np.int64)

    def _add(self, names: list[bytes], low: NDArray[np.uint64], high: NDArray[np.uint64]) -> None:
        new = self._append(names)
        self._low[new] = low
        self._high[new] = high
        if 4 * self.used > len(self._slots):
            self._set_slots(4 * len(self._slots))
            every = np.arange(self.used)
            named = (self._low[every] | self._high[every]) != 0  # long units have no place among the slots
            self._fill(every[named])
        else:
            self._fill(new)

    def _fill(self, rows: NDArray[np.int64]) -> None:
        for row, home in zip(rows.tolist(), self._home(self._low[rows], self._high[rows]).tolist(), strict=True):
            slot = home
            while self._slots[slot] >= 0:
                slot = (slot + 1) & self._mask
            self._slots[slot] = row

    def _set_slots(self, size: int) -> None:
        self._slots = np.full(size, -1, dtype=np.int64)
        self._mask = size - 1
        self._shift = np.uint64(64 - (size.bit_length() - 1))

    def _append(self, names: list[bytes]) -> NDArray[np.int64]:
        start, end = self.used, self.used + len(names)
        if end > len(self.vectors):
            room = max(min(2 * len(self.vectors), len(self.vectors) + _MOST_NEW_ROWS), end)
            self.vectors = _grown(self.vectors, start, room)
            self.counts = _grown(self.counts, start, room)
            self._low, self._high = _grown(self._low, start, room), _grown(self._high, start, room)
        for place in range(0, len(names), _LEARNED_TOGETHER):
            some = slice(start + place, min(start + place + _LEARNED_TOGETHER, end))
            self.vectors[some], self.counts[some] = self._learn(names[place : place + _LEARNED_TOGETHER])
        self._low[start:end] = 0
        self._high[start:end] = 0
        self.used = end
        return np.arange(start, end)

    def _long_rows(self, names: list[bytes]) -> list[int]:
        new = list(dict.fromkeys(name for name in names if name not in self._long))
        rows = dict(zip(new, self._append(new).tolist(), strict=True)) if new else {}
        self._long.update({name: row for name, row in rows.items() if len(name) <= _LONGEST})
        return [rows[name] if name in rows else self._long[name] for name in names]


def _grown(array: NDArray[_Number], used: int, room: int) -> NDArray[_Number]:
    out = np.zeros((room, *array.shape[1:]), dtype=array.dtype)
    out[:used] = array[:used]
    return out
