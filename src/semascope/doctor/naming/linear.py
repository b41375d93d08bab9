"""Recipes behind a linear map: whitening, principal components, a secret rotation of a part; the map is fitted on some rows and tried on others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from semascope.doctor.naming.candidates import Reading
from semascope.doctor.naming.found import Found, Tick
from semascope.doctor.naming.frames import Fit, lengths, nines, row_cosines
from semascope.doctor.naming.sampling import measured, some, some_titles, usable
from semascope.doctor.naming.search import Trial
from semascope.types import Array

HELD_OUT = 40  # rows on which a map is tried
WAYS = 24  # layers and poolings for which one is fitted
CLOSE = 3  # of them, for which rows of length one are also undone
TOKENS = 130_000  # read at most for it
READINGS = 2


def find_linear(
    plain: Found,
    x: Array,
    texts: Sequence[str],
    titles: Sequence[str] | None,
    rng: np.random.Generator,
    tick: Tick,
) -> Found:
    """`plain`, or what fits better once any linear map of the encoder's vectors is allowed.

    That needs more rows than the encoder has columns: the shortest texts are taken, which no maximum length cuts.
    """
    reads = plain.reads
    places = measured(min(len(texts), len(x)), rng)
    sizes = reads.lengths(some(texts, places))
    order = usable(texts, x, places[np.argsort(sizes, kind="stable")])
    wanted = int(1.5 * reads.width) + HELD_OUT
    if len(order) < reads.width * 5 // 4 + HELD_OUT:
        most = reads.width * 5 // 4 + HELD_OUT
        return replace(
            plain,
            short=f"a linear map (whitening, principal components) needs {most:,} rows to be seen, there are {len(order):,}",
        )
    order = order[:wanted]
    size_of = dict(zip(places.tolist(), sizes.tolist(), strict=True))
    tokens = sum(size_of[int(i)] for i in order)
    if tokens > TOKENS:
        return replace(plain, short=f"a linear map was not looked for: {tokens:,} tokens would have to be read")
    order = rng.permutation(order)
    rows = plain.grid.rows(np.asarray(x[order]))
    held = some(texts, order)
    held_titles = some_titles(titles, order)
    best: tuple[Trial, Fit] | None = None
    for reading in list(dict.fromkeys([reads.own, *plain.search.top(READINGS)]))[:READINGS]:
        ways = _ways(plain, reading)
        pooled = np.concatenate(
            [
                reads.pooled(
                    reading.laid_out(held[i : i + 64], held_titles[i : i + 64] if held_titles else None), reading, tick
                )[:, ways]
                for i in range(0, len(held), 64)
            ]
        )
        reads.forget()
        found = _best_map(pooled, ways, rows, plain, reading)
        if best is None or found[0].score > best[0].score:
            best = found
    if best is None or best[0].score <= plain.best.score:
        return plain
    return replace(plain, best=best[0], fit=best[1])


def _ways(plain: Found, reading: Reading) -> list[int]:
    """The ways that came nearest under a reading so far, the encoder's own among them."""
    ways = plain.reads.ways
    scores = dict.fromkeys(ways, -1.0)
    for trials in plain.search.trials.values():
        if trials[0].reading == reading:
            for one in trials:
                scores[one.way] = max(scores[one.way], one.score)
    order = sorted(range(len(ways)), key=lambda i: -scores[ways[i]])[:WAYS]
    own = ways.index(plain.reads.own_way)
    return order if own in order else [*order, own]


def _best_map(
    pooled: Array, ways: list[int], rows: NDArray[np.float64], plain: Found, reading: Reading
) -> tuple[Trial, Fit]:
    """The way whose vectors a linear map takes nearest to the rows, tried on rows it was not fitted on."""
    tried: list[tuple[Trial, Fit]] = []
    inputs = {(way, unit): _input(pooled[:, i], unit) for i, way in enumerate(ways) for unit in (False, True)}
    for (way, unit), c in inputs.items():
        tried.append(_mapped(c, rows, plain, reading, way, unit))
    tried.sort(key=lambda one: -one[0].score)
    for trial, _ in tried[:CLOSE]:
        way = plain.reads.ways.index(trial.way)
        sized = _sized(inputs[way, trial.unit], rows)
        tried.append(_mapped(inputs[way, trial.unit], rows, plain, reading, way, trial.unit, sized))
    return max(tried, key=lambda one: one[0].score)


def _input(c: Array, unit: bool) -> NDArray[np.float64]:
    c = np.asarray(c, dtype=np.float64)
    return c / lengths(c)[:, None] if unit else c


def _mapped(
    c: Array, rows: Array, plain: Found, reading: Reading, way: int, unit: bool, sized: Array | None = None
) -> tuple[Trial, Fit]:
    train = len(rows) - HELD_OUT
    target = rows[:train] if sized is None else sized
    mean, mean_x = c[:train].mean(axis=0), target.mean(axis=0)
    weight = _ridge(c[:train] - mean, target - mean_x)
    # made - mean_x = (c - mean) weight; where rows were made of length one, mean_x cannot be taken from them, so that it
    # goes into the mean on the other side: (c - mean + shift) weight.
    shift = np.linalg.lstsq(weight.T, mean_x, rcond=1e-10)[0]
    fit = Fit("linear", unit, mean=mean - shift, matrix=weight)
    made = (c[train:] - fit.mean) @ weight
    cosines = row_cosines(rows[train:], made)
    score = float(nines(cosines, plain.grid.noise).mean())
    return Trial(reading, plain.reads.ways[way], "linear", unit, cosines, score), fit


def _ridge(c: Array, target: Array) -> NDArray[np.float64]:
    gram = c.T @ c
    if not np.trace(gram) > 0:  # the same vector for every text, such as a first token's embedding
        return np.zeros((c.shape[1], target.shape[1]))
    gram += np.eye(len(gram)) * (1e-11 * np.trace(gram) / len(gram))
    return np.linalg.solve(gram, c.T @ target)


def _sized(c: Array, rows: Array) -> NDArray[np.float64]:
    """Rows with the lengths that they had before they were made of length one, up to a common factor.

    The lengths r for which diag(r) X lies nearest to the span of [c, 1]: with P what that span leaves, the least eigenvector
    of P * X X'.
    """
    from scipy.linalg import eigh

    train = len(rows) - HELD_OUT
    x = rows[:train]
    base = np.concatenate([c[:train], np.ones((train, 1))], axis=1)
    q, _ = np.linalg.qr(base)
    left = np.eye(train) - q @ q.T
    _, vector = eigh(left * (x @ x.T), subset_by_index=(0, 0))
    r = vector[:, 0] * np.sign(vector[:, 0].sum() or 1.0)
    return x * (r / np.abs(r).mean())[:, None]
