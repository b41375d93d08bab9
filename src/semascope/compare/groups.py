"""Kinds of queries: does one win on short ones, or where the relevant document does not use the query's words?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from semascope.compare.comparing import Compared, Pair
from semascope.metrics import Difference, holm, paired
from semascope.ops.words import words
from semascope.tasks import Retrieval
from semascope.types import Array

_FEWEST = 10  # queries that a kind must have


@dataclass(frozen=True)
class Kind:
    """Queries of one kind.

    Args:
        name: What they have in common.
        difference: What B gains over A on them; its p is corrected for all kinds.
    """

    name: str
    difference: Difference


def kinds(found: Compared, pair: Pair, *, level: float = 0.95, draws: int = 10_000, seed: int = 0) -> list[Kind]:
    """Retrieval queries by length and by the share of their words that stand in a relevant document, each kind compared.

    Where a kind or the others would be fewer than ten, all are one kind and nothing is said; p-values are corrected for all kinds by Holm's procedure.
    """
    if not isinstance(found.task, Retrieval):
        return []
    a, b = found.result(pair.a).scores, found.result(pair.b).scores
    split = _split(found.task)
    told = [(name, paired(a.part(at), b.part(at), level=level, draws=draws, seed=seed)) for name, at in split]
    fixed = holm([one.p for _, one in told]).tolist() if told else []
    return [Kind(name, replace(one, p=p)) for (name, one), p in zip(told, fixed, strict=True)]


def _split(task: Retrieval) -> list[tuple[str, NDArray[np.int64]]]:
    queries = [words(task.queries[name]) for name in task.units]
    lengths = np.array([len(query) for query in queries])
    shared = np.array([_shared(task, name, query) for name, query in zip(task.units, queries, strict=True)])
    out: list[tuple[str, NDArray[np.int64]]] = []
    middle = int(np.median(lengths))
    out += _halves(f"at most {middle} words", f"more than {middle} words", lengths <= middle)
    middle = float(np.median(shared))
    out += _halves(
        f"at most {middle:.0%} of words shared",
        f"more than {middle:.0%} of words shared",
        shared <= middle,
    )
    return out


def _halves(one: str, other: str, mask: Array) -> list[tuple[str, NDArray[np.int64]]]:
    """Both halves; none where one of them has too few."""
    if min(mask.sum(), (~mask).sum()) < _FEWEST:
        return []
    return [(one, np.flatnonzero(mask)), (other, np.flatnonzero(~mask))]


def _shared(task: Retrieval, name: str, query: Sequence[str]) -> float:
    """The largest share of a query's words that one of its relevant documents has."""
    wanted = set(query)
    relevant = [task.documents[one] for one, grade in task.judged[name].items() if grade > 0 and one in task.documents]
    return max((len(wanted & set(words(text))) / max(len(wanted), 1) for text in relevant), default=0.0)
