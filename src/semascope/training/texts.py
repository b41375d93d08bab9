"""The text small models learn from: Python's documentation and WordNet as they lie on this machine, or a person's own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from os import PathLike
from pathlib import Path
from platform import python_version
from typing import Any

from semascope.corpus.corpus import Corpus
from semascope.corpus.problems import Meter, Problems
from semascope.corpus.pydocs import PythonDocs
from semascope.errors import InputError
from semascope.ops import digest
from semascope.ops.wordnet import FOLDER, read_wordnet

# What is there wherever a model can be trained at all, so that the usual text depends on versions and on nothing else installed.
PACKAGES = {"numpy": "numpy", "scipy": "scipy", "sklearn": "scikit-learn", "click": "click", "torch": "torch"}
PACKAGES["transformers"] = "transformers"
HELD_OUT = 0.02  # share of texts that no model is trained on
_SHORTEST = 4  # words of a piece
_HEX = 8
_PART = 1000  # characters of a text, where a person's own are longer

_ROLE = re.compile(r":[\w:+.-]+:`~?([^`<]*?)(?:\s*<[^`]*>)?`")
_LINK = re.compile(r"\[`?~?([^\]`]*)`?\](?:\([^)]*\)|\[[^\]]*\])|https?://\S+")
_MARKS = re.compile(r"`+_*|\*\*?|\\[a-zA-Z]+|\$|<[^>]*>|\[\d+\]_?")
_ITEM = re.compile(r"^\s*(?:[-*+•] +|\d+\. +|`*\*{0,2}\w[\w., *`]*`* ?\([^)]*\) ?: ?|`?\w[\w, .*]*`? ?: |:\w+[^:]*: ?)")
_GAP = re.compile(r" ([.,;:)])")
_RULE = re.compile(r"\s*[-=~^*\"'`#+ ]{3,}\s*")


@dataclass(frozen=True)
class Material:
    """Texts to learn from and texts held back, each as pieces (paragraphs) with line breaks between.

    Args:
        says: What was read, in words.
        train: Texts to learn from.
        held_out: Texts that are never trained on.
        digest: sha256 of all of them in order.
        usual: Whether it is the text that is read when none is named.
    """

    says: str
    train: tuple[str, ...]
    held_out: tuple[str, ...]
    digest: str
    usual: bool = False

    @property
    def characters(self) -> int:
        """Of the texts to learn from."""
        return sum(map(len, self.train))


def material(texts: Any = None) -> Material:
    """What to learn from: `texts`, or where that is None the documentation and dictionary of this machine.

    Args:
        texts: A path, several paths (or strings that are paths of what is there), a Corpus, or texts.

    Raises:
        InputError: there are fewer than two texts of four words.
    """
    return usual() if texts is None else own(texts)


@cache
def usual() -> Material:
    """Prose of the documentation of Python and of the packages that training needs, and WordNet where it is installed."""
    documents = [*documentation(), *dictionary()]
    there = [f"{name} {found}" for name, found in ((name, _version(name)) for name in PACKAGES.values()) if found]
    words = "WordNet 3.0" if FOLDER.is_dir() else "without WordNet, which is not installed (Debian: wordnet-base)"
    says = f"documentation of Python {python_version()}, {', '.join(there)}; {words}"
    return _parted(documents, says, usual=True)


def own(texts: Any) -> Material:
    """A person's texts: paths of anything a Corpus reads, a Corpus, or texts themselves."""
    documents: list[str] = []
    corpora = _corpora(texts)
    for corpus in corpora:
        for document in corpus:
            documents.extend(_parts(document.text))
    return _parted(dict.fromkeys(documents), ", ".join(corpus.name for corpus in corpora))


def _parts(text: str) -> Iterator[str]:
    """A text in parts of about a thousand characters, cut where lines end, white space evened out: a book is more than one text."""
    part: list[str] = []
    for line in (" ".join(line.split()) for line in text.splitlines()):
        if part and sum(map(len, part)) + len(line) > _PART:
            yield "\n".join(part)
            part = []
        if line:
            part.append(line)
    if part:
        yield "\n".join(part)


def held_out(text: str) -> bool:
    """Whether a text is one of the fiftieth that no model is trained on; decided by the text alone."""
    return int(digest("held out", text)[:_HEX], 16) < HELD_OUT * 16**_HEX


def _corpora(texts: Any) -> list[Corpus]:
    if isinstance(texts, str | PathLike):
        return [Corpus.read(texts)]
    if isinstance(texts, Sequence) and texts and all(isinstance(item, PathLike) for item in texts):
        return [Corpus.read(item) for item in texts]
    return [texts if isinstance(texts, Corpus) else Corpus.of(texts)]


def _parted(documents: Iterable[str], says: str, *, usual: bool = False) -> Material:
    every = list(documents)
    if len(every) < 2:
        raise InputError(f"texts: want at least two different texts, got {len(every)} in {says or 'what was given'}")
    kept = [text for text in every if held_out(text)]
    if not kept or len(kept) == len(every):
        kept = [min(every, key=lambda text: digest("held out", text))]
    aside = frozenset(kept)
    train = tuple(text for text in every if text not in aside)
    return Material(says, train, tuple(kept), digest(*train, "held out", *kept), usual)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def documentation() -> Iterator[str]:
    """The prose of every docstring, a paragraph a line; a paragraph that was there before is left out."""
    listed = PythonDocs.installed([], stdlib=True, limit=None)
    site = PythonDocs.installed(None, stdlib=False, limit=None)
    roots = tuple((root, tuple(PACKAGES)) for root, _ in site.roots)
    seen: set[str] = set()
    for document in PythonDocs((*listed.roots, *roots)).documents(Problems(), Meter()):
        new = [piece for piece in prose(document.text) if piece not in seen]
        seen.update(new)
        if new:
            yield "\n".join(new)


def dictionary(folder: Path = FOLDER) -> Iterator[str]:
    """Each meaning in WordNet: its words, its gloss, and on lines of their own its examples. Nothing where it is not installed."""
    if not folder.is_dir():
        return
    for synset in read_wordnet(folder).synsets.values():
        head = f"{', '.join(synset.words[:3])}: {synset.gloss}"
        yield "\n".join([head, *(example for example in synset.examples if len(example.split()) >= _SHORTEST)])


def prose(text: str) -> Iterator[str]:
    """The paragraphs of a docstring that are sentences, unmarked; code, tables, headings and signatures are left out."""
    for block in re.split(r"\n\s*\n", text):
        if ">>>" in block or "```" in block or block.lstrip().startswith((".. ", "|", "+-")):
            continue
        items: list[str] = []
        for line in block.splitlines():
            if _RULE.fullmatch(line):
                continue
            begins = _ITEM.match(line)
            body = line[begins.end() :] if begins else line
            if begins or not items:
                items.append(body)
            else:
                items[-1] += " " + body
        for item in items:
            piece = _GAP.sub(r"\1", " ".join(_MARKS.sub("", _LINK.sub(_kept, _ROLE.sub(_kept, item))).split()))
            if _reads(piece):
                yield piece


def _kept(match: re.Match[str]) -> str:
    return (match[1] or "").strip(" .!")


def _reads(piece: str) -> bool:
    """Whether a piece is prose: some words, nearly all of it letters."""
    letters = sum(c.isalpha() or c == " " for c in piece)
    return len(piece.split()) >= _SHORTEST and letters >= 0.88 * len(piece)
