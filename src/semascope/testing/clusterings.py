"""What every clustering guarantees, beside what holds for all that is learned from vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from semascope.card import Card
from semascope.testing.say import LAB, built, same, want
from semascope.types import Array, Vectors


def _alike(a: Array, b: Array) -> bool:
    """Whether two labellings are one but for the names of the groups."""
    pairs = len(set(zip(a.tolist(), b.tolist(), strict=True)))
    return pairs == len(set(a.tolist())) == len(set(b.tolist()))


def _planted(n: int = 240, groups: int = 4, dim: int = 16) -> tuple[Vectors, NDArray[np.int64]]:
    """Rows at right angles but for a tenth, in groups of unequal size."""
    rng = LAB.rng(50)
    of = rng.choice(groups, n, p=np.arange(1, groups + 1) / np.arange(1, groups + 1).sum())
    return (np.eye(groups, dim)[of] + 0.1 * rng.normal(size=(n, dim)) / 4).astype(np.float32), of


def labels_are_whole_numbers_the_largest_group_first(card: Card) -> None:
    """`labels_` int32 (n,), from 0 without gaps (-1 for none), no group larger than the one before it."""
    x, _ = _planted()
    labels = built(card).fit(x).labels_
    want(labels.dtype == np.int32 and labels.shape == (len(x),), f"labels_: want int32 ({len(x)},), got {labels.dtype}")
    sizes = np.bincount(labels[labels >= 0])
    want((sizes > 0).all() and (np.diff(sizes) <= 0).all(), f"groups: want none empty, the largest first, got {sizes}")


def order_of_rows_makes_no_difference(card: Card) -> None:
    """Rows in another order are grouped alike, groups that are planted and groups that are not."""
    for x in (_planted()[0], LAB.vectors(200)):
        order = LAB.rng(51).permutation(len(x))
        labels = built(card).fit(x).labels_
        want(_alike(built(card).fit(x[order]).labels_, labels[order]), "rows in another order: want the same groups")


def length_of_rows_makes_no_difference(card: Card) -> None:
    """Rows twice as long are grouped alike: groups are by angle."""
    x, _ = _planted()
    want(_alike(built(card).fit(2 * x).labels_, built(card).fit(x).labels_), "longer rows: want the same groups")


def planted_groups_are_found(card: Card) -> None:
    """Groups far apart come out as they were planted."""
    x, of = _planted()
    labels = built(card).fit(x).labels_
    want(_alike(labels, of), f"planted groups: want them found, got sizes {np.bincount(labels + 1)}")


def one_cloud_is_one_group(card: Card) -> None:
    """Rows of one round cloud, off-centre or not, are not split."""
    cloud = LAB.rng(52).normal(size=(300, 16)).astype(np.float32)
    for x in (cloud, cloud + 5):
        labels = built(card).fit(x).labels_
        want(labels.max() <= 0, f"one cloud: want one group, got {np.bincount(labels + 1)[1:]}")


def few_or_equal_rows_are_taken(card: Card) -> None:
    """Two rows, equal rows and zero rows give groups, not errors; equal rows are in one."""
    rows = LAB.vectors()
    for x in (rows[:2], rows[:5], np.repeat(rows[:1], 30, axis=0), np.zeros((4, 16), np.float32)):
        labels = built(card).fit(x).labels_
        want(labels.shape == (len(x),), f"few rows: want a label each, got {labels.shape}")
    twice = np.concatenate([rows, rows])
    labels = built(card).fit(twice).labels_
    same(labels[: len(rows)], labels[len(rows) :], "groups of equal rows")


def new_rows_go_where_old_ones_went(card: Card) -> None:
    """`predict` gives the rows that were grouped the groups they have; what was learned says -1 of a row unlike all."""
    x, _ = _planted()
    method = built(card).fit(x)
    same(method.predict(x), method.labels_, "groups of the rows that were grouped")
    same(method.learned_.of(x), method.labels_, "groups of the rows that were grouped, by what was learned")
    other = np.zeros((1, 16), np.float32)
    other[0, 10] = -1
    want(method.learned_.of(other)[0] == -1, "a row unlike all others: want -1")


CHECKS: Mapping[str, Callable[[Card], None]] = {
    check.__name__: check
    for check in (
        labels_are_whole_numbers_the_largest_group_first,
        order_of_rows_makes_no_difference,
        length_of_rows_makes_no_difference,
        planted_groups_are_found,
        one_cloud_is_one_group,
        few_or_equal_rows_are_taken,
        new_rows_go_where_old_ones_went,
    )
}
