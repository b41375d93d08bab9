"""Halves: which units choose and which confirm, so that no text that is judged on one side is judged on the other."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.types import Task

FEWEST = 10  # units of a task in each half, at least
_SHARE = 0.25  # of a task's units that each half has at least, where halves are drawn by text

Sides = list[tuple[NDArray[np.int64], NDArray[np.int64]]]
SAYS = {
    "text": "Halves are drawn by text, for all tasks alike: what is judged in a unit that chose is judged in none that confirms.",
    "query": "Halves are drawn by query, as is usual: queries of both halves may have relevant documents in common.",
    "unit": "Texts stand in so many units that halves by text cannot be had: halves are drawn by unit, and texts are judged on both sides.",
}


def halves(tasks: Sequence[Task], seed: int) -> tuple[Sides, str]:
    """Places of the units of each task that choose and that confirm, rising, and what was drawn: "text", "query" or "unit".

    Units that hang on one text are in one group, over all tasks, and the side of a group is drawn. Queries of people's judgements
    share documents, mostly so many that all of them would be one group: of a single such task, and of several where halves by text
    would be lopsided, the query alone is what its group is made of.

    Args:
        tasks: What it is to be good at.
        seed: Of the draw.
    """
    ways = ["text", "query", "unit"]
    judged = [task.labelled and task.kind in ("retrieval", "reranking") for task in tasks]
    if len(tasks) == 1 and judged[0]:
        ways = ways[1:]
    elif not any(judged):
        ways.remove("query")
    found: Sides = []
    for way in ways:
        found = _drawn(_groups([links(task, way) for task in tasks]), seed)
        least = min(min(len(one), len(other)) - _least(len(one) + len(other), way) for one, other in found)
        if least >= 0:
            return found, way
    return found, ways[-1]


def _least(units: int, way: str) -> int:
    return max(FEWEST, int(units * _SHARE)) if way == "text" else FEWEST


def links(task: Task, way: str = "text") -> list[list[Hashable]]:
    """What each unit hangs on: its texts, as they are judged, and what they were made of.

    Args:
        task: Whose units.
        way: "query" leaves out documents that people judged; "unit" takes the texts of a unit together as one thing.
    """
    found = _texts(task, documents=way == "text" or not task.labelled)
    return [[tuple(sorted(map(str, one)))] for one in found] if way == "unit" else found


def _texts(task: Any, *, documents: bool) -> list[list[Hashable]]:
    for name in ("pairs", "questions"):
        if hasattr(task, name):
            return [list(texts) for texts in getattr(task, name)]
    if hasattr(task, "judged"):
        made = getattr(task, "sources", None) or {}
        return [_asked(task, unit, made, documents=documents) for unit in task.units]
    if hasattr(task, "candidates"):
        # Units are some of the queries; a part of one query has its own candidates.
        parts = [task.part(np.array([place])) for place in range(len(task.units))]
        return [[*one.queries, *(text for texts in one.candidates for text in texts if documents)] for one in parts]
    texts = getattr(task, "texts", None)
    if texts is not None and len(texts) == len(task.units):
        return [[text] for text in texts]
    return [[(task.name, unit)] for unit in task.units]


def _asked(task: Any, unit: str, made: Any, *, documents: bool) -> list[Hashable]:
    found: list[Hashable] = [task.queries[unit]]
    if documents:
        grades = task.judged.get(unit, {})
        found += [task.documents[name] for name, grade in grades.items() if grade > 0 and name in task.documents]
        found += [("made of", made[name]) for name in (unit, *grades) if name in made]
    return found


def _groups(links: Sequence[Sequence[Iterable[Hashable]]]) -> list[NDArray[np.int64]]:
    """The group of every unit of each task: those that hang on one thing, directly or by others, are together."""
    above: dict[Hashable, Hashable] = {}

    def top(one: Hashable) -> Hashable:
        above.setdefault(one, one)
        while above[one] != one:
            above[one] = one = above[above[one]]
        return one

    units = [[list(things) for things in task] for task in links]
    for task in units:
        for first, *others in task:
            for other in others:
                above[top(other)] = top(first)
    numbers: dict[Hashable, int] = {}
    return [np.array([numbers.setdefault(top(one[0]), len(numbers)) for one in task], np.int64) for task in units]


def _drawn(groups: Sequence[NDArray[np.int64]], seed: int) -> Sides:
    """Groups in an order drawn by lot choose as long as none of their tasks has its half, the smallest tasks' first; others confirm."""
    many = max(int(group.max()) for group in groups) + 1
    sizes = np.stack([np.bincount(group, minlength=many) for group in groups], axis=1)  # (groups, tasks)
    total = sizes.sum(axis=0)
    smallest = np.where(sizes > 0, total, total.max()).min(axis=1)
    order = np.random.default_rng((seed, 11, 0)).permutation(many)
    order = order[np.argsort(smallest[order], kind="stable")]
    half, have = total // 2, np.zeros_like(total)
    chooses = np.zeros(many, bool)
    for group in order:
        if (have + sizes[group] <= half).all():
            chooses[group] = True
            have += sizes[group]
    return [(np.flatnonzero(chooses[group]), np.flatnonzero(~chooses[group])) for group in groups]
