"""Cut a long text into passages that keep their place in it."""

from __future__ import annotations

import re
import unicodedata

from semascope.errors import InputError, OptionError
from semascope.ops import integer

_PARAGRAPH = re.compile(r"\n[ \t\r]*\n\s*")
_LINE = re.compile(r"\n")
# A full stop needs white space after it, those of Chinese and Japanese do not.
_SENTENCE = re.compile(r"[.!?\u2026\u061f\u0964][\"'\u201d\u2019)\]]*(?=\s)|[\u3002\uff01\uff1f][\u300d\u300f\u201d]*")
_WORD = re.compile(r"\s")
_INK = re.compile(r"\S")
_CUTS = (_PARAGRAPH, _LINE, _SENTENCE, _WORD)
# How far a hard cut may move back so as not to part a letter from its accents or an emoji from its parts.
_LONGEST_CLUSTER = 32


def passages(text: str, size: int = 1200, least: int = 200) -> list[tuple[int, int]]:
    """Character spans (start, end) of passages of `text`, in order, without overlap.

    A passage ends at the last paragraph break that leaves it `least` characters and at most `size`; failing that at
    the last line end, sentence end or white space; failing that anywhere, yet not between a letter and its accents.
    Spans start and end at a character that is no white space, and together hold every such character. A text of at most
    `size` characters is one passage; a blank one has none. Takes time in proportion to the text.

    Args:
        text: The text.
        size: The most characters of a passage.
        least: The fewest before a cut is sought, at most half of `size`; white space counts here.

    Raises:
        OptionError: `size` below 2, `least` below 1 or above half of `size`.
        InputError: `text` is not a string.
    """
    if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError(f"text: want a string, got {type(text).__name__}")
    size = integer(size, name="size", least=2)
    least = integer(least, name="least", least=1)
    if least > size // 2:
        raise OptionError(f"least: want at most half of size ({size // 2}), got {least}")
    end = len(text.rstrip())
    spans: list[tuple[int, int]] = []
    start = 0
    while (ink := _INK.search(text, start, end)) is not None:
        start = ink.start()
        if end - start <= size:
            spans.append((start, end))
            break
        # The rest keeps at least `least` characters too, so no crumb is left at the end.
        cut = _cut(text, start + least, min(start + size, end - least))
        spans.append((start, start + len(text[start:cut].rstrip())))
        start = cut
    return spans


def _cut(text: str, low: int, high: int) -> int:
    """The best place in [low, high] to end a passage."""
    for pattern in _CUTS:
        last = 0
        for match in pattern.finditer(text, low - 1, high):
            last = match.end()
        if last >= low:
            return last
    cut = high
    while cut > max(low, high - _LONGEST_CLUSTER):
        if not _joined(text[cut - 1], text[cut]):
            return cut
        cut -= 1
    return high


def _joined(before: str, after: str) -> bool:
    """Whether two neighbouring characters are parts of what is seen as one."""
    return (
        unicodedata.category(after).startswith("M")
        or "\u200d" in (before, after)
        or "\U0001f3fb" <= after <= "\U0001f3ff"
        or ("\ud800" <= before <= "\udbff" and "\udc00" <= after <= "\udfff")
        or ("\U0001f1e6" <= before <= "\U0001f1ff" and "\U0001f1e6" <= after <= "\U0001f1ff")
    )
