"""Say the opposite: take a negation out of an English sentence, or put one in."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np

from semascope.ops.english import AUXILIARIES, COMMANDS, THIRDS, Word, capitalised, found, listed, replaced, third

_QUOTE = r"(?:['’]|\s?#39;)"
# "not only", "not necessarily", "not yet" and the like say something else than no.
_KEEPS = (
    r"(?!\s+(?:only|just|merely|necessarily|even|yet|simply|so|that|all|every|always|quite|entirely|to\b|and|or\b))"
)
_AUX = "is|are|was|were|am|has|have|had|can|could|will|would|shall|should|must|may|might"
_NEGATIVE = re.compile(
    rf"\b(?:not|no|never|none|nobody|nothing|neither|nor|cannot|without|hardly|rarely|seldom|unless|nowhere|except|non|few|little"
    rf"|refus\w+|fail\w*|den(?:y|ies|ied)|lacks?)\b|n{_QUOTE}t\b",
    re.I,
)
_SHORT = {"ca": "can", "wo": "will", "sha": "shall"}
# Past forms that are not participles too, so that they can only be the verb of their clause, and what they come from.
_PAST = {
    "went": "go", "took": "take", "gave": "give", "saw": "see", "began": "begin", "fell": "fall", "rose": "rise",
    "wrote": "write", "spoke": "speak", "broke": "break", "chose": "choose", "drove": "drive", "ate": "eat", "flew": "fly",
    "grew": "grow", "knew": "know", "threw": "throw", "drew": "draw", "wore": "wear", "ran": "run", "sang": "sing",
    "came": "come", "became": "become", "swam": "swim", "said": "say", "sold": "sell", "lent": "lend", "showed": "show",
    "carried": "carry", "announced": "announce", "posted": "post", "agreed": "agree", "launched": "launch", "won": "win",
    "beat": "beat", "led": "lead", "lost": "lose", "met": "meet",
}  # fmt: skip
_STRONG = frozenset([*list(_PAST)[:23], "said"])
_ASKS = frozenset(listed("what how where why when as whether"))
# After these a "not" says nothing, or would have to stand elsewhere.
_UNFIT = frozenset(listed("also either neither only just already both too ever hardly rarely it he she they we you i there this that not any mostly unlikely impossible unable"))  # fmt: skip
_PARTICIPLES = frozenset(
    listed("""been had made done gone seen taken given shown known become begun come found held kept left lost met paid put read run
    said sent set sold told thought won built bought brought cut fallen risen grown led hit""")
)


def negated(text: str, rng: np.random.Generator) -> str | None:
    """The sentence that says the opposite, or None where no safe edit is known.

    A sentence that holds a negative word loses it, or is left alone; any other gets one. Questions are left alone.

    Args:
        text: One English sentence.
        rng: Chooses where several edits are possible.
    """
    if text.rstrip("\"') ").endswith("?"):
        return None
    if _NEGATIVE.search(text):
        return _without(text)
    ways = [new for new in (_no_subject(text), _command(text, rng), _there(text)) if new] or [
        new for new in (_auxiliary(text, rng), _past(text)) if new
    ][:1]
    return ways[int(rng.integers(len(ways)))] if ways else None


def _without(text: str) -> str | None:
    if len(_NEGATIVE.findall(text)) > 1 or re.search(r"\b(?:any|either|yet|whether|but)\b", text, re.I):
        return None  # two negations, or words that want one: the rest would not read on
    for change in (_first_do_not, _do_not, _aux_not, _short, _other):
        new = change(text)
        if new is not None and new != text:
            return new
    return None


def _first_do_not(text: str) -> str | None:
    match = re.match(rf"(?:Do not|Don{_QUOTE}t|Never)\s+(?=[a-z])", text)
    return capitalised(text[match.end() :]) if match else None


def _do_not(text: str) -> str | None:
    match = re.search(rf"\b(do|does|did)(?:\s+not|n{_QUOTE}t)\b{_KEEPS}\s+([a-z]+)\b", text)
    if not match or match[2].endswith("ly"):
        return None
    verb = {"do": match[2], "does": third(match[2]), "did": f"did {match[2]}"}[match[1]]
    return replaced(text, match.start(), match.end(), verb)


def _aux_not(text: str) -> str | None:
    match = re.search(rf"(?<!\bor )\b({_AUX})\s+not\b{_KEEPS}", text)
    if match:
        return replaced(text, match.start(), match.end(), match[1])
    match = re.search(r"\bcannot\b", text)
    return replaced(text, match.start(), match.end(), "can") if match else None


def _short(text: str) -> str | None:
    match = re.search(rf"\b(is|are|was|were|has|have|had|ca|could|wo|would|sha|should|must)n{_QUOTE}t\b{_KEEPS}", text)
    if not match:
        return None
    return replaced(text, match.start(), match.end(), _SHORT.get(match[1], match[1]))


def _other(text: str) -> str | None:
    for pattern, new in (
        (r"\bno longer\b", "still"),
        (r"\bnever\b(?!\s+(?:again|before|mind|ending))", "always"),
        (r"(?<=\bthere is )no\b|(?<=\bthere was )no\b|(?<=\bthere are )no\b|(?<=\bthere were )no\b", "some"),
        (r"(?<!\bor )(?<!\band )\bno\b(?=\s+(?:[a-z]+\s)?[a-z]{2,}(?<![sui])s\b)", "some"),
        (r"(?<!\bor )\bwithout\b(?=\s+(?!\w+ing\b)[a-z]+\b)(?!\s+(?:it|them|him|which|being|having)\b)", "with"),
    ):  # fmt: skip
        match = re.search(pattern, text, re.I)
        if match:
            return replaced(text, match.start(), match.end(), capitalised(new) if match[0][0].isupper() else new)
    return None


def _no_subject(text: str) -> str | None:
    """From "A man is playing" to "No man is playing"."""
    match = re.match(r"(?:An?|Some)\s+((?:[a-z-]+\s+){1,3}?(?:is|are|was|were|has|have|can)\b)", text)
    if not match or {"of", "and", "with"} & set(match[1].split()):
        return None
    return f"No {match[1]}{text[match.end() :]}"


def _command(text: str, rng: np.random.Generator) -> str | None:
    """From "Return the size" to "Do not return the size"; from "Returns the size" to "Does not return the size"."""
    match = re.match(r"([A-Z][a-z]+)\s+(?=\S)", text)
    if not match or re.match(r"\s*[^\s\w]|(?:is|are|was|were|of|for|and|or|to)\b", text[match.end() :]):
        return None
    verb, rest = match[1].lower(), text[match.end() :]
    # "Test cases for", "Process object": a noun, as no article or name follows
    command = re.match(
        r"(?:an?|the|all|each|every|this|its|true|false|whether|if|up|out|any|some|one|as|in|on|from|with)\b",
        rest,
        re.I,
    )
    if verb in COMMANDS and command:
        start = ("Do not", "Don't", "Never")[int(rng.integers(3))]
        return f"{start} {verb} {rest}"
    if verb in THIRDS and command:
        return f"Does not {THIRDS[verb]} {rest}" if rng.random() < 0.5 else f"Never {verb} {rest}"
    return None


def _there(text: str) -> str | None:
    match = re.search(r"(?<=\bthere )(is|are|was|were) (?:an?|some)(?=\s)", text, re.I)
    return replaced(text, match.start(), match.end(), f"{match[1]} no") if match else None


def _auxiliary(text: str, rng: np.random.Generator) -> str | None:
    """From "is" to "is not" or "isn't" at the first place where it is sure to be the verb."""
    every = found(text)
    for before, word, after in zip(every, every[1:], every[2:], strict=False):
        if _takes_not(text, before, word, after):
            if word.low == "can":
                return replaced(text, word.start, word.stop, "cannot")
            short = word.low in ("is", "are", "was", "were", "has", "have", "had", "could", "would", "should")
            return replaced(
                text, word.start, word.stop, f"{word.text}n't" if short and rng.random() < 0.3 else f"{word.text} not"
            )
    return None


def _takes_not(text: str, before: Word, word: Word, after: Word) -> bool:
    if (
        word.low not in AUXILIARIES
        or word.capital
        or word.low in ("be", "been", "being", "am", "may", "might", "could", "do", "did", "does")
    ):
        return False
    if text[word.stop : after.start] != " " or text[before.stop : word.start] != " ":
        return False
    if before.low in _ASKS or after.low in _UNFIT or (word.low in ("will", "can", "must") and after.capital):
        return False
    if word.low in ("has", "have", "had"):
        return after.low.endswith("ed") or after.low in _PARTICIPLES
    if word.low in ("can", "will", "would", "should", "must", "shall"):
        return (
            after.text.islower()
            and after.low not in ("of", "for", "and", "or", "to")
            and before.low not in ("a", "the", "his", "her")
        )
    return True


def _past(text: str) -> str | None:
    """From "The firm said" to "The firm did not say", for past forms that are sure to be verbs."""
    every = found(text.split(",", maxsplit=1)[0])  # behind a comma, "said Mr X" is not what the sentence says
    for before, word in pairwise(every):
        sure = word.low in _STRONG or before.capital
        if word.text in _PAST and sure and word.stop < len(text) - 1 and text[before.stop : word.start] == " " and before.low not in ("and", "or", "has", "have", "had", "was", "were", "be", "been", "to", "who", "which", "that", "so", "as"):  # fmt: skip
            return replaced(text, word.start, word.stop, f"did not {_PAST[word.text]}")
    return None
