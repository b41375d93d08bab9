"""Every contender on every task, and every pair of them compared, corrected for how many comparisons there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from semascope.compare.contenders import Contender, Rows, open_contender
from semascope.errors import InputError, OptionError
from semascope.metrics import Difference, Scores, data_digest, detectable, holm, paired
from semascope.metrics.paired import sensible, undecided
from semascope.ops import Interval
from semascope.tasks import Retrieval
from semascope.types import Progress, Task

Against = Literal["all", "first"]
Telling = Callable[[str], Progress | None]


@dataclass(frozen=True, eq=False)
class Result:
    """What a task found of a contender.

    Args:
        name: Of the contender.
        scores: Of the task.
        interval: Of the headline.
        rows: What it made of the texts, without the rows themselves; None where only its scores are known.
        places: Of a retrieval task, the documents as it ranks them, (queries, k).
    """

    name: str
    scores: Scores
    interval: Interval
    rows: Rows | None = None
    places: NDArray[np.int64] | None = None


@dataclass(frozen=True, eq=False)
class Pair:
    """Two contenders on one task.

    Args:
        a: Name of one.
        b: Name of the other.
        difference: What b gains over a; its p is corrected for `comparisons`.
        alone: p before correction.
        comparisons: How many it was corrected for.
        more: The other figures of the task by name, with p-values of their own that are not corrected.
    """

    a: str
    b: str
    difference: Difference
    alone: float
    comparisons: int = 1
    more: Mapping[str, Difference] = field(default_factory=dict[str, Difference])

    @property
    def better(self) -> str:
        """Name of the better one, "" where no difference is shown."""
        if not self.difference.shown:
            return ""
        return self.b if self.difference.value > 0 else self.a

    @property
    def fewest(self) -> int:
        """Units that must differ for any difference of means to be shown: were all of them won by one, p would be 2 / 2^m."""
        return int(np.ceil(1 + np.log2(self.comparisons / (1 - self.difference.level))))

    @property
    def can_show(self) -> bool:
        """Whether the test could have shown anything: the smallest p it can give, corrected, is at most 1 - level."""
        return self.difference.least * self.comparisons <= 1 - self.difference.level + 1e-12

    @property
    def detectable(self) -> float:
        """The true difference that would have been shown four times in five, as often as was compared."""
        one = self.difference
        return detectable(one.error, one.n, level=1 - (1 - one.level) / self.comparisons)


@dataclass(frozen=True, eq=False)
class Compared:
    """One task and what it found.

    Args:
        task: The task; None where only scores are known.
        name: Its name.
        metric: Of the headline.
        results: Of each contender.
        pairs: Those that were compared.
        undecided: Those that could not be, (a, b) -> why.
    """

    task: Task | None
    name: str
    metric: str
    results: Sequence[Result]
    pairs: Sequence[Pair]
    undecided: Mapping[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])

    def result(self, name: str) -> Result:
        """Of the contender of that name."""
        return next(one for one in self.results if one.name == name)


def compare(
    contenders: Sequence[Any] | Mapping[str, Any],
    tasks: Sequence[Task],
    *,
    against: Against = "all",
    level: float = 0.95,
    draws: int = 10_000,
    seed: int = 0,
    folder: str | Path | None = None,
    telling: Telling | None = None,
) -> list[Compared]:
    """Compare two contenders or more on tasks. All p-values together are corrected by Holm's procedure.

    A pair is not compared on a task whose headline is not defined for one of both, or that has a single unit; the others are.

    Args:
        contenders: What `open_contender` takes, by name or in a list; or `Contender`s. The first is the one that is there today.
        tasks: To be good at; none where all contenders are kept scores.
        against: "all" pairs, or the "first" against each other one.
        level: Of intervals; 1 - level is the chance of a false alarm among all comparisons.
        draws: Of bootstrap and test; the test has more where p is corrected for many comparisons (`semascope.metrics.paired.test_draws`).
        seed: Of both.
        folder: Where the vectors of encoders are kept and looked up; None keeps them in memory.
        telling: What is being done -> who is told of its progress.

    Raises:
        InputError: fewer than two contenders, two of one name, no task for them, or none on which any two can be compared.
        OptionError: `against` is neither.
    """
    if against not in get_args(Against):
        raise OptionError(f"against: want one of {', '.join(get_args(Against))}, got {against!r}")
    sensible(level, draws)
    given = list(contenders.items()) if isinstance(contenders, Mapping) else [("", one) for one in contenders]
    known = [one if isinstance(one, Contender) else open_contender(one, name, folder=folder) for name, one in given]
    known = _told_apart(known)
    names = [one.name for one in known]
    if len(known) < 2:
        raise InputError(f"contenders: want at least 2 to compare, got {len(known)}")
    if len(set(names)) < len(names):
        raise InputError(f"contenders: want different ones, got {', '.join(names)}")
    asked: list[tuple[Task | None, str]] = [(task, task.name) for task in tasks] or _kept(known)
    found = [_on_task(task, name, known, telling, level, seed) for task, name in asked]
    chosen = list(combinations(names, 2)) if against == "all" else [(names[0], other) for other in names[1:]]
    many = len(chosen) * len(found)
    done = [_paired(one, chosen, level, draws, seed, many, telling) for one in found]
    if not any(one.pairs for one in done):
        raise InputError(next(why for one in done for why in one.undecided.values()))
    return _corrected(done)


def _told_apart(known: Sequence[Contender]) -> list[Contender]:
    """Files of one encoder's name are called by their own names; where these are the same too, by their paths."""

    def stem(path: Path) -> str:
        return path.stem

    out = list(known)
    for called in (stem, str):
        names = [one.name for one in out]
        out = [
            replace(one, name=called(one.path)) if one.path is not None and names.count(one.name) > 1 else one
            for one in out
        ]
    return out


