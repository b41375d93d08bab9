"""What is encoded together: blocks of texts, and pieces of a very long one."""

from __future__ import annotations

import re
from collections.abc import Iterable

BLOCK_CHARACTERS = 131_072  # of texts encoded together
PIECE_CHARACTERS = 8_192  # a longer text is read alone, in pieces of this size: short sums also lose fewer digits
BLOCK_TEXTS = 4_096
GAP = re.compile(r"[ \t\n\r]")


def blocks(items: list[str], most: int) -> Iterable[tuple[int, int]]:
    """Runs of texts to encode together: at most `most` of them and BLOCK_CHARACTERS, or one long text alone."""
    start = held = 0
    for place, text in enumerate(items):
        size = len(text) if len(text) <= PIECE_CHARACTERS else BLOCK_CHARACTERS
        if place > start and (place - start >= most or held + size > BLOCK_CHARACTERS):
            yield start, place
            start, held = place, 0
        held += size
    if start < len(items):
        yield start, len(items)


def pieces(text: str) -> Iterable[str]:
    """A long text cut at the first space after every PIECE_CHARACTERS, which no word crosses."""
    start = 0
    while start < len(text):
        gap = GAP.search(text, start + PIECE_CHARACTERS)
        end = gap.start() if gap else len(text)
        yield text[start:end]
        start = end
