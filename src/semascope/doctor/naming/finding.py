"""From a matrix and texts to the recipe that comes nearest, in step with each other or not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from semascope.doctor.naming.found import Found, Tick
from semascope.doctor.naming.frames import Fit, Frame, lengths, standardised
from semascope.doctor.naming.grid import Grid
from semascope.doctor.naming.linear import find_linear
from semascope.doctor.naming.reads import Reads
from semascope.doctor.naming.sampling import few, some, some_titles, usable
from semascope.doctor.naming.search import Material, Search, Trial, anywhere, beside
from semascope.types import Array

COARSE = 10  # rows of the first search
LOOSE = 6  # texts that look for their row among all
NEAR = 0.9  # cosine from which columns scaled by the moments of other rows count as near
AMONG = 8_192  # rows that such a text is held against at first
MOST = 0.9  # of the rows in step below which texts whose row is not look for it elsewhere
SHARE = 0.2  # of the rows that must come out exactly for rows and texts to be taken for in step
TOLERANCE = 4e-5  # 1 - cosine: arithmetic in bfloat16 costs half of that, other arithmetic in float32 next to nothing
FITTED_TOLERANCE = 1e-5
COARSEST = 1e-3  # where rounding takes more than that, no row counts as exact
TIMES_NOISE = 10.0  # rows differ in what rounding takes of them


def tolerance(grid: Grid, frame: Frame = "direct") -> float:
    """1 - cosine up to which a row counts as coming out exactly; less where something was fitted, which takes up a part."""
    room = TOLERANCE if frame in ("direct", "bits") else FITTED_TOLERANCE
    return min(room + TIMES_NOISE * grid.noise, COARSEST)


def hits(trial: Trial, grid: Grid) -> int:
    """Rows that came out exactly."""
    return int((trial.cosines >= 1 - tolerance(grid, trial.frame)).sum())


def done(trial: Trial, grid: Grid) -> bool:
    """Whether nothing is left to look for: all rows came out exactly with nothing allowed for.

    Where something is allowed for, another reading may come out so too, and better: those are looked through as well.
    """
    return trial.frame in ("direct", "bits") and hits(trial, grid) == len(trial.cosines)


def find(
    x: Array,
    texts: Sequence[str],
    titles: Sequence[str] | None,
    reads: Reads,
    grid: Grid,
    chosen: NDArray[np.int64],
    rng: np.random.Generator,
    tick: Tick,
) -> Found | None:
    """The nearest recipe of one encoder; None where nothing can be compared.

    Args:
        x: The matrix (m, d) as it is stored.
        texts: (n,).
        titles: (n,) or None.
        reads: The encoder.
        grid: The numbers of the matrix.
        chosen: Places of the texts to look at.
        rng: For draws of rows.
        tick: Called when something was read.
    """
    width = x.shape[1] * (8 if grid.packed else 1)
    if width > reads.width:
        return None
    inside = usable(texts, x, chosen[chosen < len(x)])
    if len(inside) < 2:
        return None
    frames: tuple[Frame, ...] = ("bits",) if grid.name == "bits" else ("direct", "centred", "columns", "rotated")
    lengths = reads.lengths(some(texts, inside))

    def material(pairs: NDArray[np.int64], frames: tuple[Frame, ...]) -> Material:
        rows = grid.rows(np.asarray(x[pairs[:, 1]]))
        return Material(
            some(texts, pairs[:, 0]), some_titles(titles, pairs[:, 0]), beside(rows), frames, width, grid.noise
        )

    def found(pairs: NDArray[np.int64], search: Search, best: Trial, *, in_step: bool) -> Found:
        rows = grid.rows(np.asarray(x[pairs[:, 1]]))
        held = some(texts, pairs[:, 0])
        return Found(reads, grid, rows, held, some_titles(titles, pairs[:, 0]), pairs, search, best, in_step)

    both = np.stack([inside, inside], axis=1)
    search = Search(reads, material(both[few(lengths, COARSE)], frames), tick)
    best = search.run(lambda trial: done(trial, grid))
    count = len(best.cosines)
    if hits(best, grid) >= max(2, SHARE * count):
        if hits(best, grid) < MOST * count and best.frame in ("direct", "bits"):
            apart = _paired(x, texts, titles, reads, grid, best, chosen, width, loosely=False)
            both = _joined(both, apart)
        return found(both, search, best, in_step=bool((both[:, 0] == both[:, 1]).mean() > 0.5))
    pairs = _elsewhere(x, texts, titles, search, grid, chosen, width, rng)
    if pairs is not None:
        again = Search(reads, material(pairs[few(reads.lengths(some(texts, pairs[:, 0])), COARSE)], frames), tick)
        return found(pairs, again, again.run(lambda trial: done(trial, grid)), in_step=False)
    plain = found(both, search, best, in_step=True)
    return find_linear(plain, x, texts, titles, rng, tick) if grid.name != "bits" else plain


def _joined(both: NDArray[np.int64], apart: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """Pairs in step, those of texts that have their row elsewhere replaced; where most have, these pairs alone."""
    if apart is None or not (apart[:, 0] != apart[:, 1]).any():
        return both
    if (apart[:, 0] != apart[:, 1]).mean() > 0.5:
        return apart
    moved = dict(apart.tolist())
    return np.array([[text, moved.get(text, row)] for text, row in both.tolist()], dtype=np.int64)


def _elsewhere(
    x: Array,
    texts: Sequence[str],
    titles: Sequence[str] | None,
    search: Search,
    grid: Grid,
    chosen: NDArray[np.int64],
    width: int,
    rng: np.random.Generator,
) -> NDArray[np.int64] | None:
    """Pairs (text, row) where texts have their rows elsewhere; None where they have none under any reading.

    Readings were read already for the rows of the first search, so that this costs no run of a model until a recipe is found.
    """
    reads = search.reads
    rows = _candidates(x, rng)
    held = grid.rows(np.asarray(x[rows]))
    material = search.material
    first = list(range(min(LOOSE, len(material.texts))))
    frames: tuple[Frame, ...] = ("bits",) if grid.name == "bits" else ("direct",)
    loose = Material(
        some(material.texts, first), some_titles(material.titles, first), anywhere(held), frames, width, grid.noise
    )
    seeking = Search(reads, loose, search.tick)
    best = seeking.run(lambda trial: done(trial, grid))
    if hits(best, grid) >= 2:
        return _paired(x, texts, titles, reads, grid, best, chosen, width, loosely=False)
    if grid.name == "bits":
        return None
    # Columns that were scaled: what with takes more texts to be seen, so that only the encoder's own reading is tried.
    scaled = Material(some(texts, chosen), some_titles(titles, chosen), anywhere(held), ("columns",), width, grid.noise)
    own = Search(reads, scaled, search.tick)
    own.tried(reads.own)
    if float(np.median(own.best().cosines)) < NEAR:
        return None
    return _paired(x, texts, titles, reads, grid, own.best(), chosen, width, loosely=True)


def _candidates(x: Array, rng: np.random.Generator) -> NDArray[np.int64]:
    """Finite rows to look among: all, or evenly drawn ones."""
    places = np.arange(len(x)) if len(x) <= AMONG else np.sort(rng.permutation(len(x))[:AMONG])
    return places[np.isfinite(x[places]).all(axis=1) & np.asarray(x[places]).any(axis=1)]


def _paired(
    x: Array,
    texts: Sequence[str],
    titles: Sequence[str] | None,
    reads: Reads,
    grid: Grid,
    best: Trial,
    chosen: NDArray[np.int64],
    width: int,
    *,
    loosely: bool,
) -> NDArray[np.int64] | None:
    """Each of the chosen texts with the row that is nearest to it, of all rows, where it is near enough."""
    made = reads.pooled(best.reading.laid_out(some(texts, chosen), some_titles(titles, chosen)), best.reading)[
        :, reads.ways.index(best.way), :width
    ]
    nearest, cosines = nearest_rows(x, made, grid, best.frame, unit=best.unit)
    kept = cosines >= (NEAR if loosely else 1 - tolerance(grid))
    pairs = np.stack([chosen[kept], nearest[kept]], axis=1)
    return pairs if len(pairs) >= 4 else None


def nearest_rows(
    x: Array, made: Array, grid: Grid, frame: Frame, *, unit: bool, fit: Fit | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The place and cosine of the row nearest to each candidate row (k, d), of all rows of the matrix (m, d) as stored."""
    c = np.asarray(made, dtype=np.float64)
    if fit is not None:
        c = fit.made(c)
    else:
        c = c / lengths(c)[:, None] if unit else c
        c = np.where(c > 0, 1.0, -1.0) if frame == "bits" else c
        if frame == "columns":
            c = standardised(c)
    mean, scale = _moments(x, grid) if frame == "columns" and fit is None else (0.0, 1.0)
    c32 = (c / lengths(c)[:, None]).astype(np.float32)
    best = np.full(len(c), -2.0, np.float32)
    place = np.zeros(len(c), np.int64)
    for start in range(0, len(x), 8_192):
        block = grid.rows(np.asarray(x[start : start + 8_192]))
        with np.errstate(invalid="ignore", over="ignore"):
            block = (block - mean) * scale if fit is None else fit.found(block)
            block = block / lengths(block)[:, None]
        block32 = np.where(np.isfinite(block), block, 0.0).astype(np.float32)
        cosines = c32 @ block32.T
        top = cosines.argmax(axis=1)
        values = cosines[np.arange(len(c)), top]
        better = values > best
        best[better], place[better] = values[better], top[better] + start
    return place, best.astype(np.float64)


def _moments(x: Array, grid: Grid) -> tuple[Array, Array]:
    some = grid.rows(np.asarray(x[:: max(1, len(x) // 8_192)]))
    some = some[np.isfinite(some).all(axis=1)]
    spread = some.std(axis=0)
    return some.mean(axis=0), np.where(spread > 0, 1 / np.where(spread > 0, spread, 1), 0.0)
