"""The texts that tasks are made of: a sample of the documents, in sentences, without titles, boilerplate and near-duplicates."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from semascope.corpus import Document, as_corpus
from semascope.errors import InputError
from semascope.ops.near_duplicates import apart, bags_of, evened, rare_words, verified
from semascope.ops.words import words
from semascope.subject.sampling import Even

ALIKE = 0.8  # share of two texts' words that both have, from which one of them is left out
OFTEN = 3  # documents that a sentence stands in for it to be boilerplate
_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n\s*\n")
_LETTERS = 0.8  # of a sentence's characters that are letters or white space, for it to be no code and no table


@dataclass(frozen=True)
class Piece:
    """A document as tasks see it.

    Args:
        id: Of the document, made unique.
        title: Empty where it has none.
        sentences: Of its text, without the title and without what stands in many documents.
    """

    id: str
    title: str
    sentences: tuple[str, ...]

    @property
    def body(self) -> str:
        """Its sentences as one text."""
        return " ".join(self.sentences)


def read(source: Any, most: int, seed: int) -> tuple[list[Piece], str]:
    """At most so many documents, drawn evenly, and what was done to them, in words.

    Raises:
        InputError: nothing is left of them.
    """
    sample = Even(most, seed)
    drawn = sample.of(_documents(source))
    if not drawn:
        raise InputError("documents: want at least one with text, got none")
    bodies = [_split(_without_title(document)) for document in drawn]
    # Copies first: what stands in three copies of one document is no boilerplate.
    single = distinct([" ".join(body) for body in bodies])
    times = Counter(key for at in single for key in {_key(sentence) for sentence in bodies[at]})
    often = {key for key, count in times.items() if count >= OFTEN}
    pieces: list[Piece] = []
    taken: set[str] = set()
    for at in single:
        document = drawn[at]
        # Each once: a sentence that comes back in its own document would stand in the question and in the answer.
        left = tuple(dict.fromkeys(sentence for sentence in bodies[at] if _key(sentence) not in often))
        if left:
            name = document.id if document.id not in taken else f"{document.id} (row {at + 1})"
            taken.add(name)
            pieces.append(Piece(name, " ".join(document.title.split()), left))
    own = [pieces[place] for place in distinct([piece.body for piece in pieces])]
    if not own:
        raise InputError(f"documents: want some with text of their own, got {len(drawn)} that say the same")
    near = len(drawn) - len(single) + len(pieces) - len(own)
    return own, _said(sample.seen, len(drawn), len(single) - len(pieces), near, len(often))


def _documents(source: Any) -> Iterable[Document]:
    """Those with text of their own kind: a title alone is no text."""
    return (document for document in as_corpus(source) if document.text.strip())


def _said(seen: int, drawn: int, empty: int, near: int, often: int) -> str:
    said = f"{drawn:,} of {seen:,} documents, drawn evenly" if drawn < seen else f"all {seen:,} documents"
    if often:
        said += f"; sentences that stand in {OFTEN} of them or more left out ({often:,})"
    if empty:
        said += f"; documents without text of their own left out ({empty:,})"
    return said + (f"; near-duplicates left out ({near:,})" if near else "")


def _without_title(document: Document) -> str:
    """The text without its title: everywhere where that is several words, at the beginning where it is one."""
    parts = document.title.split()
    if not parts:
        return document.text
    title = r"\s+".join(map(re.escape, parts))
    if len(parts) == 1:
        return re.sub(rf"\A\s*{title}(?!\w)[\s:.#=-]*", "", document.text, flags=re.IGNORECASE)
    return re.sub(rf"(?<!\w){title}(?!\w)", " ", document.text, flags=re.IGNORECASE)


def _split(text: str) -> list[str]:
    """Its sentences, white space evened out; what has no letter or digit is left out."""
    return [" ".join(part.split()) for part in _END.split(text) if re.search(r"\w", part)]


def _key(sentence: str) -> str:
    """What two sentences have in common that differ in numbers, marks and case alone."""
    return re.sub(r"[\W\d_]+", " ", sentence.casefold()).strip() or sentence


def plain(sentence: str, least: int = 5, most: int = 40) -> bool:
    """Whether it is a sentence of words, not too short and not too long."""
    if sum(c.isalpha() or c.isspace() for c in sentence) < _LETTERS * len(sentence):
        return False
    return least <= len(words(sentence)) <= most


def distinct(texts: Sequence[str]) -> list[int]:
    """Places of texts of which no two are nearly the same, the first of those that are kept, in order."""
    bags = bags_of([evened(text) for text in texts])
    if not len(bags.rows):
        return []
    gone: set[int] = set()
    pairs = [
        found
        for some in apart(rare_words(bags, ALIKE), np.arange(len(bags.rows)))
        for found in zip(*(side.tolist() for side in verified(bags, some, ALIKE)[0]), strict=True)
    ]
    for one, other in sorted((min(p), max(p)) for p in pairs):
        if one not in gone:
            gone.add(other)
    return sorted(rows[0] for at, rows in enumerate(bags.rows) if at not in gone)
