"""The search: which recipes are scored, on how many units, which of them are on the front, and which few go on to be confirmed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from semascope.metrics import paired
from semascope.tune.budget import Budget
from semascope.tune.onepass import Rows
from semascope.tune.recipes import (
    AUTO,
    BITS,
    CENTRE,
    CHANGES,
    OWN,
    PLAIN,
    REMOVALS,
    WEIGHTS,
    Candidate,
    Change,
    Reading,
    plain,
    readings,
    widths,
)
from semascope.tune.scoring import Asked, scored
from semascope.types import Array, Progress

MANY = 3_000  # texts of the tasks from which on fewer queries and readings are looked at in the first rounds
FEW_QUERIES, FEW_UNITS = (
    (128, 64),
    1_500,
)  # units of a task that all recipes are scored on; the best are then scored on all
LEARN = 4_000  # rows that transforms learn from while recipes are compared; the winner learns from all
_KEPT = (8, 4)  # readings that every change, width and codec is tried with
_BEST, _EACH = 60, 2  # recipes scored on all units: the best, and of each size the best
FINALISTS = 6
_NEAR = 60  # recipes among which the simplest is looked for
_SHARE = 0.5  # of a standard error: what the simplest may lose on the units that choose
_DRAWS = 200  # of the bootstrap that gives that error

Seconds = Callable[[Candidate], float]
Dear = Callable[[Candidate], float]  # at most 1 within the budget, above it by what factor that is exceeded


@dataclass(frozen=True, eq=False)
class Searched:
    """What a search has found on the units that choose.

    Args:
        plain: The encoder as it comes.
        values: Headline of every task, for every recipe; those of `whole` on all units that choose, others on a part of them.
        whole: Recipes scored on all units that choose.
        scale: What a gain in each task is divided by: how far its headline spreads over the first recipes, (tasks,).
        units: How many units of each task all recipes were scored on, and the best of them.
    """

    plain: Candidate
    values: Mapping[Candidate, tuple[float, ...]]
    whole: Sequence[Candidate]
    scale: NDArray[np.float64]
    units: tuple[tuple[int, int], ...]
    first: Mapping[Candidate, tuple[float, ...]]

    def quality(self, one: Candidate) -> float:
        """The headline of the one task there is; of several, the mean gain over the plain recipe in units of `scale`.

        -inf where a task has no headline for it: where all pairs are equally alike there is no rank correlation.
        """
        found = self.of(self.values[one])
        return found if np.isfinite(found) else -np.inf

    def of(self, values: Sequence[float]) -> float:
        """The same of headlines."""
        if len(self.scale) == 1:
            return values[0]
        gain = (np.asarray(values) - np.asarray(self.values[self.plain])) / self.scale
        return float(gain.mean())

    def front(self, seconds: Seconds) -> list[Candidate]:
        """Recipes than which none is as good, as small and as fast and better in one of these; the smallest first."""
        found: list[Candidate] = []
        # Less than a tenth of a millisecond is noise.
        took = {one: round(seconds(one), 4) for one in self.whole}
        order = sorted(self.whole, key=lambda one: (-self.quality(one), one.bytes, took[one], one))
        for one in order:
            if not any(other.bytes <= one.bytes and took[other] <= took[one] for other in found):
                found.append(one)
        return sorted(found, key=lambda one: (one.bytes, seconds(one), one))


def _free(_: Candidate) -> float:
    return 0.0


def search(
    rows: Rows,
    asked: Sequence[Asked],
    learn: NDArray[np.int64],
    *,
    seed: int = 0,
    dear: Dear = _free,
    progress: Progress | None = None,
) -> Searched:
    """Score every recipe without training on the units that choose, in three rounds.

    First every reading with a few changes; then the best readings with every change, width and codec; then, where there are
    more units than these rounds looked at, the best recipes on all of them. Words are tried at every weight throughout.

    Args:
        rows: Of the one pass.
        asked: The tasks, of the units that choose alone.
        learn: Places of the rows that transforms learn from.
        seed: Of the draws of units and rows.
        dear: What a recipe costs in budgets: the best of those within it go on beside the best of all, or where there are none the nearest.
        progress: Told of recipes scored.
    """
    rng = np.random.default_rng((seed, 7))
    large = len(np.unique(np.concatenate([at for one in asked for at in one.rows.values()]))) > MANY
    few = [_some(one, FEW_QUERIES[large], rng) for one in asked]
    learnt = np.sort(rng.permutation(learn)[:LEARN]) if len(learn) > LEARN else learn
    weights = WEIGHTS if any(one.ranks for one in asked) else (0.0,)
    every = _different(rows, readings(rows.depth, rows.poolings))
    width = rows.own[0].shape[1]
    base = plain(width)
    found: dict[Candidate, tuple[float, ...]] = {}

    def run(some: Iterable[Candidate], tasks: Sequence[Asked], into: dict[Candidate, tuple[float, ...]]) -> None:
        for one, result in scored(rows, some, tasks, learnt):
            into[one] = tuple(each.value() for each in result)
            if progress is not None:
                progress(len(found), None)

    run((one for reading in every for one in _first(reading, _width(rows, reading), weights)), few, found)
    columns = np.array(list(found.values()))
    spread = np.nanstd(columns, axis=0)
    made = Searched(base, found, (), np.where(spread > 0, spread, 1.0), (), dict(found))

    def least(reading: Reading) -> float:
        width = _width(rows, reading)
        return min(dear(Candidate(reading, PLAIN, width, dim, bits)) for dim in widths(width) for bits in BITS)

    best = _best_readings(made, _KEPT[large], {one: least(one) for one in every})
    more = [one for reading in best for one in _second(reading, _width(rows, reading), weights) if one not in found]
    run(more, few, found)
    units = tuple((len(part.task.units), len(one.task.units)) for part, one in zip(few, asked, strict=True))
    if all(part == whole for part, whole in units):
        return replace(made, values=found, whole=tuple(found), units=units)
    chosen = _promising(replace(made, values=found), dear)
    whole: dict[Candidate, tuple[float, ...]] = {}
    run(chosen, asked, whole)
    return replace(made, values={**found, **whole}, whole=tuple(whole), units=units)


def _different(rows: Rows, every: Sequence[Reading]) -> list[Reading]:
    """Without the reading that is the encoder's own way by another name."""
    own = rows.own[0]

    def same(reading: Reading) -> bool:
        if reading.own or len(reading.layers) > 1 or rows.pooled[0].shape[-1] != own.shape[1]:
            return False
        part = replace(rows, own=rows.own[:1], pooled=rows.pooled[:1])
        return bool(np.allclose(part.base(reading), own, atol=1e-5))

    return [reading for reading in every if not same(reading)]


