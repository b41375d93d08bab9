"""Do the tests and intervals of a comparison keep what they promise, on a person's own differences?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.metrics import Difference, Scores, paired
from semascope.ops import ranks, spearman
from semascope.types import Progress

Null = Literal["exchanged", "recentred", "planted", "as they are"]


@dataclass(frozen=True)
class Calibration:
    """What came of many comparisons whose truth is known.

    Args:
        null: How the truth was made: the two "exchanged" at random unit by unit; "recentred", equal on the whole of the units,
            from which units are drawn; "planted", recentred with a difference put in; "as they are".
        n: Units of each comparison.
        runs: How many.
        truth: The true difference.
        shown: In how many of them a difference was shown.
        covered: In how many of them the interval held the truth.
        below: In how many the whole interval lay below the truth.
        width: Mean width of the intervals.
        detectable: Mean of what each said that it could have shown.
    """

    null: Null
    n: int
    runs: int
    truth: float
    shown: int
    covered: int
    below: int
    width: float
    detectable: float

    @property
    def rate(self) -> float:
        """Share in which a difference was shown: of false alarms where there is none, of power where there is one."""
        return self.shown / self.runs

    @property
    def coverage(self) -> float:
        """Share of intervals that hold the truth."""
        return self.covered / self.runs


def calibrated(
    a: Scores,
    b: Scores,
    null: Null,
    *,
    n: int | None = None,
    plant: float = 0.0,
    runs: int = 2_000,
    draws: int = 999,
    level: float = 0.95,
    seed: int = 0,
    progress: Progress | None = None,
) -> Calibration:
    """Compare again and again where the truth is known, made of the real scores of two encoders.

    "exchanged": n different units are drawn, and for each a coin says which encoder is called A (of a rank correlation, whose
    rank); neither is better, by making. "recentred": all units are taken for the world, in which the mean gain is taken off
    (of a rank correlation, noise is added to the better scores until both correlate alike), and n units are drawn from it with
    replacement; the two are equal, but their differences are as skew and as full of ties as they were. "planted": recentred
    with `plant` added to every gain. "as they are": drawn from the world as it is.

    Args:
        a: Scores of one encoder, a mean over units or a rank correlation.
        b: Of the other.
        null: How the truth is made.
        n: Units of each comparison; all where None.
        plant: The true difference of "planted".
        runs: Comparisons.
        draws: Of each.
        level: Of each.
        seed: Of everything.
        progress: Told after each run.

    Raises:
        InputError: other statistics than these, or a planted difference of rank correlations.
    """
    if a.statistic not in ("mean", "spearman") or (a.statistic == "spearman" and null == "planted"):
        raise InputError(f"a: want means (or rank correlations without a plant), got {a.statistic}, {null}")
    rng = np.random.default_rng(seed)
    size = len(a) if n is None else n
    one, other, truth = _world(a, b, null, plant, rng)
    found: list[Difference] = []
    for run in range(runs):
        at = rng.permutation(len(a))[:size] if null == "exchanged" else rng.integers(0, len(a), size)
        drawn = _named(one.part(at)), _named(other.part(at))
        if null == "exchanged":
            drawn = _exchanged(*drawn, rng)
        found.append(paired(*drawn, level=level, draws=draws, seed=int(rng.integers(1 << 31))))
        if progress is not None:
            progress(run + 1, runs)
    return Calibration(
        null,
        size,
        runs,
        truth,
        sum(each.shown for each in found),
        sum(each.low <= truth <= each.high for each in found),
        sum(each.high < truth for each in found),
        float(np.mean([each.high - each.low for each in found])),
        float(np.mean([each.detectable for each in found])),
    )


def _named(scores: Scores) -> Scores:
    """Units drawn twice are two units."""
    return replace(scores, units=tuple(map(str, range(len(scores)))), more={})


def _world(a: Scores, b: Scores, null: Null, plant: float, rng: np.random.Generator) -> tuple[Scores, Scores, float]:
    """The scores from which units are drawn, and the true difference."""
    if null == "exchanged":
        return a, b, 0.0
    if null == "as they are":
        return a, b, b.value() - a.value()
    if a.statistic == "mean":
        moved = np.asarray(b.columns["value"], np.float64) - (b.value() - a.value()) + plant
        return a, replace(b, columns={"value": moved}), plant
    better, worse = (b, a) if b.value() > a.value() else (a, b)
    equal = replace(better, columns={**better.columns, "score": _dimmed(better, worse.value(), rng)})
    one, other = (a, equal) if better is b else (equal, b)
    return one, other, other.value() - one.value()


def _dimmed(scores: Scores, wanted: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Scores with so much noise that their rank correlation is as wanted."""
    score = np.asarray(scores.columns["score"], np.float64)
    noise = rng.normal(size=len(score)) * score.std()
    low, high = 0.0, 4.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (
            (middle, high) if spearman(scores.columns["gold"], score + middle * noise) > wanted else (low, middle)
        )
    return score + low * noise


def _exchanged(a: Scores, b: Scores, rng: np.random.Generator) -> tuple[Scores, Scores]:
    """For each unit a coin says which of the two is called A."""
    name = "value" if a.statistic == "mean" else "score"
    one, other = (np.asarray(scores.columns[name], np.float64) for scores in (a, b))
    if name == "score":
        one, other = ranks(one), ranks(other)
    turned = rng.random(len(one)) < 0.5
    return (
        replace(a, columns={**a.columns, name: np.where(turned, other, one)}),
        replace(b, columns={**b.columns, name: np.where(turned, one, other)}),
    )
