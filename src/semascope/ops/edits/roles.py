"""Who does what to whom, turned round: the same words, but subject and object (or from and to, more and less) exchanged. English."""

from __future__ import annotations

import re

import numpy as np

from semascope.ops.english import (
    CLAUSE,
    DETERMINERS,
    LITTLE,
    NUMBERS,
    PREPOSITIONS,
    capitalised,
    listed,
    lowered,
    third,
)

_NAME = r"[A-Z]\w*(?: [A-Z]\w*){0,2}"
_DET = r"(?:an?|the|this|some|two|three|four|five)"  # no "his": it would stand before whom it is of
_WORDS = r"(?: [a-z][\w-]*){1,3}?"
_NOUN = rf"(?:{_DET}{_WORDS}|{_NAME})"
_START = rf"(?:(?i:{_DET}){_WORDS}|{_NAME})"
_STOP = rf"(?=[.,;:!?)]|$| (?:{'|'.join(sorted(PREPOSITIONS | CLAUSE))})\b| [a-z]+ly\b)"
# Verbs that take a person, firm or country on either side.
_DOES = (
    "beat|beats|defeat|defeats|defeated|sued|sues|accused|accuses|attacked|attacks|killed|kills|bought|buys|acquired|"
    "acquires|chased|chases|followed|follows|replaced|replaces|criticized|criticised|blamed|blames|helped|helps|"
    "warned|warns|urged|urges|told|tells|asked|asks|saw|sees|called|calls|overtook|challenged|challenges|edged|routed|"
    "contains|contain|includes|precedes|follows|extends|overrides|wraps|inherits|calls|invokes|imports"
)
_GIVES = "sold|sells|gave|gives|sent|sends|lent|lends|showed|shows|carried|carries|paid|pays|handed|passed|offered|brought|wrote|read|lost"
# What two do to each other: it says the same either way.
_MUTUAL = (
    "fight|kiss|hugg?|embrac|meet|met|dat|marry|marri|fac|join|touch|resembl|equal|match|accompany|accompani|multiply|multipli|"
    "combin|compar|connect|border|neighbour|oppos|match|mixx?|wrestl|box|battl|danc|talk|chatt"
)
# Before "from a to b" where it is a span, which is the same from either end.
_NO_RANGE = "".join(
    rf"(?<!\b{word} )"
    for word in listed("range ranges ranging ranged vary varies varying varied anything everything distance anywhere")
)
_PATTERNS = (
    # "from X to Y", "between" is symmetric and left alone
    re.compile(
        rf"\b(?P<l>{_NO_RANGE}from )(?P<a>{_NOUN}|[a-z][\w-]*)(?P<m> (?:to|into) )(?P<b>{_NOUN}|[a-z][\w-]*){_STOP}"
    ),
    # "X gave ... to Y"
    re.compile(rf"^(?P<a>{_NAME})(?P<m> (?:has |had )?(?:{_GIVES}) [^.;:,]*? to )(?P<b>{_NAME}){_STOP}"),
    # "A dog is chasing a cat"
    re.compile(
        rf"^(?P<a>{_START})(?P<m> (?:is|are|was|were|has been) (?!(?:{_MUTUAL})ing )[a-z]+ing )(?P<b>{_NOUN}){_STOP}"
    ),
    # "X beat Y"
    re.compile(rf"^(?P<a>{_START})(?P<m> (?:has |have |had |will |can )?(?:{_DOES}) )(?P<b>{_NOUN}){_STOP}"),
    # "X was sold by Y"
    re.compile(
        rf"^(?P<a>{_START})(?P<m> (?:is|are|was|were|is being|has been) (?!(?:{_MUTUAL})(?:ed|en|t) )[a-z]+(?:ed|en|ld|lt|nt|ght|de) by )(?P<b>{_NOUN}){_STOP}"
    ),
    # "X is bigger than Y"
    re.compile(
        rf"(?:^|(?<= if ))(?P<a>{_START}|[a-z]\w*)(?P<m> (?:is|are|was|were) (?:(?:more|less) [a-z]+|(?!(?:oth|rath|nev|ev|eith)er )[a-z]+er) than )(?P<b>{_NOUN}|[a-z]\w*){_STOP}"
    ),
)
# Commands that take two things, which can stand in each other's place. Not those that say the same either way: "add", "compare",
# "combine", "multiply", "connect".
_COMMANDS = {
    "to|into": "convert copy translate transform map append write send attach assign cast encode decode save bind pass",
    "from": "create construct make build extract remove load read get subtract delete derive compute generate",
    "with": "replace fill", "before|after": "insert", "by": "divide",
}  # fmt: skip
_OBJECT = rf"(?:{_NOUN}|[a-z]+)"
_COMMANDED = tuple(
    re.compile(
        rf"^(?P<l>(?:{'|'.join(form.capitalize() for verb in verbs.split() for form in (verb, third(verb)))}) )"
        rf"(?P<a>{_OBJECT})(?P<m> (?:{joins}) )(?P<b>{_OBJECT}){_STOP}"
    )
    for joins, verbs in _COMMANDS.items()
)
# What shows, behind the second, that it goes on: "the test, the example and ...", "a list of ...", "a black, old ...", "do a make up".
_GOES_ON = re.compile(r" ?,? ?\b(?:and|or|of|up)\b|, (?:an?|the|(?:[a-z]+ )?[a-z]+(?<!ing),)")
# In commands other prepositions tell more of it too: "from the data in a file"; and "from first to last" is a stretch.
_BELONGS = re.compile(r" ?,? ?\b(?:and|or|of|in|for|with|on|at|to|containing|up)\b|, (?:an?|the)\b")
# Words that no phrase may hold: it would not be the whole of what is exchanged.
_OPEN = LITTLE | frozenset(
    listed("otherwise due attached associated corresponding multiplied used called initial order itself ago")
)