def _some(one: Asked, queries: int, rng: np.random.Generator) -> Asked:
    most = queries if one.ranks else FEW_UNITS
    n = len(one.task.units)
    return one if n <= most else one.part(np.sort(rng.permutation(n)[:most]))


def _width(rows: Rows, reading: Reading) -> int:
    return int((rows.own if reading.own else rows.pooled)[0].shape[-1])


def _first(reading: Reading, width: int, weights: Sequence[float]) -> list[Candidate]:
    changes = (PLAIN, CENTRE, Change("remove", 1), AUTO, Change("whiten", shrink=0.5))
    return [Candidate(reading, change, width, width, "", weight) for change in changes for weight in weights]


def _second(reading: Reading, width: int, weights: Sequence[float]) -> list[Candidate]:
    found = [
        Candidate(reading, change, width, dim, bits, weight)
        for change in CHANGES
        for dim in widths(width)
        for bits in BITS
        for weight in weights
        if change != CENTRE or dim == width
    ]
    return found + [
        Candidate(reading, Change("remove", removed), width, width, bits, weight)
        for removed in REMOVALS
        if removed < width
        for bits in BITS
        for weight in weights
    ]


def _best_readings(made: Searched, many: int, least: Mapping[Reading, float]) -> list[Reading]:
    """The encoder's own way, the readings whose best recipes of vectors alone are best, and the best of those that the budget allows.

    Args:
        made: The first round.
        many: How many of all, and of those that the budget allows; where it allows none, the nearest.
        least: The least that a recipe of a reading costs, in budgets.
    """
    best: dict[Reading, float] = {}
    for one in made.values:
        if not one.weight:
            best[one.reading] = max(best.get(one.reading, -np.inf), made.quality(one))
    order = [one for one in sorted(best, key=lambda reading: (-best[reading], reading)) if one != OWN]
    allowed = [one for one in order if least[one] <= 1]
    nearest = [min(least, key=lambda one: (least[one], one))] if min(least.values()) > 1 else []
    return list(dict.fromkeys([OWN, *order[:many], *allowed[:many], *nearest]))


