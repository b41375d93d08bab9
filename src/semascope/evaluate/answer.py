"""What an evaluation says, as a report."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from semascope.evaluate.run import Evaluation, Result
from semascope.ops import Interval
from semascope.report import Finding, Forest, Heat, Picture, Report, Table


def report(found: Evaluation, *, source: str, notes: Sequence[str] = (), follows: str = "") -> Report:
    """The scores of every encoder on every task, what guessing gives, and what has to be said beside them.

    Args:
        found: What `evaluate` gave.
        source: What was read.
        notes: What was guessed, drawn or passed over in it.
        follows: The command that follows.
    """
    return Report(
        "evaluate",
        source,
        _verdict(found),
        [*_unread(found), *_guessed(found), *_above(found)],
        [_headlines(found), *_others(found)],
        pictures=_pictures(found),
        next=follows,
        numbers=_numbers(found),
        notes=notes,
    )


def _verdict(found: Evaluation) -> str:
    if len(found.results) == 1:
        (one,) = found.results
        low = f"; guessing gives {found.guessing[one.task.name]:.3f}"
        return f"{one.encoder} on {one.task.name}: {one.scores.metric} {one.interval}{low}"
    tasks = len(found.tasks)
    better = {name: sum(_knows(found, one) for one in found.results if one.encoder == name) for name in found.encoders}
    if tasks == 1:
        said = "; ".join(f"{one.encoder} {one.interval}" for one in found.results)
        task = found.tasks[0].name
        return f"{task}, {found.results[0].scores.metric}: {said}; guessing gives {found.guessing[task]:.3f}"
    said = ", ".join(f"{name} on {count}" for name, count in better.items())
    return f"{len(better)} encoder{'s' * (len(better) > 1)} on {tasks} tasks; better than guessing: {said}"


def _knows(found: Evaluation, one: Result) -> bool:
    """Whether guessing lies below the interval."""
    return one.interval.low > found.guessing[one.task.name]


def _above(found: Evaluation) -> list[Finding]:
    """Where nothing else is wrong: that all is above guessing."""
    if not all(_knows(found, one) for one in found.results):
        return []
    many = len(found.results)
    said = "the interval lies" if many == 1 else f"all {many} intervals lie"
    return [Finding("guessing", "fine", f"{said} above what random vectors get")]


def _guessed(found: Evaluation) -> list[Finding]:
    return [
        Finding(
            "not defined",
            "warning",
            f"{one.encoder} on {one.task.name}: {one.scores.metric} is not defined (are all values that it gives equal?): undecided",
            {"encoder": one.encoder, "task": one.task.name},
        )
        if np.isnan(one.interval.value)
        else Finding(
            "no better than guessing",
            "warning",
            f"{one.encoder} on {one.task.name}: {one.scores.metric} {one.interval}, random vectors get "
            f"{found.guessing[one.task.name]:.3f}: nothing is shown",
            {"encoder": one.encoder, "task": one.task.name},
        )
        for one in found.results
        if not _knows(found, one)
    ]


def _unread(found: Evaluation) -> list[Finding]:
    out: list[Finding] = []
    for one in found.results:
        where = {"encoder": one.encoder, "task": one.task.name}
        if one.cut:
            said = f"{one.encoder} reads {one.longest} tokens: {one.cut:,} of {one.texts:,} texts of {one.task.name} are cut there"
            level = "warning" if one.cut >= one.texts / 20 else "note"
            out.append(Finding("cut texts", level, said, {**where, "cut": one.cut, "texts": one.texts}))
        if one.zero:
            said = f"{one.encoder} knows nothing in {one.zero:,} of {one.texts:,} texts of {one.task.name}: their vectors are zero"
            out.append(Finding("unknown texts", "warning", said, {**where, "zero": one.zero, "texts": one.texts}))
    return sorted(out, key=lambda finding: finding.level != "warning")


def _headlines(found: Evaluation) -> Table:
    rows = [
        (
            task.name,
            _metric(found, task.name),
            f"{len(task.units):,}",
            *(_cell(one.interval) for one in found.results if one.task.name == task.name),
            f"{found.guessing[task.name]:.3f}",
        )
        for task in found.tasks
    ]
    note = "95 % intervals over the n queries, pairs or texts; guessing: random vectors."
    if len(found.encoders) > 1:
        note += (
            " Two whose intervals overlap may still differ, for they were asked the same: semascope compare tests that."
        )
    return Table("Scores", ["task", "metric", "n", *found.encoders, "guessing"], rows, note)


def _others(found: Evaluation) -> list[Table]:
    rows: list[tuple[str, ...]] = []
    for task in found.tasks:
        own = [one for one in found.results if one.task.name == task.name]
        # That every word is known is no news.
        told = [name for name in own[0].more if name != "covered" or min(one.more[name].value for one in own) < 1]
        rows += [(task.name, metric, *(_cell(one.more[metric]) for one in own)) for metric in told]
    return [Table("Other figures", ["task", "metric", *found.encoders], rows)] if rows else []


def _metric(found: Evaluation, task: str) -> str:
    return next(one.scores.metric for one in found.results if one.task.name == task)


def _cell(one: Interval) -> str:
    if np.isnan(one.value):
        return "not defined"
    return f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]"


def _pictures(found: Evaluation) -> list[Picture]:
    several = len(found.encoders) > 1
    out: list[Picture] = []
    for metric in dict.fromkeys(one.scores.metric for one in found.results):
        rows = [
            (f"{one.task.name} · {one.encoder}" if several else one.task.name, *one.interval[:3])
            for one in found.results
            if one.scores.metric == metric
        ]
        out.append(Forest(f"{metric}, with 95 % intervals", metric, rows, None))
    if several and len(found.tasks) > 1:
        values = [[one.interval.value for one in found.results if one.encoder == name] for name in found.encoders]
        guesses = [found.guessing[task.name] for task in found.tasks]
        names = [task.name for task in found.tasks]
        out.insert(0, Heat("Scores by task", names, [*found.encoders, "guessing"], [*values, guesses]))
    return out


def _numbers(found: Evaluation) -> dict[str, object]:
    return {
        "encoders": dict(found.passports),
        "encoded": dict(found.encoded),
        "scores": [
            {
                "encoder": one.encoder,
                "task": one.task.name,
                "kind": one.task.kind,
                "labelled": one.task.labelled,
                "metric": one.scores.metric,
                **one.interval._asdict(),
                "guessing": found.guessing[one.task.name],
                "more": {name: more._asdict() for name, more in one.more.items()},
                "cut": one.cut,
                "zero": one.zero,
                "texts": one.texts,
            }
            for one in found.results
        ],
    }
