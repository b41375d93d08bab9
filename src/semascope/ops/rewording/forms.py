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
        return (
            None
            if len(re.findall(r"[aeiouy]+", base)) > 1
            else re.sub("e$", "", base) + form.replace("more", "er").replace("most", "est")
        )
    return _regular(base, form)


def _regular(base: str, form: str) -> str:
    y = bool(re.search(r"[^aeiou]y$", base))
    if form in ("plural", "third"):
        return base[:-1] + "ies" if y else base + ("es" if re.search(r"(s|x|z|ch|sh)$", base) else "s")
    if form == "past":
        return base[:-1] + "ied" if y else base + ("d" if base.endswith("e") else "ed")
    if base.endswith("ie"):
        return base[:-2] + "ying"
    return (base[:-1] if base.endswith("e") and not base.endswith(("ee", "oe", "ye")) else base) + "ing"
