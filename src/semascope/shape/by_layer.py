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
from semascope.report import Report
from semascope.types import Array, Kind, Progress, Task

LEAST = 60  # texts, below which layers are not compared
SAMPLE = 600  # texts looked at unless more are asked for
REWORDED = 300  # texts that are reworded, at most
_VIEWS = 2
_NEAREST = 10
_SCALE = 4  # neighbours 4 and 8 tell the dimension
PICKS = ("InfoNCE", "DiME", "LiDAR", "dataset entropy", "prompt entropy", "curvature")

Row = dict[str, Interval]
Ties = dict[str, dict[str, tuple[float, float]]]


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
        return int(np.where(np.isnan(values), -np.inf, values if HIGHER_IS_BETTER[name] else -values).argmax())


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
    if not hasattr(model, "states") or len(read_every_layer(model, some[:1], paths=False).rows) < 2:
        raise OptionError(f"ENCODER: want one whose layers can be read, such as minilm, got {name}, which has none")
    from semascope.shape.by_layer_said import said

    return said(_looked(model, some, tasks, integer(seed, name="seed", least=0), progress), name)


def _looked(model: Any, texts: list[str], tasks: Sequence[Task], seed: int, progress: Progress | None) -> Layers:
    reworded = texts[:REWORDED]
    asked = [task.inputs() for task in tasks]
    total = len(texts) + _VIEWS * len(reworded) + sum(len(own) for one in asked for own, _ in one.values())
    done = 0

    def read(some: Sequence[str], kind: Kind = "document", *, paths: bool = False) -> LayerReading:
        nonlocal done
        found = read_every_layer(model, some, kind=kind, paths=paths, progress=_onward(progress, done, total))
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
            rows = {key: read(list(own), kind).rows for key, (own, kind) in inputs.items()}
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
    found["last's neighbours"] = overlap(x, last, _NEAREST, seed=seed)
    found["CKA with last"] = linear_cka(x, last, debiased=True, seed=seed)
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
        over: What it is compared with: the last layer, or, where it is the last, the one that comes next in score.
        end: The last layer that has a score at all, which is what "the last" means here.
        gain: Of the best over that one, p corrected for the number of layers it was chosen from.
    """

    task: str
    metric: str
    best: int
    over: int
    end: int
    gain: Difference

    @property
    def inner(self) -> bool:
        """Whether the best is another layer than the last."""
        return self.over > self.best

    @property
    def shown(self) -> bool:
        """Whether the best is shown to be better."""
        return self.gain.shown and self.gain.value > 0


def chosen_layer(name: str, scores: Sequence[Scores], seed: int = 0) -> Chosen | None:
    """Which layer a task scores highest, and by how much it beats the last, or the next one where it is the last.

    A layer whose headline is not defined is left out (a correlation has none where all values are equal); None where it is defined at
    fewer than two.
    """
    values = np.array([one.value() for one in scores])
    known = np.flatnonzero(np.isfinite(values)).tolist()
    if len(known) < 2:
        return None
    end = known.pop()
    every = [paired(scores[end], scores[at], draws=2000, seed=seed) for at in known]
    corrected = holm([one.p for one in every])
    place = int(values[known].argmax())
    over, gain, p = known[place], every[place], float(corrected[place])
    if values[over] >= values[end]:
        return Chosen(name, scores[0].metric, over, end, end, replace(gain, p=p))
    turned = replace(gain, value=-gain.value, low=-gain.high, high=-gain.low, wins=gain.losses, losses=gain.wins)
    return Chosen(name, scores[0].metric, end, over, end, replace(turned, p=p))


def ties(found: Layers) -> Ties:
    """Task -> figure -> Spearman over layers of the figure (turned so that more should be better) and the score, and its p."""
    rng = np.random.default_rng(0)
    out: Ties = {}
    for task, scores in found.scores.items():
        quality = np.array([one.value() for one in scores])
        row: dict[str, tuple[float, float]] = {}
        for figure in PICKS:
            values = found.values(figure) * (1 if HIGHER_IS_BETTER[figure] else -1)
            known = np.isfinite(values) & np.isfinite(quality)
            values, scored = values[known], quality[known]
            tie = spearman(values, scored) if len(values) > 2 else float("nan")
            if np.isfinite(tie):
                drawn = np.array([spearman(values, rng.permutation(scored)) for _ in range(999)])
                row[figure] = (tie, float((1 + (np.abs(drawn) >= abs(tie) - 1e-9).sum()) / 1000))
        out[task] = row
    return out
