"""The best recipe on all rows of the sample: what cannot be told from it, the runner-up, row lengths, a second recipe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from semascope.doctor.naming.candidates import Candidate, Reading
from semascope.doctor.naming.finding import COARSE, done, hits, tolerance
from semascope.doctor.naming.found import Found
from semascope.doctor.naming.frames import ORDER, Fit, Frame, fitted, lengths, row_cosines
from semascope.doctor.naming.grid import Grid
from semascope.doctor.naming.reads import Reads, Way
from semascope.doctor.naming.rotations import what_rotated
from semascope.doctor.naming.sampling import few, some, some_titles
from semascope.doctor.naming.search import Material, Score, Search, Trial, beside, cuts, variants
from semascope.types import Array

RUNNERS = 3  # other readings that are tried on all rows
FEWEST = 5  # rows that have to come out exactly
LEAST_SHARE = 0.2
ALL_BUT = 0.95
BETWEEN = 100.0  # times the tolerance: rows that miss it by less are neither exact nor of another kind
GAIN = 1.0  # nines by which a recipe has to come nearer for what it allows for to be believed
ALIKE = 0.1  # nines below which two recipes that make every row exactly are not told apart


@dataclass(frozen=True, eq=False)
class Settled:
    """A recipe on all rows of the sample.

    Args:
        found: What it was found with.
        best: The candidate.
        trial: Its cosines.
        fit: What makes its vectors comparable with the matrix.
        same: It, and those that give the same vectors on these rows.
        runner_up: The nearest that does not, with its trial; None where there is none.
        also: What made rows that it did not, with their number.
        exact: bool (n,), the rows that came out exactly.
        sure: Whether enough did, and the runner-up's did not.
        score: To compare encoders by.
        tried: Names and mean cosines, the best first.
    """

    found: Found
    best: Candidate
    trial: Trial
    fit: Fit
    same: tuple[Candidate, ...]
    runner_up: tuple[Candidate, float] | None
    also: tuple[tuple[Candidate, int], ...]
    exact: NDArray[np.bool_]
    sure: bool
    score: float
    tried: tuple[tuple[str, float], ...]


def settle(found: Found, tick: Callable[[], None] | None) -> Settled:
    """The best recipe on all rows, with what cannot be told from it."""
    reads = found.reads
    material = Material(found.texts, found.titles, _score(found), _frames(found), found.x.shape[1], found.grid.noise)
    search = Search(reads, material, tick)
    for reading in dict.fromkeys([found.best.reading, *found.search.top(RUNNERS + 1), reads.own]):
        search.tried(reading)
    trial = _chosen(search, found)
    search.tried(trial.reading)
    same = _same(search, trial, found)
    best = same[0]
    trial = replace(trial, reading=best.reading, way=Way(best.layers, best.pooling))
    exact = trial.cosines >= 1 - tolerance(found.grid, trial.frame)
    runner = _runner_up(search, trial, same, found)
    also, explained = _also(found, exact, tick) if exact.any() else ((), exact)
    tried = tuple((str(_named(one, found, reads)), float(one.cosines.mean())) for one in _ranked(search)[:20])
    return Settled(
        found, best, trial, _fit(search, trial, found), same, runner, also, exact,
        _sure(trial, exact, explained, found.grid), float(trial.score), tried,
    )  # fmt: skip


def _frames(found: Found) -> tuple[Frame, ...]:
    return ("linear",) if found.fit is not None else found.search.material.frames


def _score(found: Found) -> Score:
    fit = found.fit
    if fit is None:
        return beside(found.x)
    x = fit.found(found.x)

    def score(made: Array, frame: Frame, unit: bool) -> NDArray[np.float64]:
        del frame, unit
        return row_cosines(x[:, None], fit.made(made))

    return score


def _ranked(search: Search) -> list[Trial]:
    return sorted((one for trials in search.trials.values() for one in trials), key=lambda one: -one.score)


def _chosen(search: Search, found: Found) -> Trial:
    """The best trial of the simplest frame in which as many rows come out exactly as in any.

    A frame that allows for more has to come nearer by a clear step, or the simpler one stands, exact or not.
    """
    trials = _ranked(search)
    most = max(hits(one, found.grid) for one in trials)
    if not most:
        return trials[0]
    full = [one for one in trials if hits(one, found.grid) == most]
    first = min(ORDER.index(one.frame) for one in full)
    best = next(one for one in full if ORDER.index(one.frame) == first)
    simple = next((one for one in trials if one.frame in ("direct", "bits")), best)
    return best if best.score >= simple.score + GAIN else simple


def _same(search: Search, trial: Trial, found: Found) -> tuple[Candidate, ...]:
    """The trial's candidate and those with the same vectors on all rows, the encoder's own choices first."""
    reads, own = found.reads, found.reads.own
    near = 1e-6 + found.grid.noise / 4
    vectors = _vectors(search, trial)
    pairs: dict[tuple[Reading, Way], None] = {}
    for trials in search.trials.values():
        reading = trials[0].reading
        pooled = reads.pooled(reading.laid_out(found.texts, found.titles), reading)
        cosines = row_cosines(pooled, vectors[:, None])
        for place in np.flatnonzero((cosines >= 1 - near).all(axis=0)):
            for alike in _alike(search, reading):
                pairs[alike, reads.ways[int(place)]] = None
        for one in trials:
            if one.frame == trial.frame and one.unit == trial.unit and _as_good(one, trial, found):
                pairs[one.reading, one.way] = None

    def odd(pair: tuple[Reading, Way]) -> tuple[int, int, int]:
        reading, way = pair
        different = sum(getattr(reading, name) != getattr(own, name) for name in vars(own))
        return (int(way != reads.own_way), different, reads.ways.index(way))

    ranked = sorted(pairs, key=odd)
    return tuple(_named(replace(trial, reading=reading, way=way), found, reads) for reading, way in ranked)


def _as_good(one: Trial, trial: Trial, found: Found) -> bool:
    every = hits(one, found.grid) == hits(trial, found.grid) == len(trial.cosines)
    return every and one.score >= trial.score - ALIKE


def _alike(search: Search, reading: Reading) -> list[Reading]:
    """The readings that show the model the same as this one does, of all rows."""
    key = search.key(reading)
    titled = search.material.titles is not None
    ones = [reading, *(one for one in variants(search.reads, reading, titled) if search.key(one) == key)]
    return list(dict.fromkeys(cut for one in ones for cut in cuts(search.reads, one) if search.key(cut) == key))


def _vectors(search: Search, trial: Trial) -> Array:
    material = search.material
    pooled = search.reads.pooled(trial.reading.laid_out(material.texts, material.titles), trial.reading)
    return pooled[:, search.reads.ways.index(trial.way)]


def _runner_up(search: Search, trial: Trial, same: Sequence[Candidate], found: Found) -> tuple[Candidate, float] | None:
    taken = {(one.reading, one.layers, one.pooling) for one in same}
    exact = trial.cosines >= 1 - tolerance(found.grid, trial.frame)
    rows = exact if exact.any() else np.ones(len(exact), dtype=bool)
    others = [
        one
        for one in _ranked(search)
        if one.frame == trial.frame and (one.reading, one.way.layers, one.way.pooling) not in taken
    ]
    if not others:
        return None
    nearest = max(others, key=lambda one: float(one.cosines[rows].mean()))
    return _named(nearest, found, found.reads), float(nearest.cosines[rows].mean())


def _sure(trial: Trial, exact: NDArray[np.bool_], explained: NDArray[np.bool_], grid: Grid) -> bool:
    """Whether rows come out exactly, and those that do not are of another kind altogether.

    Vectors of a model that was trained on a little come out nearly, some nearer than others: rows in between give them
    away. Where something was fitted, all rows have to come out.
    """
    share = exact.mean()
    if exact.sum() < FEWEST or share < LEAST_SHARE:
        return False
    if trial.frame not in ("direct", "bits"):
        return bool(share >= ALL_BUT)
    between = ~explained & (trial.cosines > 1 - BETWEEN * tolerance(grid, trial.frame))
    return bool(between.mean() <= 1 - ALL_BUT)


def _also(
    found: Found, exact: NDArray[np.bool_], tick: Callable[[], None] | None
) -> tuple[tuple[tuple[Candidate, int], ...], NDArray[np.bool_]]:
    """What made the rows that the best recipe did not, as long as one makes three of them; and which rows are then explained."""
    explained = exact.copy()
    made: list[tuple[Candidate, int]] = []
    left = np.flatnonzero(~exact)
    frames: tuple[Frame, ...] = ("bits",) if found.grid.name == "bits" else ("direct",)
    while len(left) >= 3 and len(made) < 3:
        lengths_left = found.reads.lengths(some(found.texts, left))
        tried = left[few(lengths_left, COARSE)]
        first = Search(found.reads, _material(found, tried, frames), tick)
        best = first.run(lambda trial: done(trial, found.grid))
        if hits(best, found.grid) < 2:
            break
        every = Search(found.reads, _material(found, left, frames), tick)
        every.tried(best.reading)
        best = every.best()
        good = best.cosines >= 1 - tolerance(found.grid, best.frame)
        if good.sum() < 3:
            break
        part = replace(found, x=found.x[left], texts=some(found.texts, left), titles=some_titles(found.titles, left))
        made.append((_named(best, part, found.reads), int(good.sum())))
        explained[left[good]] = True
        left = left[~good]
    return tuple(made), explained


def _material(found: Found, places: Array, frames: tuple[Frame, ...]) -> Material:
    x = found.x[places]
    texts = some(found.texts, places)
    return Material(texts, some_titles(found.titles, places), beside(x), frames, x.shape[1], found.grid.noise)


def _fit(search: Search, trial: Trial, found: Found) -> Fit:
    if found.fit is not None:
        return found.fit
    exact = trial.cosines >= 1 - tolerance(found.grid, trial.frame)
    rows = exact if exact.sum() >= FEWEST else np.ones(len(exact), dtype=bool)
    vectors = _vectors(search, trial)[:, : found.x.shape[1]]
    return fitted(found.x[rows], vectors[rows], trial.frame, unit=trial.unit)


def _named(trial: Trial, found: Found, reads: Reads) -> Candidate:
    """A trial in words: with row lengths, what was done to the vectors, and the numbers they are made of."""
    texts = trial.reading.laid_out(found.texts, found.titles)
    pooled = reads.pooled(texts, trial.reading)[:, reads.ways.index(trial.way)].astype(np.float64)
    natural = int(reads.encoder.dim) if trial.way.pooling == "own" else reads.width
    width = found.x.shape[1]
    columns = width if width < natural and trial.frame != "linear" else None
    length, scale = "", 1.0
    exact = trial.cosines >= 1 - tolerance(found.grid, trial.frame)
    rows = exact if exact.any() else np.ones(len(exact), dtype=bool)
    if trial.frame == "direct":
        counts = reads.counts(texts, trial.reading).astype(np.float64)
        length, scale = _length(found.x[rows], pooled[rows], counts[rows], columns, found.grid.noise)
    elif trial.frame != "bits":
        length = "unit" if trial.unit or np.ptp(lengths(pooled)) < 1e-4 else "as pooled"
    own = trial.reading == reads.own and trial.way == reads.own_way
    after = _after(trial, found, pooled[:, :width] if trial.frame != "linear" else pooled)
    return Candidate(
        reads.name,
        trial.reading,
        trial.way.layers,
        trial.way.pooling,
        columns,
        length,
        scale,
        after,
        found.grid.name,
        own,
    )


def _length(x: Array, c: Array, counts: Array, columns: int | None, noise: float) -> tuple[str, float]:
    """How long rows x (n, d) are, beside the pooled rows c (n, width) and the tokens (n,) of each."""
    size = lengths(x)
    raw = lengths(c[:, : x.shape[1]])
    ways = {"unit": np.ones(len(x)), "as pooled": raw}
    if columns is not None:
        ways["unit before the cut"] = raw / lengths(c)
    ways |= {"mean * sqrt(tokens)": raw * np.sqrt(counts), "sum": raw * counts}
    near = 2e-3 + 3 * np.sqrt(noise)
    sign = float(np.sign(row_cosines(x, c[:, : x.shape[1]]).sum()) or 1.0)
    for name, expected in ways.items():
        ratio = size / np.where(expected > 0, expected, 1)
        scale = float(np.median(ratio))
        if scale > 0 and float(np.abs(ratio / scale - 1).max()) <= near:
            return name, sign * (1.0 if abs(scale - 1) <= near else scale)
    return "other", sign


def _after(trial: Trial, found: Found, c: Array) -> str:
    """What was done to the vectors."""
    size = lengths(found.x)
    ended = ", then unit length" if float(np.ptp(size)) <= 2e-3 * float(size.mean()) else ""
    match trial.frame:
        case "centred":
            return f"centred{ended}"
        case "columns":
            if found.grid.name in ("int8", "uint8"):
                return "scaled by column, as whole numbers are"
            flat = np.abs(found.x.mean(axis=0)).mean() < 0.3 and abs(float(found.x.std(axis=0).mean()) - 1) < 0.1
            return "standardised" if flat else "scaled by column"
        case "rotated":
            return what_rotated(found.x, c / lengths(c)[:, None] if trial.unit else c)
        case "linear":
            return f"a linear map{ended}"
        case _:
            return ""
