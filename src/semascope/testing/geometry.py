"""What every map guarantees beside what holds for all that is learned from vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from semascope.card import Card
from semascope.ops import unit
from semascope.testing.say import LAB, built, near, same, want
from semascope.types import Array, Vectors


def _overlap(one: Vectors, other: Vectors, k: int = 10) -> float:
    """Share of the k nearest on one map that are among the k nearest on the other."""
    found = []
    for places in (one, other):
        gaps = np.square(places[:, None] - places).sum(axis=-1)
        np.fill_diagonal(gaps, np.inf)
        found.append(np.argsort(gaps, axis=1)[:, :k])
    return float(np.mean([len(set(a) & set(b)) / k for a, b in zip(*found, strict=True)]))


def _clumps() -> tuple[Vectors, Array]:
    """150 rows in five clumps, and which clump each is in."""
    rng = LAB.rng(6)
    of = np.repeat(np.arange(5), 30)
    return (4 * rng.normal(size=(5, 16))[of] + rng.normal(size=(150, 16))).astype(np.float32), of


def a_map_has_two_columns_and_places_its_own_rows(card: Card) -> None:
    """`fit_transform` and `fit` then `transform` give the same places (n, 2) for the rows fitted on."""
    x = LAB.vectors()
    both, method = built(card).fit_transform(x), built(card).fit(x)
    want(both.shape == (len(x), 2) and both.dtype == np.float32, f"map: want (64, 2) float32, got {both.shape}")
    near(method.transform(x), both, "rows fitted on, placed again", within=1e-4)


def any_number_of_rows_has_a_map(card: Card) -> None:
    """1 to 20 rows, equal rows, zero rows and one column: finite places."""
    x = LAB.vectors(20)
    cases = {f"{n} rows": x[:n] for n in range(1, 21)}
    cases |= {"equal rows": np.repeat(x[:1], 20, axis=0), "zero rows": np.zeros_like(x), "one column": x[:, :1]}
    for what, rows in cases.items():
        places = built(card).fit_transform(rows)
        want(places.shape == (len(rows), 2) and np.isfinite(places).all(), f"{what}: want finite places, got {places}")


def equal_rows_lie_together(card: Card) -> None:
    """Rows that are equal have one place."""
    x = LAB.vectors()
    places = built(card).fit_transform(np.concatenate([x, x[:9], x[:9]]))
    same(places[64:73], places[:9], "second copies")
    same(places[73:], places[:9], "third copies")


def rows_of_a_kind_lie_together(card: Card) -> None:
    """In five clumps that stand well apart, nine of ten of a row's ten nearest on the map are of its own clump."""
    x, of = _clumps()
    places = built(card).fit_transform(x)
    gaps = np.square(places[:, None] - places).sum(axis=-1)
    np.fill_diagonal(gaps, np.inf)
    own = float((of[np.argsort(gaps, axis=1)[:, :10]] == of[:, None]).mean())
    want(own >= 0.9, f"neighbours of the same clump: want 0.9 of them, got {own:.3f}")


def turning_the_space_changes_little(card: Card) -> None:
    """Rows rotated all together have much the same neighbours on the map: half of the ten nearest, against 0.07 by chance."""
    x, _ = _clumps()
    turn = np.linalg.qr(LAB.rng(7).normal(size=(16, 16)))[0].astype(np.float32)
    kept = _overlap(built(card).fit_transform(x), built(card).fit_transform(x @ turn))
    want(kept >= 0.5, f"neighbours kept under a rotation: want 0.5 of them, got {kept:.3f}")


def new_rows_land_near_their_neighbours(card: Card) -> None:
    """A new row's place is nearer to its nearest fitted row's place than to that of a row of another clump."""
    x, of = _clumps()
    known, new = x[::2], x[1::2]
    method = built(card).fit(known)
    places, found = method.transform(known), method.transform(new)
    nearest = (unit(new) @ unit(known).T).argmax(axis=1)
    away = np.sqrt(np.square(found[:, None] - places).sum(axis=-1))
    others = np.where(of[1::2][:, None] == of[::2], np.inf, away).min(axis=1)
    share = float((away[np.arange(len(new)), nearest] < others).mean())
    want(share >= 0.9, f"new rows near their own: want 0.9 of them, got {share:.3f}")


CHECKS: Mapping[str, Callable[[Card], None]] = {
    check.__name__: check
    for check in (
        a_map_has_two_columns_and_places_its_own_rows,
        any_number_of_rows_has_a_map,
        equal_rows_lie_together,
        rows_of_a_kind_lie_together,
        turning_the_space_changes_little,
        new_rows_land_near_their_neighbours,
    )
}
