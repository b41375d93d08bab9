"""Retrieval tasks made of a corpus: each asks for the text that another one came from, or came with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from semascope.errors import OptionError
from semascope.ops import integer
from semascope.ops.near_duplicates import near_copies
from semascope.ops.rewording import paraphrases, typos
from semascope.ops.words import words
from semascope.subject.derived.reading import ALIKE, Piece, distinct, plain, read
from semascope.tasks import Retrieval

LEAST = 30  # queries, for a task to say anything
PASSAGE = 500  # characters of a passage at most
BODY = 2000  # characters of a text that are looked at: what models read of it
_TRIED = 8  # sentences of a document that are reworded for one
_WORDS = 8  # of a text for it to be one that can be found

T = TypeVar("T")
Pair = tuple[str, str, str]  # id, query, its answer


class Derived(list[Retrieval]):
    """The tasks that could be made, each with `labelled` False.

    Attributes:
        missing: Why the others could not, by name.
        says: Which documents they are made of, and what was left out, in words.
    """

    def __init__(self, tasks: Sequence[Retrieval], missing: Mapping[str, str], says: str) -> None:
        super().__init__(tasks)
        self.missing = dict(missing)
        self.says = says


def derived_tasks(
    source: Any, *, most: int = 1000, queries: int = 500, kinds: Sequence[str] | None = None, seed: int = 0
) -> Derived:
    """Tasks made of texts alone, to tell encoders apart where nobody has judged anything.

    "title to body" finds a document by its title, which has been taken out of it; "neighbouring passages" a passage by the one
    beside it; "halves, every other sentence" and "halves, first and second" one half of a document by the other; "paraphrases" and "typos" a sentence by
    its rewording (which every encoder finds most times: they tell how stable it is, not how good).

    So that no answer is right for a trivial reason: documents of nearly the same words are taken once; sentences that stand in three
    documents or more are left out; titles that several documents share ask nothing; no query is among the texts to be
    found, and none has nearly the words of its answer, rewordings apart.

    Args:
        source: A Corpus, a path or texts, as `as_corpus` takes them; or Documents.
        most: Documents that tasks are made of, drawn evenly where there are more.
        queries: Of each task at most.
        kinds: Names of the tasks that are wanted, from KINDS; all of them where None.
        seed: Of what is drawn and reworded.

    Raises:
        OptionError: an unknown kind.
        InputError: no documents with text.
    """
    integer(most, name="most", least=2)
    integer(queries, name="queries", least=1)
    unknown = [kind for kind in kinds or () if kind not in KINDS]
    if unknown:
        raise OptionError(f"kinds: want some of {'; '.join(KINDS)}, got {'; '.join(unknown)}")
    pieces, says = read(source, most, integer(seed, name="seed", least=0))
    tasks: list[Retrieval] = []
    missing: dict[str, str] = {}
    for name, make in KINDS.items():
        if kinds is not None and name not in kinds:
            continue
        found = make(pieces, np.random.default_rng((seed, 7)), queries)
        if isinstance(found, str):
            missing[name] = found
        else:
            tasks.append(Retrieval(name, *found, labelled=False, sources=_sources(found[1], pieces)))
    return Derived(tasks, missing, says)


def _sources(queries: Mapping[str, str], pieces: Sequence[Piece]) -> dict[str, str]:
    """The document that each query was made of: its id is that of the document, or has a number behind it.

    Where "a" and "a 2" are both documents, what is of either counts as of "a".
    """
    known = {piece.id for piece in pieces}

    def root(name: str) -> str:
        while (before := name.rpartition(" ")[0]) in known:
            name = before
        return name

    return {name: root(name) for name in queries}


Parts = tuple[dict[str, str], dict[str, str], dict[str, dict[str, float]]]  # documents, queries, judgements


def _titles(pieces: Sequence[Piece], rng: np.random.Generator, most: int) -> Parts | str:
    every = {piece.id: _cut(piece.body) for piece in pieces if len(words(piece.body)) >= _WORDS}
    times = Counter(piece.title.casefold() for piece in pieces)
    asked = {
        p.id: p.title for p in pieces if p.id in every and words(p.title) and times[p.title.casefold()] == 1
    }  # fmt: skip
    if len(asked) < LEAST:
        return _few(len(asked), f"documents with a title of their own and {_WORDS} words of text")
    chosen = _some(list(asked), rng, most)
    return every, {name: asked[name] for name in chosen}, {name: {name: 1.0} for name in chosen}


def _neighbours(pieces: Sequence[Piece], rng: np.random.Generator, most: int) -> Parts | str:
    """Of a document's passages every other one can be found, by the one before it and the one after it."""
    cut = {piece.id: _passages(piece.sentences) for piece in pieces}
    texts = {f"{name} {at + 1}": text for name, own in cut.items() for at, text in enumerate(own)}
    names = list(texts)
    kept = {names[place] for place in distinct(list(texts.values()))}
    documents: dict[str, str] = {}
    pairs: list[Pair] = []
    near: dict[str, dict[str, float]] = {}
    for name, own in cut.items():
        ids = [f"{name} {at + 1}" for at in range(len(own))]
        documents |= {one: texts[one] for one in ids[1::2] if one in kept}
        for at in range(0, len(own) - 1, 2):
            if ids[at] in kept and ids[at + 1] in kept:
                pairs.append((ids[at], texts[ids[at]], texts[ids[at + 1]]))
                near[ids[at]] = {ids[at + 1]: 1.0}
                if at and ids[at - 1] in kept:
                    near[ids[at]][ids[at - 1]] = 1.0
    pairs = _apart(pairs)
    if len(pairs) < LEAST:
        return _few(len(pairs), f"documents of two passages of up to {PASSAGE} characters")
    # What is to be found grows with the documents' lengths; as many as there are queries, and as many again, are enough.
    chosen = {one[0]: one[1] for one in _some(pairs, rng, most)}
    judged = {name: near[name] for name in chosen}
    wanted = {document for grades in judged.values() for document in grades}
    others = _some([name for name in documents if name not in wanted], rng, max(len(wanted), LEAST))
    keep = wanted.union(others)
    return {name: text for name, text in documents.items() if name in keep}, chosen, judged


