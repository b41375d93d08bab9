"""Does the test hold texts that a model was trained on? Near copies of training texts, and the comparison without them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semascope.compare.examples import unit_texts
from semascope.errors import InputError
from semascope.ops.near_duplicates import Copies, near_copies
from semascope.tasks import Reranking, Retrieval
from semascope.types import Task

LEAST = 0.8


@dataclass(frozen=True, eq=False)
class Leak:
    """What of a task stands in training texts too.

    Args:
        texts: How many different texts each kind of them has ("queries", "documents", "texts").
        copied: How many of those have a near copy among the training texts.
        units: Which of the task's units are touched: by a copy of their own text or of a document that is relevant, (n,) bool.
        examples: Pairs (text of the test, its near copy, likeness), the least alike first: exact copies need no example.
        trained: How many training texts were looked through.
    """

    texts: Mapping[str, int]
    copied: Mapping[str, int]
    units: NDArray[np.bool_]
    examples: Sequence[tuple[str, str, float]]
    trained: int


def leaks(task: Task, trained: Sequence[str], *, least: float = LEAST, most: int = 5) -> Leak:
    """Near copies of training texts among the texts of a task.

    Two texts are near where the words of both, in small letters, have a Jaccard index of `least`: an exact copy, one in other
    cases, one with a tenth of its words changed. A copy in other words is not seen, nor one inside a longer text.

    Args:
        task: The test.
        trained: What a model learned from.
        least: The Jaccard index from which texts are near, above 0 to 1.
        most: Examples.

    Raises:
        InputError: no training texts.
        OptionError: `least` outside its range.
    """
    if not trained:
        raise InputError("trained: want texts that a model learned from, got none")
    every = {name: list(dict.fromkeys(texts)) for name, (texts, _) in task.inputs().items()}
    flat = list(dict.fromkeys(text for texts in every.values() for text in texts))
    copies = near_copies(flat, trained, least=least)
    there = {text for text, found in zip(flat, copies.found.tolist(), strict=True) if found}
    return Leak(
        {name: len(texts) for name, texts in every.items()},
        {name: sum(text in there for text in texts) for name, texts in every.items()},
        np.array([any(text in there for text in _behind(task, at)) for at in range(len(task.units))], bool),
        _examples(flat, trained, copies, most),
        len(trained),
    )


def _behind(task: Task, at: int) -> list[str]:
    """The texts on which a unit's score hangs: its own, and the documents that are relevant for it."""
    texts = unit_texts(task, at)
    if isinstance(task, Retrieval):
        judged = task.judged[task.units[at]]
        texts = [
            *texts,
            *(task.documents[name] for name, grade in judged.items() if grade > 0 and name in task.documents),
        ]
    if isinstance(task, Reranking):
        texts = [*texts, *task.relevant(at)]
    return texts


def _examples(texts: Sequence[str], trained: Sequence[str], copies: Copies, most: int) -> list[tuple[str, str, float]]:
    found = np.flatnonzero(copies.found)
    chosen = found[np.argsort(copies.likeness[found], kind="stable")][:most]
    return [(texts[at], trained[int(copies.place[at])], float(copies.likeness[at])) for at in map(int, chosen)]
