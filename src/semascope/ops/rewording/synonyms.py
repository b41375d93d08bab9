"""Words in place of words that mean the same, in the same form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from semascope.ops.door import integer
from semascope.ops.english import article
from semascope.ops.rewording.forms import Form, analyses, inflected
from semascope.ops.rewording.phrases import phrases
from semascope.ops.rewording.spots import exchanged, fraction, reworded, spots
from semascope.ops.rewording.thesaurus import Thesaurus, thesaurus
from semascope.ops.words import LITTLE


def synonyms(
    texts: Sequence[str],
    share: float = 0.3,
    seed: int = 0,
    *,
    senses: int = 1,
    spare: bool = True,
    source: Thesaurus | None = None,
) -> list[str]:
    """Texts with some of their words exchanged for a synonym in the same form ("cars" for "automobiles"). English.

    Args:
        texts: Any.
        share: Of the words of each text, from 0 to 1, that are exchanged at most; fewer words have a synonym.
        seed: What is drawn with.
        senses: The most meanings that a word may have, over all parts of speech, to be exchanged. Of a word with several, the
            first meaning of its commonest part of speech is taken, and now and then it is not the one that was meant.
        spare: Whether words written as names stay as they are. Numbers always do.
        source: Where synonyms come from: None is a small list of sure ones, and WordNet where it is installed.

    Raises:
        OptionError: `share` is no share, or `senses` below 1.
    """
    fraction(share, "share")
    integer(senses, name="senses", least=1)
    known = thesaurus() if source is None else source

    def change(text: str, rng: np.random.Generator) -> str:
        every = spots(text, spare=spare)
        most = max(1, round(share * len(every))) if share > 0 else 0
        there = {text[start:stop].lower() for start, stop in every}  # a word put in beside itself would say it twice
        done: list[tuple[int, int, str]] = []
        for at in rng.permutation(len(every)):
            if len(done) >= most:
                break
            start, stop = every[int(at)]
            new = _synonym(text[start:stop], known, senses, rng)
            if new is not None and new.lower() not in there:
                done.append((start, stop, new))
        articles = (article(text, start, new) for start, _, new in done)
        return exchanged(text, [*done, *(one for one in articles if one is not None)])

    return reworded(texts, seed, change, "synonyms")


def paraphrases(
    texts: Sequence[str], share: float = 0.3, seed: int = 0, *, source: Thesaurus | None = None
) -> list[str]:
    """Texts in other words that mean the same: other small words and order of clauses, then synonyms.

    Args:
        texts: Any; English is what is known.
        share: Of the words of each text, at most, that are exchanged for a synonym; and of the places for a turn of phrase.
        seed: What is drawn with.
        source: As for `synonyms`.
    """
    return synonyms(phrases(texts, share, seed), share, seed, source=source)


def _synonym(word: str, known: Thesaurus, senses: int, rng: np.random.Generator) -> str | None:
    """A synonym in the form and case of the word; None where it has none that is sure."""
    if len(word) < 3 or word.lower() in LITTLE["en"] or not word.isascii() or not word.isalpha():
        return None
    if word[1:] != word[1:].lower():  # an acronym, or mixed case
        return None
    choices = _choices(word.lower(), known, senses)
    if not choices:
        return None
    # The first of a meaning's words is the commonest; the further down, the rarer.
    chosen = choices[min(int(rng.geometric(0.5)) - 1, len(choices) - 1)]
    return chosen[0].upper() + chosen[1:] if word[0].isupper() else chosen


@lru_cache(maxsize=65536)
def _choices(word: str, known: Thesaurus, senses: int) -> tuple[str, ...]:
    """Synonyms of a word in lower case, in its form, of the one meaning that is taken for meant."""
    found = analyses(word, known.meanings, known.bases)
    found = [one for one in found if (one.part, one.base) in known.sure] or found
    if not 1 <= sum(len(known.meanings[one.part, one.base]) for one in found) <= senses:
        return ()
    best: Form = max(found, key=lambda one: len(known.meanings[one.part, one.base]))
    own = known.of(known.meanings[best.part, best.base][0])
    if best.base not in own:  # the meaning is that of a name, which is written with a capital
        return ()
    forms = (
        inflected(best.part, other, best.form, known.forms)
        for other in own
        if other != best.base and re.fullmatch("[a-z]{2,}( [a-z]{2,})?", other)
    )
    return tuple(form for form in forms if form is not None and form != word)
