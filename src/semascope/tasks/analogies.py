"""Analogies: a is to b as c is to which word?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.metrics.scores import Scores
from semascope.ops import option, unit
from semascope.tasks.units import checked, named, once
from semascope.types import Array, Kind

_AT_ONCE = 16_000_000  # scores held at once
_SQUARE = 4_096  # words of which all cosines are kept


@dataclass(frozen=True, eq=False)
class Analogy:
    """Find d such that a is to b as c is to d. Headline: accuracy of the first answer.

    "add" (3CosAdd) takes the word nearest to b - a + c, "mul" (3CosMul) the one with the largest cos(b) cos(c) / (cos(a) + 0.001), cosines
    being shifted to 0..1; a, b and c themselves are never answers. Without that rule, accuracy is much lower: most answers
    would be b or c. A question with a word whose row is zero, one the encoder does not know, counts as wrong; `more` has the share of
    questions that are known, "covered".

    Sources: Mikolov, Yih and Zweig (2013), "Linguistic Regularities in Continuous Space Word Representations"; Levy and Goldberg (2014),
    "Linguistic Regularities in Sparse and Explicit Word Representations", for "mul".

    Args:
        name: What it is called.
        questions: Four words each: a, b, c and the answer d.
        words: Those among which the answer is sought, besides all of the questions; where None these alone.
        ids: One for each question; their places where None.
        method: "add" or "mul".
        labelled: Whether people wrote them.
    """

    name: str
    questions: Sequence[tuple[str, str, str, str]]
    words: Sequence[str] | None = None
    ids: Sequence[str] | None = None
    method: str = "add"
    labelled: bool = True
    kind: str = "analogy"

    def __post_init__(self) -> None:
        checked(self.name, self.ids, questions=self.questions)
        option(self.method, ("add", "mul"), name="method")
        for question in self.questions:
            if len(question) != 4:
                raise InputError(f"{self.name}: want four words a question, got {question!r}")
        if len(self._once[0]) < 4:
            raise InputError(f"{self.name}: want at least four different words, got {len(self._once[0])}")

    @property
    def units(self) -> tuple[str, ...]:
        """Ids of the questions."""
        return self._units

    @cached_property
    def _units(self) -> tuple[str, ...]:
        return named(self.ids, len(self.questions))

    @cached_property
    def _once(self) -> tuple[list[str], NDArray[np.int64]]:
        return once([*(word for question in self.questions for word in question), *(self.words or ())])

    @cached_property
    def _places(self) -> NDArray[np.int64]:
        return self._once[1][: 4 * len(self.questions)].reshape(-1, 4)

    def inputs(self) -> dict[str, tuple[Sequence[str], Kind]]:
        """One input, "words": every different word once."""
        return {"words": (self._once[0], "document")}

    def judge(self, rows: Mapping[str, Array]) -> Scores:
        """By cosine of rows (n, d)."""
        x, places = unit(rows["words"]), self._places
        there = np.abs(x).max(axis=1) > 0
        every = x @ x.T if len(x) <= _SQUARE else None
        right = np.zeros(len(places), np.bool_)
        step = max(1, _AT_ONCE // len(x))
        for start in range(0, len(places), step):
            here = places[start : start + step]
            a, b, c = (every[at] if every is not None else x[at] @ x.T for at in here[:, :3].T)
            scores = _added(a, b, c) if self.method == "add" else _multiplied(a, b, c)
            scores[:, ~there] = -np.inf
            np.put_along_axis(scores, here[:, :3], -np.inf, axis=1)
            right[start : start + step] = scores.argmax(1) == here[:, 3]
        covered = there[places].astype(np.float64).min(axis=1)
        value = right * covered
        return Scores(self.name, "accuracy", "mean", self.units, {"value": value}, {"covered": covered})

    def part(self, places: Array) -> Analogy:
        """These questions alone, answered from all words."""
        chosen = [int(place) for place in places]
        return replace(
            self,
            questions=[self.questions[at] for at in chosen],
            words=self._once[0],
            ids=[self.units[at] for at in chosen],
        )

    def rewritten(self, change: Callable[[Sequence[str]], Sequence[str]]) -> Analogy:
        """The same questions with every word changed."""
        old = self._once[0]
        new = dict(zip(old, change(list(old)), strict=True))
        asked = [(new[a], new[b], new[c], new[d]) for a, b, c, d in self.questions]
        return replace(self, questions=asked, words=list(new.values()))


def _added(a: Array, b: Array, c: Array) -> Array:
    """Cosines (n, words) to b - a + c, but for its length, which orders nothing."""
    scores = b - a
    scores += c
    return scores


def _multiplied(a: Array, b: Array, c: Array) -> Array:
    return ((b + 1) / 2) * ((c + 1) / 2) / ((a + 1) / 2 + 0.001)