def _kept(known: Sequence[Contender]) -> list[tuple[Task | None, str]]:
    """The tasks of which every contender has scores."""
    without = [one.name for one in known if one.rows is not None]
    if without:
        raise InputError(f"tasks: want tasks to compare {without[0]} on (--data), got none")
    shared = [name for name in known[0].scores if all(name in one.scores for one in known)]
    if not shared:
        raise InputError(f"scores: want scores of one task in all files, got {[sorted(one.scores) for one in known]}")
    return [(None, name) for name in shared]


def _on_task(
    task: Task | None, name: str, known: Sequence[Contender], telling: Telling | None, level: float, seed: int
) -> Compared:
    data = data_digest(task) if task is not None else ""
    results: list[Result] = []
    for one in known:
        scores, rows, places = _scored(task, name, data, one, telling)
        results.append(Result(one.name, scores, scores.interval(level=level, seed=seed), rows, places))
    first = results[0].scores
    for one in results:
        if (one.scores.metric, one.scores.units) != (first.metric, first.units):
            raise InputError(
                f"{one.name}: want {first.metric} of the {len(first):,} units of {results[0].name} on {name}, "
                f"got {one.scores.metric} of {len(one.scores):,}"
            )
        if one.scores.data and first.data and one.scores.data != first.data:
            raise InputError(
                f"{one.name}: want scores of the texts and judgements that {results[0].name} was asked about on {name}, "
                "got those of others of the same name; score both on the same data"
            )
    return Compared(task, name, first.metric, results, ())


def _scored(
    task: Task | None, name: str, data: str, one: Contender, telling: Telling | None
) -> tuple[Scores, Rows | None, NDArray[np.int64] | None]:
    if one.rows is None or task is None:
        if name not in one.scores:
            raise InputError(f"{one.name}: want scores of {name}, got those of {', '.join(one.scores)}")
        return one.scores[name], None, None
    made = one.rows(task, telling(f"Encoding with {one.name}") if telling else None)
    places = task.ranking(made.rows) if isinstance(task, Retrieval) else None
    scores = task.judge_ranking(places) if isinstance(task, Retrieval) and places is not None else task.judge(made.rows)
    return replace(scores, data=data), replace(made, rows={}), places


def _paired(
    found: Compared,
    chosen: Sequence[tuple[str, str]],
    level: float,
    draws: int,
    seed: int,
    comparisons: int,
    telling: Telling | None,
) -> Compared:
    told = telling("Comparing") if telling else None
    pairs: list[Pair] = []
    undone: dict[tuple[str, str], str] = {}
    for done, (a, b) in enumerate(chosen, 1):
        one, other = found.result(a).scores, found.result(b).scores
        if why := undecided(one, other):
            undone[a, b] = why
            continue
        difference = paired(one, other, level=level, draws=draws, seed=seed, comparisons=comparisons)
        more = {
            name: paired(figure(one, name), figure(other, name), level=level, draws=draws, seed=seed)
            for name in one.more
            if name in other.more and len(one) > 1
        }
        pairs.append(Pair(a, b, difference, difference.p, 1, more))
        if told is not None:
            told(done, len(chosen))
    return replace(found, pairs=pairs, undecided=undone)


def figure(scores: Scores, name: str) -> Scores:
    """Another figure of the same units as if it were the headline."""
    return Scores(scores.task, name, "mean", scores.units, {"value": scores.more[name]})


def _corrected(found: Sequence[Compared]) -> list[Compared]:
    every = [pair for one in found for pair in one.pairs]
    fixed = iter(holm([pair.alone for pair in every]).tolist())
    return [
        replace(
            one,
            pairs=[
                replace(pair, difference=replace(pair.difference, p=next(fixed)), comparisons=len(every))
                for pair in one.pairs
            ],
        )
        for one in found
    ]
