"""Every layer of a model side by side: its shape, its quality without labels, and what tasks make of it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError, OptionError
from semascope.geometry.layer_by_layer import LayerByLayer
from semascope.metrics import Difference, Scores, holm, paired
from semascope.ops import Interval, integer, spearman, unit
from semascope.ops.cloud.dimension import cells, gride
from semascope.ops.cloud.hubness import hubness
from semascope.ops.cloud.isotropy import mean_cosine
from semascope.ops.cloud.likeness import linear_cka, overlap
from semascope.ops.cloud.near import near
from semascope.ops.cloud.outliers import column_scores
from semascope.ops.cloud.rank import effective_rank, spectrum
from semascope.ops.layer_quality import HIGHER_IS_BETTER
from semascope.ops.layer_reading import LayerReading, read_every_layer, reworded_views
from semascope.report import Curve, Finding, Heat, Report, Table
from semascope.types import Array, Progress, Task

LEAST = 60  # texts, below which layers are not compared
SAMPLE = 600  # texts looked at unless more are asked for
_REWORDED = 300  # texts that are reworded, at most
_VIEWS = 2
_NEAREST = 10
_SCALE = 4  # neighbours 4 and 8 tell the dimension
_DRAWS = 300  # of the bootstrap of a task's score
_PICKS = ("InfoNCE", "DiME", "LiDAR", "dataset entropy", "prompt entropy", "curvature")

Row = dict[str, Interval]


@dataclass(frozen=True, eq=False)
class Layers:
    """What was found of each layer.

    Args:
        figures: One mapping from name to interval for each layer, all of the same names.
        scores: Task -> its scores at each layer.
        texts: How many texts there were.
        cut: What the model did not read of them, in words, or "".
    """

    figures: Sequence[Mapping[str, Interval]]
    scores: Mapping[str, Sequence[Scores]]
    texts: int
    cut: str = ""

    def values(self, name: str) -> NDArray[np.float64]:
        """One figure by layer."""
        return np.array([one[name].value for one in self.figures])

    def picked(self, name: str) -> int:
        """The layer that is best by a label-free figure."""
        values = self.values(name)
        return int((values if HIGHER_IS_BETTER[name] else -values).argmax())


def layers(
    model: Any,
    texts: Sequence[str],
    *,
    name: str = "model",
    tasks: Sequence[Task] = (),
    seed: int = 0,
    progress: Progress | None = None,
) -> Report:
    """The profile of a model by layer: one pass over the texts, two over their rewordings, one over each task's texts.

    A text's vector at a layer is the mean of its tokens, special ones included, whatever pooling the encoder itself has.

    Args:
        model: What gives token states at all layers.
        texts: At least 60 that differ.
        name: What the model is called.
        tasks: By which layers are judged; none are needed.
        seed: Of rewording and of draws.
        progress: Told texts read and texts to be read.

    Raises:
        InputError: too few texts.
        OptionError: the layers of the model cannot be read.
    """
    some = list(dict.fromkeys(text for text in texts if text.strip()))
    if len(some) < LEAST:
        raise InputError(f"texts: want at least {LEAST} that differ, got {len(some)}")
    if not hasattr(model, "states"):
        raise OptionError(
            f"ENCODER: want one whose layers can be read, such as minilm, got {name}, which gives vectors alone"
        )
    found = _looked(model, some, tasks, integer(seed, name="seed", least=0), progress)
    return _report(found, name)


def _looked(model: Any, texts: list[str], tasks: Sequence[Task], seed: int, progress: Progress | None) -> Layers:
    reworded = texts[:_REWORDED]
    asked = [{key: list(own) for key, (own, _) in task.inputs().items()} for task in tasks]
    total = len(texts) + _VIEWS * len(reworded) + sum(len(own) for one in asked for own in one.values())
    done = 0

    def read(some: Sequence[str], *, paths: bool = False) -> LayerReading:
        nonlocal done
        found = read_every_layer(model, some, paths=paths, progress=_onward(progress, done, total))
        done += len(some)
        return found

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        plain = read(texts, paths=True)
        cut = [str(one.message) for one in said if "were cut at" in str(one.message)]
        views = [read(view).rows for view in reworded_views(reworded, _VIEWS, seed=seed)]
        figures = [_figures(plain, [view[at] for view in views], at, seed) for at in range(len(plain.rows))]
        scores: dict[str, Sequence[Scores]] = {}
        for task, inputs in zip(tasks, asked, strict=True):
            rows = {key: read(own).rows for key, own in inputs.items()}
            scores[task.name] = [
                task.judge({key: own[at] for key, own in rows.items()}) for at in range(len(plain.rows))
            ]
    return Layers(
        figures, scores, len(texts), "some texts were longer than the model reads, and were cut" if cut else ""
    )


def _onward(progress: Progress | None, before: int, total: int) -> Progress | None:
    if progress is None:
        return None

    def told(here: int, _: int | None) -> None:
        progress(before + here, total)

    return told


def _figures(read: LayerReading, views: Sequence[Array], at: int, seed: int) -> Row:
    """Every figure of one layer; rows scaled to length one, as a search by cosine reads them."""
    x, last = unit(read.rows[at]), unit(read.rows[-1])
    graph = near(x, 2 * _NEAREST + 10)
    scale = min(_SCALE, max(1, graph.k // 2))
    found: Row = {
        "mean cosine": mean_cosine(x),
        "effective rank": effective_rank(spectrum(x)),
        "intrinsic dimension": gride(graph, cells(x, graph), scale, 2 * scale).dimension,
        "hubness": hubness(graph, min(_NEAREST, graph.k), seed=seed).skewness,
        "farthest column": _farthest(read, at),
        "prompt entropy": _mean(read.entropy[at]),
        "curvature": _mean(read.curvature[at]),
    }
    found |= LayerByLayer(views=_VIEWS, random_state=seed).measure(read.rows[at], views)
    found["neighbours of the last"] = overlap(x, last, _NEAREST, seed=seed)
    found["CKA with the last"] = linear_cka(x, last, debiased=True, seed=seed)
    return found


def _farthest(read: LayerReading, at: int) -> Interval:
    """How many standard deviations of all columns' means the farthest column's is off."""
    scores, errors = column_scores(read.token_mean[at], read.token_spread[at], read.tokens)
    worst = int(np.abs(scores).argmax())
    value, error = float(abs(scores[worst])), float(errors[worst])
    return Interval(value, max(0.0, value - error), value + error, read.tokens)


def _mean(values: NDArray[np.float64]) -> Interval:
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return Interval(float("nan"), float("nan"), float("nan"), len(known))
    error = 1.96 * float(known.std(ddof=1)) / float(np.sqrt(len(known)))
    mean = float(known.mean())
    return Interval(mean, mean - error, mean + error, len(known))


@dataclass(frozen=True)
class Chosen:
    """What a task says of layers.

    Args:
        task: Its name.
        metric: Its headline.
        best: The layer of the highest score.
        gain: Of that layer over the last, p corrected for the number of layers; None where it is the last.
    """

    task: str
    metric: str
    best: int
    gain: Difference | None

    @property
    def shown(self) -> bool:
        """Whether another layer than the last is shown to be better."""
        return self.gain is not None and self.gain.shown and self.gain.value > 0


def _chosen(name: str, scores: Sequence[Scores], seed: int) -> Chosen:
    values = [one.value() for one in scores]
    best = int(np.nanargmax(values))
    if best == len(values) - 1:
        return Chosen(name, scores[0].metric, best, None)
    every = [paired(scores[-1], one, draws=2000, seed=seed) for one in scores[:-1]]
    corrected = holm([one.p for one in every])
    return Chosen(name, scores[0].metric, best, replace(every[best], p=float(corrected[best])))


def _report(found: Layers, name: str) -> Report:
    chosen = [_chosen(task, scores, 0) for task, scores in found.scores.items()]
    picks = {figure: found.picked(figure) for figure in _PICKS}
    ties = _ties(found)
    return Report(
        "shape",
        name,
        _verdict(found, chosen, picks),
        [*_task_findings(found, chosen, picks), _picked(found, picks, chosen), _outliers(found)],
        tables=[*_tables(found), *([_tie_table(ties, len(found.figures))] if ties else [])],
        curves=_curves(found),
        pictures=[_heat(found)],
        numbers=_numbers(found, chosen, picks, ties),
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
    said: list[str] = []
    for one in chosen:
        score = found.scores[one.task][one.best].value()
        if one.best == last:
            said.append(f"{one.task}: the last layer is best ({one.metric} {score:.3f})")
        elif one.shown:
            said.append(
                f"{one.task}: layer {one.best} of {last} is better than the last ({one.metric} {score:.3f}, {one.gain})"
            )
        else:
            said.append(f"{one.task}: no layer is shown to be better than the last (highest: {one.best}, {one.gain})")
    near = sum(abs(one.best - free) <= 1 for one in chosen)
    by = _by_chance(chosen, last)
    return (
        "; ".join(said)
        + f". InfoNCE, without labels, picks layer {free}: within one of the best for {near} of {len(chosen)} "
        + f"(a random layer: {by:.1f})."
    )


def _by_chance(chosen: Sequence[Chosen], last: int) -> float:
    """For how many tasks a layer drawn at random would be within one of the best, on average."""
    return float(sum((np.abs(np.arange(last + 1) - one.best) <= 1).mean() for one in chosen))


def _task_findings(found: Layers, chosen: Sequence[Chosen], picks: Mapping[str, int]) -> list[Finding]:
    last = len(found.figures) - 1
    out: list[Finding] = []
    for one in chosen:
        scores = found.scores[one.task]
        best, end = scores[one.best].interval(draws=_DRAWS), scores[-1].interval(draws=_DRAWS)
        free = scores[picks["InfoNCE"]].value()
        says = f"{one.metric} is highest at layer {one.best} of {last}: {best}; at the last {end}"
        says += "" if one.gain is None else f"; the difference {one.gain}, corrected for {last} layers"
        says += f". At the layer that InfoNCE picks ({picks['InfoNCE']}) it is {free:.3f}."
        level = "warning" if one.shown else "fine" if one.gain is None else "note"
        numbers = {
            "best layer": one.best,
            "score": best.value,
            "score at the last": end.value,
            "score at InfoNCE's": free,
        }
        out.append(Finding(one.task, level, says, numbers))
    return out


def _picked(found: Layers, picks: Mapping[str, int], chosen: Sequence[Chosen]) -> Finding:
    said = ", ".join(f"{figure} {layer}" for figure, layer in picks.items())
    known = "" if chosen else " Which of them to believe is not known without a task."
    level = "note" if len(set(picks.values())) > 1 else "fine"
    return Finding("layers picked without labels", level, f"{said} (of {len(found.figures) - 1}).{known}", dict(picks))


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


def _ties(found: Layers) -> dict[str, dict[str, tuple[float, float]]]:
    """Task -> figure -> Spearman over layers of the figure (turned so that more should be better) and the score, and its p."""
    rng = np.random.default_rng(0)
    out: dict[str, dict[str, tuple[float, float]]] = {}
    for task, scores in found.scores.items():
        quality = np.array([one.value() for one in scores])
        row: dict[str, tuple[float, float]] = {}
        for figure in _PICKS:
            values = found.values(figure) * (1 if HIGHER_IS_BETTER[figure] else -1)
            tie = spearman(values, quality)
            if np.isfinite(tie):
                drawn = np.array([spearman(values, rng.permutation(quality)) for _ in range(999)])
                row[figure] = (tie, float((1 + (np.abs(drawn) >= abs(tie) - 1e-9).sum()) / 1000))
        out[task] = row
    return out


def _tie_table(ties: Mapping[str, Mapping[str, tuple[float, float]]], layers_: int) -> Table:
    def cell(row: Mapping[str, tuple[float, float]], figure: str) -> str:
        return f"{row[figure][0]:+.2f} (p = {row[figure][1]:.2g})" if figure in row else "not known"

    rows = [(figure, *(cell(row, figure) for row in ties.values())) for figure in _PICKS]
    return Table(
        "Does a label-free figure rank layers as a task does? Spearman's correlation",
        ("figure", *ties),
        rows,
        f"Over {layers_} layers; curvature turned round, so that straighter should be better. p is by 999 permutations, not corrected for "
        f"{len(_PICKS) * len(ties)} looks.",
    )


_TABLES: Mapping[str, tuple[str, ...]] = {
    "What rewording moves": ("InfoNCE", "DiME", "LiDAR"),
    "Entropy and paths": ("prompt entropy", "dataset entropy", "curvature"),
    "Shape": ("mean cosine", "effective rank", "intrinsic dimension", "hubness", "farthest column"),
    "How much of the last layer is there": ("neighbours of the last", "CKA with the last"),
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
        f"With 95 % intervals; {found.texts:,} texts, {min(found.texts, _REWORDED):,} of them reworded. 0 are the token vectors before "
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
        return [(float(at), *(float(value) for value in one[:3])) for at, one in enumerate(rows)]  # type: ignore[misc]

    def figure(name: str) -> list[tuple[float, float, float, float]]:
        return line([one[name] for one in found.figures])

    out: list[Curve] = []
    if found.scores:
        lines = {task: line([one.interval(draws=_DRAWS) for one in scores]) for task, scores in found.scores.items()}
        out.append(Curve("What tasks make of each layer", "layer", "score", lines))
    without = {name: figure(name) for name in ("InfoNCE", "dataset entropy", "prompt entropy")}
    out.append(Curve("Quality without labels", "layer", "0 to 1", without))
    alike = {name: figure(name) for name in ("neighbours of the last", "CKA with the last")}
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
    ties: Mapping[str, Mapping[str, tuple[float, float]]],
) -> dict[str, Any]:
    return {
        "layers": [{figure: one._asdict() for figure, one in row.items()} for row in found.figures],
        "tasks": {
            one.task: {
                "metric": one.metric,
                "best layer": one.best,
                "scores": [scores.interval(draws=_DRAWS)._asdict() for scores in found.scores[one.task]],
                "gain over the last": None if one.gain is None else vars(one.gain),
            }
            for one in chosen
        },
        "picked": dict(picks),
        "spearman": {
            task: {figure: {"value": tie, "p": p} for figure, (tie, p) in row.items()} for task, row in ties.items()
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
