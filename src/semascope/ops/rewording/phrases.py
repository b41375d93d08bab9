"""Other small words, and clauses in another order, that leave the meaning as it is. English."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from semascope.ops.english import (
    ABBREVIATED,
    BE,
    CLAUSE,
    DETERMINERS,
    LITTLE,
    MODALS,
    PREPOSITIONS,
    THIRDS,
    capitalised,
    listed,
    lowered,
)
from semascope.ops.rewording.spots import exchanged, fraction, reworded

# Each side may stand for the other.
_BOTH = """do not|don't;does not|doesn't;did not|didn't;is not|isn't;are not|aren't;was not|wasn't;were not|weren't;
    cannot|can't;will not|won't;would not|wouldn't;should not|shouldn't;could not|couldn't;has not|hasn't;have not|haven't;
    for example|for instance;each of the|every one of the;all the|all of the;in order to|so as to;because of|owing to;
    a large number of|a great many;at the moment|at present;even though|although;in addition|besides;in spite of|despite;
    in case|in the event that;instead of|in place of;with the help of|by means of;until|till;upon|on;at no cost|for free;
    again and again|repeatedly;right away|immediately;a lot of|plenty of;more or less|roughly;with respect to|with regard to"""
# Only the first may become the second.
_ONE = """in order to|to;due to|because of;due to the fact that|because;at this point in time|now;both of the|both the;
    the majority of|most of;prior to|before;subsequent to|after;in the vicinity of|near;in the course of|during;
    it is possible that|perhaps;is able to|can;are able to|can;such as|like;a few|some;
    as a result of|because of;whilst|while;amongst|among;towards|toward;per cent|percent"""
# The second of a pair that says other things too.
_WEAK = {"on", "roughly", "repeatedly", "immediately", "besides", "for free"}
# Where a turn is something else, by the text before it and the text behind it.
_SHORT = r"^\s+(?:i|he|she|it|we|you|they|this|that|there)\b"
_BEFORE = {
    "due to": r"\b(?:is|are|was|were|be|been|being|not|only|partly)$", "a few": r"\b(?:quite|only|just|every|but|not|very|last|first)$",
    "a lot of": r"\b(?:quite|not|whole)$", "plenty of": r"\b(?:quite|not)$", "upon": r"\bonce$", "such as": r"\bno$",
    "in case": r"\b(?:just|only)$", "although": r"\beven$", "perhaps": r"\bif$", "it is possible that": r"\b(?:if|whether|because|when)$",
    "in addition": r"[a-z]$", "is able to": r"\b(?:if|as|nobody|none|neither)$", "all the": r"\b(?:not|nearly|for|of|after)$",
    "at the moment": r"\bonly$", "as a result of": r"\b(?:is|are|was|were|only|not)$",
}  # fmt: skip
_BEHIND = {
    "in addition": r"^\s+to\b", "in case": r"^(?!\s+(?:the|a|an|it|you|they|this|that|there|we|he|she)\b)",
    "at the moment": r"^\s+(?:of|when|that|it|the)\b", "all the": r"^\s+(?:same|more|better|while|way|time|rest)\b",
    "the majority of": r"^(?!\s+(?:the|these|those|its|their|our|them)\b)", "such as": r"^\s+(?:to|is|was)\b",
    "due to": r"^\s+(?:be|the fact)\b", "prior to": r"^\s+(?:being)\b", "upon": r"^\s*[.,;)]", "all of the": r"^\s+above\b",
    **dict.fromkeys(("don't", "doesn't", "didn't", "isn't", "aren't", "wasn't", "weren't", "can't", "won't", "wouldn't", "shouldn't",
                     "couldn't", "hasn't", "haven't"), _SHORT),
}  # fmt: skip
_CLAUSES = "if|when|because|although|unless|while|once|before|after|since"
# "If a, b." and "B if a.", where both are plain: no further comma, no mark inside, and a mark that ends the sentence behind.
_PLAIN = r"[^\s,.;:!?()\[\]{}<>=|\\*_/][^,.;:!?()\[\]{}<>=|\\*_/\n]*"
_LEFT, _RIGHT = r"(?:(?<=^)|(?<=[.!?]\s))", r"(?<!\s)(?=[.!](?:\s|$))"
_FRONT = re.compile(rf"{_LEFT}((?:{'|'.join(map(capitalised, _CLAUSES.split('|')))})) ({_PLAIN}), ({_PLAIN}){_RIGHT}")
_BACK = re.compile(rf"{_LEFT}([A-Z]{_PLAIN}) ({_CLAUSES}) ({_PLAIN}){_RIGHT}")
# Main clauses that begin with a word for somebody or something of which it is not known that it is no name.
_BEGINS = frozenset(listed("the a an this that these those it he she we they you there all some"))
# Words that hold a clause fast where it is, behind them; and that would mean something else elsewhere, wherever they stand.
_HOLD = frozenset(
    listed("""even as than not until till ever long soon days times moment moments point case cases time times way check checks
    checked checking see sees tell tells test tests determine determines determined indicate indicates indicating decide decides know knows
    known verify verifies verified ask asks say says said happens happen day year years later shortly immediately right well much
    seconds minutes hours exactly about like depending specifies specifying specify controls controlling wonder sure especially
    particularly unclear what""")
)  # fmt: skip
_LIMITS = frozenset(listed("only just even merely solely except either neither both then else otherwise also instead"))
_BACKWARD = frozenset(listed("it its they their them he his she her him this that these those such so not"))
_BACK_AT = frozenset(listed("it its they them their itself themselves"))
_VERBS = BE | MODALS | frozenset(listed("has have had do does did")) | THIRDS.keys()
_NEGATIVE = re.compile(r"\b(?:not|never|no|cannot|nothing|none|nobody)\b|n't\b")


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
    found = [
        (*match.span(), _like(_TURNS[match[0].lower()], match[0]))
        for match in _TURN.finditer(text)
        if _meant(text, match)
    ]
    found += [
        (*m.span(), f"{capitalised(m[3])} {m[1].lower()} {m[2]}")
        for m in _FRONT.finditer(text)
        if _whole(text, m) and _free(m[1].lower(), m[3], m[2]) and _forward(m[3])
    ]
    found += [
        (*m.span(), f"{capitalised(m[2])} {m[3]}, {lowered(m[1])}")
        for m in _BACK.finditer(text)
        if _whole(text, m) and _free(m[2], m[1], m[3]) and _first(m[1]) in _BEGINS and _own(m[2], m[1], m[3])
    ]
    return found


def _meant(text: str, match: re.Match[str]) -> bool:
    """Whether a turn of phrase is one there, and not a piece of something else."""
    turn = match[0].lower()
    if match[0] not in (turn, capitalised(turn)):
        return False
    before, behind = text[: match.start()].rstrip(" "), text[match.end() :]
    if turn in ("for example", "for instance"):
        return before.endswith(",") or behind.startswith(",")
    if turn in _BEFORE and re.search(_BEFORE[turn], before[-24:], re.IGNORECASE):
        return False
    return not (turn in _BEHIND and re.search(_BEHIND[turn], behind, re.IGNORECASE))


def _whole(text: str, match: re.Match[str]) -> bool:
    """Whether the sentence ends there, and no side has one half of a pair of quotes."""
    pairs = all(part.count(mark) % 2 == 0 for part in match.groups() for mark in ('"', "`", " '"))
    return pairs and not ABBREVIATED.search(text[match.start() : match.end() + 1])


def _free(joined: str, main: str, clause: str) -> bool:
    """Whether a clause belongs to the whole of its main clause, so that it can stand before or behind it."""
    words, others = main.lower().split(), clause.lower().split()
    if set(words) & (CLAUSE | _LIMITS) or set(others) & ((CLAUSE - {"and", "or"}) | {"then", "else", "otherwise"}):
        return False
    if others[0] in ("and", "or", "so", "not", "any", "according") or {"and", "or"} & {words[-1], others[-1]}:
        return False
    # "if a is and b is": what is behind "and" may belong to the main clause
    joins = [at for at, word in enumerate(others[:-1]) if word in ("and", "or")]
    if any(set(others[at + 1 : at + 5]) & _VERBS for at in joins):
        return False
    return not (joined in ("because", "unless", "since") and _NEGATIVE.search(main))


def _forward(main: str) -> bool:
    """Whether a main clause can begin a sentence: it points back at nothing, and its first word is no name in small letters ("dt")."""
    first, *others = main.lower().split()
    word = re.fullmatch("[a-z'-]*[aeiouy][a-z'-]*", first) and (len(first) > 2 or first in LITTLE)
    return bool(word) and first not in _BACKWARD and not set(others) & _BACK_AT


def _own(joined: str, main: str, clause: str) -> bool:
    """Whether what stands before is a sentence of its own, and what stands behind a clause, by their verbs."""
    words, others = main.lower().split(), set(clause.lower().split())
    if words[-1] in _HOLD or words[-1] in PREPOSITIONS or words[-1] in DETERMINERS or words[-1] in BE | MODALS:
        return False
    verb = bool(set(words) & _VERBS) or words[0] in ("it", "he", "she", "we", "they", "you") or "n't" in main
    if joined in ("because", "although"):
        return verb or any(word.endswith("ed") for word in words)
    return verb and (joined not in ("before", "after", "since", "once") or bool(others & _VERBS))


def _first(text: str) -> str:
    return text.split(" ", 1)[0].lower()


def _like(new: str, old: str) -> str:
    return capitalised(new) if old[0].isupper() else new
