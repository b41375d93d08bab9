"""How alike two clouds of the same items are, beside the same with rows dealt anew: what two clouds with nothing in common give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from semascope.errors import InputError
from semascope.ops import Interval, integer, option, unit, vectors
from semascope.ops.cloud import information_imbalance, linear_cka, overlap, procrustes_residual, rsa
from semascope.report import Finding, Forest, Report, Table
from semascope.shape.one import METRICS
from semascope.shape.words import bare, percent, plainly
from semascope.types import Array, Progress, Vectors

SAMPLE = 3_000
LEAST = 30
_K = 10


def alike(
    X: Any,
    Y: Any,
    *,
    names: tuple[str, str] = ("X", "Y"),
    metric: str = "cosine",
    sample: int | None = SAMPLE,
    seed: int = 0,
    progress: Progress | None = None,
) -> Report:
    """How alike two clouds are whose rows are of the same items, in the same order: CKA, Procrustes, neighbours, distances.

    Args:
        X: Rows (n, d).
        Y: Rows (n, e).
        names: What they are called.
        metric: "cosine" scales rows to length one first; "euclidean" takes them as they are.
        sample: At most so many items, drawn at random.
        seed: Of draws.
        progress: Told (measures done, measures there are).

    Raises:
        InputError: not the same number of rows, not finite numbers, or fewer than 30 items with a direction in both.
        OptionError: an unknown metric.
    """
    option(metric, METRICS, name="metric")
    one, other = vectors(X), vectors(Y, name="Y")
    if len(one) != len(other):
        raise InputError(f"Y: want one row for each of {len(one):,} rows of X, got {len(other):,}")
    cosine = metric == "cosine"
    rows = np.flatnonzero(one.any(axis=1) & other.any(axis=1)) if cosine else np.arange(len(one))
    known = len(rows)
    if sample is not None and known > integer(sample, name="sample", least=LEAST):
        rows = np.sort(np.random.default_rng((seed, 4)).permutation(rows)[:sample])
    if len(rows) < LEAST:
        raise InputError(f"X: want at least {LEAST} items with a direction in both, got {len(rows)}")
    a, b = (unit(part[rows]) if cosine else part[rows] for part in (one, other))
    dealt = b[np.random.default_rng((seed, 6)).permutation(len(b))]
    found, chance = {}, {}
    measures = _measures(seed)
    for place, (name, measure) in enumerate(measures.items()):
        found[name], chance[name] = measure(a, b), measure(a, dealt)
        if progress is not None:
            progress(place + 1, len(measures))
    said = f"{len(rows):,} items" if len(rows) == len(one) else f"{len(rows):,} of {len(one):,} items"
    notes = [
        "Dealt anew: the same two clouds with the rows of the second in another order, so that nothing is in common. Intervals are over "
        "items from the same source. Two clouds are the same up to a turn and a scale where CKA is 1 and the Procrustes residual 0."
    ]
    if known < len(one):
        notes.append(f"{len(one) - known:,} items have a zero row in one of them and were left out.")
    return Report(
        "shape",
        f"{names[0]} and {names[1]}",
        _verdict(found, chance, said),
        _findings(found, chance, names),
        tables=[_table(found, chance)],
        pictures=[
            Forest(
                "How alike, with 95 % intervals; dealt anew beside it",
                "figure",
                [
                    row
                    for name in found
                    for row in ((name, *found[name][:3]), (f"{name}, dealt anew", *chance[name][:3]))
                ],
                zero=0.0,
            )
        ],
        numbers={
            "metric": metric,
            "items": len(rows),
            "columns": [a.shape[1], b.shape[1]],
            "measures": {name: one._asdict() for name, one in found.items()},
            "dealt anew": {name: one._asdict() for name, one in chance.items()},
        },
        notes=notes,
    )


def _measures(seed: int) -> dict[str, Callable[[Vectors, Vectors], Interval]]:
    def there(x: Array, y: Array) -> Interval:
        return information_imbalance(x, y, seed=seed)

    return {
        f"neighbours shared of {_K}": lambda x, y: overlap(x, y, _K, seed=seed),
        "linear CKA, debiased": lambda x, y: linear_cka(x, y, seed=seed),
        "linear CKA": lambda x, y: linear_cka(x, y, debiased=False, seed=seed),
        "Procrustes residual": procrustes_residual,
        "RSA (rank correlation of distances)": lambda x, y: rsa(x, y, seed=seed),
        "information imbalance, first to second": there,
        "information imbalance, second to first": lambda x, y: there(y, x),
    }


def _verdict(found: dict[str, Interval], chance: dict[str, Interval], said: str) -> str:
    shared, cka, residual = (
        found[name] for name in (f"neighbours shared of {_K}", "linear CKA, debiased", "Procrustes residual")
    )
    by_chance = chance[f"neighbours shared of {_K}"]
    return (
        f"{said}: {percent(shared)} of the {_K} nearest are the same in both (dealt anew: {100 * by_chance.value:.1f} %); debiased CKA "
        f"{plainly(cka)}, {percent(residual)} left over after the best turn and scale."
    )


def _findings(found: dict[str, Interval], chance: dict[str, Interval], names: tuple[str, str]) -> list[Finding]:
    shared, by_chance = found[f"neighbours shared of {_K}"], chance[f"neighbours shared of {_K}"]
    same = found["Procrustes residual"].high < 1e-6
    if same:
        says = "one is the other, turned and scaled: every search finds the same in both"
    elif shared.low <= by_chance.high:
        says = "no more neighbours in common than rows dealt anew have: nothing shows that these rows are of the same items in the same order"
    else:
        says = (
            f"of ten results for any row about {round(10 * shared.value)} would be the same in both; an index of one cannot "
            "answer questions put to the other, whatever these figures are"
        )
    level = "fine" if same or shared.low > by_chance.high else "warning"
    findings = [Finding("neighbours", level, says, {"shared": shared._asdict(), "dealt anew": by_chance._asdict()})]
    there, back = found["information imbalance, first to second"], found["information imbalance, second to first"]
    if there.high < back.low or back.high < there.low:
        rich, poor = names if there.value < back.value else names[::-1]
        more = f"{rich} holds more of what {poor} holds than the other way round"
    else:
        more = "neither is shown to hold more of what the other holds"
    findings.append(
        Finding(
            "information",
            "fine",
            f"{more}: the nearest of a row in {names[0]} leaves {plainly(there)} of 1 unsaid of who is near in {names[1]}, and {plainly(back)} back",
            {"first to second": there._asdict(), "second to first": back._asdict()},
        )
    )
    return findings


def _table(found: dict[str, Interval], chance: dict[str, Interval]) -> Table:
    return Table(
        "How alike, with 95 % intervals",
        ("measure", "value", "n", "rows dealt anew"),
        [(name, plainly(one), f"{one.n:,}", bare(chance[name])) for name, one in found.items()],
        "Up to 1 is alike, but for the Procrustes residual and the information imbalance, where 0 is.",
    )
