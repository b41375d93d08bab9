"""Several tasks make one verdict, in which each counts alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from semascope.compare import How, compared
from semascope.compare.comparing import compare
from semascope.compare.overall import overall
from semascope.testing.asking import WordSums, retrieval, similarity

TASKS = [retrieval(24, seed) for seed in range(3)] + [similarity(40, 4)]
NAMED = [replace(task, name=f"task {at}") for at, task in enumerate(TASKS)]


def test_the_first_line_is_about_all_tasks_and_the_others_about_each() -> None:
    report = compared({"whole": WordSums(whole=True), "words": WordSums()}, NAMED, How(draws=400))
    assert report.verdict.startswith("words is better than whole: mean gain over 4 tasks +")
    assert "the opposite" in report.verdict
    assert sum(one.name.startswith("task ") for one in report.findings) == 4
    whole = report.numbers["overall"][0]
    parts = [one["pairs"][0]["difference"] for one in report.numbers["tasks"]]
    assert whole["value"] == pytest.approx(np.mean(parts))
    assert whole["better"] == sum(one["pairs"][0]["better"] == "words" for one in report.numbers["tasks"])


def test_turned_round_it_says_the_same() -> None:
    report = compared({"words": WordSums(), "whole": WordSums(whole=True)}, NAMED, How(draws=400))
    assert report.verdict.startswith("words is better than whole: mean gain over 4 tasks +")
    assert report.numbers["overall"][0]["value"] < 0


def test_one_task_has_no_line_of_its_own_beside_it() -> None:
    found = compare({"a": WordSums(), "b": WordSums(1)}, NAMED[:1], draws=400)
    assert overall(found) == []


def test_several_pairs_are_corrected_and_those_not_shown_are_named() -> None:
    same = {"words": WordSums(), "again": WordSums(), "whole": WordSums(whole=True)}
    report = compared(same, NAMED, How(draws=400))
    assert "No difference shown between words and again." in report.verdict
    assert "words over whole +" in report.verdict
    assert "again over whole +" in report.verdict
    assert "3 pairs, corrected by Holm's procedure" in report.verdict
    alone = overall(compare({name: same[name] for name in ("words", "whole")}, NAMED, draws=400))[0]
    assert report.numbers["overall"][1]["p"] >= alone.difference.p
