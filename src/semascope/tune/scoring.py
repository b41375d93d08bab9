"""Scores of recipes from the rows of one pass: one decomposition for each reading, shared by every change, width and codec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.compression.one_bit import OneBit
from semascope.metrics.ranking import ranked
from semascope.ops.whitening import Principal, principal
from semascope.tune.lexical import Words, blended
from semascope.tune.onepass import Rows
from semascope.tune.recipes import Candidate, Change, Reading
from semascope.types import Array, Kind, Task, Vectors


@dataclass(frozen=True, eq=False)
class Asked:
    """A task, where its texts stand among the rows, and what the words of its queries say.

    Args:
        task: What is asked.
        rows: Places of its texts, by the name of the input.
        words: Of a retrieval; None elsewhere.
    """

    task: Task
    rows: Mapping[str, NDArray[np.int64]]
    words: Words | None = None

    @property
    def ranks(self) -> bool:
        """Whether queries rank documents, so that words can count beside the cosine."""
        return self.words is not None

    def part(self, places: NDArray[np.int64]) -> Asked:
        """The same about the units at these places alone."""
        task = self.task.part(places)
        if self.ranks:  # units are queries, and documents stay
            rows = {**self.rows, "queries": self.rows["queries"][places]}
            return Asked(task, rows, None if self.words is None else self.words.part(places))
        every = {
            name: dict(zip(texts, self.rows[name].tolist(), strict=True))
            for name, (texts, _) in self.task.inputs().items()
        }
        found = {
            name: np.array([every[name][text] for text in texts], np.int64)
            for name, (texts, _) in task.inputs().items()
        }
        return Asked(task, found)

    def value(self, x: Vectors, weight: float = 0.0) -> float:
        """The headline of rows x (n, d) of all texts, unit length or zero."""
        if not self.ranks:
            return self.task.judge({name: x[at] for name, at in self.rows.items()}).value()
        return self.values(x, (weight,))[0]

    def values(self, x: Vectors, weights: Sequence[float]) -> list[float]:
        """The headline for each weight of the words; the same for all where there are none."""
        if self.words is None:
            return [self.value(x)] * len(weights)
        task: Any = self.task
        cosines = x[self.rows["queries"]] @ x[self.rows["documents"]].T
        found: list[float] = []
        for weight in weights:
            scores = blended(cosines, self.words.shares, weight) if weight else cosines
            found.append(float(task.judge_ranking(ranked(scores, 10)).value()))
        return found


def placed(task: Task, rows: Rows, words: Words | None) -> Asked:
    """The task with the places of its texts."""
    return Asked(task, {name: rows.places(list(texts), kind) for name, (texts, kind) in task.inputs().items()}, words)


def inputs(tasks: Sequence[Task]) -> dict[Kind, list[str]]:
    """The texts of all tasks by kind."""
    found: dict[Kind, list[str]] = {}
    for task in tasks:
        for texts, kind in task.inputs().values():
            found.setdefault(kind, []).extend(texts)
    return found


@dataclass(frozen=True, eq=False)
class Base:
    """The rows of one reading, and the same along their principal axes.

    Args:
        reading: Which.
        x: float32 (n, d), as a recipe gives them to its transforms.
        learnt: Places of the rows that transforms and codecs learn from.
        spread: Of those.
        turned: (x - mean) @ axes, float32 (n, d).
        empty: Which rows are zero, of texts without tokens, and stay so, (n,).
    """

    reading: Reading
    x: Vectors
    learnt: NDArray[np.int64]
    spread: Principal
    turned: Vectors
    empty: NDArray[np.bool_]

    @staticmethod
    def of(rows: Rows, reading: Reading, learn: NDArray[np.int64]) -> Base:
        """The base of a reading; transforms learn from the rows at `learn`."""
        x = rows.base(reading)
        empty = np.logical_not(x.any(axis=1))
        learnt = learn[~empty[learn]]
        spread = principal(x[learnt])
        turned = ((x - spread.mean.astype(np.float32)) @ spread.axes.astype(np.float32)).astype(np.float32)
        return Base(reading, x, learnt, spread, turned, empty)

    def changed(self, change: Change, dim: int) -> Vectors:
        """Rows float32 (n, dim) after a change, unit length or zero."""
        if change.kind == "plain":
            out = self.x[:, :dim]
        elif change.kind == "whiten":
            scale = self.spread.scales("auto" if change.shrink < 0 else change.shrink)[:dim].astype(np.float32)
            out = self.turned[:, :dim] * (scale / max(float(scale.max()), 1e-30))
        else:
            axes = self.spread.axes[:dim, : change.removed].astype(np.float32)
            out = self.x[:, :dim] - self.spread.mean[:dim].astype(np.float32)
            out -= self.turned[:, : change.removed] @ axes.T
        return _unit(out, self.empty)

    def coded(self, x: Vectors, bits: str) -> Vectors:
        """What is left of unit rows x (n, k) after a codec, unit length or zero; one-bit codes stay turned."""
        if not bits:
            return x
        known = x[self.learnt]
        out = _int8(x, known) if bits == "int8" else _one_bit(x, known)
        return _unit(out, self.empty)


def _unit(x: Array, empty: NDArray[np.bool_]) -> Vectors:
    """Rows scaled to length one, empty ones zero. In one pass: rows of a model need not be guarded against overflow."""
    length = np.sqrt(np.einsum("ij,ij->i", x, x))
    scale = np.where((length > 0) & ~empty, 1 / np.where(length > 0, length, 1), 0).astype(np.float32)
    return x * scale[:, None]


def _int8(x: Vectors, known: Vectors) -> Vectors:
    low, high = known.min(axis=0), known.max(axis=0)
    step = (high - low) / np.float32(254)
    step = np.where(step >= np.finfo(np.float32).tiny, step, np.float32(1))
    middle = (low + high) / np.float32(2)
    out = x - middle
    out /= step
    np.rint(out, out=out)
    np.clip(out, -127, 127, out=out)
    out *= step
    out += middle
    return out


def _one_bit(x: Vectors, known: Vectors) -> Vectors:
    """Signs after the turn of `one_bit`, and not turned back: cosines are the same."""
    mean = known.mean(axis=0)
    turn = _turn(x.shape[1])
    turned = (x - mean) @ turn
    spread = np.abs((known - mean) @ turn).mean(axis=0)
    return np.where(turned > 0, spread, -spread) + mean @ turn


@cache
def _turn(dim: int) -> NDArray[np.float32]:
    """The turn that `one_bit` makes of rows of this width."""
    return OneBit().fit(np.eye(2, dim, dtype=np.float32)).learned_.rotation


def scored(base: Base, candidates: Sequence[Candidate], asked: Sequence[Asked]) -> dict[Candidate, tuple[float, ...]]:
    """The headline of every task for every candidate of this base's reading."""
    found: dict[Candidate, tuple[float, ...]] = {}
    grouped: dict[tuple[Change, int], dict[str, list[Candidate]]] = {}
    for one in candidates:
        grouped.setdefault((one.change, one.dim), {}).setdefault(one.bits, []).append(one)
    for (change, dim), by_bits in grouped.items():
        x = base.changed(change, dim)
        for bits, some in by_bits.items():
            y = base.coded(x, bits)
            columns = [task.values(y, [one.weight for one in some]) for task in asked]
            for one, *values in zip(some, *columns, strict=True):
                found[one] = tuple(values)
    return found
