"""Encoders on tasks: each text is encoded once, kept, and judged; beside every figure stands what guessing gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from semascope.encoders import as_encoder
from semascope.encoders.jobs import Kept
from semascope.errors import InputError
from semascope.metrics import Scores, data_digest, task_rows
from semascope.ops import Interval, digest
from semascope.tasks import chance
from semascope.types import Kind, Progress, Task

_MANY = 2_000  # units from which on one draw of guesses is steady enough
_DRAWS = 2_000
Told = Callable[[str], Progress | None]  # what is being done -> who is told how far it is


@dataclass(frozen=True, eq=False)
class Result:
    """What one task found of one encoder.

    Args:
        encoder: Its name.
        task: The task.
        scores: By unit.
        interval: The headline.
        more: The other figures.
        cut: Different texts that were longer than the encoder reads; None where it cannot say.
        longest: Tokens that it reads of a text; None where nothing is cut or it cannot say.
        texts: Different texts of the task.
        zero: Of those, how many got a row of zeros: the encoder knows nothing in them.
    """

    encoder: str
    task: Task
    scores: Scores
    interval: Interval
    more: Mapping[str, Interval]
    cut: int | None
    longest: int | None
    texts: int
    zero: int


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What tasks found of encoders.

    Args:
        results: Task by task, for each the encoders in their order.
        guessing: What random vectors get, by the name of the task.
        passports: Their ids, by the names of the encoders.
        encoded: Texts that had to be encoded, by the names of the encoders; the others were kept from before.
    """

    results: Sequence[Result]
    guessing: Mapping[str, float]
    passports: Mapping[str, str]
    encoded: Mapping[str, int]

    @property
    def encoders(self) -> list[str]:
        """Names, in order."""
        return list(self.passports)

    @property
    def tasks(self) -> list[Task]:
        """In order."""
        return list({one.task.name: one.task for one in self.results}.values())

    def of(self, encoder: str) -> list[Scores]:
        """The scores of one encoder, task by task."""
        return [one.scores for one in self.results if one.encoder == encoder]

    def frame(self) -> Any:
        """One row for every encoder and task, as a pandas DataFrame where pandas is there, else a list of dicts."""
        rows = [
            {
                "encoder": one.encoder,
                "task": one.task.name,
                "kind": one.task.kind,
                "metric": one.scores.metric,
                **one.interval._asdict(),
                "guessing": self.guessing[one.task.name],
            }
            for one in self.results
        ]
        try:
            import pandas as pd
        except ImportError:
            return rows
        return pd.DataFrame(rows)


def evaluate(
    encoders: Mapping[str, Any] | Sequence[Any],
    tasks: Sequence[Task],
    *,
    folder: str | Path | None = None,
    level: float = 0.95,
    seed: int = 0,
    told: Told | None = None,
) -> Evaluation:
    """Score encoders on tasks.

    Args:
        encoders: Anything `as_encoder` takes, by name; or a list, each called by its name.
        tasks: Of different names.
        folder: Where vectors are kept, so that a run that was killed goes on, and the next one starts with them; None keeps them
            in memory. `semascope.encoders.jobs.kept_folder()` is what the command line uses.
        level: Of the intervals.
        seed: Of resampling and guessing.
        told: Given what is being done, who is told of the progress of that.

    Raises:
        InputError: no encoder, no task, or two of one name.
    """
    named = _named(encoders)
    if not tasks:
        raise InputError("tasks: want at least one, got none")
    names = [task.name for task in tasks]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"tasks: want different names, got {twice!r} twice")
    kept = {name: Kept(encoder, folder) for name, encoder in named.items()}
    data = {task.name: data_digest(task) for task in tasks}
    found: dict[tuple[str, str], Result] = {}
    for name, encoder in kept.items():  # encoder by encoder: only one model need be at work
        cuts = _Cuts(encoder.encoder)
        for task in tasks:
            progress = told(f"{name}: {task.name}") if told is not None else None
            found[task.name, name] = _result(name, encoder, cuts, task, data[task.name], level, seed, progress)
    return Evaluation(
        [found[task.name, name] for task in tasks for name in kept],
        {task.name: _guessing(task, seed) for task in tasks},
        {name: encoder.passport.id for name, encoder in kept.items()},
        {name: encoder.encoded for name, encoder in kept.items()},
    )


def _named(encoders: Mapping[str, Any] | Sequence[Any]) -> dict[str, Any]:
    if isinstance(encoders, Mapping):
        named = dict(encoders)
    else:
        if isinstance(encoders, str):
            raise InputError(f"encoders: want a list of them, got one string {encoders!r}; write [{encoders!r}]")
        every = [(_called(one), one) for one in encoders]
        named = dict(every)
        if len(named) < len(every):
            names = [name for name, _ in every]
            twice = next(name for name in names if names.count(name) > 1)
            raise InputError(
                f"encoders: want different names, got {twice!r} twice; give a mapping of names to encoders"
            )
    if not named:
        raise InputError("encoders: want at least one, got none")
    return named


def _called(one: Any) -> str:
    if isinstance(one, str | Path):
        return str(one)
    return str(
        getattr(one, "name", "") or getattr(one, "__name__", "") or as_encoder(one).passport.name or type(one).__name__
    )


def _result(
    name: str, encoder: Kept, cuts: _Cuts, task: Task, data: str, level: float, seed: int, progress: Progress | None
) -> Result:
    rows = task_rows(encoder, task, progress=progress)
    scores = replace(task.judge(rows), data=data)
    more = {
        other: Scores(task.name, other, "mean", scores.units, {"value": values}).interval(
            level=level, draws=_DRAWS, seed=seed
        )
        for other, values in scores.more.items()
    }
    cut, longest = cuts.of(task)
    return Result(
        name,
        task,
        scores,
        scores.interval(level=level, draws=_DRAWS, seed=seed),
        more,
        cut,
        longest,
        sum(len(texts) for texts, _ in task.inputs().values()),
        sum(int(np.count_nonzero(np.abs(x).max(axis=1) == 0)) for x in rows.values()),
    )


class _Cuts:
    """Counts what an encoder does not read; texts of several tasks are looked at once.

    Args:
        encoder: It.
    """

    def __init__(self, encoder: Any) -> None:
        self._cuts = getattr(encoder, "cuts", None)
        self._seen: dict[str, tuple[int, int | None]] = {}

    def of(self, task: Task) -> tuple[int | None, int | None]:
        """How many texts of a task are longer than the encoder reads, and how much it reads; None where it cannot say."""
        if self._cuts is None:
            return None, None
        found = [self._looked(texts, kind) for texts, kind in task.inputs().values() if len(texts)]
        return sum(many for many, _ in found), next((longest for _, longest in found if longest), None)

    def _looked(self, texts: Sequence[str], kind: Kind) -> tuple[int, int | None]:
        key = digest(kind, *texts)
        if key not in self._seen and self._cuts is not None:
            said = self._cuts(list(texts), kind=kind)
            self._seen[key] = (len(said.cut), said.max_length)
        return self._seen[key]


def _guessing(task: Task, seed: int) -> float:
    return chance(task, draws=1 if len(task.units) >= _MANY else 3, seed=seed)
