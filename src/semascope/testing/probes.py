"""What every probe guarantees beside what holds for all that is learned from vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from semascope.card import Card
from semascope.errors import InputError
from semascope.testing import rows
from semascope.testing.say import LAB, built, fitted, known, refused, want


def _separable() -> tuple[Any, Any]:
    """Rows whose two halves are alike or not: what a row's own columns say, and what its halves say together."""
    rng = LAB.rng(8)
    half = rng.normal(size=(600, 8))
    alike = rng.random(600) < 0.4
    other = np.where(alike[:, None], half, rng.normal(size=(600, 8))) + 0.2 * rng.normal(size=(600, 8))
    half[:, 0] += np.where(alike, 2.0, 0.0)
    return np.concatenate([half, other], axis=1).astype(np.float32), np.where(alike, "alike", "other").astype(object)


def a_column_for_every_label(card: Card) -> None:
    """Scores are (n, classes), their names the labels."""
    x, y = _separable()
    method = built(card).fit(x, y)
    want(method.transform(x).shape == (len(x), 2), f"scores: want (600, 2), got {method.transform(x).shape}")
    want(set(method.learned_.names) == {"alike", "other"}, f"names: want the labels, got {method.learned_.names}")


def beats_the_majority_on_separable_rows(card: Card) -> None:
    """On rows not learned from."""
    x, y = _separable()
    right = _right(built(card).fit(x[:400], y[:400]), x[400:], y[400:])
    want(right >= 0.8, f"accuracy: want 0.8 where the majority has 0.6, got {right:.2f}")


def is_at_chance_on_shuffled_labels(card: Card) -> None:
    """Labels dealt at random are not learned for new rows."""
    x, y = _separable()
    dealt = LAB.rng(9).permutation(y)
    right = _right(built(card).fit(x[:400], dealt[:400]), x[400:], dealt[400:])
    want(right <= 0.68, f"accuracy: want about 0.6 as the majority has, got {right:.2f}")


def labels_that_do_not_fit_the_rows_are_refused(card: Card) -> None:
    """None, too few and too many are errors that begin with `y:`."""
    x = LAB.vectors()
    for what, y in {
        "none": None,
        "too few": (known(card, x) or [])[:-1],
        "too many": [*(known(card, x) or []), "up0"],
    }.items():
        refused(InputError, "y: want", lambda y=y: built(card).fit(x, y), f"fit with {what}")


def _right(method: Any, x: Any, y: Any) -> float:
    names = np.array(method.learned_.names, dtype=object)
    return float((names[method.transform(x).argmax(axis=1)] == y).mean())


def awkward_rows_give_finite_scores(card: Card) -> None:
    """Constant columns, equal rows, fewer rows than columns, huge and tiny values; every label has two rows or more."""
    x = LAB.vectors()
    constant = x.copy()
    constant[:, 3] = 5
    equal = np.repeat(x[:1], 20, axis=0)
    for some in (constant, equal, x[:5], x * np.float32(1e15), x * np.float32(1e-15), np.zeros_like(x)):
        method = fitted(card, some)
        want(np.isfinite(method.transform(some)).all(), "awkward rows: want finite scores")


# Two rows alone, which that check asks of all else, are one row of a label: some probes cannot learn from it.
ROWS: Mapping[str, Callable[[Card], None]] = {
    name: check for name, check in rows.CHECKS.items() if name != "awkward_rows_give_finite_rows"
}
CHECKS: Mapping[str, Callable[[Card], None]] = {
    check.__name__: check
    for check in (
        a_column_for_every_label,
        beats_the_majority_on_separable_rows,
        is_at_chance_on_shuffled_labels,
        labels_that_do_not_fit_the_rows_are_refused,
        awkward_rows_give_finite_scores,
    )
}
