"""Other small words, and clauses in another order, that leave the meaning as it is. English."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from semascope.ops.rewording.spots import exchanged, fraction, reworded

# Each side may stand for the other.
_BOTH = """do not|don't;does not|doesn't;did not|didn't;is not|isn't;are not|aren't;was not|wasn't;were not|weren't;
    cannot|can't;will not|won't;would not|wouldn't;should not|shouldn't;could not|couldn't;has not|hasn't;have not|haven't;
    for example|for instance;each of the|every one of the;all the|all of the;both the|both of the;a few|some;
    in order to|so as to;because of|owing to;a large number of|a great many;at the moment|at present;
    as well as|and also;even though|although;in addition|besides;in spite of|despite;provided that|as long as;
    in case|in the event that;instead of|in place of;with the help of|by means of;more than|over;until|till;upon|on;whether or not|whether;for free|at no cost;again and again|repeatedly;
    right away|immediately;a lot of|plenty of;more or less|roughly;with respect to|with regard to"""
# Only the first may become the second.
_ONE = """in order to|to;due to|because of;due to the fact that|because;at this point in time|now;a number of|several;
    the majority of|most of;prior to|before;subsequent to|after;in the vicinity of|near;in the course of|during;
    it is possible that|perhaps;is able to|can;are able to|can;each|every;such as|like;
    as a result of|because of;whilst|while;amongst|among;towards|toward;per cent|percent;a couple of|two"""
# "Whether" alone may be part of "whether or not": longer phrases are looked for first, and a place is changed once.
_WEAK = {
    "over",
    "some",
    "on",
    "whether",
    "while",
    "like",
    "and also",
    "roughly",
    "repeatedly",
    "immediately",
    "besides",
}
_CLAUSES = "if|when|because|although|unless|while|once|before|after|since"
# "If a, b." and "B if a.", where both are plain: no further comma, no mark inside.
_FRONT = re.compile(
    rf"(?:(?<=^)|(?<=[.!?]\s))((?:{_CLAUSES})) ([^,.;:!?()\n]+), ([^,.;:!?()\n]+)(?=[.!])", re.IGNORECASE
)
_BACK = re.compile(rf"(?:(?<=^)|(?<=[.!?]\s))([A-Z][^,.;:!?()\n]+) ({_CLAUSES}) ([^,.;:!?()\n]+)(?=[.!])")


def _listed() -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in _ONE.split(";"):
        one, other = pair.strip().split("|")
        found[one] = other
    for pair in _BOTH.split(";"):
        one, other = pair.strip().split("|")
        found.setdefault(one, other)
        if other not in _WEAK:
            found.setdefault(other, one)
    return found


_TURNS = _listed()
_TURN = re.compile(
    rf"(?<![\w'’-])({'|'.join(sorted(map(re.escape, _TURNS), key=len, reverse=True))})(?![\w'’-])", re.IGNORECASE
)


def phrases(texts: Sequence[str], share: float = 0.3, seed: int = 0) -> list[str]:
    """Texts with some turns of phrase exchanged for others ("do not", "don't"), and some clauses for each other. English.

    "If it rains, we stay." becomes "We stay if it rains."; no word that says what a text is about is changed.

    Args:
        texts: Any.
        share: Of the places in each text where something can be exchanged, from 0 to 1; at least one where it is above 0.
        seed: What is drawn with.

    Raises:
        OptionError: `share` is no share.
    """
    fraction(share, "share")

    def change(text: str, rng: np.random.Generator) -> str:
        every = _places(text)
        most = max(1, round(share * len(every))) if share > 0 else 0
        done: list[tuple[int, int, str]] = []
        for at in rng.permutation(len(every)):
            start, stop, new = every[int(at)]
            if len(done) < most and all(stop <= a or start >= b for a, b, _ in done):
                done.append((start, stop, new))
        return exchanged(text, done)

    return reworded(texts, seed, change, "phrases")


def _places(text: str) -> list[tuple[int, int, str]]:
    """What could be exchanged, (start, stop, new); some overlap."""
    found = [(*match.span(), _like(_TURNS[match[0].lower()], match[0])) for match in _TURN.finditer(text)]
    found += [
        (*m.span(), f"{_capital(m[3])} {m[1].lower()} {m[2]}") for m in _FRONT.finditer(text) if m[1][0].isupper()
    ]
    found += [
        (*m.span(), f"{_capital(m[2])} {m[3]}, {_lowered(m[1])}")
        for m in _BACK.finditer(text)
        if _lowered(m[1]) != m[1]
    ]
    return found


def _like(new: str, old: str) -> str:
    return _capital(new) if old[0].isupper() else new


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _lowered(text: str) -> str:
    """A sentence's beginning inside a sentence; as it is where its first word is not sure to be no name."""
    first = text.split(" ", 1)[0]
    plain = {
        "the",
        "a",
        "an",
        "this",
        "that",
        "these",
        "those",
        "it",
        "he",
        "she",
        "we",
        "they",
        "you",
        "there",
        "all",
        "some",
    }
    return text[0].lower() + text[1:] if first.lower() in plain else text
