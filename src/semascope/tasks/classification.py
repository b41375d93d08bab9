"""Classification: does what texts are labelled with follow from their vectors? Every text is answered by the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.metrics.scores import Scores
from semascope.ops import integer, option, unit
from semascope.tasks.units import checked, folds, named, numbered, once
from semascope.types import Array, Kind

METHODS: Mapping[str, str] = {
    "linear": "linear probe accuracy",
    "knn": "kNN accuracy",
    "centre": "nearest centre accuracy",
}
_AT_ONCE = 32_000_000  # cosines held at once


@dataclass(frozen=True, eq=False)
class Classification:
    """Say the label of each text from the labels of the others. Headline: accuracy of one of three ways.

    "linear": Fisher's discriminant with a shrunken covariance, learned from the other folds in closed form; about n d^2
    steps (0.6 s at 10,000 texts and 384 columns on one core). "knn": the most frequent label of the k nearest others by cosine;
    n^2 d steps (3 s there). "centre": the nearest mean of a label in the other folds; n d steps (70 ms there), the one to
    take where a thousand encoders are judged.

    A text that stands there twice is never answered by its own copy: copies share a fold, and are no neighbours.
    `more` has the accuracy of the other ways asked for, and the balanced accuracy of the headline: every label counts alike.

    Args:
        name: What it is called.
        texts: Texts.
        labels: Of each; at least two different ones.
        ids: One for each text; their places where None.
        method: The headline: "linear", "knn" or "centre".
        also: Others of these for `more`.
        k: Neighbours that vote; equal votes go to the nearer ones.
        parts: Folds.
        penalty: Added to the covariance within labels, in units of its mean variance.
        seed: Of the folds.
        labelled: Whether people labelled.
    """

    name: str
    texts: Sequence[str]
    labels: Sequence[str]
    ids: Sequence[str] | None = None
    method: str = "linear"
    also: tuple[str, ...] = ("knn",)
    k: int = 10
    parts: int = 5
    penalty: float = 0.3
    seed: int = 0
    labelled: bool = True
    kind: str = "classification"

    def __post_init__(self) -> None:
        checked(self.name, self.ids, texts=self.texts, labels=self.labels)
        for method in (self.method, *self.also):
            option(method, tuple(METHODS), name="method")
        integer(self.k, name="k", least=1)
        integer(self.parts, name="parts", least=2)
        if len(set(self.labels)) < 2:
            raise InputError(f"{self.name}: want texts with at least two different labels, got {len(set(self.labels))}")
        if len(self._once[0]) < self.parts:
            raise InputError(f"{self.name}: want at least {self.parts} different texts, got {len(self._once[0])}")

    @property
    def units(self) -> tuple[str, ...]:
        """Ids of the texts."""
        return self._units

    @cached_property
    def _units(self) -> tuple[str, ...]:
        return named(self.ids, len(self.texts))

    @cached_property
    def _once(self) -> tuple[list[str], NDArray[np.int64]]:
        return once(self.texts)

    @cached_property
    def _labels(self) -> NDArray[np.int64]:
        return numbered(self.labels)[1]

    @cached_property
    def fold(self) -> NDArray[np.int64]:
        """Which fold each text is in, (n,)."""
        return folds(self.units, self._once[1], self._labels, self.parts, self.seed)

    @cached_property
    def _share(self) -> NDArray[np.float64]:
        """How the copies of each different text are labelled, (m, labels)."""
        out = np.zeros((len(self._once[0]), int(self._labels.max()) + 1))
        np.add.at(out, (self._once[1], self._labels), 1.0)
        return out / out.sum(1, keepdims=True)

    def inputs(self) -> dict[str, tuple[Sequence[str], Kind]]:
        """One input, "texts": every different text once."""
        return {"texts": (self._once[0], "document")}

    def judge(self, rows: Mapping[str, Array]) -> Scores:
        """By rows (m, d) of the different texts, scaled to length one."""
        x = unit(rows["texts"])
        right = {method: (self._answers(x, method) == self._labels).astype(np.float64) for method in self._asked}
        value = right[self.method]
        counts = np.bincount(self._labels)
        weight = len(value) / (np.count_nonzero(counts) * counts[self._labels])
        more = {METHODS[method]: right[method] for method in self.also if method != self.method}
        return Scores(
            self.name,
            METHODS[self.method],
            "mean",
            self.units,
            {"value": value},
            {**more, "balanced accuracy": value * weight},
        )

    @property
    def _asked(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.method, *self.also)))

    @cached_property
    def _cells(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Units in the order of folds and, within these, labels; where each pair begins, and which fold * labels + label it is."""
        cell = self.fold * (int(self._labels.max()) + 1) + self._labels
        order = np.argsort(cell, kind="stable")
        there, starts = np.unique(cell[order], return_index=True)
        return order, starts, there

    def _answers(self, x: Array, method: str) -> NDArray[np.int64]:
        if method == "knn":
            return self._nearest(x)
        order, starts, there = self._cells
        x = x[self._once[1][order]]  # a fold's rows stand together from here on
        labels = int(self._labels.max()) + 1
        sums = np.zeros((self.parts * labels, x.shape[1]))
        counts = np.zeros(self.parts * labels)
        sums[there] = np.add.reduceat(x, starts, axis=0, dtype=np.float64)
        counts[there] = np.diff(starts, append=len(x))
        by_fold = sums.reshape(self.parts, labels, -1), counts.reshape(self.parts, labels)
        ends = np.cumsum(np.bincount(self.fold, minlength=self.parts))
        slices = [slice(int(start), int(end)) for start, end in zip([0, *ends[:-1]], ends, strict=True)]
        out = np.empty(len(x), np.int64)
        out[order] = (self._fisher if method == "linear" else self._centres)(x, slices, *by_fold)
        return out

    def _centres(self, x: Array, held: list[slice], sums: Array, counts: Array) -> NDArray[np.int64]:
        out = np.empty(len(x), np.int64)
        for fold, rows in enumerate(held):
            own = counts.sum(0) - counts[fold]
            centres = unit((sums.sum(0) - sums[fold]) / np.maximum(own, 1)[:, None])
            out[rows] = np.where(own > 0, x[rows] @ centres.T, -np.inf).argmax(1)
        return out

    def _fisher(self, x: Array, held: list[slice], sums: Array, counts: Array) -> NDArray[np.int64]:
        squares = [x[rows].T @ x[rows] for rows in held]
        every = np.sum(squares, axis=0, dtype=np.float64)
        out = np.empty(len(x), np.int64)
        for fold, rows in enumerate(held):
            own = counts.sum(0) - counts[fold]
            means = (sums.sum(0) - sums[fold]) / np.maximum(own, 1)[:, None]
            within = (every - squares[fold] - (means * own[:, None]).T @ means) / max(own.sum(), 1)
            within[np.diag_indices(len(within))] += self.penalty * max(np.trace(within) / len(within), 1e-12)
            weight = np.linalg.solve(within, means.T)
            bias = np.log(np.maximum(own, 1e-300) / own.sum()) - np.einsum("cd,dc->c", means, weight) / 2
            out[rows] = np.where(own > 0, x[rows] @ weight + bias, -np.inf).argmax(1)
        return out

    def _nearest(self, x: Array) -> NDArray[np.int64]:
        k, out = min(self.k, len(x) - 1), np.empty(len(x), np.int64)
        step = max(1, _AT_ONCE // len(x))
        for start in range(0, len(x), step):
            cosines = x[start : start + step] @ x.T
            here = np.arange(len(cosines))
            cosines[here, start + here] = -np.inf
            near = np.argpartition(cosines, len(x) - k, axis=1)[:, -k:]
            weight = 1 + 1e-3 * np.take_along_axis(cosines, near, axis=1)  # breaks ties alone, k being below 500
            out[start : start + step] = np.einsum("qk,qkc->qc", weight, self._share[near]).argmax(1)
        return out[self._once[1]]

    def part(self, places: Array) -> Classification:
        """These texts alone, answered by each other."""
        chosen = [int(place) for place in places]
        return replace(
            self,
            texts=[self.texts[at] for at in chosen],
            labels=[self.labels[at] for at in chosen],
            ids=[self.units[at] for at in chosen],
        )

    def rewritten(self, change: Callable[[Sequence[str]], Sequence[str]]) -> Classification:
        """The same texts in other words."""
        return replace(self, texts=list(change(list(self.texts))))