def _every_other(sentences: Sequence[str]) -> tuple[str, str] | None:
    return (" ".join(sentences[::2]), " ".join(sentences[1::2])) if len(sentences) >= 4 else None


def _one_after_the_other(sentences: Sequence[str]) -> tuple[str, str] | None:
    half = sum(map(len, sentences)) / 2
    before, at = 0, 0
    while at < len(sentences) - 1 and before + len(sentences[at]) / 2 < half:
        before += len(sentences[at])
        at += 1
    return (" ".join(sentences[:at]), " ".join(sentences[at:])) if at else None


def _halves(
    part: Callable[[Sequence[str]], tuple[str, str] | None], want: str
) -> Callable[[Sequence[Piece], np.random.Generator, int], Parts | str]:
    def make(pieces: Sequence[Piece], rng: np.random.Generator, most: int) -> Parts | str:
        pairs: list[Pair] = []
        each = _each(pieces, most)
        for piece in pieces:
            halves = [part(window) for window in _windows(piece.sentences, BODY)]
            good = [two for two in halves if two is not None and min(len(words(half)) for half in two) >= _WORDS]
            pairs.extend(
                (f"{piece.id} {at + 1}" if at else piece.id, *two) for at, two in enumerate(_some(good, rng, each))
            )
        pairs = _apart([pairs[place] for place in distinct([answer for _, _, answer in pairs])])
        if len(pairs) < LEAST:
            return _few(len(pairs), want)
        chosen = {name: query for name, query, _ in _some(pairs, rng, most)}
        return {name: answer for name, _, answer in pairs}, chosen, {name: {name: 1.0} for name in chosen}

    return make


