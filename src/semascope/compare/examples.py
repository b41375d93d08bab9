"""The units that one wins and the other loses, with their texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.compare.comparing import Compared, Pair, Result
from semascope.ops import ranks
from semascope.tasks import Retrieval
from semascope.types import Array, Task

_RANKS = 4  # of relevant documents that are told


@dataclass(frozen=True)
class Example:
    """A unit, and what the two made of it.

    Args:
        unit: Its id.
        gain: Of B over A.
        lines: (what, text): the query, what each ranked first, where the relevant document was.
    """

    unit: str
    gain: float
    lines: Sequence[tuple[str, str]]


def gains(found: Compared, pair: Pair) -> NDArray[np.float64] | None:
    """What B gains over A unit by unit, (n,); None where a unit has no value of its own.

    Of a rank correlation: by how much of all places B puts the pair nearer to where people put it than A does.
    """
    a, b = found.result(pair.a).scores, found.result(pair.b).scores
    if a.statistic == "mean":
        return np.asarray(b.columns["value"], np.float64) - np.asarray(a.columns["value"], np.float64)
    if a.statistic == "spearman":
        gold = ranks(a.columns["gold"])
        off = [np.abs(ranks(one.columns["score"]) - gold) / len(a) for one in (a, b)]
        return off[0] - off[1]
    return None


def examples(found: Compared, pair: Pair, most: int = 5) -> tuple[list[Example], list[Example]]:
    """The units that B wins most, and those that A wins most; equal gains in the order of the units."""
    gain = gains(found, pair)
    if gain is None or found.task is None:
        return [], []
    order = np.argsort(-gain, kind="stable")
    wins = [int(at) for at in order[:most] if gain[at] > 0]
    losses = [int(at) for at in order[::-1][:most] if gain[at] < 0]
    results = found.result(pair.a), found.result(pair.b)
    told = [
        [Example(found.task.units[at], float(gain[at]), _lines(found.task, results, at)) for at in some]
        for some in (wins, losses)
    ]
    return told[0], told[1]


def _lines(task: Task, results: tuple[Result, Result], at: int) -> list[tuple[str, str]]:
    if isinstance(task, Retrieval):
        return _ranked(task, results, at)
    lines = [("text", text) for text in unit_texts(task, at)]
    scores = [one.scores for one in results]
    if scores[0].statistic == "spearman":
        lines.append(("people", f"{float(scores[0].columns['gold'][at]):g}, {_place(scores[0].columns['gold'], at)}"))
        lines += [
            (one.name, f"{float(one.scores.columns['score'][at]):.3f}, {_place(one.scores.columns['score'], at)}")
            for one in results
        ]
    else:
        lines += [(one.name, f"{float(one.scores.columns['value'][at]):.3f}") for one in results]
    return lines


def _place(values: Array, at: int) -> str:
    return f"higher than {(ranks(values)[at] - 1) / max(len(values) - 1, 1):.0%} of the pairs"


def _ranked(task: Retrieval, results: tuple[Result, Result], at: int) -> list[tuple[str, str]]:
    """The query, where each put the relevant documents and what first, and the one on which they differ most."""
    query = task.units[at]
    documents = list(task.documents)
    relevant = [name for name, grade in task.judged[query].items() if grade > 0 and name in task.documents]
    lines = [("query", task.queries[query])]
    worth: list[dict[str, float]] = []
    for one in results:
        if one.places is None:
            continue
        names = [documents[int(place)] for place in one.places[at] if place >= 0]
        ranks_of = {name: rank for rank, name in enumerate(names, 1) if name in relevant}
        worth.append({name: 1 / np.log2(1 + rank) for name, rank in ranks_of.items()})
        lines.append(
            (
                one.name,
                f"{_where(sorted(ranks_of.values()), len(relevant), len(names))}; first: {task.documents[names[0]]}",
            )
        )
    if len(worth) == len(results):
        apart = max(relevant, key=lambda name: abs(worth[1].get(name, 0.0) - worth[0].get(name, 0.0)))
        lines.append(("relevant", task.documents[apart]))
    return lines


def _where(found: Sequence[int], relevant: int, deep: int) -> str:
    """Ranks of relevant documents, the first few."""
    if not found:
        return f"none of {relevant} relevant within {deep}"
    more = ", …" if len(found) > _RANKS else ""
    return f"relevant ({relevant}) at {', '.join(map(str, found[:_RANKS]))}{more}"


def unit_texts(task: Task, at: int) -> list[str]:
    """What a unit asks about, as text; nothing where a task does not say."""
    if isinstance(task, Retrieval):
        return [task.queries[task.units[at]]]
    held: Any = task
    for name in ("pairs", "texts", "questions", "queries"):
        values = getattr(held, name, None)
        if isinstance(values, Sequence) and len(values) == len(task.units):
            one: Any = values[at]
            return [one] if isinstance(one, str) else list(one)
    inputs: Mapping[str, tuple[Sequence[str], Any]] = task.inputs()
    for texts, _ in inputs.values():
        if len(texts) == len(task.units):
            return [texts[at]]
    return []
