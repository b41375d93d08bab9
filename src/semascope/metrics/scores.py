"""What a task finds of one encoder: a figure for every unit it asked about, from which the headline and its interval come."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from semascope.errors import InputError, OptionError
from semascope.metrics.resampling import by_counts, resamples, tail
from semascope.metrics.summaries import SUMMARIES
from semascope.ops.hashes import digest
from semascope.ops.statistics import Interval, proportion
from semascope.types import Array, Encoder, Progress, Task, Vectors

Statistic = Literal["mean", "spearman", "average_precision", "v_measure"]
STATISTICS: tuple[str, ...] = get_args(Statistic)
# What each statistic needs to know of a unit.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "mean": ("value",),
    "spearman": ("gold", "score"),
    "average_precision": ("match", "score"),
    "v_measure": ("label", "group"),
}


@dataclass(frozen=True, eq=False)
class Scores:
    """What one task found of one encoder. Two of them can be compared where their units are the same.

    Args:
        task: Name of the task.
        metric: Name of the headline, as the field writes it: "nDCG@10", "Spearman", "accuracy".
        statistic: How units make the headline.
        units: What was asked about, by id: queries, pairs, texts; (n,).
        columns: What is known of each unit, an array (n,) for each name in COLUMNS[statistic]. "label" and "group" are whole
            numbers; all others are floats.
        more: Other figures by name, one value a unit, whose mean is meant: {"recall@100": (n,)}.
        data: A digest of the texts and judgements (`data_digest`); "" where it is not known. Scores of different data are not compared.
    """

    task: str
    metric: str
    statistic: Statistic
    units: tuple[str, ...]
    columns: Mapping[str, Array]
    more: Mapping[str, Array] = field(default_factory=dict[str, Array])
    data: str = ""

    def __post_init__(self) -> None:
        if self.statistic not in STATISTICS:
            raise OptionError(f"statistic: want one of {', '.join(STATISTICS)}, got {self.statistic!r}")
        if set(self.columns) != set(COLUMNS[self.statistic]):
            raise InputError(
                f"columns: want {', '.join(COLUMNS[self.statistic])} for {self.statistic}, got {', '.join(self.columns)}"
            )
        if not self.units:
            raise InputError(f"{self.task}: want at least one unit to score, got none")
        for name, column in [*self.columns.items(), *self.more.items()]:
            if np.shape(column) != (len(self.units),):
                raise InputError(f"{name}: want one value for each of {len(self.units)} units, got {np.shape(column)}")

    def __len__(self) -> int:
        return len(self.units)

    def __str__(self) -> str:
        return f"{self.task}: {self.metric} {self.interval(draws=2_000)}"

    def value(self, rows: Array | None = None) -> float:
        """The headline of all units, or of the units at these places (repeats count as often as they stand there)."""
        summary = SUMMARIES[self.statistic]
        columns = [np.asarray(self.columns[name]) for name in COLUMNS[self.statistic]]
        return float(summary(*(column if rows is None else column[rows] for column in columns)))

    def interval(self, *, level: float = 0.95, draws: int = 2_000, seed: int = 0) -> Interval:
        """The headline with its interval over units: what other units of the same kind, as many as these, would give.

        A percentile bootstrap, widened for few units (Hesterberg, 2015, "What Teachers Should Know about the Bootstrap"). V-measure
        grows with the repeats that a resample has: its interval is moved by what resamples lie above the headline in the mean. Of
        a mean of zeros and ones it is Wilson's (1927), which does not end at 1 where all happen to be right. Resamples without a
        headline (no pair that matches was drawn) are left out. Of a single unit nothing is known: nan.
        """
        value, n = self.value(), len(self)
        if n < 2:
            return Interval(value, float("nan"), float("nan"), n)
        columns = {name: np.asarray(column) for name, column in self.columns.items()}
        if self.statistic == "mean" and np.isin(columns["value"], (0, 1)).all():
            return proportion(int(np.sum(columns["value"])), n, level=level)
        summary = by_counts(self.statistic, columns)
        found = np.concatenate([summary(counts) for counts in resamples(n, draws, seed)])
        found = found[np.isfinite(found)]
        if not len(found):
            return Interval(value, float("nan"), float("nan"), n)
        few = tail(level, n)
        low, high = np.quantile(found, [few, 1 - few])
        if self.statistic == "v_measure":
            above = float(found.mean()) - value
            low, high = np.clip([low - above, high - above], 0, 1)
        return Interval(value, float(low), float(high), n)

    def part(self, places: Array) -> Scores:
        """Of the units at these places alone."""
        chosen = np.asarray(places, np.int64)
        return replace(
            self,
            units=tuple(self.units[int(at)] for at in chosen),
            columns={name: np.asarray(column)[chosen] for name, column in self.columns.items()},
            more={name: np.asarray(column)[chosen] for name, column in self.more.items()},
            data=self.data and digest(self.data, *map(str, chosen.tolist())),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values, units and columns included."""
        return {
            "task": self.task,
            "metric": self.metric,
            "statistic": self.statistic,
            "units": list(self.units),
            "columns": {name: np.asarray(column).tolist() for name, column in self.columns.items()},
            "more": {name: np.asarray(column).tolist() for name, column in self.more.items()},
            "data": self.data,
        }

    @staticmethod
    def from_json(plain: Mapping[str, Any]) -> Scores:
        """Read what `to_json` gave; the same bits.

        Raises:
            InputError: it is something else.
        """
        try:
            whole = plain["statistic"] == "v_measure"
            columns = {
                str(name): np.array(one, np.int64 if whole else np.float64) for name, one in plain["columns"].items()
            }
            more = {str(name): np.array(one, np.float64) for name, one in plain["more"].items()}
            units = tuple(str(one) for one in plain["units"])
            return Scores(
                str(plain["task"]),
                str(plain["metric"]),
                plain["statistic"],
                units,
                columns,
                more,
                str(plain.get("data", "")),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, InputError | OptionError):
                raise
            raise InputError(f"scores: want what Scores.to_json gave, got something else ({error!r})") from error


