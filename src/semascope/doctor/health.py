"""What can be wrong with a matrix of vectors, seen without its texts: rows, columns, lengths, precision."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semascope.doctor.figures import first, rows_said, where
from semascope.doctor.naming.grid import grid_of
from semascope.doctor.reading import Seen, repeats
from semascope.doctor.scatter import scattered
from semascope.report import Finding

_UNIT = {
    "float16": 2e-3,
    "bfloat16": 1e-2,
    "int8": 5e-2,
}  # how far from one a length may be that was one before rounding
_LOUD = 0.2  # of all energy in one column
_ROUND = (1_000, 10_000, 100_000, 1_000_000, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768, 65_536, 131_072, 1_048_576)
_FEW = 20  # rows below which columns and scatter say nothing


def health(seen: Seen, *, seed: int = 0) -> list[Finding]:
    """Everything that one pass over a matrix and a sample of its rows tell, in the order in which it is looked at.

    Args:
        seen: The pass.
        seed: Of random pairs and of the sample for what costs the square of the rows.
    """
    grid = "float32"
    places, x = seen.clean()
    if len(x):
        with np.errstate(all="ignore"):  # of values that no encoder gives
            grid = grid_of(seen.sample[np.isin(seen.places, places)]).name
    found = [*_broken(seen), *zero_rows(seen), *_flat(seen), same_rows(seen), lengths(seen, grid)]
    different = len(np.unique(seen.hashes[places]))
    if different >= _FEW:
        found += columns(seen)
    found += [*_precision(seen, grid), *_row_count(seen)]
    if different >= _FEW:
        found += scattered(x, places, n=seen.n, integers=grid in ("bits", "int8"), seed=seed)
    return found


def _broken(seen: Seen) -> list[Finding]:
    if not len(seen.broken):
        return [Finding("finite values", "fine", f"all {seen.n:,} x {seen.d} values are finite numbers")]
    parts = [
        text
        for count, text in ((seen.nan, f"{seen.nan:,} NaN"), (seen.infinite, f"{seen.infinite:,} infinite"))
        if count
    ]
    return [
        Finding(
            "finite values",
            "fault",
            f"{' and '.join(parts)} value{'s' if seen.nan + seen.infinite > 1 else ''} in {rows_said(len(seen.broken))} ({where(seen.broken)}): "
            "no distance to such a row means anything, and most indexes take them without a word",
            {"rows": len(seen.broken), "nan": seen.nan, "infinite": seen.infinite},
            first(seen.broken),
        )
    ]


def zero_rows(seen: Seen) -> list[Finding]:
    """Rows of nothing but zeros; a run of them at the end is a file that was not filled."""
    zero = seen.zero
    if not len(zero):
        return [Finding("zero rows", "fine", "no row is all zero")]
    numbers = {"rows": len(zero), "share": len(zero) / seen.n}
    run = _run_at_end(zero, seen.n)
    if len(zero) == seen.n:
        return [Finding("zero rows", "fault", "every row is all zero", numbers, first(zero))]
    if run >= max(3, seen.n // 10_000):
        return [
            Finding(
                "unfilled end",
                "fault",
                f"the last {run:,} of {seen.n:,} rows are all zero, from row {seen.n - run:,} on: a file made for {seen.n:,} rows "
                "of which the rest was never written",
                {**numbers, "from": seen.n - run},
                first(zero[-run:]),
            )
        ]
    return [
        Finding(
            "zero rows",
            "warning",
            f"{rows_said(len(zero))} of {seen.n:,} {'is' if len(zero) == 1 else 'are'} all zero ({where(zero)}): "
            "an empty text, or a call that failed; search never finds them",
            numbers,
            first(zero),
        )
    ]


def _run_at_end(rows: NDArray[np.int64], n: int) -> int:
    behind = n - 1 - np.arange(len(rows))
    off = np.flatnonzero(rows[::-1] != behind)
    return int(off[0]) if len(off) else len(rows)


def _flat(seen: Seen) -> list[Finding]:
    if not len(seen.flat):
        return []
    return [
        Finding(
            "constant rows",
            "fault",
            f"{rows_said(len(seen.flat))} hold one number over and over ({where(seen.flat)}): "
            "a placeholder, not a vector of a text",
            {"rows": len(seen.flat)},
            first(seen.flat),
        )
    ]


def same_rows(seen: Seen) -> Finding:
    """Rows that are the same number for number."""
    groups = repeats(seen.hashes, seen.usable)
    if not groups:
        return Finding("equal rows", "fine", f"no two of {seen.n:,} rows are equal")
    extra = sum(len(group) - 1 for group in groups)
    largest = groups[0]
    numbers = {"groups": len(groups), "repeated": extra, "share": extra / seen.n, "largest": len(largest)}
    says = (
        f"{rows_said(extra)} of {seen.n:,} ({extra / seen.n:.1%}) repeat an earlier row number for number; "
        f"one vector stands {len(largest):,} times ({where(largest)})"
    )
    many = len(largest) > max(10, seen.n // 200) or extra > 0.05 * seen.n
    if len(largest) == int(seen.usable.sum()):
        return Finding(
            "equal rows",
            "fault" if seen.n > 2 else "warning",
            f"all rows are one vector: {says}",
            numbers,
            first(largest),
        )
    why = (
        ": equal texts, or one answer given to many texts; texts beside the matrix (--texts) tell which" if many else ""
    )
    return Finding("equal rows", "warning" if many else "note", says + why, numbers, first(largest))


def lengths(seen: Seen, grid: str) -> Finding:
    """Whether rows have length one: all of them, none, or a mixture."""
    own = seen.lengths[seen.usable]
    if not len(own):
        return Finding("lengths", "note", "no row has a direction")
    room = _UNIT.get(grid, 1e-3)
    one = np.abs(own - 1) <= room
    low, middle, high = (float(value) for value in np.quantile(own, [0, 0.5, 1]))
    numbers = {"of length one": int(one.sum()), "rows": len(own), "lowest": low, "median": middle, "highest": high}
    if one.all():
        return Finding("lengths", "fine", f"every row has length one (from {low:.5f} to {high:.5f})", numbers)
    # A smooth spread of lengths puts some rows near one by chance: what is wrong is a spike.
    around = int((np.abs(own - 1) <= 20 * room).sum())
    spike = int(one.sum()) > 5 + 3 * (around / 20) and one.mean() > 0.01
    if not spike or middle < room:
        spread = float(own.std() / own.mean()) if own.mean() > 0 and np.isfinite(own).all() else float("nan")
        if spread < 1e-3:
            return Finding("lengths", "fine", f"every row has length {middle:.4g}", numbers)
        says = (
            f"lengths run from {low:.4g} to {high:.4g} (median {middle:.4g}, spread {spread:.0%}): rows were not scaled to length one, so "
            "dot product and cosine rank differently"
        )
        return Finding("lengths", "note", says, {**numbers, "spread": spread})
    places = np.flatnonzero(seen.usable)
    other = places[~one]
    piece = _piece(other, places[one])
    return Finding(
        "lengths",
        "fault" if min(one.mean(), 1 - one.mean()) > 0.01 else "warning",
        f"{int(one.sum()):,} rows have length one and {rows_said(len(other))} not ({where(other)}; lengths {_span(own[~one])}){piece}: "
        "two ways of making vectors in one matrix, which dot product ranks wrongly",
        numbers,
        first(other),
    )


def _span(values: NDArray[np.float64]) -> str:
    low, high = f"{values.min():.4g}", f"{values.max():.4g}"
    return low if low == high else f"{low} to {high}"


def _piece(some: NDArray[np.int64], others: NDArray[np.int64]) -> str:
    """Says so where some rows stand together, apart from the others."""
    if some[0] > others[-1] or some[-1] < others[0]:
        return f", all of them from row {some[0]:,} to row {some[-1]:,}"
    return ""


def columns(seen: Seen) -> list[Finding]:
    """Columns that never change, padding at the end, and one column that outweighs the rest."""
    typical = float(np.median(seen.spread[seen.spread > 0])) if (seen.spread > 0).any() else 0.0
    still = (seen.least == seen.most) | (seen.spread <= 1e-6 * typical)
    found: list[Finding] = []
    padded = _run_at_end(np.flatnonzero((seen.least == 0) & (seen.most == 0)), seen.d)
    if padded:
        kept = seen.d - padded
        found.append(
            Finding(
                "padding",
                "warning",
                f"the last {padded} of {seen.d} columns are zero in every row: {kept} columns padded to {seen.d}; "
                "cosines stand, memory and search time do not",
                {"columns": padded, "kept": kept},
                mend=f"np.save(FILE, np.load(FILE)[:, :{kept}])",
            )
        )
    dead = np.flatnonzero(still[: seen.d - padded])
    if len(dead):
        # Some models have a few such columns by themselves (all-MiniLM-L6-v2 has three), small ones.
        usual = len(dead) <= 0.02 * seen.d and float(_parts(seen)[dead].sum()) < 0.05
        names = ", ".join(str(int(column)) for column in dead[:5]) + (" ..." if len(dead) > 5 else "")
        found.append(
            Finding(
                "constant columns",
                "note" if usual else "warning",
                f"{len(dead)} of {seen.d} columns are the same in every row (columns {names}): they carry nothing, "
                + ("as in some models" if usual else "and where they are large they raise every cosine alike"),
                {"columns": [int(column) for column in dead]},
            )
        )
    found += _loud(seen)
    return found or [
        Finding("columns", "fine", f"all {seen.d} columns vary, and none outweighs the others{_loudest(seen)}")
    ]


def _parts(seen: Seen) -> NDArray[np.float64]:
    with np.errstate(all="ignore"):
        energy = seen.energy / seen.energy.max()
        return energy / energy.sum()


def _energy(seen: Seen) -> tuple[int, float]:
    part = _parts(seen)
    if not np.isfinite(part).all():
        return 0, float("nan")
    return int(part.argmax()), float(part.max())


def _loudest(seen: Seen) -> str:
    column, part = _energy(seen)
    return f" (most in column {column}: {part:.1%} of all squares, {1 / seen.d:.1%} would be even)"


def _loud(seen: Seen) -> list[Finding]:
    column, part = _energy(seen)
    if seen.d < 8 or not part > max(_LOUD, 4 / seen.d):
        return []
    return [
        Finding(
            "dominant column",
            "warning",
            f"column {column} holds {part:.0%} of the sum of all squares ({1 / seen.d:.1%} would be even): cosines say mostly "
            "how large it is, and int8 scales by it",
            {"column": column, "share": part, "even": 1 / seen.d},
        )
    ]


def _precision(seen: Seen, grid: str) -> list[Finding]:
    stored = seen.dtype.name
    numbers = {"stored": stored, "holds": grid}
    said = {
        "int8": "at most 256 steps: the vectors were quantised to 8 bits",
        "bits": "two values: one bit is left of each number",
        "float16": "every value is one that float16 holds",
        "bfloat16": "every value is one that bfloat16 holds, two or three digits",
    }
    if seen.dtype.kind in "iu":
        return [
            Finding(
                "precision",
                "note",
                f"stored as {stored}: codes, not vectors as an encoder gives them; cosines are of the codes",
                numbers,
            )
        ]
    if grid in said and stored != grid:
        return [Finding("precision", "note", f"stored as {stored}, but {said[grid]}", numbers)]
    if stored == "float64":
        return [
            Finding(
                "precision",
                "note",
                "stored as float64: twice the size of float32, which holds what encoders give",
                numbers,
            )
        ]
    return [Finding("precision", "fine", f"{stored}, {seen.n * seen.d * seen.dtype.itemsize / 1e6:,.1f} MB", numbers)]


def _row_count(seen: Seen) -> list[Finding]:
    if seen.n not in _ROUND or seen.n < 1_000:
        return []
    return [
        Finding(
            "number of rows",
            "note",
            f"exactly {seen.n:,} rows: where the source has more, a limit or a batch cut it here",
            {"rows": seen.n},
        )
    ]
