"""How the rows of a sample lie: along how many directions, how alike by chance, round which hubs, in one cloud or two."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semascope.doctor.clouds import MOST, clouds
from semascope.doctor.figures import first, percent, plainly, share
from semascope.doctor.reading import sample_places
from semascope.errors import InputError
from semascope.ops import Interval, bootstrap, nearest, unit
from semascope.ops.cloud import effective_rank, occurrences, skewness, spectrum
from semascope.report import Finding
from semascope.types import Vectors

PAIRS = 2_000
NEAR = 10  # neighbours of the count of hubs
_NARROW = 0.9  # mean cosine of random pairs above which hardly anything is told apart
_HUB = 0.2  # of the sample that have one row among their nearest


def scattered(x: Vectors, places: NDArray[np.int64], *, n: int, integers: bool = False, seed: int = 0) -> list[Finding]:
    """Findings about a sample.

    Args:
        x: Finite rows (m, d), none of them zero, in the order of the file.
        places: Of these rows in the file, (m,).
        n: Rows of the file.
        integers: Whether values are codes, whose clouds say nothing.
        seed: Of pairs and of smaller samples.
    """
    of = "all rows" if len(x) == n else f"a sample of {len(x):,} rows"
    found = [_isotropy(x, seed), _directions(x, of)]
    if len(x) >= 100:
        found += _hubs(x, places, seed)
    return found if integers else [*found, *_two_clouds(x, places, n, seed)]


def pair_cosines(x: Vectors, seed: int) -> NDArray[np.float32]:
    """Cosines of random pairs of different rows of x (m, d)."""
    rng = np.random.default_rng(seed)
    one = rng.integers(0, len(x), PAIRS)
    other = (one + rng.integers(1, len(x), PAIRS)) % len(x)
    return np.einsum("ij,ij->i", unit(x[one]), unit(x[other]))


def _isotropy(x: Vectors, seed: int) -> Finding:
    cosines = pair_cosines(x, seed)
    mean = bootstrap(cosines, draws=1_000, seed=seed)
    usual = float(np.quantile(cosines, 0.99))
    by_chance = 1 / np.sqrt(x.shape[1])
    numbers = {
        "mean": mean._asdict(),
        "99th percentile": usual,
        "spread": float(cosines.std()),
        "random spread": by_chance,
    }
    says = (
        f"two rows drawn at random have cosine {plainly(mean)}; 1 in 100 pairs reaches {usual:.2f} (random vectors of this "
        f"width: 0 with spread {by_chance:.3f})"
    )
    if mean.low > _NARROW:
        return Finding(
            "random pairs", "warning", f"{says}: everything is near everything, and little is told apart", numbers
        )
    if mean.low > 0.4:
        return Finding(
            "random pairs",
            "note",
            f"{says}: a cosine of {mean.value:.1f} means nothing here; subtract the mean, or rank",
            numbers,
        )
    return Finding("random pairs", "fine", says, numbers)


def _directions(x: Vectors, of: str) -> Finding:
    """Effective rank: the exponential of the entropy of the spectrum (Roy and Vetterli 2007)."""
    x64 = unit(x).astype(np.float64)
    if x64.shape[1] > 512:  # the spectrum of so wide a sample costs seconds: as many rows as that say as much
        x64 = x64[np.linspace(0, len(x64) - 1, min(len(x64), 512)).astype(np.int64)]
    try:
        about = spectrum(x64)
    except InputError:  # one row again and again, or hardly any
        rank, numerical = Interval(1.0, 1.0, 1.0, len(x64)), 0
    else:
        rank, numerical = effective_rank(about), about.numerical
    whole = rank.value
    d, most = x.shape[1], min(x.shape[1], len(x64) - 1)
    numbers = {"effective rank": rank._asdict(), "numerical rank": numerical, "columns": d}
    says = f"they vary along about {plainly(rank, 0)} of {d} directions (effective rank of {of})"
    if whole < 2 and d > 8:
        return Finding("directions", "fault", f"{says}: the vectors have collapsed onto a line", numbers)
    if whole < max(3.0, d / 50) and len(x64) > 4 * whole:
        return Finding(
            "directions", "warning", f"{says}: they have collapsed, and nearly all columns say the same", numbers
        )
    if numerical < 0.98 * most:
        return Finding(
            "directions",
            "note",
            f"{says}, and lie in {numerical} of {d} exactly: cut to {numerical} columns and mapped back, or columns that repeat others",
            numbers,
        )
    return Finding("directions", "fine", says, numbers)


def _hubs(x: Vectors, places: NDArray[np.int64], seed: int) -> list[Finding]:
    chosen = sample_places(len(x), 1_500, seed)
    counts = near_counts(x[chosen])
    rng = np.random.default_rng(seed)
    control = near_counts(rng.standard_normal(x[chosen].shape).astype(np.float32))
    worst = int(counts.argmax())
    reach = share(int(counts[worst]), len(chosen))
    never = share(int((counts == 0).sum()), len(chosen))
    numbers = {
        "largest": int(counts[worst]),
        "reach": reach._asdict(),
        "never": never._asdict(),
        "skewness": skewness(counts),
        "random largest": int(control.max()),
        "random never": float((control == 0).mean()),
    }
    row = int(places[chosen[worst]])
    says = (
        f"row {row:,} is among the {NEAR} nearest of {percent(reach)} of the others (random vectors: at most "
        f"{control.max() / len(chosen):.1%}); {percent(never)} are nobody's neighbour (random: {float((control == 0).mean()):.1%})"
    )
    if len(chosen) >= 500 and reach.low > _HUB and counts[worst] > 2 * control.max():
        return [Finding("hubs", "warning", f"{says}: it turns up in many results whatever is asked", numbers, (row,))]
    return [Finding("hubs", "fine", says, numbers, (row,))]


def near_counts(x: Vectors) -> NDArray[np.int64]:
    """How many other rows of x (m, d) have each among their 10 nearest by cosine, (m,)."""
    graph = nearest(x, NEAR, recall=1.0)
    return occurrences(graph.indices, graph.indices.shape[1], len(x))


def _two_clouds(x: Vectors, places: NDArray[np.int64], n: int, seed: int) -> list[Finding]:
    chosen = sample_places(len(x), MOST, seed)
    found = clouds(x[chosen], seed=seed)
    if found is None:
        return []
    numbers = {
        "shared": found.shared,
        "chance": found.chance,
        "smaller": int(found.one.sum()),
        "rows": len(chosen),
    }
    if not found.two:
        return [
            Finding(
                "one cloud",
                "fine",
                f"the two parts of {len(chosen):,} rows that differ most still have {found.shared / found.chance:.1f} times as much in "
                "common as chance gives: no sign of two encoders",
                numbers,
            )
        ]
    rows = places[chosen[found.one]]
    part = share(int(found.one.sum()), len(chosen))
    return [
        Finding(
            "two clouds",
            "fault",
            f"{percent(part)} of the rows{_together(found.one, places[chosen], n)} have no more directions in common with the others than "
            f"chance gives ({found.shared:.1%} of their variance, chance {found.chance:.1%}): vectors of two encoders in one matrix",
            numbers,
            first(rows),
        )
    ]


def _together(one: NDArray[np.bool_], places: NDArray[np.int64], n: int) -> str:
    """Where they stand, if in one piece at the beginning or the end."""
    cuts = np.cumsum(one)
    total, at = int(cuts[-1]), np.arange(1, len(one) + 1)
    # Rows on the wrong side of a cut after each place: of those at the end, those before it and others behind it.
    right_late = cuts + ((len(one) - total) - (at - cuts))
    right_early = (at - cuts) + (total - cuts)
    if right_late.min() <= 0.02 * len(one):
        return f" (about from row {int(places[min(int(right_late.argmin()) + 1, len(places) - 1)]):,} to the end)"
    if right_early.min() <= 0.02 * len(one):
        return f" (about the first {int(places[int(right_early.argmin())]) + 1:,} of {n:,})"
    return " (in no one piece)"
