"""Scores of recipes from the rows of one pass: one decomposition for each reading, shared by every change, width and codec."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.compression.one_bit import OneBit
from semascope.metrics import Scores
from semascope.metrics.ranking import ranked
from semascope.ops.whitening import Principal, principal
from semascope.tune.lexical import Blend, Words
from semascope.tune.onepass import Rows
from semascope.tune.recipes import Candidate, Change, Reading
from semascope.types import Array, Kind, Task, Vectors

_TOP = 11  # documents of a ranking that its headline looks at, and one that may be the query itself
_AT_ONCE = 32_000_000  # scores of documents for queries that are held at once: 128 MB, and a few times that in between
_MANY = 1_024  # documents from which on not all scores are sorted


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

    def among(self, needed: NDArray[np.int64]) -> Asked:
        """The same for rows of which only those at `needed`, rising, are left."""
        return replace(self, rows={name: np.searchsorted(needed, at) for name, at in self.rows.items()})

    def scores(self, x: Vectors, weights: Sequence[float] = (0.0,)) -> list[Scores]:
        """What the task finds of rows x (n, d) of all texts, unit length or zero, for each weight of the words.

        Where it ranks documents only the eleven best are looked at. Where there are no words it is the same for all weights.
        """
        if self.words is None:
            return [self.task.judge({name: x[at] for name, at in self.rows.items()})] * len(weights)
        task: Any = self.task
        queries, documents = x[self.rows["queries"]], x[self.rows["documents"]]
        places: list[list[NDArray[np.int64]]] = [[] for _ in weights]
        for some in in_parts(len(queries), len(documents)):
            blend = Blend(queries[some] @ documents.T, self.words.shares[some])
            for mine, weight in zip(places, weights, strict=True):
                mine.append(first(blend.scores(weight), _TOP))
        return [task.judge_ranking(np.concatenate(mine)) for mine in places]


def in_parts(queries: int, documents: int) -> list[slice]:
    """Queries in parts whose scores of all documents are held at once."""
    step = max(1, _AT_ONCE // max(1, documents))
    return [slice(at, at + step) for at in range(0, queries, step)]


def first(scores: Array, k: int) -> NDArray[np.int64]:
    """Places of the k best of each row of scores (q, n), as `ranked` gives them; faster where n is large.

    k of the best of 64 groups are at least as good as what they are compared with, so what is below need not be sorted.
    """
    queries, documents = scores.shape
    if documents < _MANY:
        return ranked(scores, k)
    groups = scores[:, : documents // 64 * 64].reshape(queries, 64, -1).max(axis=2)
    edge = np.partition(groups, 64 - k, axis=1)[:, 64 - k]
    row, place = np.nonzero(scores >= edge[:, None])
    order = np.lexsort((place, -scores[row, place], row))
    row, place = row[order], place[order]
    rank = np.arange(len(row)) - np.searchsorted(row, np.arange(queries))[row]
    return place[rank < k].reshape(queries, k).astype(np.int64)


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
    def of(rows: Rows, reading: Reading, learn: NDArray[np.int64], needed: NDArray[np.int64] | None = None) -> Base:
        """The base of a reading; transforms learn from the rows at `learn`, which are places among `needed` where that is given."""
        x = rows.base(reading) if needed is None else rows.base(reading)[needed]
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


def scored(
    rows: Rows, candidates: Iterable[Candidate], asked: Sequence[Asked], learn: NDArray[np.int64]
) -> Iterator[tuple[Candidate, tuple[Scores, ...]]]:
    """What every task finds of every candidate, those of one reading after the other.

    Args:
        rows: Of the one pass.
        candidates: To be scored.
        asked: The tasks.
        learn: Places of the rows that transforms and codecs learn from.
    """
    by: dict[Reading, dict[tuple[Change, int], dict[str, list[Candidate]]]] = {}
    for one in candidates:
        by.setdefault(one.reading, {}).setdefault((one.change, one.dim), {}).setdefault(one.bits, []).append(one)
    needed = np.unique(np.concatenate([learn, *(at for task in asked for at in task.rows.values())]))
    here = [task.among(needed) for task in asked]
    for reading, changes in by.items():
        base = Base.of(rows, reading, np.searchsorted(needed, learn), needed)
        for (change, dim), coded in changes.items():
            x = base.changed(change, dim)
            for bits, some in coded.items():
                y = base.coded(x, bits)
                weights = [one.weight for one in some]
                for one, *found in zip(some, *(task.scores(y, weights) for task in here), strict=True):
                    yield one, tuple(found)
