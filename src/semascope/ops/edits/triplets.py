"""Minimal pairs from somebody's own sentences: each with an edit that changes what it says, and edits that leave it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from semascope.errors import InputError
from semascope.ops.door import integer, option
from semascope.ops.door import texts as as_texts
from semascope.ops.edits.antonyms import opposed
from semascope.ops.edits.entities import Entities
from semascope.ops.edits.negation import negated
from semascope.ops.edits.numbers import renumbered
from semascope.ops.edits.order import shuffled
from semascope.ops.edits.roles import turned
from semascope.ops.english import reads, sentences
from semascope.ops.hashes import digest
from semascope.ops.rewording import paraphrases, small_thesaurus, typos
from semascope.ops.words import language, words

KINDS = ("negation", "numbers", "entities", "order", "roles", "antonyms")
_ENGLISH = frozenset({"negation", "roles", "antonyms"})
_SHARE = 0.15  # of a sentence's words that a rewording changes, at most
_ENOUGH = 20_000  # sentences that are looked at, at most

Edit = Callable[[str, np.random.Generator], str | None]


@dataclass(frozen=True)
class Triplet:
    """One sentence, and what was made of it.

    Args:
        kind: Which edit changed it, of KINDS.
        anchor: The sentence.
        changed: The same with the edit, which says something else.
        reworded: In other words that mean the same; "" where none are known.
        misspelt: With a slip of the keyboard; "" where every word is too short.
    """

    kind: str
    anchor: str
    changed: str
    reworded: str
    misspelt: str


def triplets(
    texts: Sequence[str], *, kinds: Sequence[str] = KINDS, most: int = 300, seed: int = 0
) -> dict[str, list[Triplet]]:
    """For each kind, at most so many of the sentences of these texts, edited; those that could be reworded too come first.

    Negation, roles and opposites are English, and looked for in sentences whose little words are English (or of no language that
    is known); numbers and order are of any language, names of those that write them with capitals.

    Args:
        texts: Of any length; what does not read as a sentence is passed over.
        kinds: Which edits, of KINDS.
        most: Sentences of each kind.
        seed: Of the draw, and of every edit.

    Raises:
        InputError: no text holds a sentence of four words or more.
    """
    for kind in kinds:
        option(kind, KINDS, name="kinds")
    integer(most, name="most", least=1)
    integer(seed, name="seed", least=0)
    every = list(dict.fromkeys(one for text in as_texts(texts) for one in sentences(text) if reads(one)))
    if not every:
        raise InputError("texts: want at least one sentence of 4 to 40 words, got none")
    order = np.random.default_rng((seed, 60)).permutation(len(every))
    drawn = [every[int(place)] for place in order[:_ENOUGH]]
    entities = Entities.gathered(drawn)
    edits: dict[str, Edit] = {
        "negation": negated,
        "numbers": renumbered,
        "entities": entities.exchanged,
        "order": shuffled,
        "roles": turned,
        "antonyms": opposed,
    }
    reworded = dict(zip(drawn, paraphrases(drawn, _SHARE, seed, source=small_thesaurus()), strict=True))
    first = [text for text in drawn if reworded[text] != text]
    rest = [text for text in drawn if reworded[text] == text]
    return {kind: _edited(kind, edits[kind], first + rest, reworded, most, seed) for kind in kinds}


def _edited(
    kind: str, edit: Edit, drawn: Sequence[str], reworded: dict[str, str], most: int, seed: int
) -> list[Triplet]:
    found: list[Triplet] = []
    for text in drawn:
        if kind in _ENGLISH and language(words(text)) not in ("en", None):
            continue
        # Of the sentence and the kind alone, so that a sentence is edited alike whatever stands beside it.
        new = edit(text, np.random.default_rng((seed, int(digest(kind, text)[:12], 16))))
        if new is None or new == text:
            continue
        slip = typos([text], 0.01, seed)[0]
        found.append(
            Triplet(kind, text, new, reworded[text] if reworded[text] != text else "", slip if slip != text else "")
        )
        if len(found) == most:
            break
    return found
