"""Near copies of training texts in a test are found, and the comparison is made again without them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from questions import BAD, GOOD, alike, asked

from semascope.compare import How, compared, leaks
from semascope.errors import InputError
from semascope.metrics import paired, score
from semascope.report import Finding, Report
from semascope.tasks import Reranking, Retrieval
from semascope.testing.asking import WordSums, sentences
from semascope.types import Vectors

ELSEWHERE = [f"Chapter {n}: how glaciers grind rock into flour over {n} thousand winters." for n in range(40)]


def edited(text: str) -> str:
    """A tenth of the words changed."""
    words = text.split()
    words[random.Random(text).randrange(len(words))] = "otherwise"
    return " ".join(words)


@pytest.mark.parametrize("change", [str, str.upper, edited], ids=["exact", "cased", "edited"])
def test_planted_copies_of_queries_are_found_and_touch_their_units_alone(change: Callable[[str], str]) -> None:
    queries = {f"q{n}": text for n, text in enumerate(sentences(40, seed=3))}
    texts = dict(zip(queries, sentences(200, seed=9)[100:140], strict=True))
    task = Retrieval("plain", texts, queries, {name: {name: 1.0} for name in queries})
    found = leaks(task, [*ELSEWHERE, *(change(queries[f"q{n}"]) for n in (3, 7, 30))])
    assert dict(found.copied) == {"documents": 0, "queries": 3}
    assert np.flatnonzero(found.units).tolist() == [3, 7, 30]
    assert {test for test, _, _ in found.examples} == {queries[f"q{n}"] for n in (3, 7, 30)}
    assert all(like >= 0.8 for _, _, like in found.examples)


def test_a_copy_of_a_relevant_document_touches_the_query() -> None:
    task = asked(20)
    found = leaks(task, [*ELSEWHERE, task.documents["d4"]])
    assert found.copied["documents"] == 1
    assert np.flatnonzero(found.units).tolist() == [4]
    assert not leaks(task, [*ELSEWHERE, task.documents["d39"]]).units.any()  # which no query asks for


def test_either_text_of_a_pair_touches_it() -> None:
    task = alike(20)
    found = leaks(task, [*ELSEWHERE, task.pairs[5][1]])
    assert found.units[5]


def test_texts_about_something_else_are_no_leak_and_this_is_said() -> None:
    report = compared({"a": BAD, "b": GOOD}, [asked(20)], How(draws=200), trained=ELSEWHERE)
    finding = next(one for one in report.findings if one.name == "training texts")
    assert finding.level == "fine"
    assert "none of 40 documents, 20 queries has a near copy among 40 training texts" in finding.says
    assert not any(one.name == "without copies" for one in report.findings)


def test_the_comparison_is_made_again_without_what_was_copied() -> None:
    task = asked(40)
    report = compared(
        {"a": BAD, "b": GOOD}, [task], How(draws=500), trained=[task.documents[f"d{n}"] for n in range(8)]
    )
    found = {one.name: one for one in report.findings}
    assert "8 of 80 documents (10.0%)" in found["training texts"].says
    left = np.arange(8, 40)
    want = paired(score(BAD, task).part(left), score(GOOD, task).part(left), draws=500)
    assert found["without copies"].numbers["value"] == pytest.approx(want.value)
    assert found["without copies"].numbers["n"] == 32
    assert "the verdict stays" in found["without copies"].says
    assert found["without copies"].level == "note"


class Learned(WordSums):
    """An encoder that knows some texts by heart: those it was trained on lie where their document lies."""

    def __init__(self, known: dict[str, str]) -> None:
        super().__init__(seed=1, dim=8)
        self.known = known

    def encode(self, texts: list[str], **how: object) -> Vectors:  # noqa: ARG002 - as encoders are called
        return super().encode([self.known.get(text, text) for text in texts])


def test_a_verdict_that_rests_on_training_texts_does_not_stay_and_this_is_in_the_first_line() -> None:
    task = asked(60)
    known = {task.queries[f"q{n}"]: task.documents[f"d{n}"] for n in range(20)}
    two = {"before": WordSums(seed=1, dim=8), "by heart": Learned(known)}
    report = compared(two, [task], How(draws=500), trained=list(known))
    assert report.verdict.startswith("by heart is better than before")
    assert report.verdict.endswith("It does not stay without texts that stand in the training texts too.")
    assert next(one for one in report.findings if one.name == "without copies").level == "fault"


def test_too_few_units_are_left_to_compare_again() -> None:
    task = asked(12)
    report = compared({"a": BAD, "b": GOOD}, [task], How(draws=200), trained=list(task.documents.values()))
    assert "too few queries are left" in next(one for one in report.findings if one.name == "without copies").says


def test_no_training_texts_are_refused() -> None:
    with pytest.raises(InputError, match="trained"):
        leaks(asked(12), [])


def _finding(report: Report, name: str) -> Finding:
    return next(one for one in report.findings if one.name == name)


def test_copies_on_which_no_unit_hangs_leave_the_verdict_as_it_is() -> None:
    task = asked(20)
    report = compared({"a": BAD, "b": GOOD}, [task], How(draws=200), trained=[*ELSEWHERE, task.documents["d39"]])
    assert "no query hangs on a copy, and the verdict stands" in _finding(report, "without copies").says
    assert "does not stay" not in report.verdict


def test_a_relevant_candidate_that_was_trained_on_touches_its_query() -> None:
    texts = sentences(60, seed=4)
    lists = [texts[20 + 2 * n : 22 + 2 * n] for n in range(10)]
    task = Reranking("lists", sentences(120, seed=8)[100:110], lists, [[1.0, 0.0]] * 10)
    assert np.flatnonzero(leaks(task, [*ELSEWHERE, lists[3][0]]).units).tolist() == [3]
    assert not leaks(task, [*ELSEWHERE, lists[3][1]]).units.any()  # which nobody asks for


def test_p_without_copies_is_multiplied_as_the_first_one_was() -> None:
    tasks = [replace(asked(40, seed), name=f"task {seed}") for seed in range(3)]
    two = {"a": BAD, "b": GOOD}
    trained = [*ELSEWHERE, tasks[1].documents["d0"]]
    report = compared(two, tasks, How(draws=2_000, show=0), trained=trained)
    left = np.flatnonzero(~leaks(tasks[1], trained).units)
    assert len(left) == 39
    alone = paired(score(BAD, tasks[1]).part(left), score(GOOD, tasks[1]).part(left), draws=2_000)
    said = next(one for one in report.findings if one.name == "without copies" and one.numbers.get("n") == len(left))
    assert said.numbers["p"] == pytest.approx(3 * alone.p)
    assert said.numbers["task"] == "task 1"


def test_the_task_whose_verdict_falls_is_named_where_there_are_several() -> None:
    task, other = asked(60), replace(asked(60, 1), name="other")
    known = {task.queries[f"q{n}"]: task.documents[f"d{n}"] for n in range(20)}
    two = {"before": WordSums(seed=1, dim=8), "by heart": Learned(known)}
    report = compared(two, [task, other], How(draws=500, show=0), trained=list(known))
    assert "training texts too: that by heart is better on made-up." in report.verdict
