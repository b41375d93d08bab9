"""Texts that are there more than once: the same, or nearly the same words. All of them, not a sample."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError, OptionError
from semascope.look.found import Duplicates
from semascope.ops import vectors
from semascope.types import Array

Ints = NDArray[np.int64]
Pairs = tuple[Ints, Ints]

# A run of letters and digits is a word; in scripts that are written without spaces each character is one.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(f"[{_UNSPACED}]|[^\\W{_UNSPACED}]+")
_CHUNK = 2_000_000  # pairs looked at together
_BESIDE = 4  # how many rows further on are tried first in every list


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
    even = [_even(text) for text in texts]
    exact = _alike(even)
    near, likeness = _near(_bags(even), least)
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


def _even(text: str) -> str:
    even = " ".join(text.split())
    return even if even.isascii() else unicodedata.normalize("NFC", even)


def _alike(keys: Sequence[str] | Sequence[bytes]) -> list[list[int]]:
    """Rows with equal keys, two or more each, empty keys left out."""
    seen: dict[str | bytes, list[int]] = {}
    for row, key in enumerate(keys):
        if key:
            seen.setdefault(key, []).append(row)
    return [rows for rows in seen.values() if len(rows) > 1]


@dataclass(frozen=True, eq=False)
class _Bags:
    """Bags of words, no two the same, each sorted with its rarest word first.

    Args:
        words: Of all bags, one after the other; word numbers are ranks of rarity.
        starts: Bag i holds `words[starts[i]:starts[i + 1]]`.
        sums: 64 bits a bag, each the parity of the words that fall on it.
        rows: Rows that have this bag.
    """

    words: Ints
    starts: Ints
    sums: NDArray[np.uint64]
    rows: Sequence[Sequence[int]]

    @property
    def sizes(self) -> Ints:
        return np.diff(self.starts)


def _bags(texts: Sequence[str]) -> _Bags:
    vocabulary: dict[str, int] = {}
    number = vocabulary.setdefault
    flat: list[int] = []
    sizes: list[int] = []
    for text in texts:
        words = _WORD.findall(text.casefold())
        flat.extend([number(word, len(vocabulary)) for word in words])
        sizes.append(len(words))
    words, of = np.asarray(flat, np.int64), np.repeat(np.arange(len(sizes)), sizes)
    # The second "the" of a text is another word than its first: bags become sets.
    order = np.argsort(of * max(len(vocabulary), 1) + words, kind="stable")
    words, of = words[order], of[order]
    begins = np.flatnonzero(np.append(True, (words[1:] != words[:-1]) | (of[1:] != of[:-1]))[: len(words)])
    time = np.arange(len(words)) - np.repeat(begins, np.diff(begins, append=len(words)))
    times = int(time.max(initial=0)) + 1
    _, words, counts = np.unique(words * times + time, return_inverse=True, return_counts=True)
    rank = np.empty(len(counts), np.int64)
    rank[np.argsort(counts, kind="stable")] = np.arange(len(counts))
    words = rank[words]
    words = words[np.argsort(of * max(len(counts), 1) + words, kind="stable")]
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return _merged(words, starts)


def _merged(words: Ints, starts: Ints) -> _Bags:
    """Rows with the same bag put together; those without words are left out."""
    raw, width = words.tobytes(), words.itemsize
    seen: dict[bytes, list[int]] = {}
    for row, (start, stop) in enumerate(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)):
        if stop > start:
            seen.setdefault(raw[start * width : stop * width], []).append(row)
    first = np.asarray([rows[0] for rows in seen.values()], np.int64)
    sizes = np.diff(starts)[first]
    begins = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    kept = words[np.repeat(starts[first] - begins[:-1], sizes) + np.arange(begins[-1])]
    bits = np.left_shift(np.uint64(1), (kept.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(58))
    sums = np.bitwise_xor.reduceat(bits, begins[:-1]) if len(first) else np.zeros(0, np.uint64)
    return _Bags(kept, begins, sums, list(seen.values()))


def _near(bags: _Bags, least: float) -> tuple[list[list[int]], list[float]]:
    """Groups of rows joined by pairs of at least that likeness, and the lowest likeness that is needed to join each."""
    n = len(bags.rows)
    if n == 0:
        return [], []
    lists = _rare_words(bags, least)
    pairs, likes = _verified(bags, _beside(lists), least)
    of = _joined(pairs, n)
    for chunk in _apart(lists, of):
        more, like = _verified(bags, (chunk[0], chunk[1]), least)
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


@dataclass(frozen=True, eq=False)
class _Lists:
    """The rarest words of each bag, as lists of bags by word; within a word by size and sum of the bag.

    Bags x and y, x the smaller, with |x and y| >= least |x or y| share at least least / (1 + least) (|x| + |y|) words. The rarest that they
    share is then among the first |y| - ceil(least |y|) + 1 of y, and among the first |x| - ceil(2 least / (1 + least) |x|) + 1 of x:
    `early` says of which entries the latter is true. A pair of which neither is early need not be looked at.
    """

    word: Ints
    bag: Ints
    early: NDArray[np.bool_]

    def by(self, group: Ints, keep: NDArray[np.bool_]) -> tuple[Ints, Ints]:
        """(word and group in one number, bag) of these entries, sorted."""
        word, bag = self.word[keep], self.bag[keep]
        key = word * len(group) + group[bag]
        order = np.argsort(key, kind="stable")
        return key[order], bag[order]


def _rare_words(bags: _Bags, least: float) -> _Lists:
    sizes = bags.sizes
    # A hair less than `least`: a product such as 0.8 * 35 = 28.000000000000004 must not cost a word.
    prefix = sizes - np.ceil(least * sizes - 1e-9).astype(np.int64) + 1
    short = sizes - np.ceil(2 * least / (1 + least) * sizes - 1e-9).astype(np.int64) + 1
    bag = np.repeat(np.arange(len(sizes)), prefix)
    place = np.arange(len(bag)) - np.repeat(np.cumsum(prefix) - prefix, prefix)
    word = bags.words[bags.starts[:-1][bag] + place]
    order = np.lexsort((bags.sums[bag], sizes[bag], word))
    return _Lists(word[order], bag[order], (place < short[bag])[order])


def _beside(lists: _Lists) -> Pairs:
    """Each bag with those that come next in a list."""
    one, other = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for step in range(1, min(_BESIDE, len(lists.word) - 1) + 1):
        same = lists.word[:-step] == lists.word[step:]
        one.append(lists.bag[:-step][same])
        other.append(lists.bag[step:][same])
    return np.concatenate(one), np.concatenate(other)


def _apart(lists: _Lists, of: Ints) -> Iterator[Pairs]:
    """All pairs of bags that a list says may be alike and that are not in one group yet, some at a time.

    Where a template has been filled in a thousand times, its texts are one group already, and none of their half a million
    pairs come up here.
    """
    n = len(of)
    key, bag = lists.by(of, lists.early)
    late_key, late = lists.by(of, ~lists.early)
    begin, end = key // n * n, (key // n + 1) * n  # of a word, whatever the group
    yield from _spans(bag, bag, np.searchsorted(key, key, side="right"), np.searchsorted(key, end))
    yield from _spans(bag, late, np.searchsorted(late_key, begin), np.searchsorted(late_key, key))
    yield from _spans(bag, late, np.searchsorted(late_key, key, side="right"), np.searchsorted(late_key, end))


def _spans(one: Ints, other: Ints, start: Ints, stop: Ints) -> Iterator[Pairs]:
    """Each of `one` with `other[start:stop]` of its own, some at a time."""
    count = stop - start
    total = np.cumsum(count)
    begin = 0
    while begin < len(one):
        before = total[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(total, before + _CHUNK, side="right")))
        many = count[begin:end]
        if many.any():
            place = np.arange(int(many.sum())) + np.repeat(start[begin:end] - np.cumsum(many) + many, many)
            yield np.repeat(one[begin:end], many), other[place]
        begin = end


def _verified(bags: _Bags, pairs: Pairs, least: float) -> tuple[Pairs, NDArray[np.float64]]:
    """Those of the pairs that are alike, each once, and how much."""
    one, other = pairs
    sizes = bags.sizes
    together = sizes[one] + sizes[other]
    # |x and y| >= least / (1 + least) (|x| + |y|), so that at most the rest is in one alone; the sums differ in no more bits.
    most = together * ((1 - least) / (1 + least)) + 1e-9
    differ = np.bitwise_count(bags.sums[one] ^ bags.sums[other])
    keep = np.flatnonzero((differ <= most) & (np.abs(sizes[one] - sizes[other]) <= most))
    key = np.unique(np.minimum(one[keep], other[keep]) * len(sizes) + np.maximum(one[keep], other[keep]))
    one, other = key // len(sizes), key % len(sizes)
    both = _shared(bags, one, other)
    like = both / (sizes[one] + sizes[other] - both)
    sure = like >= least - 1e-9
    return (one[sure], other[sure]), like[sure]


def _shared(bags: _Bags, one: Ints, other: Ints) -> Ints:
    """How many words each pair has in common."""
    out = np.zeros(len(one), np.int64)
    step = max(1, _CHUNK // int(2 * bags.sizes.max(initial=1)))
    for start in range(0, len(one), step):
        count = min(step, len(one) - start)
        keys: list[Ints] = []
        for side in (one[start : start + count], other[start : start + count]):
            sizes = bags.sizes[side]
            place = np.arange(int(sizes.sum())) + np.repeat(bags.starts[:-1][side] - np.cumsum(sizes) + sizes, sizes)
            keys.append((np.repeat(np.arange(count), sizes) << 32) + bags.words[place])
        every = np.sort(np.concatenate(keys))
        twice = every[1:][every[1:] == every[:-1]] >> 32
        out[start : start + count] = np.bincount(twice, minlength=count)
    return out


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
