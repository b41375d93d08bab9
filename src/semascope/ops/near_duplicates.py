"""Which texts have nearly the same words? Every such pair, by prefix filtering: two texts that are alike share a rare word.

Sources: Chaudhuri, Ganti, Kaushik (2006), "A Primitive Operator for Similarity Joins in Data Cleaning"; Bayardo, Ma, Srikant (2007),
"Scaling Up All Pairs Similarity Search".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semascope.errors import OptionError

Ints = NDArray[np.int64]
Pairs = tuple[Ints, Ints]

# A run of letters and digits is a word; in scripts that are written without spaces each character is one.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(f"[{_UNSPACED}]|[^\\W{_UNSPACED}]+")
_CHUNK = 2_000_000  # pairs looked at together
_BESIDE = 4  # how many rows further on are tried first in every list


@dataclass(frozen=True, eq=False)
class Copies:
    """What nearly the same text each text has among others.

    Args:
        place: int64 (n,), the place of the most alike of the others; -1 where none is alike enough.
        likeness: float64 (n,), the Jaccard index of the words of both, 1 for the same words; 0 where there is none.
    """

    place: Ints
    likeness: NDArray[np.float64]

    @property
    def found(self) -> NDArray[np.bool_]:
        """Which texts have one, (n,)."""
        return self.place >= 0


def near_copies(texts: Sequence[str], others: Sequence[str], *, least: float = 0.8) -> Copies:
    """For each text the one of `others` with most of its words, if they have at least that share of words in common.

    Compared are the words of both, in small letters and each as often as it is there: their Jaccard index (words in both over
    words in either). No pair is missed. Texts without words have no copies. What says the same in other words, and a text that
    stands inside a much longer one, is not found.

    Args:
        texts: Whose copies are looked for.
        others: Among which.
        least: The Jaccard index from which texts are near, above 0 to 1.

    Raises:
        OptionError: `least` outside its range.
    """
    if not 0 < least <= 1:
        raise OptionError(f"least: want above 0 to 1, got {least}")
    n = len(texts)
    bags = bags_of([evened(text) for text in [*texts, *others]])
    place, likeness = np.full(n, -1, np.int64), np.zeros(n)
    mine = [[row for row in rows if row < n] for rows in bags.rows]
    theirs = [[row - n for row in rows if row >= n] for rows in bags.rows]
    for rows, same in zip(mine, theirs, strict=True):
        if same:
            place[rows], likeness[rows] = same[0], 1.0
    # Two sides, and pairs of one of each; a bag that is on both sides has found its own copy.
    side = np.asarray([int(bool(rows)) for rows in theirs], np.int64)
    for pairs in apart(rare_words(bags, least), side) if len(side) else ():
        (one, other), likes = verified(bags, pairs, least)
        for a, b, like in zip(one.tolist(), other.tolist(), likes.tolist(), strict=True):
            asked, known = (a, b) if side[b] else (b, a)
            rows = np.asarray(mine[asked], np.int64)
            better = rows[like > likeness[rows]]
            place[better], likeness[better] = theirs[known][0], like
    return Copies(place, likeness)


def evened(text: str) -> str:
    """The text with white space evened out, in Unicode's canonical composition."""
    even = " ".join(text.split())
    return even if even.isascii() else unicodedata.normalize("NFC", even)


@dataclass(frozen=True, eq=False)
class Bags:
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


def bags_of(texts: Sequence[str]) -> Bags:
    """The words of texts that went through `evened`; texts without words have no bag."""
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


def _merged(words: Ints, starts: Ints) -> Bags:
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
    return Bags(kept, begins, sums, list(seen.values()))


@dataclass(frozen=True, eq=False)
class RareWords:
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


def rare_words(bags: Bags, least: float) -> RareWords:
    """As many of each bag's rarest words as pairs of that likeness cannot do without."""
    sizes = bags.sizes
    # A hair less than `least`: a product such as 0.8 * 35 = 28.000000000000004 must not cost a word.
    prefix = sizes - np.ceil(least * sizes - 1e-9).astype(np.int64) + 1
    short = sizes - np.ceil(2 * least / (1 + least) * sizes - 1e-9).astype(np.int64) + 1
    bag = np.repeat(np.arange(len(sizes)), prefix)
    place = np.arange(len(bag)) - np.repeat(np.cumsum(prefix) - prefix, prefix)
    word = bags.words[bags.starts[:-1][bag] + place]
    order = np.lexsort((bags.sums[bag], sizes[bag], word))
    return RareWords(word[order], bag[order], (place < short[bag])[order])


def beside(lists: RareWords) -> Pairs:
    """Each bag with those that come next in a list."""
    one, other = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for step in range(1, min(_BESIDE, len(lists.word) - 1) + 1):
        same = lists.word[:-step] == lists.word[step:]
        one.append(lists.bag[:-step][same])
        other.append(lists.bag[step:][same])
    return np.concatenate(one), np.concatenate(other)


def apart(lists: RareWords, of: Ints) -> Iterator[Pairs]:
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


def verified(bags: Bags, pairs: Pairs, least: float) -> tuple[Pairs, NDArray[np.float64]]:
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


def _shared(bags: Bags, one: Ints, other: Ints) -> Ints:
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
