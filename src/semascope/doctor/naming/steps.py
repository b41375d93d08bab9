"""Whether rows stand where their texts do: shifted, in pieces, shuffled, lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from semascope.doctor.naming.candidates import Candidate
from semascope.doctor.naming.finding import nearest_rows, tolerance
from semascope.doctor.naming.frames import Fit, Frame, row_cosines
from semascope.doctor.naming.reads import StaticReads
from semascope.doctor.naming.sampling import some, some_titles
from semascope.doctor.naming.settling import Settled
from semascope.ops import Interval, bootstrap
from semascope.types import Array

Told = Callable[..., "RowSteps"]
StepKind = Literal["in step", "shifted", "shuffled", "partly", "unknown"]
LISTED = 100
SLOW_TOKENS = 25_000  # read at most of an encoder that runs a model
SLOW_TEXTS = 400
FAST_TEXTS = 20_000


@dataclass(frozen=True)
class Piece:
    """Texts one after the other whose rows lie equally far off.

    Args:
        first: Place of the first such text.
        last: Of the last one, itself included.
        shift: Its row's place less its own.
    """

    first: int
    last: int
    shift: int


@dataclass(frozen=True)
class RowSteps:
    """Whether row i belongs to text i.

    Args:
        kind: "in step"; "shifted" (by one number, or by one for every piece); "shuffled" (texts have their rows elsewhere, in no
            such order); "partly" (some texts in place, others with no row or elsewhere); "unknown" (no recipe, so nothing
            to tell it by).
        shift: Row less text, where all are shifted alike; else None.
        in_place: Texts whose row is where it should be, of those looked at, as a share.
        matched: Texts that have a row anywhere, likewise.
        pieces: Of texts, where shifts change.
        order: What the rows' order is, where it is a known one: "reversed", "by length of text", "by text", or "".
        missing: Places of texts looked at that have no row, the first of them.
        looked: Texts looked at.
        rows: Rows of the matrix.
        texts: Texts there are.
        says: One sentence.
    """

    kind: StepKind
    shift: int | None = None
    in_place: Interval | None = None
    matched: Interval | None = None
    pieces: tuple[Piece, ...] = ()
    order: str = ""
    missing: tuple[int, ...] = ()
    looked: int = 0
    rows: int = 0
    texts: int = 0
    says: str = ""


def unknown_steps(rows: int, texts: int, why: str = "no recipe was found to encode texts with") -> RowSteps:
    """Nothing is known."""
    return RowSteps("unknown", rows=rows, texts=texts, says=f"Whether rows and texts are in step is not known: {why}.")


def find_steps(
    x: Array,
    texts: Sequence[str],
    titles: Sequence[str] | None,
    settled: Settled,
    *,
    seed: int = 0,
    tick: Callable[[], None] | None = None,
) -> RowSteps:
    """Encode texts by the recipe that was found, and see where their rows are.

    Args:
        x: The matrix (m, d) as stored.
        texts: (n,).
        titles: (n,) or None.
        settled: The recipe.
        seed: Of the draw of texts, where the encoder is slow.
        tick: Called when something was read.
    """
    if settled.trial.frame == "rotated":
        share = bootstrap(settled.exact.astype(float))
        return RowSteps(
            "in step", 0, share, share, (Piece(0, min(len(x), len(texts)) - 1, 0),), "", (), len(settled.exact), len(x), len(texts),
            f"{int(settled.exact.sum())} of {len(settled.exact)} rows looked at stand where their texts do (rows that are not "
            "cannot be looked for behind a rotation).",
        )  # fmt: skip
    places = _looked(texts, settled, seed)
    finder = _Finder(x, texts, titles, settled, tick)
    found = finder.rows_of(places)
    return _told(places, found, finder)


def _looked(texts: Sequence[str], settled: Settled, seed: int) -> NDArray[np.int64]:
    """Texts to look at: many where encoding is cheap; of others as many as may be read, evenly drawn."""
    rng = np.random.default_rng(seed)
    reads = settled.found.reads
    order = rng.permutation(len(texts))
    order = order[[bool(text.strip()) for text in some(texts, order)]]
    if isinstance(reads, StaticReads):
        return np.sort(order[:FAST_TEXTS])
    order = order[:SLOW_TEXTS]
    sizes = reads.counts(some(texts, order), settled.best.reading)
    kept = np.cumsum(sizes) <= SLOW_TOKENS
    kept[: 2 * len(settled.exact)] = True
    return np.sort(order[kept])


class _Finder:
    """Finds the rows of texts, by the recipe that made most of them and those that made the others."""

    def __init__(
        self,
        x: Array,
        texts: Sequence[str],
        titles: Sequence[str] | None,
        settled: Settled,
        tick: Callable[[], None] | None,
    ) -> None:
        self.x, self.texts, self.titles, self.settled, self.tick = x, texts, titles, settled, tick
        self.grid = settled.found.grid
        # The fit comes from some rows alone: give it the room of its own errors.
        self.near = (
            1 - 2 * tolerance(self.grid)
            if settled.trial.frame in ("direct", "bits")
            else 1 - 50 * tolerance(self.grid, settled.trial.frame)
        )
        self.known: dict[int, int] = {}

    def rows_of(self, places: Array | Sequence[int]) -> NDArray[np.int64]:
        """The row of each text (k,): its own place where it is there, else the nearest that comes out; -1 where none does."""
        places = np.asarray(places, dtype=np.int64)
        new = np.array([i for i in places.tolist() if i not in self.known], dtype=np.int64)
        if len(new):
            found = self._by(new, self.settled.best, self.settled.fit)
            frame: Frame = "bits" if self.grid.name == "bits" else "direct"
            for candidate, _ in self.settled.also:
                left = np.flatnonzero(found < 0)
                found[left] = self._by(new[left], candidate, Fit(frame))
            self.known |= dict(zip(new.tolist(), found.tolist(), strict=True))
        return np.array([self.known[i] for i in places.tolist()], dtype=np.int64)

    def _by(self, places: NDArray[np.int64], candidate: Candidate, fit: Fit) -> NDArray[np.int64]:
        if not len(places):
            return np.zeros(0, np.int64)
        reads = self.settled.found.reads
        titles = some_titles(self.titles, places)
        shown = candidate.reading.laid_out(some(self.texts, places), titles)
        made = reads.vectors(shown, candidate, self.tick)
        made = made if fit.frame == "linear" else made[:, : self.settled.found.x.shape[1]]
        found = np.full(len(places), -1, dtype=np.int64)
        inside = np.flatnonzero(places < len(self.x))
        mine = fit.found(self.grid.rows(np.asarray(self.x[places[inside]])))
        with np.errstate(invalid="ignore"):
            good = row_cosines(fit.made(made[inside]), mine) >= self.near
        found[inside[good]] = places[inside[good]]
        left = np.flatnonzero(found < 0)
        if len(left):
            nearest, cosines = nearest_rows(self.x, made[left], self.grid, fit.frame, unit=fit.unit, fit=fit)
            found[left] = np.where(cosines >= self.near, nearest, -1)
        return found


def _told(places: NDArray[np.int64], found: NDArray[np.int64], finder: _Finder) -> RowSteps:
    m, n = len(finder.x), len(finder.texts)
    in_place = bootstrap((found == places).astype(float))
    matched = bootstrap((found >= 0).astype(float))
    there = found >= 0
    missing = places[~there]
    common = partial(RowSteps, in_place=in_place, matched=matched, looked=len(places), rows=m, texts=n)
    least = 0.99 if m == n else 1.0
    if in_place.value >= least and not ((found >= 0) & (found != places)).any():
        end = f" Row counts differ: {m:,} rows, {n:,} texts." if m != n else ""
        said = f"{int((found == places).sum()):,} of {len(places):,} texts looked at have their row in its place.{end}"
        return common("in step", 0, pieces=(Piece(0, min(m, n) - 1, 0),), missing=_first(missing), says=said)
    if matched.value < 0.02:
        return common("unknown", says=f"Next to none of {len(places):,} texts looked at have a row anywhere.")
    kept = np.all(np.diff(found[there]) > 0)
    shifts = found[there] - places[there]
    round_ = shifts % m if m == n else shifts  # rows that left at one end may have come back at the other
    values, counts = np.unique(round_, return_counts=True)
    most = int(values[counts.argmax()])
    most -= m if m == n and most > m // 2 else 0
    if counts.max() >= 0.98 * there.sum() and most != 0 and matched.value > 0.5:
        said = f"Rows are shifted by {most:+,d}: the row of text i stands at i{most:+,d} ({int(counts.max()):,} of {len(places):,} texts looked at)."
        return common("shifted", most, pieces=(_piece(places[there], most),), missing=_first(missing), says=said)
    if kept and (shifts != 0).any():
        return _in_pieces(places, found, finder, common)
    return _out_of_order(places, found, finder, common)


def _in_pieces(places: NDArray[np.int64], found: NDArray[np.int64], finder: _Finder, common: Told) -> RowSteps:
    """The order is kept, and shifts change: where rows were lost or put in, to the text where that can be had cheaply."""
    there = found >= 0
    held, shifts = places[there], found[there] - places[there]
    missing = set(places[~there].tolist())
    changes = np.flatnonzero(np.diff(shifts))
    pieces: list[Piece] = []
    first = int(held[0])
    for change in changes[:LISTED].tolist():
        low, high = _edge(int(held[change]), int(held[change + 1]), int(shifts[change]), finder)
        missing |= set(range(low + 1, high)) if high - low <= LISTED else set()
        pieces.append(Piece(first, low, int(shifts[change])))
        first = high
    pieces.append(Piece(first, int(held[-1]), int(shifts[-1])))
    lost = int(-np.minimum(np.diff(shifts), 0).sum() + max(-int(shifts[0]), 0))
    put_in = int(np.maximum(np.diff(shifts), 0).sum() + max(int(shifts[0]), 0))
    at = ", ".join(f"{piece.shift:+,d} from text {piece.first:,}" for piece in pieces[:5])
    more = f" and {len(pieces) - 5:,} more" if len(pieces) > 5 else ""
    said = (
        f"Rows keep the order of the texts but are shifted in {len(pieces):,} pieces ({at}{more}): at least {lost:,} texts have no row, "
        f"and {put_in:,} rows have no text."
    )
    return common("shifted", None, pieces=tuple(pieces), missing=_first(np.array(sorted(missing))), says=said)


def _edge(low: int, high: int, shift: int, finder: _Finder) -> tuple[int, int]:
    """The last text that is shifted as the one at `low`, and the first after it that has a row and is not."""
    while high - low > 1:
        middle = (low + high) // 2
        row = int(finder.rows_of([middle])[0])
        if row >= 0 and row - middle == shift:
            low = middle
        elif row >= 0:
            high = middle
        else:
            return _around(low, high, middle, shift, finder)
    return low, high


def _around(low: int, high: int, middle: int, shift: int, finder: _Finder) -> tuple[int, int]:
    """As `_edge`, with a text without a row in between: texts are lost from somewhere before it to somewhere after it."""
    a, b = low, middle
    while b - a > 1:
        half = (a + b) // 2
        row = int(finder.rows_of([half])[0])
        a, b = (half, b) if row >= 0 and row - half == shift else (a, half)
    c, d = middle, high
    while d - c > 1:
        half = (c + d) // 2
        c, d = (c, half) if int(finder.rows_of([half])[0]) >= 0 else (half, d)
    return a, d


def _out_of_order(places: NDArray[np.int64], found: NDArray[np.int64], finder: _Finder, common: Told) -> RowSteps:
    there = found >= 0
    own, elsewhere = int((found == places).sum()), int((there & (found != places)).sum())
    looked = len(places)
    missing = _first(places[~there])
    if elsewhere >= 0.5 * looked:
        order = _order(places[there], found[there], finder)
        how = f" ({order})" if order else ""
        said = f"Rows are shuffled{how}: {elsewhere:,} of {looked:,} texts looked at have their row elsewhere, {own:,} in its place."
        return common("shuffled", order=order, missing=missing, says=said)
    said = (
        f"{own:,} of {looked:,} texts looked at have their row in its place, {elsewhere:,} elsewhere, "
        f"{looked - own - elsewhere:,} have none that this recipe made."
    )
    return common("partly", missing=missing, says=said)


def _order(places: NDArray[np.int64], found: NDArray[np.int64], finder: _Finder) -> str:
    """What rows were sorted by, where that shows."""
    if np.all(np.diff(found) < 0):
        return "reversed"
    by_row: list[str] = [finder.texts[int(i)] for i in places[np.argsort(found)]]
    lengths = np.array([len(text) for text in by_row])
    for sign, name in ((1, "by length of text"), (-1, "by length of text, longest first")):
        if np.all(sign * np.diff(lengths) >= 0):
            return name
    if by_row == sorted(by_row):
        return "by text"
    return ""


def _piece(places: NDArray[np.int64], shift: int) -> Piece:
    return Piece(int(places[0]), int(places[-1]), shift)


def _first(places: Array) -> tuple[int, ...]:
    return tuple(int(place) for place in places[:LISTED])