def _promising(made: Searched, dear: Dear) -> list[Candidate]:
    """The best recipes, the best within the budget or else the nearest, the best of each size with words and without, and the plain one."""
    order = sorted(made.values, key=lambda one: (-made.quality(one), one))
    chosen = dict.fromkeys([made.plain, *order[:_BEST]])
    within = [one for one in order if dear(one) <= 1]
    chosen |= dict.fromkeys(within[:_BEST] or sorted(order, key=dear)[:_EACH])
    seen: dict[tuple[int, bool], int] = {}
    for one in order:
        key = (one.bytes, one.weight > 0)
        seen[key] = seen.get(key, 0) + 1
        if seen[key] <= _EACH:
            chosen[one] = None
    return list(chosen)


def finalists(
    made: Searched, rows: Rows, asked: Sequence[Asked], learn: NDArray[np.int64], budget: Budget, seconds: Seconds
) -> list[Candidate]:
    """The few that are to be confirmed, the one to choose first; the plain recipe is not among them.

    The first is the simplest within the budget that cannot well be told from the best there (see `simplest`). With it come the best
    itself, the simplest of vectors alone, the best whatever it costs, and the best of an eighth of the bytes.

    Args:
        made: What was found.
        rows: Of the one pass.
        asked: The tasks, of the units that choose alone.
        learn: Places of the rows that transforms learn from.
        budget: What they may cost.
        seconds: What a query costs with each.
    """
    order = [one for one in made.whole if np.isfinite(made.quality(one))]
    order.sort(key=lambda one: (-made.quality(one), one.bytes, one))
    within = [one for one in order if budget.allows(one.bytes, seconds(one))]
    alone = [one for one in within if not one.weight]
    small = [one for one in order if one.bytes * 8 <= 4 * made.plain.dim]
    learnt = learn[:: max(1, len(learn) // LEARN)]
    wanted: list[Candidate] = []
    for some in (within, alone):
        wanted += [one for one in [simplest(made, some, rows, asked, learnt)] if one is not None]
    best = [some[0] for some in (within, order, small) if some]
    if not within:  # the nearest, so that what it is worth can be said
        best.insert(0, min(order, key=lambda one: (budget.over(one.bytes, seconds(one)), -made.quality(one), one)))
    chosen = dict.fromkeys([*wanted[:1], *best[:1], *wanted[1:], *best[1:]])
    return [one for one in chosen if one != made.plain][:FINALISTS]


def simplest(
    made: Searched,
    some: Sequence[Candidate],
    rows: Rows,
    asked: Sequence[Asked],
    learnt: NDArray[np.int64],
) -> Candidate | None:
    """Of recipes, the best first, the one of fewest steps whose loss to the first is within half its standard error.

    The best of thousands owes much to luck, and the simplest among its equals less: over splits of real judgements this gains more on
    units that did not choose (docs/tune.md). After Breiman et al. (1984), "Classification and Regression Trees", section 3.4.3, who take one standard error.
    """
    if not some:
        return None
    near = list(some[:_NEAR])
    found = dict(scored(rows, near, asked, learnt))
    # Learned from fewer rows, one may have no headline any more, though it had one.
    near = [one for one in near if all(np.isfinite(each.value()) for each in found[one])]
    if not near:
        return None
    best = found[near[0]]

    def equal(one: Candidate) -> bool:
        lost = made.quality(near[0]) - made.quality(one)
        gaps = [paired(a, b, draws=_DRAWS) for a, b in zip(best, found[one], strict=True)]
        scale = made.scale if len(gaps) > 1 else np.ones(1)
        error = float(np.sqrt(np.mean([(gap.error / each) ** 2 for gap, each in zip(gaps, scale, strict=True)])))
        return lost <= _SHARE * error / np.sqrt(len(gaps))

    equals = [one for one in near if one == near[0] or equal(one)]
    return min(equals, key=lambda one: (one.steps, -made.quality(one), one.bytes, one))


def heat(made: Searched, layers: Sequence[int], poolings: Sequence[str], depth: int) -> Array:
    """Quality of each single layer (rows) with each pooling (columns), nothing else changed."""
    out = np.zeros((len(layers), len(poolings)))
    for row, layer in enumerate(layers):
        for column, pooling in enumerate(poolings):
            reading = Reading((-1 if layer == depth else layer,), pooling)
            mine = [one for one in made.first if one.reading == reading and one.change == PLAIN and not one.weight]
            # A reading that is the encoder's own way by another name was scored as that.
            out[row, column] = made.of(made.first[mine[0] if mine else made.plain])
    return out
