"""A second language that is English letter for letter: Latin letters become Cyrillic ones, everything else stays.

Which letter becomes which is fixed. The cipher is its own inverse, so that it loses nothing of any text and the English of
an enciphered text, which a model never saw, is always at hand.
"""

from __future__ import annotations

from collections.abc import Sequence

from semascope.ops import digest

_LATIN = "abcdefghijklmnopqrstuvwxyz"
_CYRILLIC = "ижлъювечыьмдхбйащопцтнсшуя"
_PAIRS = [*zip(_LATIN, _CYRILLIC, strict=True), *zip(_LATIN.upper(), _CYRILLIC.upper(), strict=True)]
_TABLE = {ord(a): b for a, b in _PAIRS} | {ord(b): a for a, b in _PAIRS}


def encipher(text: str) -> str:
    """`text` in the other language: Latin letters exchanged for Cyrillic ones and the other way round, the rest as it is.

    As long as `text`, character by character; `encipher(encipher(text)) == text`.
    """
    return text.translate(_TABLE)


def is_ciphered(text: str) -> bool:
    """Whether the two-language model reads this text in the second language only; decided by the text alone, for half of all."""
    return int(digest("language", text)[:2], 16) % 2 == 1


def pairs(texts: Sequence[str]) -> list[tuple[str, str]]:
    """Each text and the same in the other language: what the two-language model was never shown side by side."""
    return [(text, encipher(text)) for text in texts]
