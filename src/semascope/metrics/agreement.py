"""Does a ranking of encoders that needs no labels agree with the one by labels? Rank correlation, pairs in order, and what is lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.metrics.resampling import by_counts, resamples
from semascope.metrics.scores import Scores
from semascope.ops.arrays import ranks
from semascope.ops.statistics import Interval
from semascope.types import Array

TOGETHER = "mean rank"  # the ranking by all tasks together
Rows = NDArray[np.float64]


@dataclass(frozen=True)
class Agreement:
    """How far one ranking of encoders follows the ranking by labels.

    Args:
        tau: Kendall's tau-b of both; n is the number of encoders. Its interval is over units of both tasks and over encoders.
        same: Of the pairs of encoders that the labels tell apart, the share that is put in the same order; n such pairs,
            the interval over units of the ranking.
        decided: Share of all pairs of encoders that the ranking itself tells apart. Near 0 it says nothing: every encoder is
            as good as every other, as where all reach the most there is.
        chosen: The encoder that the ranking puts first.
        best: The encoder that labels put first.
        lost: Its value by labels less that of the chosen one, over units of the labelled task.
        guess: What is lost on average by an encoder chosen at random.
    """

    tau: Interval
    same: Interval
    decided: float
    chosen: str
    best: str
    lost: Interval
    guess: float


def agreement(
    labelled: Mapping[str, Scores],
    label_free: Mapping[str, Mapping[str, Scores]],
    *,
    together: bool = True,
    level: float = 0.95,
    draws: int = 1000,
    seed: int = 0,
) -> dict[str, Agreement]:
    """How far each label-free task, and their mean rank where there are several, ranks encoders as labels do.

    Args:
        labelled: Scores of one labelled task, by encoder.
        label_free: Scores of label-free tasks, by task and encoder.
        together: Whether the mean rank over the tasks, where there are several, is one more ranking.
        level: Of intervals. A pair of encoders counts as told apart where one is ahead in that share of resamples.
        draws: Resamples.
        seed: Of resamples.

    Raises:
        InputError: fewer than three encoders, not the same ones everywhere, or scores of different units under one task.
    """
    names = list(labelled)
    if len(names) < 3:
        raise InputError(f"labelled: want scores of at least 3 encoders, got {len(names)}")
    for task, scores in label_free.items():
        if set(scores) != set(names):
            raise InputError(f"{task}: want scores of {', '.join(names)}, got {', '.join(scores)}")
    gold, gold_drawn = headlines([labelled[name] for name in names], draws, seed)
    found: dict[str, tuple[Rows, Rows]] = {
        task: headlines([scores[name] for name in names], draws, seed + 1 + at)
        for at, (task, scores) in enumerate(label_free.items())
    }
    if together and len(found) > 1:
        every = list(found.values())
        value = np.mean([ranks(one) for one, _ in every], axis=0)
        drawn = np.mean([[ranks(row) for row in rows] for _, rows in every], axis=0)
        found[TOGETHER] = value, drawn
    weights = np.random.default_rng((seed, 9)).multinomial(len(names), np.full(len(names), 1 / len(names)), draws)
    n = len(labelled[names[0]])
    return {
        task: _agreement(names, (gold, gold_drawn), two, weights.astype(np.float64), level, n)
        for task, two in found.items()
    }


def headlines(scores: Sequence[Scores], draws: int, seed: int) -> tuple[Rows, Rows]:
    """The headlines of several encoders on one task (m,), and of resamples of its units (draws, m), the same for all.

    Raises:
        InputError: their units differ.
    """
    first = scores[0]
    for one in scores:
        if (one.metric, one.units) != (first.metric, first.units):
            raise InputError(f"{one.task}: want {first.metric} of the same {len(first)} units for every encoder")
    ways = [by_counts(one.statistic, one.columns) for one in scores]
    drawn = [np.stack([way(counts) for way in ways], axis=1) for counts in resamples(len(first), draws, seed)]
    return np.array([one.value() for one in scores]), np.concatenate(drawn)


def _agreement(
    names: Sequence[str], gold: tuple[Rows, Rows], free: tuple[Rows, Rows], weights: Rows, level: float, n: int
) -> Agreement:
    one, other = np.triu_indices(len(names), 1)
    tail = [(1 - level) / 2, (1 + level) / 2]
    sure = _told(gold[1][:, one] - gold[1][:, other], level)
    order = np.sign(gold[0][one] - gold[0][other])
    right = np.sign(free[1][:, one[sure]] - free[1][:, other[sure]]) == order[sure]
    point = np.sign(free[0][one[sure]] - free[0][other[sure]]) == order[sure]
    taus = kendall(gold[1], free[1], weights)
    taus = taus[np.isfinite(taus)]
    best, chosen = int(np.argmax(gold[0])), int(np.argmax(free[0]))
    lost = gold[1][:, best] - gold[1][:, chosen]
    even = np.ones((1, len(names)))
    many = int(sure.sum())
    return Agreement(
        tau=_interval(float(kendall(gold[0][None], free[0][None], even)[0]), taus, tail, len(names)),
        same=_interval(
            float(point.mean()) if many else float("nan"), right.mean(axis=1) if many else taus[:0], tail, many
        ),
        decided=float(_told(free[1][:, one] - free[1][:, other], level).mean()),
        chosen=names[chosen],
        best=names[best],
        lost=_interval(float(gold[0][best] - gold[0][chosen]), lost, tail, n),
        guess=float((gold[0][best] - gold[0]).mean()),
    )


def _told(differences: Rows, level: float) -> NDArray[np.bool_]:
    """Which columns are on one side of 0 in as many resamples as an interval of that level asks for."""
    ahead = np.stack([(differences > 0).mean(axis=0), (differences < 0).mean(axis=0)])
    return ahead.max(axis=0) >= (1 + level) / 2


def _interval(value: float, drawn: Array, tail: Sequence[float], n: int) -> Interval:
    low, high = np.quantile(drawn, tail) if len(drawn) else (np.nan, np.nan)
    return Interval(value, float(low), float(high), n)


def kendall(a: Array, b: Array, weights: Array) -> Rows:
    """Kendall's tau-b of rows a and b (r, m), each item standing in its row as often as its weight (r, m) says; (r,).

    nan where all items of a row are alike. Source: Kendall (1945), "The Treatment of Ties in Ranking Problems".
    """
    found = np.empty(len(a))
    for at, (x, y, w) in enumerate(zip(a, b, weights, strict=True)):
        s, t = np.sign(x[:, None] - x), np.sign(y[:, None] - y)
        size = np.sqrt((w @ (s * s) @ w) * (w @ (t * t) @ w))
        found[at] = (w @ (s * t) @ w) / size if size > 0 else np.nan
    return found


def split_half(labelled: Mapping[str, Scores], *, draws: int = 200, level: float = 0.95, seed: int = 0) -> Interval:
    """Kendall's tau-b of the rankings of encoders by two halves of the labels: what no other ranking can be asked to exceed by far.

    Over random halves of the units; n is the number of encoders.
    """
    scores = list(labelled.values())
    rng = np.random.default_rng(seed)
    n, even = len(scores[0]), np.ones((1, len(scores)))
    taus: list[float] = []
    for _ in range(draws):
        order = rng.permutation(n)
        one, other = (np.array([[s.value(part) for s in scores]]) for part in (order[: n // 2], order[n // 2 :]))
        taus.append(float(kendall(one, other, even)[0]))
    return _interval(float(np.nanmean(taus)), np.array(taus), [(1 - level) / 2, (1 + level) / 2], len(scores))
