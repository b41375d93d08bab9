"""The same letters in another case."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from semascope.ops.door import option
from semascope.ops.rewording.spots import exchanged, fraction, reworded, some, spots

CASES = ("lower", "upper", "title")


def cases(texts: Sequence[str], how: str = "lower", share: float = 1.0, seed: int = 0) -> list[str]:
    """Texts, or a share of each one's words, in lower case, in capitals, or with a capital to every word.

    Args:
        texts: Any.
        how: "lower", "upper" or "title".
        share: Of the words of each text, from 0 to 1. At 1 the whole text is changed, names and addresses included.
        seed: What is drawn with where `share` is below 1.

    Raises:
        OptionError: `how` is unknown, or `share` is no share.
    """
    option(how, CASES, name="how")
    fraction(share, "share")

    def change(text: str, rng: np.random.Generator) -> str:
        every = spots(text, spare=False)
        if share < 1:
            chosen = some(share, every, len(every), rng)
        elif how == "title":
            chosen = every
        else:
            return _written(text, how)
        return exchanged(text, [(a, b, _written(text[a:b], how)) for a, b in chosen])

    return reworded(texts, seed, change, "cases")


def _written(text: str, how: str) -> str:
    return text.lower() if how == "lower" else text.upper() if how == "upper" else text[:1].upper() + text[1:]
