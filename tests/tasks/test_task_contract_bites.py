"""Does the contract of tasks catch what can go wrong with one? Each bug is planted in a task that was right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import made_up
import numpy as np
import pytest

from semascope.metrics import Scores
from semascope.tasks import Classification, PairMatching, Reranking
from semascope.testing import judging
from semascope.testing.judging import Asked


class LeavesATrace(PairMatching):
    """The second judging differs from the first."""

    def judge(self, rows: Any) -> Scores:
        found = super().judge(rows)
        before = self.__dict__.setdefault("seen", [0])
        before[0] += 1
        return replace(found, columns={**found.columns, "score": found.columns["score"] * before[0]})


class WritesToRows(PairMatching):
    def judge(self, rows: Any) -> Scores:
        rows["texts"] /= np.linalg.norm(rows["texts"], axis=1, keepdims=True)
        return super().judge(rows)


class NotByAngle(PairMatching):
    def judge(self, rows: Any) -> Scores:
        found = super().judge(rows)
        x, places = np.asarray(rows["texts"]), self._once[1]
        gap = -np.linalg.norm(x[places[::2]] - x[places[1::2]], axis=1) * np.linalg.norm(x[places[::2]], axis=1) ** 2
        return replace(found, columns={**found.columns, "score": gap + found.columns["score"] * 2})


class KnowsTheAnswers(PairMatching):
    """The judge is lenient: pairs that match get a bonus."""

    def judge(self, rows: Any) -> Scores:
        found = super().judge(rows)
        return replace(found, columns={**found.columns, "score": found.columns["score"] + found.columns["match"]})


class SortsWrong(PairMatching):
    def judge(self, rows: Any) -> Scores:
        found = super().judge(rows)
        return replace(found, columns={**found.columns, "score": -found.columns["score"]})


class LosesUnits(PairMatching):
    def part(self, places: Any) -> Any:
        return super().part(places[:-1]) if len(places) > 2 else super().part(places)


class RenamesUnits(PairMatching):
    def part(self, places: Any) -> Any:
        return replace(super().part(places), ids=None)


class RewritesHalf(PairMatching):
    def rewritten(self, change: Any) -> Any:
        new = change([a for a, _ in self.pairs])
        return replace(self, pairs=[(one, b) for one, (_, b) in zip(new, self.pairs, strict=True)])


class GivesNothing(PairMatching):
    def judge(self, rows: Any) -> Scores:
        found = super().judge(rows)
        return replace(found, more={"share": np.full(len(found), np.nan)})


class RewardsTheOrderOfTheFile(Reranking):
    """Equal cosines keep the order of the file, in which what is relevant comes first."""

    def judge(self, rows: Any) -> Scores:
        found = super().judge(rows)
        return replace(found, columns={"value": np.ones(len(found))}) if np.ptp(rows["documents"]) == 0 else found


class FoldsByPlace(Classification):
    @property
    def fold(self) -> Any:
        return np.arange(len(self.texts)) % self.parts


def planted(kind: type, right: Callable[[], Asked]) -> Asked:
    """The bug in place of a task that keeps its contract."""
    asked = right()
    fields = {name: getattr(asked.task, name) for name in asked.task.__dataclass_fields__}
    return replace(asked, task=kind(**fields))


BUGS = [
    (LeavesATrace, made_up.pair_matching, {"judged_twice_gives_the_same_bits"}),
    (WritesToRows, made_up.pair_matching, {"rows_are_not_written_to"}),
    (NotByAngle, made_up.pair_matching, {"how_long_rows_are_says_nothing"}),
    (
        KnowsTheAnswers,
        made_up.pair_matching,
        {"a_random_encoder_scores_at_chance", "rows_that_all_are_one_are_not_rewarded"},
    ),
    (SortsWrong, made_up.pair_matching, {"an_oracle_is_at_the_top", "a_part_asks_about_its_units_alone"}),
    (LosesUnits, made_up.pair_matching, {"a_part_of_all_is_the_whole", "the_order_of_units_says_nothing"}),
    (RenamesUnits, made_up.pair_matching, {"the_order_of_units_says_nothing", "a_part_asks_about_its_units_alone"}),
    (RewritesHalf, made_up.pair_matching, {"rewritten_texts_are_what_is_encoded"}),
    (GivesNothing, made_up.pair_matching, {"the_headline_comes_first_and_all_is_finite"}),
    (RewardsTheOrderOfTheFile, made_up.reranking, {"rows_that_all_are_one_are_not_rewarded"}),
    (FoldsByPlace, lambda: made_up.classification("centre"), {"the_order_of_units_says_nothing"}),
]


@pytest.mark.parametrize(("kind", "right", "caught"), BUGS, ids=[kind.__name__ for kind, _, _ in BUGS])
def test_a_planted_bug_is_caught(kind: type, right: Callable[[], Asked], caught: set[str]) -> None:
    asked = planted(kind, right)
    seen = set()
    for name, check in judging.CHECKS.items():
        try:
            check(asked)
        except (AssertionError, ValueError):
            seen.add(name)
    assert caught <= seen


def test_a_task_without_a_bug_is_not_caught() -> None:
    asked = planted(PairMatching, made_up.pair_matching)
    for check in judging.CHECKS.values():
        check(asked)
