"""How long texts are, and how much of them their encoder never reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from semascope.look.found import Lengths
from semascope.ops import texts as checked_texts


def find_lengths(texts: Sequence[str], encoder: Any = None) -> Lengths:
    """Characters of each text, and which texts the encoder cuts.

    Args:
        texts: n of them; an empty one has no characters.
        encoder: What made their vectors. Where it has `cuts(texts)` it is asked; one that reads everything, as a static
            encoder does, has none. None where it is not known: then nothing is said of cuts.

    Raises:
        InputError: a text is not a str.
    """
    held = checked_texts(texts)
    characters = np.fromiter(map(len, held), np.int64, len(held))
    if not held:
        return Lengths(characters, np.zeros(0, np.int64), None, "There are no texts.")
    middle, most = np.quantile(characters, [0.5, 0.95])
    says = (
        f"Half of the texts have at most {middle:,.0f} characters, 95 of 100 at most {most:,.0f}; the longest has "
        f"{characters.max():,}"
    )
    empty = int(np.count_nonzero(characters == 0))
    says += f"; {empty:,} are empty." if empty else "."
    asked = getattr(encoder, "cuts", None) or getattr(getattr(encoder, "backbone", None), "cuts", None)
    if asked is None:
        return Lengths(characters, np.zeros(0, np.int64), None, f"{says} {_uncounted(encoder)}")
    cuts = asked(held)
    told = str(cuts)
    return Lengths(characters, cuts.cut, cuts.max_length, f"{says} {told[:1].upper()}{told[1:]}.")


def _uncounted(encoder: Any) -> str:
    """What can be said of cuts where the encoder does not count them."""
    if encoder is None:
        return "What made the vectors is not known, nor, then, whether it read the texts to their ends."
    most = getattr(getattr(encoder, "passport", None), "max_length", None)
    if most is not None:
        return f"Their encoder reads {most:,} tokens of each and cannot say which are cut."
    return "No length is on record at which their encoder stops."