def data_digest(task: Task) -> str:
    """What a task asks about and how it judges, in 64 hex digits; its name is not in it, nor is the order of what has ids."""
    held: Any = task
    known = fields(held) if is_dataclass(task) else ()
    parts = {one.name: getattr(held, one.name) for one in known if one.name != "name"}
    if not parts:
        parts = {"inputs": {name: [list(texts), kind] for name, (texts, kind) in task.inputs().items()}}
    return digest(task.kind, *task.units, json.dumps(parts, sort_keys=True, default=_plain))


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Mapping):
        return {str(key): one for key, one in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, Sequence):
        return list(value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return type(value).__qualname__


def task_rows(encoder: Encoder, task: Task, *, progress: Progress | None = None) -> dict[str, Vectors]:
    """What an encoder makes of the texts of a task, by the name of the input."""
    inputs = task.inputs()
    total, done = sum(len(texts) for texts, _ in inputs.values()), 0
    found: dict[str, Vectors] = {}
    for name, (texts, kind) in inputs.items():
        found[name] = encoder.encode(list(texts), kind=kind, progress=onward(progress, done, total))
        done += len(texts)
    return found


def onward(told: Progress | None, done: int, total: int) -> Progress | None:
    """Progress of a part of the work, told as that of the whole."""
    return None if told is None else lambda here, _: told(done + here, total)


def score(encoder: Encoder, task: Task, *, progress: Progress | None = None) -> Scores:
    """What a task finds of an encoder: its texts are encoded, then judged.

    Args:
        encoder: Anything with our `encode` (see `semascope.as_encoder`).
        task: A task.
        progress: Told after every batch.
    """
    return replace(task.judge(task_rows(encoder, task, progress=progress)), data=data_digest(task))
