"""The forms of English words: from a form to the words it may be of, and from a word to the same form of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

# (ending of the form, ending of the base, name of the form), as WordNet's own morphological rules have it.
_ENDINGS: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "noun": tuple(
        (f, b, "plural") for f, b in (("ies", "y"), ("ses", "s"), ("xes", "x"), ("zes", "z"), ("ches", "ch"),
                                      ("shes", "sh"), ("s", ""))
    ),
    "verb": (
        *((f, b, "third") for f, b in (("ies", "y"), ("es", "e"), ("es", ""), ("s", ""))),
        *((f, b, "past") for f, b in (("ied", "y"), ("ed", "e"), ("ed", ""))),
        *((f, b, "ing") for f, b in (("ing", "e"), ("ing", ""))),
    ),
    "adj": (("er", "", "more"), ("er", "e", "more"), ("est", "", "most"), ("est", "e", "most")),
    "adv": (),
}  # fmt: skip

# Verbs of several syllables with the stress on the last, or that double their last consonant without it; and ends without stress.
_STRESSED = re.compile(
    r"(?<!li)(?<!vo)mit$|(?<!f)fer$|cur$|[mp]pel$|(?:re|ex|dis|pro)pel$|^(?:abet|abhor|acquit|allot|annul|begin|debug|deter|equip|"
    r"excel|forbid|forget|format|handicap|inter|kidnap|mimic|overlap|panic|picnic|patrol|control|program|rebel|rebut|regret|reset|traffic|upset|unplug|unwrap|"
    r"unzip|worship|zigzag)$"
)
_UNSTRESSED = re.compile(r"(?:[eo]n|er|or|om|op|it|[gkv]et|al|el|il|ol)$")
# Verbs whose past is the verb itself.
_UNCHANGED = frozenset(
    [
        "bet",
        "bid",
        "broadcast",
        "burst",
        "cast",
        "cost",
        "cut",
        "forecast",
        "hit",
        "hurt",
        "input",
        "let",
        "output",
        "put",
        "quit",
        "read",
        "reset",
        "rid",
        "set",
        "shed",
        "shut",
        "split",
        "spread",
        "thrust",
        "upset",
    ]
)


class Form(NamedTuple):
    """A word as it stands: its part of speech, its base, and which form of it this is ("" for the base itself)."""

    part: str
    base: str
    form: str


def analyses(
    word: str, known: Mapping[tuple[str, str], object], irregular: Mapping[str, Mapping[str, str]]
) -> list[Form]:
    """Every base that a word in lower case may be a form of.

    Args:
        word: In lower case.
        known: The (part, base) that there are.
        irregular: By part of speech, forms and the base of each.
    """
    found = [Form(part, word, "") for part in _ENDINGS if (part, word) in known]
    for part, endings in _ENDINGS.items():
        base = irregular.get(part, {}).get(word)
        if base is not None:
            found.append(Form(part, base, _named(part, word)))
            continue
        for ending, instead, form in endings:
            stem = word[: -len(ending)] + instead
            if word.endswith(ending) and len(stem) > 2 and (part, stem) in known:
                found.append(Form(part, stem, form))
                break
    return [one for one in dict.fromkeys(found) if (one.part, one.base) in known]


def _named(part: str, word: str) -> str:
    if part == "noun":
        return "plural"
    if part == "verb":
        return "ing" if word.endswith("ing") else "third" if word.endswith("s") else "past"
    return "most" if word.endswith("est") else "more"


def inflected(part: str, base: str, form: str, irregular: Mapping[str, Mapping[str, tuple[str, ...]]]) -> str | None:
    """That form of a word or phrase; None where it cannot be told, as where past and participle differ.

    Args:
        part: Of speech.
        base: In lower case; of a phrase the first word of a verb is inflected, and the last of a noun.
        form: "", "plural", "third", "past", "ing", "more" or "most".
        irregular: By part of speech, bases and their irregular forms.
    """
    if not form:
        return base
    if " " in base:
        if part not in ("noun", "verb"):
            return None
        head, tail = base.split(" ", 1) if part == "verb" else base.rsplit(" ", 1)
        new = inflected(part, head if part == "verb" else tail, form, irregular)
        return None if new is None else f"{new} {tail}" if part == "verb" else f"{head} {new}"
    own = [one for one in irregular.get(part, {}).get(base, ()) if _named(part, one) == form]
    if own:
        return own[0] if len(own) == 1 else None
    if form in ("more", "most"):
        return _compared(base, "er" if form == "more" else "est")
    if part == "verb" and form == "past" and base in _UNCHANGED:
        return base
    return _regular(base, form)


def _compared(base: str, ending: str) -> str | None:
    """As in "bigger", "drier", "larger"; None for words of several syllables, of which most take "more"."""
    stem = base.removesuffix("e")
    if len(re.findall(r"[aeiouy]+", stem)) > 1:
        return None
    if re.search(r"[^aeiou]y$", base):
        return base[:-1] + "i" + ending
    stem = stem if stem != base else _stem(base)
    return None if stem is None else stem + ending


def _regular(base: str, form: str) -> str | None:
    y = bool(re.search(r"[^aeiou]y$", base))
    if form in ("plural", "third"):
        hissing = re.search(r"(s|x|z|ch|sh)$", base) or (form == "third" and re.search(r"[^aeiou]o$", base))
        return base[:-1] + "ies" if y else base + ("es" if hissing else "s")
    stem = _stem(base)
    if stem is None:
        return None
    if form == "past":
        return base[:-1] + "ied" if y else stem + ("d" if base.endswith("e") else "ed")
    if base.endswith("ie"):
        return base[:-2] + "ying"
    return (base[:-1] if base.endswith("e") and not base.endswith(("ee", "oe", "ye")) else stem) + "ing"


def _stem(base: str) -> str | None:
    """What "-ed", "-ing" and "-er" are put to: the last consonant is doubled behind one stressed vowel; None where the stress is not known."""
    if not re.search(r"(?:^|[^aeiou]|qu)[aeiouy][bcdfgklmnprstvz]$", base) or len(base) < 3:
        return base
    twice = base + ("k" if base.endswith("c") else base[-1])
    if len(re.findall(r"[aeiouy]+", base.replace("qu", "q"))) == 1 or re.search(_STRESSED, base):
        return twice
    return base if re.search(_UNSTRESSED, base) else None
