"""Prepare texts and queries for SQLite's full-text index (FTS5), so that any script and any question works.

Texts are folded (NFKC, case, accents), identifiers also stand with their parts and joined (`CopyTree`: copytree, copy,
tree; `os.path`: os, path, ospath), and scripts without spaces stand as single characters and overlapping pairs. A
query becomes quoted terms joined by OR: nothing in it is ever read as FTS5 syntax. Both go through the same folding,
so use `TOKENIZER` for the table and both functions always.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import islice, pairwise

__all__ = ["TOKENIZER", "index_text", "query_terms", "query_text", "quoted"]

# Marks are part of a word: without them the vowel signs of Hindi or Thai would cut words to pieces.
TOKENIZER = "porter unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'"
LONGEST = 20_000  # characters of a query that are read
MOST = 256  # terms of a query that are searched for
SHORT = 5  # words of a query that reads like a name rather than a question
# Words that say nothing of what a question is about. Left out of a query with at least two others.
_LITTLE = """a about am an and are as at be been being but by can could did do does for from had has have he her him his how
i if in into is it its me my of on or our s she should so t than that the their them then there these they this those to
up us was we were what when where which who whom whose why will with would you your"""
_IDLE = frozenset(_LITTLE.split())

# Scripts written without spaces, and Hangul, whose words carry their particles.
_UNSPACED = (
    "\u0e01-\u0e3a\u0e40-\u0e4e"  # Thai
    "\u0e81-\u0ece\u0edc-\u0edf"  # Lao
    "\u1000-\u103f\u1050-\u109f\uaa60-\uaa7f"  # Myanmar
    "\u1780-\u17d3\u17d7\u17dc\u17dd"  # Khmer
    "\u1100-\u11ff\uac00-\ud7af"  # Hangul
    "\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3041-\u3096\u3099\u309a\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff"  # Kana
    "\u31f0-\u31ff\u3105-\u312f"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
_RUN = re.compile(f"[{_UNSPACED}]+")
# Accents of Latin and Greek, points of Hebrew and Arabic; in Cyrillic only stress marks, for there й is a letter of
# its own. In other scripts marks are letters.
_ACCENTS = re.compile(
    "[\u0300\u0301]|(?<![\u0400-\u052f])[\u0302-\u036f]|[\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0640]"
)
_LETTERS = str.maketrans(
    {"ё": "е", "ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ð": "d", "þ": "th"}
)
_BROKEN = re.compile("[\x00\ud800-\udfff]")
_WORD = re.compile(r"[A-Za-z0-9]+")
# snake_case, dotted.names, camelCase, CamelCase, HTTPServer, c++ and C#; each run of letters is tried once.
_NAME = re.compile(
    r"""(?<![^\W_])(?:[^\W_]++(?:[._][^\W_]++)+
                    |[a-z0-9]++[A-Z][^\W_]*+
                    |[A-Z][A-Z]++[a-z][^\W_]*+
                    |[A-Z][a-z0-9]++[A-Z][^\W_]*+
                    |[A-Za-z](?:\+\+|\#))""",
    re.VERBOSE,
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_PARTS = re.compile(r"[._]")
_SIGNS = {"++": "plusplus", "#": "sharp"}


def index_text(text: str) -> str:
    """What to store in the index for `text`; its words, and after them the parts of its names."""
    if "\x00" in text or not text.isascii():
        text = unicodedata.normalize("NFKC", _BROKEN.sub(" ", text))
    names = " ".join(_names(text))
    whole = f"{text} {names}" if names else text
    return whole if text.isascii() else _spaced(_fold(whole))


def query_terms(query: str) -> tuple[list[str], list[str]]:
    """What a query is searched by: its words, and words that stand side by side written as one.

    English words such as "how" and "the" do not count beside two others. Pairs are made of short queries only, so that
    "copy tree" finds `copytree`. At most 256 different terms of the first 20,000 characters count.
    """
    query = unicodedata.normalize("NFKC", _BROKEN.sub(" ", query[:LONGEST]))
    words = _words(query)
    telling = [word for word in words if word not in _IDLE]
    kept = telling if len(set(telling)) >= 2 else words
    terms = dict.fromkeys(kept)
    terms.update(dict.fromkeys(word for name in _names(query) for word in _words(name)))
    known = set(kept) if len(kept) <= SHORT else set[str]()
    joined = dict.fromkeys(a + b for a, b in pairwise(words) if {a, b} <= known and (a + b).isascii())
    single = list(islice(terms, MOST))
    return single, list(islice((term for term in joined if term not in terms), MOST - len(single)))


def query_text(query: str) -> str | None:
    """The FTS5 expression that finds texts with any term of `query`; None where there is nothing to search for."""
    words, joined = query_terms(query)
    return " OR ".join(quoted(term) for term in (*words, *joined)) or None


def quoted(term: str) -> str:
    """The FTS5 expression of one term; terms hold letters, numbers and marks only."""
    return f'"{term}"'


def _names(text: str) -> list[str]:
    """The parts of every compound name in `text`, and the name in one piece."""
    out: list[str] = []
    for name in _NAME.findall(text):
        sign = _SIGNS.get(name[1:])
        if sign:
            out.append(name[0] + sign)
            continue
        parts = _PARTS.split(name)
        if len(parts) > 1 and not name.replace(".", "").isdecimal():
            out.append("".join(parts))
        for part in parts:
            pieces = _CAMEL.split(part)
            if len(pieces) > 1:
                out.extend(pieces)
    return out


def _fold(text: str) -> str:
    """One form for what people write in several: case, accents, ligatures."""
    text = unicodedata.normalize("NFD", text.casefold().translate(_LETTERS))
    return unicodedata.normalize("NFC", _ACCENTS.sub("", text))


def _spaced(text: str) -> str:
    """Runs without spaces as single characters and pairs."""
    return _RUN.sub(lambda run: f" {' '.join([*run[0], *_pairs(run[0])])} ", text)


def _pairs(run: str) -> Iterator[str]:
    return (a + b for a, b in pairwise(run))


def _words(text: str) -> list[str]:
    """The terms of a query: words, and of runs without spaces the pairs, or the one character there is."""
    if text.isascii():
        return _WORD.findall(text.lower())
    text = _RUN.sub(lambda run: f" {' '.join(_pairs(run[0])) or run[0]} ", _fold(text))
    # The tokenizer's idea of a word, which no regular expression of Python's has: letters, numbers, marks.
    return "".join(char if unicodedata.category(char)[0] in "LNM" else " " for char in text).split()
