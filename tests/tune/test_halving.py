"""Units that confirm chose nothing: neither they nor, where halves are drawn by text, the texts that they hang on."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from semascope.subject.derived import derived_tasks
from semascope.tasks import Classification, PairMatching, Reranking, Retrieval, Similarity
from semascope.testing import asking
from semascope.tune.halving import halves, links


def texts_of(task: Any, places: Iterable[int]) -> set[str]:
    """What is judged in these units, by the task's own judgements."""
    if hasattr(task, "judged"):
        units = [task.units[at] for at in places]
        found = {task.queries[one] for one in units}
        return found | {task.documents[name] for one in units for name, grade in task.judged[one].items() if grade > 0}
    return {text for at in places for text in task.pairs[at]}


def stories(n: int) -> list[dict[str, str]]:
    """Documents of six sentences each, no two alike."""
    rng = np.random.default_rng(5)
    words = [
        a + b
        for a in ("ba", "ce", "di", "fo", "gu", "ha", "ki", "lo", "mu", "ne")
        for b in ("rk", "st", "mp", "nd", "lt", "sh", "ck", "rm", "pl", "tt")
    ]
    return [
        {
            "id": f"story {at}",
            "title": f"The {words[at % 100]} {words[at // 100 + 3]} affair {at}",
            "text": " ".join(" ".join(rng.choice(words, 12)).capitalize() + "." for _ in range(18)),
        }
        for at in range(n)
    ]


@pytest.mark.parametrize("seed", range(3))
def test_no_text_that_chooses_in_one_task_confirms_in_another(seed: int, tmp_path: Any) -> None:
    (tmp_path / "stories.jsonl").write_text("\n".join(map(json.dumps, stories(90))))
    kinds = [
        "title to body",
        "neighbouring passages",
        "halves, every other sentence",
        "halves, first and second",
        "typos",
    ]
    tasks = list(derived_tasks(str(tmp_path / "stories.jsonl"), kinds=kinds, seed=seed))
    assert len(tasks) == len(kinds)
    sides, way = halves(tasks, seed)
    assert way == "text"
    chose, confirmed = (
        set().union(*(texts_of(task, two[side]) for task, two in zip(tasks, sides, strict=True))) for side in (0, 1)
    )
    assert chose
    assert not chose & confirmed
    made = [
        {task.sources[task.units[at]] for task, two in zip(tasks, sides, strict=True) for at in two[side]}
        for side in (0, 1)
    ]
    assert not made[0] & made[1]
    for task, (one, other) in zip(tasks, sides, strict=True):
        assert sorted([*one, *other]) == list(range(len(task.units)))
        assert min(len(one), len(other)) >= 0.35 * len(task.units)


def test_pairs_that_share_a_text_are_on_one_side() -> None:
    names = [f"text {at}" for at in range(90)]
    pairs = [(names[3 * at], names[3 * at + more]) for at in range(30) for more in (1, 2)]
    tasks = [
        Similarity("alike", pairs, list(range(60))),
        PairMatching("same", [(b, f"other {b}") for _, b in pairs], [at % 2 == 0 for at in range(60)]),
    ]
    sides, way = halves(tasks, 0)
    assert way == "text"
    chose, confirmed = (
        set().union(*(texts_of(task, two[side]) for task, two in zip(tasks, sides, strict=True))) for side in (0, 1)
    )
    assert not chose & confirmed
    assert [min(map(len, two)) >= 28 for two in sides] == [True, True]


def test_queries_of_one_judged_task_are_halved_although_documents_are_shared() -> None:
    documents = {f"d{at}": f"document {at}" for at in range(30)}
    queries = {f"q{at}": f"query {at}" for at in range(60)}
    judged = {f"q{at}": {f"d{at % 30}": 1.0, f"d{(at + 1) % 30}": 1.0} for at in range(60)}
    task = Retrieval("chained", documents, queries, judged)
    sides, way = halves([task], 0)
    assert way == "query"
    assert list(map(len, sides[0])) == [30, 30]
    sides, way = halves([task, Retrieval("again", documents, {**queries, "q60": "more"}, judged)], 0)
    assert way == "query"
    assert list(sides[0][0]) == list(sides[1][0])


def test_where_every_text_hangs_on_every_other_units_are_halved_and_it_is_said() -> None:
    names = [f"text {at}" for at in range(12)]
    pairs = [(a, b) for at, a in enumerate(names) for b in names[at + 1 :]]
    sides, way = halves([Similarity("all", pairs, list(range(len(pairs))))], 0)
    assert way == "unit"
    assert list(map(len, sides[0])) == [33, 33]


def test_every_kind_of_task_has_links() -> None:
    rerank = Reranking("r", ["none", "q"], [["a", "b"], ["a", "c"]], [[0, 0], [1, 0]])
    assert links(rerank) == [["q", "a", "c"]]
    assert links(rerank, "query") == [["q"]]
    labelled = Classification("c", [*"abcdea"], [*"xyxyxx"])
    assert links(labelled) == [[text] for text in "abcdea"]
    assert len(links(asking.retrieval(30))) == len(asking.retrieval(30).units)
