"""Who knows what: rows whose text the attacker has, rows he wants to read, and which of those he has a near copy of."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError, OptionError
from semascope.ops import integer

LEAST_KNOWN, LEAST_HIDDEN = 50, 25
RUN = 3  # words that stand in a row in both texts
COPIED = 0.5  # of a text's runs, in one other text
POSTINGS = 50  # texts remembered for each run: boilerplate would fill the memory otherwise


@dataclass(frozen=True, eq=False)
class Split:
    """One draw of who knows what.

    Args:
        known: int64, places of the rows whose text the attacker has.
        hidden: int64, places of the rows that he wants to read.
        copied: bool, for each of `hidden` whether a known text is the same or nearly.
        rest: int64, places of all other rows.
    """

    known: NDArray[np.int64]
    hidden: NDArray[np.int64]
    copied: NDArray[np.bool_]
    rest: NDArray[np.int64]

    @property
    def unseen(self) -> NDArray[np.int64]:
        """The hidden rows that no known text is a near copy of."""
        return self.hidden[~self.copied]


def sizes(n: int, *, known: int, hidden: int) -> tuple[int, int]:
    """How many rows of n are known and how many hidden: as asked where they suffice, else two thirds and one third.

    Raises:
        OptionError: fewer are asked for than anything could be learned from.
        InputError: there are not enough rows.
    """
    known = integer(known, name="known", least=LEAST_KNOWN)
    hidden = integer(hidden, name="hidden", least=LEAST_HIDDEN)
    if n < LEAST_KNOWN + LEAST_HIDDEN:
        raise InputError(
            f"texts: want at least {LEAST_KNOWN + LEAST_HIDDEN} rows with words in their text ({LEAST_KNOWN} that the "
            f"attacker knows, {LEAST_HIDDEN} that he wants to read), got {n}"
        )
    if n >= known + hidden:
        return known, hidden
    share = known / (known + hidden)
    less = min(max(round(n * share), LEAST_KNOWN), n - LEAST_HIDDEN)
    return less, n - less


def split(words: Sequence[Sequence[str]], *, known: int, hidden: int, seed: int) -> Split:
    """Draw known and hidden rows.

    Args:
        words: Of every row's text, in order.
        known: How many the attacker has.
        hidden: How many he wants to read.
        seed: Of the draw.

    Raises:
        OptionError: more than there are rows.
    """
    if known + hidden > len(words):
        raise OptionError(f"known: want known and hidden rows within {len(words):,}, got {known + hidden:,}")
    order = np.random.default_rng((seed, 31)).permutation(len(words)).astype(np.int64)
    have, want, rest = (np.sort(part) for part in np.split(order, [known, known + hidden]))
    copied = near_copies([words[int(i)] for i in want], [words[int(i)] for i in have])
    return Split(have, want, copied, rest)


def near_copies(texts: Sequence[Sequence[str]], known: Sequence[Sequence[str]]) -> NDArray[np.bool_]:
    """For each text whether half of its runs of three words, or more, stand in one of the known texts; bool (n,).

    Args:
        texts: Words of each, in order.
        known: Likewise.
    """
    places: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for place, found in enumerate(known):
        for run in _runs(found):
            if len(places[run]) < POSTINGS:
                places[run].append(place)
    out = np.zeros(len(texts), bool)
    for place, found in enumerate(texts):
        runs = _runs(found)
        shared = Counter(other for run in runs for other in places.get(run, ()))
        out[place] = bool(shared) and max(shared.values()) >= COPIED * len(runs)
    return out


def _runs(found: Sequence[str]) -> set[tuple[str, ...]]:
    """The runs of words of a text; a text of fewer words is one run."""
    if len(found) < RUN:
        return {tuple(found)} if found else set()
    return {tuple(found[i : i + RUN]) for i in range(len(found) - RUN + 1)}
