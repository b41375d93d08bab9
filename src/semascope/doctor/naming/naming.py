"""Names the recipe that made a matrix, from a sample of its rows and their texts, or says that none did."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from semascope.doctor.naming.candidates import Candidate
from semascope.doctor.naming.finding import find, tolerance
from semascope.doctor.naming.found import Found
from semascope.doctor.naming.grid import grid_of
from semascope.doctor.naming.reads import Reads, reads_of
from semascope.doctor.naming.sampling import measured, pick, some
from semascope.doctor.naming.settling import Settled, settle
from semascope.doctor.naming.steps import RowSteps, find_steps, unknown_steps
from semascope.encoders import TransformerEncoder
from semascope.errors import InputError
from semascope.ops import Interval, bootstrap, integer
from semascope.ops import texts as checked_texts
from semascope.report.findings import plain
from semascope.types import Array, Progress


@dataclass(frozen=True, eq=False)
class Naming:
    """What made a matrix, as far as a sample of its rows says.

    Args:
        best: The candidate that came nearest; None where no encoder could be compared at all.
        cosine: Of rows with the best candidate's, after what `best.after` says is undone: mean over the rows looked at.
        lowest: That of the row that came out worst.
        matched: Rows that came out exactly, of those looked at, as a share.
        runner_up: The nearest candidate that can be told apart from the best on these rows; None where there is none.
        runner_up_cosine: Its mean cosine.
        same: Candidates that give the same vectors on these rows, the best first; nothing here tells them apart.
        also: Further recipes that made the rows which the best did not, with the number of rows each, most first.
        sure: Whether the recipe may be relied on: rows come out exactly, and the runner-up's do not.
        steps: Whether rows and texts are in step.
        tolerance: 1 - cosine up to which a row counts as coming out exactly: rounding of the values included.
        rows: Rows looked at.
        says: One sentence.
        tried: The best twenty candidates' names and mean cosines.
        numbers: All figures as plain values.
    """

    best: Candidate | None
    cosine: Interval | None
    lowest: float
    matched: Interval | None
    runner_up: Candidate | None
    runner_up_cosine: float
    same: tuple[Candidate, ...]
    also: tuple[tuple[Candidate, int], ...]
    sure: bool
    steps: RowSteps
    tolerance: float
    rows: int
    says: str
    tried: tuple[tuple[str, float], ...] = ()
    numbers: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __str__(self) -> str:
        return self.says


def name_recipe(
    values: Array,
    texts: Sequence[str],
    encoder: Any | Sequence[Any],
    *,
    titles: Sequence[str] | None = None,
    rows: int = 48,
    seed: int = 0,
    progress: Progress | None = None,
) -> Naming:
    """Which recipe of an encoder made the rows of a matrix.

    A sample of texts, some longer than each usual maximum length, is read once for every distinct way of cutting it into tokens;
    every layer and pooling is then made of the same states. First one choice after the other on few rows, then the best on
    all of the sample. Where rows and texts turn out not to be in step, each text looks for its row among all.

    Args:
        values: (m, d) of any number type; may hold NaN and zero rows.
        texts: (n,) as the encoder reads them, with the title before the text where there is one.
        encoder: A TransformerEncoder (all is tried), a StaticEncoder (prompts and cuts), any other encoder (prompts), or several.
        titles: (n,) titles that stand at the beginning of `texts`, "" where there is none.
        rows: Rows to look at.
        seed: Of the sample.
        progress: Told how many times a model was run so far.

    Raises:
        InputError: values are no matrix of numbers, or there are no texts.
    """
    x = _matrix(values)
    items = checked_texts(texts)
    if not items:
        raise InputError("texts: want the texts of the rows, got none")
    if titles is not None and len(titles) != len(items):
        raise InputError(f"titles: want one for each of {len(items):,} texts, got {len(titles):,}")
    integer(rows, name="rows", least=4)
    encoders = list(encoder) if isinstance(encoder, list | tuple) else [encoder]
    if not encoders:
        raise InputError("encoder: want at least one, got none")
    tick = _ticker(progress)
    found: list[Settled] = []
    # The quick ones first: where one makes every row exactly, a transformer need not be run to see that it does not.
    for reads in sorted(map(reads_of, encoders), key=lambda reads: isinstance(reads.encoder, TransformerEncoder)):
        one = _look(x, items, titles, reads, rows, seed, tick)
        if one is not None:
            found.append(one)
            if one.sure and one.exact.all():
                break
    if not found:
        return _none(
            x, items, "no row of the matrix can be compared: too few finite rows, or more columns than the encoder has"
        )
    best = max(found, key=lambda one: (one.sure, one.score))
    steps = find_steps(x, items, titles, best, seed=seed, tick=tick) if best.sure else unknown_steps(len(x), len(items))
    return _naming(best, steps, others=[one for one in found if one is not best])


def _matrix(values: Any) -> Array:
    x = np.asarray(values)
    if x.ndim != 2 or x.dtype.kind not in "fiu" or not x.size:
        raise InputError(f"values: want numbers in rows (m, d), got {x.dtype} of shape {x.shape}")
    return x


def _ticker(progress: Progress | None) -> Callable[[], None] | None:
    if progress is None:
        return None
    count = itertools.count(1)
    return lambda: progress(next(count), None)


def _look(
    x: Array,
    texts: Sequence[str],
    titles: Sequence[str] | None,
    reads: Reads,
    rows: int,
    seed: int,
    tick: Callable[[], None] | None,
) -> Settled | None:
    grid = grid_of(x, width=reads.width)
    rng = np.random.default_rng(seed)
    places = measured(len(texts), rng)
    lengths = reads.lengths(some(texts, places))
    chosen = places[pick(lengths, rows, rng)]
    found = find(x, texts, titles, reads, grid, chosen, rng, tick)
    return None if found is None else settle(found, tick)


def _naming(settled: Settled, steps: RowSteps, others: Sequence[Settled]) -> Naming:
    best, found = settled.best, settled.found
    cosines = settled.trial.cosines
    runner, runner_cosine = settled.runner_up or (None, float("nan"))
    for other in others:
        mean = float(other.trial.cosines.mean())
        if runner is None or mean > runner_cosine:
            runner, runner_cosine = other.best, mean
    naming = Naming(
        best=best,
        cosine=bootstrap(cosines),
        lowest=float(cosines.min()),
        matched=bootstrap(settled.exact.astype(float)),
        runner_up=runner,
        runner_up_cosine=runner_cosine,
        same=settled.same,
        also=settled.also,
        sure=settled.sure,
        steps=steps,
        tolerance=tolerance(found.grid, settled.trial.frame),
        rows=len(cosines),
        says="",
        tried=settled.tried,
    )
    naming = replace(naming, says=_says(naming, found))
    return replace(naming, numbers=_numbers(naming))


def _says(naming: Naming, found: Found) -> str:
    best, cosine = naming.best, naming.cosine
    if best is None or cosine is None:
        return naming.says
    next_best = f"; next best {naming.runner_up_cosine:.4f}" if naming.runner_up is not None else ""
    if not naming.sure:
        short = f"; {found.short}" if found.short else ""
        return (
            f"No recipe that was tried made these rows: the nearest ({best}) has cosine {cosine.value:.4f} on {naming.rows} rows "
            f"(lowest {naming.lowest:.4f}{next_best}){short}."
        )
    exact = round((naming.matched.value if naming.matched else 0) * naming.rows)
    others = "".join(f"; {count} by {candidate}" for candidate, count in naming.also)
    if exact == naming.rows:
        made = (
            f"Made by {best}: cosine {cosine.value:.4f} on {naming.rows} rows (lowest {naming.lowest:.4f}{next_best})"
        )
    else:
        made = f"{exact} of {naming.rows} rows were made by {best}{others}"
    return f"{made}{_not_told(naming)}."


def _not_told(naming: Naming) -> str:
    """In which choices the candidates that look the same differ."""
    if len(naming.same) < 2:
        return ""
    names = dict.fromkeys(name for one in naming.same[1:] for name in one.differs(naming.same[0]))
    return f"; not told apart on these rows: other choices of {', '.join(name.replace('_', ' ') for name in names)}"


def _numbers(naming: Naming) -> dict[str, Any]:
    best = naming.best
    return plain(
        {
            "best": None if best is None else {"name": str(best), **asdict(best)},
            "cosine": None if naming.cosine is None else naming.cosine._asdict(),
            "lowest": naming.lowest,
            "matched": None if naming.matched is None else naming.matched._asdict(),
            "runner up": None if naming.runner_up is None else str(naming.runner_up),
            "runner up cosine": naming.runner_up_cosine,
            "same": [str(one) for one in naming.same],
            "also": [{"name": str(one), "rows": count} for one, count in naming.also],
            "sure": naming.sure,
            "tolerance": naming.tolerance,
            "rows": naming.rows,
            "tried": [{"name": name, "cosine": cosine} for name, cosine in naming.tried],
            "steps": asdict(naming.steps),
        }
    )


def _none(x: Array, texts: Sequence[str], why: str) -> Naming:
    naming = Naming(
        None, None, float("nan"), None, None, float("nan"), (), (), False, unknown_steps(len(x), len(texts)), 0.0, 0,
        f"What made these rows is not known: {why}.",
    )  # fmt: skip
    return replace(naming, numbers=_numbers(naming))
