"""Texts that are there more than once: the same, or nearly the same words. All of them, not a sample."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError, OptionError
from semascope.look.found import Duplicates
from semascope.ops import vectors
from semascope.ops.near_duplicates import Bags, Ints, Pairs, apart, bags_of, beside, evened, rare_words, verified
from semascope.types import Array


def find_duplicates(texts: Sequence[str] | None, x: Array | None = None, *, least: float = 0.8) -> Duplicates:
    """Groups of texts that are the same, and of texts of nearly the same words; every such pair is found.

    The same: after Unicode's canonical composition, with white space evened out. Nearly: the words of both, in small
    letters and each as often as it is there, have a Jaccard index (words in both over words in either) of at least
    `least`. Groups are what such pairs join: two texts of one group may be alike only by way of others. Blank texts are
    left out.

    Pairs are found by prefix filtering (Chaudhuri et al., 2006; Bayardo et al., 2007): two texts that are alike share one of their
    few rarest words. What is left is compared by 64-bit sums of their words first, then word by word.

    Args:
        texts: One a row; None where there are vectors alone.
        x: Rows (n, d), read only where there are no texts: equal rows are the same then, and none are near.
        least: The Jaccard index from which texts are near, above 0 to 1.

    Raises:
        InputError: neither texts nor vectors.
        OptionError: `least` outside its range.
    """
    if not 0 < least <= 1:
        raise OptionError(f"least: want above 0 to 1, got {least}")
    if texts is None or not any(texts):
        if x is None:
            raise InputError("texts: want one a row, or rows x, got neither")
        rows = [row.tobytes() for row in vectors(x, name="x") + np.float32(0)]
        return Duplicates(_alike(rows), (), (), "There are no texts: rows with equal vectors count as the same.")
    even = [evened(text) for text in texts]
    exact = _alike(even)
    near, likeness = _near(bags_of(even), least)
    # Rows that are the same to the letter are near, too; a group of nothing else is said once.
    same = {frozenset(group) for group in exact}
    kept = [(group, like) for group, like in zip(near, likeness, strict=True) if frozenset(group) not in same]
    return Duplicates(
        exact,
        [group for group, _ in kept],
        [like for _, like in kept],
        f"The same: equal but for white space. Nearly the same: at least {least:.0%} of the words of both texts are in both, "
        f"or such pairs lead from one to the other.",
    )


def _alike(keys: Sequence[str] | Sequence[bytes]) -> list[list[int]]:
    """Rows with equal keys, two or more each, empty keys left out."""
    seen: dict[str | bytes, list[int]] = {}
    for row, key in enumerate(keys):
        if key:
            seen.setdefault(key, []).append(row)
    return [rows for rows in seen.values() if len(rows) > 1]


def _near(bags: Bags, least: float) -> tuple[list[list[int]], list[float]]:
    """Groups of rows joined by pairs of at least that likeness, and the lowest likeness that is needed to join each."""
    n = len(bags.rows)
    if n == 0:
        return [], []
    lists = rare_words(bags, least)
    pairs, likes = verified(bags, beside(lists), least)
    of = _joined(pairs, n)
    for chunk in apart(lists, of):
        more, like = verified(bags, (chunk[0], chunk[1]), least)
        pairs = (np.concatenate([pairs[0], more[0]]), np.concatenate([pairs[1], more[1]]))
        likes = np.concatenate([likes, like])
    lowest = _lowest(pairs, likes, n)
    of = _joined(pairs, n)
    groups: dict[int, list[int]] = {}
    for bag, group in enumerate(of.tolist()):
        groups.setdefault(group, []).extend(bags.rows[bag])
    found = [(sorted(rows), float(lowest[group])) for group, rows in groups.items() if len(rows) > 1]
    found.sort(key=lambda pair: pair[0])
    return [rows for rows, _ in found], [like for _, like in found]


def _joined(pairs: Pairs, n: int) -> Ints:
    """The group of each bag."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = coo_array((np.ones(len(pairs[0]), np.int8), pairs), shape=(n, n))
    return connected_components(edges, directed=False)[1].astype(np.int64)


def _lowest(pairs: Pairs, likes: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Of each group, the weakest pair of the strongest tree that joins it; 1 for a group of one bag."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import minimum_spanning_tree

    of = _joined(pairs, n)
    # Zero would be no edge to scipy, so distances are 2 - likeness; a pair found twice keeps one of its equal values.
    key, first = np.unique(pairs[0] * n + pairs[1], return_index=True)
    tree = minimum_spanning_tree(coo_array((2 - likes[first], (key // n, key % n)), shape=(n, n)).tocsr()).tocoo()
    lowest = np.ones(n)
    np.minimum.at(lowest, of[tree.row], 2 - tree.data)
    return lowest
