"""Which words of a text may be changed, how many, and with what randomness."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from semascope.errors import OptionError
from semascope.ops.door import integer
from semascope.ops.door import texts as checked
from semascope.ops.hashes import digest
from semascope.ops.words import language, words

# A word by itself: letters that no digit, underscore, path, address or call touches. The apostrophe of "don't" is part of it.
_WORD = re.compile(r"(?<![\w@#/\\.'’&-])[^\W\d_]+(?:['’][^\W\d_]+)?(?![\w@/\\(=]|[.:'’-]\w)")
_NUMBER = re.compile(r"(?<![\w.,])\d+(?:[.,]\d+)*(?!\w)")
_END = re.compile(r"[.!?:;]['\")\]]*\s*[\"'(\[]*$|\n\s*$")
_TITLE = 0.5  # of the other words with a capital: a headline, or shouting, in which capitals say nothing

Span = tuple[int, int]


def spots(text: str, *, spare: bool = True) -> list[Span]:
    """Where the words of a text are that may be changed: (start, stop), in order.

    Args:
        text: Any. Addresses, paths, calls and words with a digit or an underscore are never among them.
        spare: Whether words of numbers, and words written as names (with a capital inside a sentence), are left out too.
    """
    found = [match.span() for match in _WORD.finditer(text)]
    if not spare:
        return sorted([*found, *(match.span() for match in _NUMBER.finditer(text))])
    capitals = [text[start:stop] != text[start:stop].lower() for start, stop in found]
    if sum(capitals[1:]) > _TITLE * max(1, len(found) - 1) or not any(capitals) or language(words(text)) == "de":
        return found
    return [
        span
        for span, capital in zip(found, capitals, strict=True)
        if not capital or (not _inside(text, span[0]) and text[span[0] + 1 : span[1]].islower())
    ]


def _inside(text: str, start: int) -> bool:
    """Whether what begins there stands inside a sentence."""
    before = text[max(0, start - 8) : start]
    return bool(before.strip(" \"'([")) and not _END.search(before)


def some(share: float, every: Sequence[Span], of: int, rng: np.random.Generator) -> list[Span]:
    """So large a share of `of` words, at least one where the share is above 0, drawn from `every`."""
    most = min(len(every), max(1, round(share * of))) if share > 0 else 0
    return [every[int(at)] for at in rng.permutation(len(every))[:most]]


def reworded(
    texts: Sequence[str], seed: int, change: Callable[[str, np.random.Generator], str], salt: str
) -> list[str]:
    """Each text changed with a generator of its own, made of the seed, the salt and the text."""
    integer(seed, name="seed", least=0)
    done: dict[str, str] = {}
    for text in (items := checked(texts)):
        if text not in done:
            done[text] = change(text, np.random.default_rng((seed, int(digest(salt, text)[:12], 16))))
    return [done[text] for text in items]


def fraction(value: float, name: str) -> float:
    """A share from 0 to 1, or an error that names it."""
    if not 0 <= value <= 1:
        raise OptionError(f"{name}: want a share from 0 to 1, got {value}")
    return float(value)


def exchanged(text: str, changes: Sequence[tuple[int, int, str]]) -> str:
    """The text with (start, stop, new) put in; none of them overlap."""
    for start, stop, new in sorted(changes, reverse=True):
        text = text[:start] + new + text[stop:]
    return text
