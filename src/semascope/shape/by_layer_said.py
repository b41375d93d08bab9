"""What a profile by layer says: verdict, findings, tables, curves and the table in colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from semascope.ops import Interval
from semascope.report import Curve, Finding, Heat, Report, Table
from semascope.shape.by_layer import PICKS, REWORDED, Chosen, Layers, Ties, chosen_layer, ties

_DRAWS = 300  # of the bootstrap of a task's score


def said(found: Layers, name: str) -> Report:
    """The report of what was found of each layer."""
    judged = [chosen_layer(task, scores) for task, scores in found.scores.items()]
    chosen = [one for one in judged if one is not None]
    picks = {figure: found.picked(figure) for figure in PICKS}
    tied = ties(found)
    return Report(
        "shape",
        name,
        _verdict(found, chosen, picks),
        [
            *_task_findings(found, chosen, picks),
            *_not_judged(found, chosen),
            _picked(found, picks, chosen),
            _outliers(found),
        ],
        tables=[*_tables(found), *([_tie_table(tied, len(found.figures))] if tied else [])],
        curves=_curves(found),
        pictures=[_heat(found)],
        numbers=_numbers(found, chosen, picks, tied),
        notes=_notes(found),
    )


def _verdict(found: Layers, chosen: Sequence[Chosen], picks: Mapping[str, int]) -> str:
    last, free = len(found.figures) - 1, picks["InfoNCE"]
    if not chosen:
        one = found.figures[free]["InfoNCE"]
        where = "the last" if free == last else f"layer {free} of {last}"
        return (
            f"By what moves least when texts are reworded (InfoNCE), {where} is the best layer: {one.value:.3f} "
            f"({one.low:.3f} to {one.high:.3f}); whether it is for a task is not known without one."
        )
    parts: list[str] = []
    for one in chosen:
        score = found.scores[one.task][one.best].value()
        end = _end(one, last)
        top = "the last layer" if one.end == last else end
        if one.inner and one.shown:
            parts.append(
                f"{one.task}: layer {one.best} of {last} is better than {end} ({one.metric} {score:.3f}, {one.gain})"
            )
        elif one.inner:
            parts.append(f"{one.task}: no layer is shown to be better than {end} (highest: {one.best}, {one.gain})")
        elif one.shown:
            parts.append(f"{one.task}: {top} is best ({one.metric} {score:.3f}, over layer {one.over} {one.gain})")
        else:
            parts.append(
                f"{one.task}: {top} scores highest and is not shown to be better than layer {one.over} ({one.gain})"
            )
    near = sum(abs(one.best - free) <= 1 for one in chosen)
    by = _by_chance(chosen, last)
    return (
        "; ".join(parts)
        + f". InfoNCE, without labels, picks layer {free}: within one of the best for {near} of {len(chosen)} "
        + f"(a random layer: {by:.1f})."
    )


def _end(one: Chosen, last: int) -> str:
    return "the last" if one.end == last else f"layer {one.end} (the last that has a score)"


def _not_judged(found: Layers, chosen: Sequence[Chosen]) -> list[Finding]:
    """Of tasks that have no score at so many layers that none can be compared."""
    out: list[Finding] = []
    for task, scores in found.scores.items():
        if task not in {one.task for one in chosen}:
            known = sum(bool(np.isfinite(one.value())) for one in scores)
            says = f"{scores[0].metric} is defined at {known} of {len(scores)} layers, so that none can be compared"
            out.append(
                Finding(task, "note", f"{says} (are all values at a layer equal?).", {"layers with a score": known})
            )
    return out


def _by_chance(chosen: Sequence[Chosen], last: int) -> float:
    """For how many tasks a layer drawn at random would be within one of the best, on average."""
    return float(sum((np.abs(np.arange(last + 1) - one.best) <= 1).mean() for one in chosen))


def _task_findings(found: Layers, chosen: Sequence[Chosen], picks: Mapping[str, int]) -> list[Finding]:
    last = len(found.figures) - 1
    out: list[Finding] = []
    for one in chosen:
        scores = found.scores[one.task]
        best, end = scores[one.best].interval(draws=_DRAWS), scores[one.end].interval(draws=_DRAWS)
        others = sum(bool(np.isfinite(own.value())) for own in scores) - 1
        free = scores[picks["InfoNCE"]].value()
        says = f"{one.metric} is highest at layer {one.best} of {last}: {best}; at {_end(one, last)} {end}"
        says += f"; over layer {one.over} {one.gain}, corrected for {others} layers"
        says += f". At the layer that InfoNCE picks ({picks['InfoNCE']}) it is {free:.3f}."
        level = "note" if not one.shown else "warning" if one.inner else "fine"
        numbers = {
            "best layer": one.best,
            "score": best.value,
            "score at the last": end.value,
            "score at InfoNCE's": free,
        }
        out.append(Finding(one.task, level, says, numbers))
    return out


def _picked(found: Layers, picks: Mapping[str, int], chosen: Sequence[Chosen]) -> Finding:
    named = ", ".join(f"{figure} {layer}" for figure, layer in picks.items())
    known = "" if chosen else " Which of them to believe is not known without a task."
    level = "note" if len(set(picks.values())) > 1 else "fine"
    return Finding("layers picked without labels", level, f"{named} (of {len(found.figures) - 1}).{known}", dict(picks))


def _outliers(found: Layers) -> Finding:
    values = found.values("farthest column")
    at = int(values.argmax())
    one = found.figures[at]["farthest column"]
    return Finding(
        "outlier dimensions",
        "note" if one.low > 6 else "fine",
        f"the farthest column's mean is {one.value:.1f} ({one.low:.1f} to {one.high:.1f}) standard deviations of all columns' means "
        f"off, at layer {at}; at the last {values[-1]:.1f}.",
        {"layer": at, "score": one.value},
    )


def _tie_table(tied: Ties, layers_: int) -> Table:
    def cell(row: Mapping[str, tuple[float, float]], figure: str) -> str:
        return f"{row[figure][0]:+.2f} (p = {row[figure][1]:.2g})" if figure in row else "not known"

    rows = [(figure, *(cell(row, figure) for row in tied.values())) for figure in PICKS]
    return Table(
        "Does a label-free figure rank layers as a task does? Spearman's correlation",
        ("figure", *tied),
        rows,
        f"Over {layers_} layers; curvature turned round, so that straighter should be better. p is by 999 permutations, not corrected for "
        f"{len(PICKS) * len(tied)} looks.",
    )


_TABLES: Mapping[str, tuple[str, ...]] = {
    "What rewording moves": ("InfoNCE", "DiME", "LiDAR"),
    "Entropy and paths": ("prompt entropy", "dataset entropy", "curvature"),
    "Shape": ("mean cosine", "effective rank", "intrinsic dimension", "hubness", "farthest column"),
    "How much of the last layer is there": ("last's neighbours", "CKA with last"),
}


def _tables(found: Layers) -> list[Table]:
    """A few columns each, so that a terminal holds them."""
    tables: list[Table] = []
    if found.scores:
        every = {task: [one.interval(draws=_DRAWS) for one in scores] for task, scores in found.scores.items()}
        rows = [(str(at), *(_cell(own[at]) for own in every.values())) for at in range(len(found.figures))]
        tables.append(Table("What tasks make of each layer", ("layer", *every), rows))
    for title, names in _TABLES.items():
        rows = [(str(at), *(_cell(row[name]) for name in names)) for at, row in enumerate(found.figures)]
        tables.append(Table(title, ("layer", *names), rows))
    note = (
        f"With 95 % intervals; {found.texts:,} texts, {min(found.texts, REWORDED):,} of them reworded. 0 are the token vectors before "
        "the first block. Intrinsic dimension is by neighbours 4 and 8; the farthest column's score takes tokens as independent."
    )
    return [*tables[:-1], replace(tables[-1], note=note)]


def _cell(one: Interval) -> str:
    if not np.isfinite(one.value):
        return "not known"
    digits = 0 if abs(one.value) >= 100 else 1 if abs(one.value) >= 10 else 3
    return f"{one.value:.{digits}f} ({one.low:.{digits}f} to {one.high:.{digits}f})"


def _curves(found: Layers) -> list[Curve]:
    def line(rows: Sequence[Interval]) -> list[tuple[float, float, float, float]]:
        known = [(float(at), one) for at, one in enumerate(rows) if np.isfinite(one[:3]).all()]
        return [(at, float(one.value), float(one.low), float(one.high)) for at, one in known]

    def figure(name: str) -> list[tuple[float, float, float, float]]:
        return line([one[name] for one in found.figures])

    out: list[Curve] = []
    if found.scores:
        lines = {task: line([one.interval(draws=_DRAWS) for one in scores]) for task, scores in found.scores.items()}
        lines = {task: points for task, points in lines.items() if points}
        if lines:
            out.append(Curve("What tasks make of each layer", "layer", "score", lines))
    without = {name: figure(name) for name in ("InfoNCE", "dataset entropy", "prompt entropy")}
    out.append(Curve("Quality without labels", "layer", "0 to 1", without))
    alike = {name: figure(name) for name in ("last's neighbours", "CKA with last")}
    out.append(Curve("How much of the last layer is there already", "layer", "0 to 1", alike))
    out.append(
        Curve("Intrinsic dimension", "layer", "dimension", {"neighbours 4 and 8": figure("intrinsic dimension")})
    )
    return out


def _heat(found: Layers) -> Heat:
    names = list(found.figures[0])
    columns = [*found.scores, *names]
    rows: list[list[float | None]] = []
    for at, row in enumerate(found.figures):
        values = [*(scores[at].value() for scores in found.scores.values()), *(row[figure].value for figure in names)]
        rows.append([float(value) if np.isfinite(value) else None for value in values])
    return Heat("Layers by figures", columns, [f"layer {at}" for at in range(len(rows))], rows, digits=2)


def _numbers(
    found: Layers,
    chosen: Sequence[Chosen],
    picks: Mapping[str, int],
    tied: Ties,
) -> dict[str, Any]:
    return {
        "layers": [{figure: one._asdict() for figure, one in row.items()} for row in found.figures],
        "tasks": {
            one.task: {
                "metric": one.metric,
                "best layer": one.best,
                "scores": [scores.interval(draws=_DRAWS)._asdict() for scores in found.scores[one.task]],
                "compared with": one.over,
                "gain": vars(one.gain),
            }
            for one in chosen
        },
        "picked": dict(picks),
        "spearman": {
            task: {figure: {"value": tie, "p": p} for figure, (tie, p) in row.items()} for task, row in tied.items()
        },
        "texts": found.texts,
    }


def _notes(found: Layers) -> list[str]:
    notes = [
        "A text's vector is the mean of its tokens at a layer, special ones included, whatever pooling the encoder itself has; nothing "
        "behind the pooling is applied. The best of several layers looks better than it is: keep units aside to know by how much.",
    ]
    if found.cut:
        notes.append(f"Not all was read: {found.cut}.")
    return notes