# Ends of words that are no nouns, or hardly ever; nouns that end so.
_ENDS = ("ly", "ed", "ing")
_NOUNS = frozenset(
    listed("string king ring thing wing spring building meeting mapping setting painting warning ceiling bed seed")
)


def turned(text: str, rng: np.random.Generator | None = None) -> str | None:
    """The sentence with its two parties exchanged, or None where no safe pattern fits.

    "Anna sold bread to Ben" gives "Ben sold bread to Anna"; "convert a string to a number" the way back; "X beat Y", "a dog is
    chasing a cat", "A is larger than B" likewise. Nothing is parsed: a sentence is turned where its form leaves no doubt.

    Args:
        text: One English sentence.
        rng: Not needed; there is one way.
    """
    del rng
    for pattern in (*_PATTERNS, *_COMMANDED):
        match = pattern.search(text)
        behind = text[match.end() :] if match else ""
        if (
            match
            and _fits(match["a"], match["b"])
            and not (_GOES_ON if pattern in _PATTERNS else _BELONGS).match(behind)
        ):
            return _swapped(text, match)
    return None


def _fits(a: str, b: str) -> bool:
    """Whether two phrases can stand in each other's place: both of one or both of several, different, and whole."""
    if a.lower() == b.lower() or _several(a) != _several(b):
        return False
    return all(
        inner and not set(inner) & _OPEN and (inner[-1] in _NOUNS or not inner[-1].endswith(_ENDS))
        for inner in (_inner(a), _inner(b))
    )


def _inner(phrase: str) -> list[str]:
    words = phrase.lower().split()
    return words[1:] if words[0] in DETERMINERS or words[0] in NUMBERS else words


def _several(phrase: str) -> bool:
    words = phrase.lower().split()
    if words[0] in NUMBERS:
        return True
    if words[0] in ("a", "an", "this") or (words[0] not in DETERMINERS and phrase[0].isupper()):
        return False
    return words[-1] in ("people", "men", "women", "children", "police") or (
        words[-1].endswith("s") and not words[-1].endswith(("ss", "us", "is"))
    )


def _swapped(text: str, match: re.Match[str]) -> str:
    a, b = match["a"], match["b"]
    if match.start("a") == 0:
        name = (
            re.fullmatch(_NAME, a)
            and a.split()[0].lower() not in DETERMINERS
            and (b[0].isupper() or b.split()[0] in DETERMINERS)
        )
        a, b = (a if name else lowered(a)), capitalised(b)
    return text[: match.start("a")] + b + text[match.end("a") : match.start("b")] + a + text[match.end("b") :]
