"""Which kind of task a table holds, and in which columns: by their names, and by what is in them. Guesses are said."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from semascope.corpus.columns import Row, choose, nearest
from semascope.corpus.guessing import Profile
from semascope.errors import InputError, UnknownNameError
from semascope.subject.tasks.cells import matched, number, strings

KINDS = (
    "retrieval", "similarity", "classification", "clustering", "pair matching", "reranking", "word similarity", "analogy",
)  # fmt: skip
# Role -> names of columns as words, the likeliest first.
KNOWN: Mapping[str, tuple[str, ...]] = {
    "query": ("query", "question", "search", "search query", "query text", "anchor", "frage", "anfrage"),
    "document": (
        "document", "passage", "text", "answer", "context", "document text", "passage text", "positive", "body", "content",
        "product", "product title", "result", "title",
    ),
    "grade": ("grade", "relevance", "score", "label", "rel", "judgement", "rating"),
    "positives": ("positives", "positive", "pos", "positive passages", "positive docs"),
    "negatives": ("negatives", "negative", "neg", "negative passages", "negative docs", "hard negatives"),
    "score": (
        "score", "similarity", "similarity score", "relatedness", "relatedness score", "gold", "gold score", "rating",
        "human", "human score", "mean", "average", "sim",
    ),
    "match": (
        "label", "match", "matches", "is match", "duplicate", "is duplicate", "paraphrase", "is paraphrase", "same",
        "equivalent", "quality", "target", "class", "score",
    ),
    "text": ("text", "sentence", "word", "term", "question", "body", "content", "title"),
}  # fmt: skip
ROLES = ("a", "b", "c", "d", *KNOWN, "label", "title", "id")
_PAIRS = (("a", "b"), ("premise", "hypothesis"), ("left", "right"), ("first", "second"))
_ENDS = re.compile(r"(.*?)\s?(1|a)")
# One word: no space in it; of scripts that have none, four characters at most.
_WORD = re.compile(r"[^\s\u0e00-\u0eff\u2e80-\uffff]{1,40}|[^\s\u3000-\u3004\uff00-\uff1f]{1,4}")


@dataclass(frozen=True)
class Guess:
    """A kind of task that a table holds.

    Args:
        kinds: Of the tasks, one or several of the same columns.
        columns: Role -> column.
        guessed: Roles that nobody named.
    """

    kinds: tuple[str, ...]
    columns: Mapping[str, str]
    guessed: frozenset[str]

    def __str__(self) -> str:
        said = [f"{role} = {name}{' (guessed)' if role in self.guessed else ''}" for role, name in self.columns.items()]
        return f"{' and '.join(self.kinds)}: {', '.join(said)}"


class _Table:
    """The first rows of a table, and which of its columns somebody named."""

    def __init__(self, rows: Sequence[Row], asked: Mapping[str, str], name: str) -> None:
        self.rows, self.name = rows, name
        names = list(dict.fromkeys(column for row in rows for column in row.values))
        for role, column in asked.items():
            if column not in names:
                raise UnknownNameError(f"{role}: no column {column!r} in {name}{nearest(column, names)}")
        self.asked = dict(asked)
        self.profiles = {one: Profile(one, [row.values.get(one) for row in rows]) for one in names}

    def given(self, column: str) -> list[Any]:
        return self.profiles[column].given

    def named(self, role: str, *, besides: Sequence[str] = ()) -> Iterator[str]:
        """Columns that may play a role: the one asked for, else those of a known name, likeliest first."""
        if role in self.asked:
            yield self.asked[role]
            return
        taken = {*besides, *self.asked.values()}
        by_key = {profile.key: name for name, profile in self.profiles.items() if name not in taken}
        yield from (by_key[known] for known in KNOWN[role] if known in by_key)

    def found(self, kinds: tuple[str, ...], columns: Mapping[str, str | None]) -> Guess:
        there = {role: column for role, column in columns.items() if column is not None}
        if "id" in self.asked:
            there["id"] = self.asked["id"]
        return Guess(kinds, there, frozenset(role for role in there if role not in self.asked))

    def texts(self, column: str) -> bool:
        """Whether nearly all that stands in a column is text."""
        given = self.given(column)
        return bool(given) and sum(bool(strings(one)) for one in given) >= 0.9 * len(given)

    def numbers(self, column: str) -> bool:
        """Whether nearly all are numbers, of more than two values."""
        found = [number(one) for one in self.given(column)]
        there = [one for one in found if one is not None]
        return len(set(there)) > 2 and len(there) >= 0.9 * len(found)

    def matches(self, column: str) -> bool:
        """Whether nearly all say yes or no."""
        found = [matched(one) for one in self.given(column)]
        there = [one for one in found if one is not None]
        return bool(there) and len(there) >= 0.9 * len(found)

    def words(self, *columns: str) -> bool:
        """Whether nearly all are single words."""
        given = [str(one) for column in columns for one in self.given(column)]
        return bool(given) and sum(bool(_WORD.fullmatch(one.strip())) for one in given) >= 0.9 * len(given)


def guesses(rows: Sequence[Row], asked: Mapping[str, str], name: str) -> list[Guess]:
    """What the columns of a table may be asked; empty where they hold no judgements.

    Args:
        rows: The first of it.
        asked: Role -> column, of ROLES; the others are guessed.
        name: Of the table, for errors.

    Raises:
        UnknownNameError: no such role, or no column of that name.
    """
    for role in asked:
        if role not in ROLES:
            raise UnknownNameError(f"columns: no role {role!r}; there are: {', '.join(ROLES)}")
    table = _Table(rows, asked, name)
    for look in (_analogy, _reranking, _pairs):
        found = look(table)
        if found:
            return found
    if _pair(table) is not None:
        return []  # two texts a row, and nothing that says how alike they are: one of them alone is not what the rest is about
    return _retrieval(table) or _labelled(table)


def _analogy(table: _Table) -> list[Guess]:
    keys = {profile.key: name for name, profile in table.profiles.items()}
    for four in ("abcd", "1234"):
        for stem in ("", "word", "word "):
            columns = [
                table.asked.get(role) or keys.get(f"{stem}{end}") for role, end in zip("abcd", four, strict=True)
            ]
            there = [one for one in columns if one is not None]
            if len(set(there)) == 4 and table.words(*there):
                return [table.found(("analogy",), dict(zip("abcd", there, strict=True)))]
    return []


def _reranking(table: _Table) -> list[Guess]:
    for query in table.named("query"):
        for positives in table.named("positives", besides=[query]):
            for negatives in table.named("negatives", besides=[query, positives]):
                if all(map(table.texts, (query, positives, negatives))):
                    columns = {"query": query, "positives": positives, "negatives": negatives}
                    return [table.found(("reranking",), columns)]
    return []


def _pairs(table: _Table) -> list[Guess]:
    pair = _pair(table)
    if pair is None:
        return []
    columns = dict(zip("ab", pair, strict=True))
    out: list[Guess] = []
    score = next((one for one in table.named("score", besides=pair) if table.numbers(one)), None)
    if score is not None:
        kind = "word similarity" if table.words(*pair) else "similarity"
        out.append(table.found((kind,), {**columns, "score": score}))
    match = next((one for one in table.named("match", besides=pair) if one != score and table.matches(one)), None)
    if match is not None:
        out.append(table.found(("pair matching",), {**columns, "match": match}))
    return out


def _pair(table: _Table) -> tuple[str, str] | None:
    if "a" in table.asked and "b" in table.asked:
        return table.asked["a"], table.asked["b"]
    if {"text", "label", "query"} & table.asked.keys():
        return None
    keys = {profile.key: name for name, profile in table.profiles.items()}
    ends = {"1": "2", "a": "b"}
    found = [(match[0], f"{key[: match.start(2)]}{ends[match[2]]}") for key in keys if (match := _ENDS.fullmatch(key))]
    for one, other in [*_PAIRS, *found]:
        if one in keys and other in keys and table.texts(keys[one]) and table.texts(keys[other]):
            return keys[one], keys[other]
    return None


def _retrieval(table: _Table) -> list[Guess]:
    if "label" in table.asked or ("text" in table.asked and "document" not in table.asked):
        return []
    for query in table.named("query"):
        for document in table.named("document", besides=[query]):
            if not (table.texts(query) and table.texts(document)):
                continue
            grades = table.named("grade", besides=[query, document])
            grade = next((one for one in grades if table.numbers(one) or table.matches(one)), None)
            return [table.found(("retrieval",), {"query": query, "document": document, "grade": grade})]
    return []


def _labelled(table: _Table) -> list[Guess]:
    asked = {role: table.asked[role] for role in ("text", "label") if role in table.asked}
    if "text" not in asked and (one := _only_text(table, asked)) is not None:
        asked["text"] = one
    try:
        columns = choose(table.rows, {**asked, "title": "", "time": "", "lang": "", "id": ""}, name=table.name)
    except InputError:  # no column of text: then it is no table of labelled texts
        return []
    if "label" not in columns or not table.texts(columns["text"]):
        return []
    values = [str(one) for one in table.given(columns["label"])]
    if len(set(values)) < 2 or len(set(values)) > max(len(values) / 2, 2):
        return []
    return [table.found(("classification", "clustering"), {"text": columns["text"], "label": columns["label"]})]


def _only_text(table: _Table, asked: Mapping[str, str]) -> str | None:
    """The column of texts where those are single words, which no guess takes for language."""
    by_name = [one for one in table.named("text") if one not in asked.values()]
    return by_name[0] if by_name and table.words(by_name[0]) else None
