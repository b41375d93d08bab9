"""Is one encoder better than another over several tasks at once? The mean of the gains, each task counting alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from semascope.errors import InputError
from semascope.metrics.paired import Difference, bounded, comparable, resampled, sensible, tail, without_reason
from semascope.metrics.scores import Scores

DRAWS = 2_000
_MOST = 10_000  # draws of a single task, of which those of all are put together


def together(
    a: Sequence[Scores], b: Sequence[Scores], *, level: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> Difference:
    """B less A in the mean of their headlines over tasks; one task is as `paired` has it, with fewer draws.

    Units are drawn again, and change sides, in each task by itself. Tasks over the same texts err together more than that
    allows for, so an interval over tasks that were all made of one corpus is narrower than it should be.

    Args:
        a: Scores of one encoder, one a task.
        b: Of another, on the same tasks and units.
        level: Of the interval.
        draws: Of the bootstrap and of the test.
        seed: Of both.

    Returns:
        The difference; `n` is the units of all tasks, and wins and losses are tasks, not units, where there are several.

    Raises:
        InputError: no tasks, other tasks or units, or a headline that is not defined.
    """
    if not a or len(a) != len(b):
        raise InputError(f"b: want scores of the {len(a)} tasks of a, and at least one, got {len(b)}")
    sensible(level, draws)
    gains: list[float] = []
    found, null = np.zeros(draws), np.zeros(draws)
    for number, (one, other) in enumerate(zip(a, b, strict=True)):
        comparable(one, other)
        gain = other.value() - one.value()
        if not np.isfinite(gain):
            raise InputError(f"{one.task}: want {one.metric} defined for both, got nan")
        gains.append(gain)
        rng = np.random.default_rng((seed, number, 2))
        made = bounded(one, min(draws, _MOST) if len(a) > 1 else draws)
        again = resampled(one, other, made, seed + 7919 * number)
        if not len(again):
            raise InputError(f"{one.task}: want resamples of its {len(one)} units that have a headline, got none")
        nothing, _, _ = without_reason(one, other, again, made, seed + 7919 * number)
        found += again[rng.integers(0, len(again), draws)]
        null += nothing[rng.integers(0, len(nothing), draws)]
    found, null, value = found / len(a), null / len(a), float(np.mean(gains))
    few = tail(level, min(len(one) for one in a))
    low, high = np.quantile(found, [few, 1 - few])
    p = float((np.count_nonzero(np.abs(null) >= abs(value) - 1e-12) + 1) / (draws + 1))
    wins, losses = sum(gain > 0 for gain in gains), sum(gain < 0 for gain in gains)
    n = sum(len(one) for one in a)
    error = float(found.std(ddof=1))
    return Difference(
        value, float(low), float(high), p, n, wins, losses, level, error, "together", least=1 / (draws + 1)
    )