def _reworded(
    change: Callable[[Sequence[str], int], list[str]], least: float, want: str
) -> Callable[[Sequence[Piece], np.random.Generator, int], Parts | str]:
    """Of each document the sentence (or few) that rewording changes most."""

    def make(pieces: Sequence[Piece], rng: np.random.Generator, most: int) -> Parts | str:
        seed, each = int(rng.integers(2**31)), _each(pieces, most)
        documents: dict[str, str] = {}
        queries: dict[str, str] = {}
        for piece in pieces:
            own = _some([sentence for sentence in piece.sentences if plain(sentence)], rng, _TRIED * each)
            new = change(own, seed)
            share = [_changed(one, other) for one, other in zip(own, new, strict=True)]
            for at, place in enumerate(np.argsort([-one for one in share], kind="stable")[:each]):
                name = f"{piece.id} {at + 1}" if at else piece.id
                documents[name] = own[place]
                if share[place] >= least:
                    queries[name] = new[place]
        kept = set(np.array(list(documents), object)[distinct(list(documents.values()))])
        asked = [name for name in queries if name in kept]
        if len(asked) < LEAST:
            return _few(len(asked), want)
        chosen = _some(asked, rng, most)
        found = {name: text for name, text in documents.items() if name in kept}
        return found, {name: queries[name] for name in chosen}, {name: {name: 1.0} for name in chosen}

    return make


def _changed(one: str, other: str) -> float:
    """Share of a text's words that the other has not."""
    own = words(one)
    kept = Counter(own) & Counter(words(other))
    return 1 - kept.total() / max(1, len(own))


def _in_other_words(texts: Sequence[str], seed: int) -> list[str]:
    return paraphrases(texts, 0.5, seed)


def _mistyped(texts: Sequence[str], seed: int) -> list[str]:
    return typos(texts, 0.5, seed)


KINDS: Mapping[str, Callable[[Sequence[Piece], np.random.Generator, int], Parts | str]] = {
    "title to body": _titles,
    "neighbouring passages": _neighbours,
    "halves, every other sentence": _halves(
        _every_other, f"documents of four sentences, {_WORDS} words in either half"
    ),
    "halves, first and second": _halves(
        _one_after_the_other, f"documents of two sentences, {_WORDS} words in either half"
    ),
    "paraphrases": _reworded(
        _in_other_words, 0.15, "documents with a sentence of 5 to 40 words of which 15 % can be exchanged"
    ),
    "typos": _reworded(_mistyped, 0.3, "documents with a sentence of 5 to 40 words"),
}


def _few(found: int, what: str) -> str:
    return f"want at least {LEAST} {what}, got {found}"


def _cut(text: str) -> str:
    """Its beginning, whole words."""
    return text if len(text) <= BODY else text[:BODY].rsplit(" ", 1)[0]


def _each(pieces: Sequence[Piece], most: int) -> int:
    """How many texts of one document are taken: one where there are documents enough, of a few books many."""
    return -(-2 * most // len(pieces)) if len(pieces) < most else 1


def _windows(sentences: Sequence[str], most: int) -> list[list[str]]:
    """Runs of sentences, at most so many characters each; the first is the document's beginning."""
    found: list[list[str]] = [[]]
    for sentence in sentences:
        if found[-1] and sum(map(len, found[-1])) + len(found[-1]) + len(sentence) > most:
            found.append([])
        found[-1].append(sentence)
    return found


def _passages(sentences: Sequence[str]) -> list[str]:
    """Sentences put together to passages, those that are too short to be found left out."""
    found = map(" ".join, _windows(sentences, PASSAGE))
    return [_cut(text) for text in found if len(words(text)) >= _WORDS]


def _apart(pairs: Sequence[Pair]) -> list[Pair]:
    """Pairs of which the query does not have nearly the words of any answer."""
    if not pairs:
        return []
    near = near_copies([query for _, query, _ in pairs], [answer for _, _, answer in pairs], least=ALIKE).found
    return [pair for pair, alike in zip(pairs, near, strict=True) if not alike]


def _some(every: Sequence[T], rng: np.random.Generator, most: int) -> list[T]:
    """So many of them at most, in order."""
    return [every[int(at)] for at in np.sort(rng.permutation(len(every))[:most])]
