"""The same words in another order: a sentence that says nothing any more, in any language that puts spaces between words."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np

from semascope.ops.english import LITTLE, capitalised

_END = re.compile(r"[.!?…。]+[\"'’)\]]*$")


def shuffled(text: str, rng: np.random.Generator) -> str | None:
    """The words of a text dealt anew, the mark at its end and the capital at its beginning in place; None below five words.

    Fewer than a quarter of the neighbours stay neighbours.

    Args:
        text: Any.
        rng: Deals.
    """
    end = _END.search(text)
    tail = end[0] if end else ""
    words = text[: len(text) - len(tail)].split()
    if len(words) < 5 or len({word.lower() for word in words}) < 5:
        return None
    kept = set(pairwise(words))
    best, fewest = words, len(words)
    for _ in range(20):
        dealt = [words[int(place)] for place in rng.permutation(len(words))]
        same = sum(pair in kept for pair in pairwise(dealt))
        if same < fewest:
            best, fewest = dealt, same
        if fewest == 0:
            break
    if fewest * 4 >= len(words):
        return None
    if words[0].lower() in LITTLE:  # a capital for its place alone
        at = best.index(words[0])
        best[at] = best[at].lower()
    if words[0][:1].isupper():
        best[0] = capitalised(best[0])
    return " ".join(best) + tail
