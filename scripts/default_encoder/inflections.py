"""Forms of English words: -ing and the plural."""

from __future__ import annotations

import re

from semascope.ops.wordnet import WordNet


def ing(wordnet: WordNet, verb: str) -> str:
    """The -ing form of a verb."""
    first, _, rest = verb.partition(" ")
    for form in wordnet.irregular["verb"].get(first, []):
        if form.endswith("ing"):
            break
    else:
        if first.endswith("ie"):
            form = first[:-2] + "ying"
        elif first.endswith("e") and not first.endswith(("ee", "oe", "ye")):
            form = first[:-1] + "ing"
        else:
            form = first + "ing"
    return f"{form} {rest}".strip()


def plural(wordnet: WordNet, noun: str) -> str:
    """The plural of a noun."""
    for form in wordnet.irregular["noun"].get(noun, []):
        return form
    if re.search(r"(s|x|z|ch|sh)$", noun):
        return noun + "es"
    if re.search(r"[^aeiou]y$", noun):
        return noun[:-1] + "ies"
    return noun + "s"
