"""Slips of the keyboard: a neighbouring key, two letters swapped, a letter dropped or doubled."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from semascope.errors import OptionError
from semascope.ops.rewording.spots import exchanged, fraction, reworded, some, spots

SLIPS = ("neighbour", "swap", "drop", "double")
_ROWS = ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm")
_SHORTEST = 3  # letters of a word for it to have a slip: of "of", little would be left


def _neighbours() -> dict[str, str]:
    """The keys left, right, above and below each key of an English keyboard, whose rows are set off by half a key."""
    place = {key: (at + 0.5 * row, row) for row, keys in enumerate(_ROWS) for at, key in enumerate(keys)}
    return {
        key: "".join(
            other
            for other, (a, row) in place.items()
            if other != key and abs(row - y) <= 1 and abs(a - x) <= 1 and other.isdigit() == key.isdigit()
        )
        for key, (x, y) in place.items()
    }


_NEAR = _neighbours()


def typos(
    texts: Sequence[str], rate: float = 0.1, seed: int = 0, *, kinds: Sequence[str] = SLIPS, spare: bool = True
) -> list[str]:
    """Texts with a slip of the keyboard in some of their words, one a word, its first letter kept.

    Args:
        texts: Any.
        rate: Share of a text's words that get one: from 0 (none) to 1; at least one word where it is above 0 and a word
            of three letters may be changed.
        seed: What is drawn with.
        kinds: Which slips: "neighbour" (a key beside the right one), "swap" (two letters exchanged), "drop", "double".
        spare: Whether words of numbers and names stay as they are.

    Raises:
        OptionError: `rate` is no share, or a kind is unknown.
    """
    fraction(rate, "rate")
    unknown = [kind for kind in kinds if kind not in SLIPS]
    if unknown or not kinds:
        raise OptionError(f"kinds: want some of {', '.join(SLIPS)}, got {', '.join(unknown) or 'none'}")

    def change(text: str, rng: np.random.Generator) -> str:
        every = spots(text, spare=spare)
        fit = [span for span in every if span[1] - span[0] >= _SHORTEST]
        chosen = some(rate, fit, len(every), rng)
        return exchanged(text, [(a, b, _slipped(text[a:b], rng, kinds)) for a, b in chosen])

    return reworded(texts, seed, change, "typos")


def _slipped(word: str, rng: np.random.Generator, kinds: Sequence[str]) -> str:
    """A word with one slip; as it is where no slip of these kinds changes it."""
    for kind in rng.permutation(list(kinds)):
        for at in 1 + rng.permutation(len(re.split("['’]", word)[0]) - 1):
            new = _one(word, int(at), str(kind), rng)
            if new != word:
                return new
    return word


def _one(word: str, at: int, kind: str, rng: np.random.Generator) -> str:
    letter = word[at]
    if kind == "drop":
        return word[:at] + word[at + 1 :]
    if kind == "double":
        return word[:at] + letter + word[at:]
    if kind == "swap":
        return word if at + 1 >= len(word) or not word[at + 1].isalnum() else _swapped(word, at)
    near = _NEAR.get(letter.lower(), "")
    if not near:
        return word
    new = near[int(rng.integers(len(near)))]
    return word[:at] + (new.upper() if letter.isupper() else new) + word[at + 1 :]


def _swapped(word: str, at: int) -> str:
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
