"""From contenders and a source to a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from semascope.compare import overall, verdict
from semascope.compare.clicks import ClickTask, made_by
from semascope.compare.comparing import Against, Compared, Pair, Telling, compare
from semascope.compare.examples import examples
from semascope.compare.groups import kinds
from semascope.compare.leaks import leaks
from semascope.metrics import Difference, holm, paired
from semascope.metrics.paired import test_draws, undecided
from semascope.report import Finding, Picture, Report
from semascope.report.findings import Table
from semascope.types import Task


@dataclass(frozen=True)
class How:
    """How contenders are compared and what is told of it.

    Args:
        against: "all" pairs, or the "first" against each other one.
        level: Of intervals.
        draws: Of bootstrap and test.
        seed: Of both.
        show: Wins and losses that are shown with their texts.
        folder: Where the vectors of encoders are kept and looked up; None keeps them in memory.
    """

    against: Against = "all"
    level: float = 0.95
    draws: int = 10_000
    seed: int = 0
    show: int = 3
    folder: Path | None = None


def compared(
    contenders: Sequence[Any] | Mapping[str, Any],
    tasks: Sequence[Task],
    how: How | None = None,
    *,
    source: str = "scores",
    clicks: ClickTask | None = None,
    trained: Sequence[str] | None = None,
    notes: Sequence[str] = (),
    telling: Telling | None = None,
) -> Report:
    """Compare, and say what was found.

    Args:
        contenders: As `compare` takes them.
        tasks: As `compare` takes them.
        how: Options.
        source: What the tasks were read from.
        clicks: Of a task that was made of clicks: what has to be said of it.
        trained: Texts that a model learned from; the tasks are searched for near copies of them.
        notes: What else has to be said of the tasks.
        telling: As `compare` takes it.

    Raises:
        InputError, OptionError: as `compare`.
    """
    how = how or How()
    options: dict[str, Any] = {"level": how.level, "draws": how.draws, "seed": how.seed}
    found = compare(contenders, tasks, against=how.against, folder=how.folder, telling=telling, **options)
    whole = overall.overall(found, **options)
    findings: list[Finding] = [*(overall.evidence(whole) if len(whole) > 1 else []), *verdict.evidence(found)]
    tables: list[Table] = []
    pictures: list[Picture] = []
    for one in found:
        if not one.pairs:
            continue
        pair = _telling(one)
        tables.append(verdict.quality(one))
        tables += [table for table in (verdict.others(one, pair),) if table is not None]
        if split := kinds(one, pair, **options):
            tables.append(verdict.grouped(pair, split))
            pictures.append(verdict.kinds_forest(one, pair, split))
        if how.show:
            tables += verdict.told(one, pair, *examples(one, pair, how.show))
        if trained is not None and one.task is not None:
            findings += _without(found, one, pair, trained, options)
    if clicks is not None:
        findings += _clicked(found[0], clicks, options)
    said = overall.told(whole) if whole else verdict.headline(found)
    said += _fallen(found, findings)
    maker = next((one for one in findings if one.name == "who made the lists" and one.level == "warning"), None)
    if maker is not None:
        said += f" But people clicked in lists that {maker.numbers['maker']} made, it seems, which favours it."
    return verdict.report(
        source,
        found,
        said,
        findings=findings,
        tables=tables,
        pictures=pictures
        if len(pictures) == sum(len(one.pairs) for one in found) == 1
        else [verdict.forest(found), *pictures],
        notes=[*_notes(found, how, clicks), *([_together(whole)] if whole else []), *notes],
        whole=[one.figures for one in whole],
    )


def _telling(found: Compared) -> Pair:
    """The pair whose wins and losses are told: the first contender and the best of its rivals."""
    first = found.pairs[0].a
    return max((pair for pair in found.pairs if pair.a == first), key=lambda pair: found.result(pair.b).interval.value)


def _fallen(found: Sequence[Compared], findings: Sequence[Finding]) -> str:
    """Of which tasks the verdict rests on texts that models were trained on."""
    fallen = [one for one in findings if one.name == "without copies" and one.level == "fault"]
    if not fallen:
        return ""
    if sum(len(one.pairs) for one in found) == 1:
        return " It does not stay without texts that stand in the training texts too."
    told = "; ".join(f"that {one.numbers['better']} is better on {one.numbers['task']}" for one in fallen)
    return f" What does not stay without texts that stand in the training texts too: {told}."


def _without(
    every: Sequence[Compared], found: Compared, pair: Pair, trained: Sequence[str], options: dict[str, Any]
) -> list[Finding]:
    assert found.task is not None  # noqa: S101 - the caller has looked
    leak = leaks(found.task, trained)
    left = np.flatnonzero(~leak.units)
    again: Difference | None = None
    a, b = (found.result(name).scores.part(left) if len(left) >= 2 else None for name in (pair.a, pair.b))
    if a is not None and b is not None and leak.units.any() and not undecided(a, b):
        again = _as_corrected(every, pair, paired(a, b, **options, comparisons=pair.comparisons))
    return verdict.leaked(found, pair, leak, again)


def _together(whole: Sequence[overall.Overall]) -> str:
    draws = round(1 / whole[0].difference.least) - 1
    return f"{overall.NOTE} {draws:,} draws."


def _as_corrected(every: Sequence[Compared], pair: Pair, again: Difference) -> Difference:
    """The pair compared anew, its p corrected among the others as the first one was."""
    pairs = [other for one in every for other in one.pairs]
    fixed = holm([again.p if other is pair else other.alone for other in pairs])
    return replace(again, p=float(fixed[next(at for at, other in enumerate(pairs) if other is pair)]))


def _clicked(found: Compared, clicks: ClickTask, options: dict[str, Any]) -> list[Finding]:
    out = [Finding("clicks", "warning", " ".join(clicks.says))]
    shares = {
        one.name: made_by(clicks.clicks, clicks.task, one.places) for one in found.results if one.places is not None
    }
    known = {name: share for name, share in shares.items() if share is not None}
    if known:
        out.append(verdict.makers(known))
    task, pair = clicks.weighed, _telling(found)
    places = [found.result(name).places for name in (pair.a, pair.b)]
    if task is None or found.task is None or places[0] is None or places[1] is None:
        return out
    rows = [found.task.units.index(name) for name in task.units]
    again = paired(task.judge_ranking(places[0][rows]), task.judge_ranking(places[1][rows]), **options)
    said = f"with every click weighed by the position it was made at: {pair.b} less {pair.a} {verdict.signed(again)}, {verdict.chance(again.p)}"
    return [*out, Finding("clicks by position", "note", said, vars(again))]


def _notes(found: Sequence[Compared], how: How, clicks: ClickTask | None) -> list[str]:
    means = {
        "signs flipped": "the gain of every unit with a random sign",
        "ranks exchanged": "ranks of the two exchanged for random units",
        "bootstrap": "the bootstrap with the jackknife's spread, shifted to no difference, groups as they are",
    }
    pairs = [pair for one in found for pair in one.pairs]
    tests = dict.fromkeys(pair.difference.test for pair in pairs)
    many = pairs[0].comparisons
    most = test_draws(how.draws, many, how.level)
    said = f"Intervals: {how.level:.0%}, paired bootstrap. p: {'; or '.join(means.get(test, test) for test in tests)}, at most {most:,} draws."
    if many > 1:
        said += f" p-values are corrected for {many} comparisons (Holm); intervals are each on its own."
    if blind := sum(not pair.can_show for pair in pairs):
        said += f" {blind} of {len(pairs)} tests have too few draws or units to show anything once they are corrected."
    if how.show and any(each.task is not None for each in found):
        said += " Wins and losses are told with texts of the data; --show 0 leaves them out."
    labelled = [each.task for each in found if each.task is not None]
    if clicks is None and labelled and not all(task.labelled for task in labelled):
        said += " These tasks were made of the texts alone; nobody judged."
    return [said]
