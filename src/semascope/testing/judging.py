"""What every task guarantees: it knows good vectors from random ones, whatever the order of what it asks about.

for check in judging.CHECKS.values():
    check(Asked(task, oracle))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from semascope.errors import InputError
from semascope.metrics import COLUMNS, Scores
from semascope.tasks import Guesses, chance
from semascope.testing.say import refused, same, want
from semascope.types import Array, Task

Rows = Mapping[str, Array]


@dataclass(frozen=True)
class Asked:
    """A small task, and rows that answer it perfectly.

    Args:
        task: Of 40 units or more, so that guessing is far from right by luck.
        oracle: The rows of a task that was made of this one by `part` or in another order: perfect ones.
        best: The headline of perfect rows.
        guess: What guessing is to give.
        room: How far a random encoder may lie from it.
    """

    task: Task
    oracle: Callable[[Task], Rows]
    best: float = 1.0
    guess: float = 0.0
    room: float = 0.15


def _random(task: Task, seed: int = 0, dim: int = 16) -> dict[str, Array]:
    guesses = Guesses(seed, dim)
    return {name: guesses.rows(texts) for name, (texts, _) in task.inputs().items()}


def the_headline_comes_first_and_all_is_finite(asked: Asked) -> None:
    """Scores name the task and its units, have the columns that their statistic needs, and finite numbers alone."""
    task = asked.task
    scores = task.judge(_random(task))
    want(scores.task == task.name, f"scores: want those of {task.name}, got {scores.task}")
    want(scores.units == task.units, f"units: want the {len(task.units)} of the task, got {scores.units[:3]}...")
    want(
        tuple(scores.columns) == COLUMNS[scores.statistic],
        f"columns: want {COLUMNS[scores.statistic]}, got {list(scores.columns)}",
    )
    want(np.isfinite(scores.value()), f"headline: want a finite number, got {scores.value()}")
    for name, values in [*scores.columns.items(), *scores.more.items()]:
        want(np.isfinite(values).all(), f"{name}: want finite numbers, got {values}")
    one = scores.interval(draws=200)
    want(one.low <= one.value <= one.high, f"interval: want it around the headline, got {one}")


def an_oracle_is_at_the_top(asked: Asked) -> None:
    """Rows that know the answers get the best headline there is."""
    found = asked.task.judge(asked.oracle(asked.task)).value()
    want(abs(found - asked.best) < 1e-6, f"oracle: want {asked.best}, got {found}")


def a_random_encoder_scores_at_chance(asked: Asked) -> None:
    """Rows that know nothing get what guessing gives, as the task says itself and as is known of its kind."""
    found = np.mean([asked.task.judge(_random(asked.task, seed)).value() for seed in range(7, 12)])
    want(abs(found - asked.guess) <= asked.room, f"random rows: want about {asked.guess}, got {found}")
    said = chance(asked.task)
    want(abs(said - asked.guess) <= asked.room, f"chance: want about {asked.guess}, got {said}")


def the_order_of_units_says_nothing(asked: Asked) -> None:
    """The same units in another order get the same headline, and each its own figures."""
    task = asked.task
    shuffled = np.random.default_rng(3).permutation(len(task.units))
    other = task.part(shuffled)
    before, after = _scores(task, 1), _scores(other, 1)
    want(after.units == tuple(task.units[int(at)] for at in shuffled), "units: want them in the order asked for")
    want(
        abs(before.value() - after.value()) < 1e-9, f"headline: want {before.value()} in any order, got {after.value()}"
    )
    if before.statistic == "mean":
        gap = np.abs(before.columns["value"][shuffled] - after.columns["value"]).max()
        want(gap < 1e-9, f"value: want each unit's own in any order, got {gap} apart")


def a_part_of_all_is_the_whole(asked: Asked) -> None:
    """Every unit, asked for by its place, is the task itself."""
    task = asked.task
    part = task.part(np.arange(len(task.units)))
    want(part.units == task.units, "units: want those of the whole")
    want(
        (part.name, part.kind, part.labelled) == (task.name, task.kind, task.labelled), "want its name, kind and labels"
    )
    want(_scores(part, 2).to_json() == _scores(task, 2).to_json(), "scores: want those of the whole")


def a_part_asks_about_its_units_alone(asked: Asked) -> None:
    """Half of the units are a task of those, which can be judged."""
    task = asked.task
    half = np.arange(0, len(task.units), 2)
    part = task.part(half)
    want(
        part.units == tuple(task.units[int(at)] for at in half), f"units: want every other one, got {part.units[:3]}..."
    )
    found = part.judge(asked.oracle(part)).value()
    want(abs(found - asked.best) < 1e-6, f"oracle of a half: want {asked.best}, got {found}")


def judged_twice_gives_the_same_bits(asked: Asked) -> None:
    """Judging leaves no trace in the task."""
    rows = _random(asked.task)
    one, other = asked.task.judge(rows), asked.task.judge(rows)
    for name in (*one.columns, *one.more):
        a, b = ({**scores.columns, **scores.more}[name] for scores in (one, other))
        same(a, b, name)


def rows_are_not_written_to(asked: Asked) -> None:
    """Rows that cannot be written to are judged, and those that can be stay as they were."""
    rows = _random(asked.task)
    before = {name: x.copy() for name, x in rows.items()}
    for x in rows.values():
        x.setflags(write=False)
    asked.task.judge(rows)
    for name, x in rows.items():
        same(x, before[name], name)


def how_long_rows_are_says_nothing(asked: Asked) -> None:
    """Judged is by angle: rows twice as long, and rows as float64, get the same headline."""
    rows = _random(asked.task)
    before = asked.task.judge(rows).value()
    for what, other in {
        "twice as long": {name: 2 * x for name, x in rows.items()},
        "float64": {name: x.astype(np.float64) for name, x in rows.items()},
    }.items():
        found = asked.task.judge(other).value()
        want(abs(found - before) < 1e-6, f"rows {what}: want {before}, got {found}")


def rewritten_as_it_was_is_the_same(asked: Asked) -> None:
    """A change that changes nothing leaves inputs and scores as they were."""
    task = asked.task
    other = task.rewritten(list)
    want(other.units == task.units, "units: want those of the task")
    want(
        {name: list(texts) for name, (texts, _) in other.inputs().items()} == _texts(task),
        "inputs: want the same texts",
    )
    want(_scores(other, 4).to_json() == _scores(task, 4).to_json(), "scores: want the same")


def rewritten_texts_are_what_is_encoded(asked: Asked) -> None:
    """Every text that is encoded goes through the change, one for one."""
    seen: list[str] = []

    def change(texts: Sequence[str]) -> list[str]:
        seen.extend(texts)
        return [f"changed {text}" for text in texts]

    other = asked.task.rewritten(change)
    for name, texts in _texts(other).items():
        want(all(text.startswith("changed ") for text in texts), f"{name}: want changed texts, got {texts[:2]}")
    want(set(_flat(asked.task)) <= set(seen), "change: want every text to go through it")
    want(other.units == asked.task.units, "units: want the same ones")


def rows_that_all_are_one_are_not_rewarded(asked: Asked) -> None:
    """An encoder that gives every text one vector does no better than guessing: equal scores are no gift."""
    rows = {name: np.ones((len(texts), 4), np.float32) for name, (texts, _) in asked.task.inputs().items()}
    found = asked.task.judge(rows).value()
    want(
        not np.isfinite(found) or found <= asked.guess + asked.room,
        f"rows that are all one: want at most {asked.guess + asked.room}, got {found}",
    )


def no_units_are_refused(asked: Asked) -> None:
    """A part of nothing is an error that says what is wanted."""
    refused(InputError, "want", lambda: asked.task.part(np.zeros(0, np.int64)).units, "part of nothing")


def _scores(task: Task, seed: int) -> Scores:
    return task.judge(_random(task, seed))


def _texts(task: Task) -> dict[str, list[str]]:
    return {name: list(texts) for name, (texts, _) in task.inputs().items()}


def _flat(task: Task) -> list[str]:
    return [text for texts in _texts(task).values() for text in texts]


CHECKS: Mapping[str, Callable[[Asked], None]] = {
    check.__name__: check
    for check in (
        the_headline_comes_first_and_all_is_finite,
        an_oracle_is_at_the_top,
        a_random_encoder_scores_at_chance,
        the_order_of_units_says_nothing,
        a_part_of_all_is_the_whole,
        a_part_asks_about_its_units_alone,
        judged_twice_gives_the_same_bits,
        rows_are_not_written_to,
        how_long_rows_are_says_nothing,
        rewritten_as_it_was_is_the_same,
        rewritten_texts_are_what_is_encoded,
        rows_that_all_are_one_are_not_rewarded,
        no_units_are_refused,
    )
}
