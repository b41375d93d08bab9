"""Guesses which column of a table is the text, the label, the time ...: by known names that fit, else by what is in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from semascope.corpus.dates import moment

# The names each role is known by, the likeliest first. Compared as words, without regard to case: "createdAt" is
# "created at". Where no name fits as a whole, one of its words may ("ticket body").
KNOWN = {
    "text": (
        "text", "body", "content", "contents", "document", "passage", "abstract", "description", "paragraph",
        "sentence", "message", "review", "comment", "article", "post", "summary", "question", "query", "utterance",
        "tweet", "full text", "selftext", "transcript", "beschreibung", "inhalt", "nachricht", "kommentar", "frage",
        "texte", "texto", "contenu", "descripción",
    ),
    "id": (
        "id", "doc id", "docid", "document id", "key", "uid", "uuid", "guid", "ticket id", "case number", "paper id",
        "arxiv id", "doi", "kennung", "nr", "nummer", "number", "index", "unnamed: 0", "unnamed 0",
    ),
    "title": ("title", "headline", "subject", "heading", "name", "titel", "betreff", "überschrift", "titre", "título"),
    "label": (
        "label", "category", "class", "topic", "labels", "target", "intent", "queue", "department", "sentiment",
        "kategorie", "thema", "abteilung", "stimmung", "genre", "section", "tag", "emotion", "product", "component",
        "team", "type", "issue type", "kind", "level", "severity", "status", "priority", "rating", "stars", "score",
    ),
    "time": (
        "time", "date", "datetime", "timestamp", "created", "created at", "published", "published at", "year",
        "created date", "creation date", "create time", "created utc", "created on", "submitted", "opened", "opened at",
        "datum", "erstellt", "erstellt am", "zeit", "zeitstempel", "jahr", "date created", "ts", "updated", "updated at",
    ),
    "lang": ("lang", "language", "locale", "sprache", "langue", "idioma", "language code", "lang code"),
}  # fmt: skip
# Names that say what a column is even where its rows are too few, or too uniform, to show it.
_SURE = {"label": KNOWN["label"][:6]}
_WORDS = {
    "text": ("text", "body", "content", "message", "description", "comment", "review", "abstract", "beschreibung"),
    "title": ("title", "headline", "subject", "titel", "betreff"),
    "label": ("label", "category", "class", "topic", "queue", "intent", "sentiment", "department", "kategorie", "type"),
    "time": ("date", "time", "timestamp", "created", "datum", "at"),
    "lang": ("language", "lang", "sprache"),
    "id": ("id", "uuid", "key", "nr", "nummer", "number"),
}
_CODES = (
    "af am ar az be bg bn bs ca cs cy da de el en eo es et eu fa fi fr ga gl gu he hi hr hu hy id is it ja ka kk km kn ko"
    " ky la lb lo lt lv mk ml mn mr ms mt my nb ne nl nn no pa pl ps pt ro ru si sk sl so sq sr sv sw ta te tg th tl tr"
    " uk ur uz vi xh yi zh zu eng deu ger fra fre spa ita por rus zho chi jpn kor ara hin nld dut pol tur swe ces"
)
_LANGUAGES = frozenset(_CODES.split())
# Codes that are no word of some other language, so that a column of them alone is one of languages.
_COMMON = _LANGUAGES & {
    "en",
    "de",
    "fr",
    "es",
    "pt",
    "nl",
    "ru",
    "zh",
    "ja",
    "ko",
    "pl",
    "tr",
    "sv",
    "eng",
    "deu",
    "fra",
    "spa",
}
_TAG = re.compile(r"([A-Za-z]{2,3})(?:[-_][A-Za-z0-9]{2,8})*")
_CAMEL = re.compile(r"(?<=[a-zäöüß])(?=[A-ZÄÖÜ])")
_WHOLE = re.compile(r"-?\d{1,18}", re.ASCII)
_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?%?", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
_ADDRESS = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://|www\.)\S+|[^\s@]+@[^\s@]+\.[a-z]{2,}|(?:[A-Za-z]:)?[\\/]?(?:[\w.-]+[\\/])+[\w.-]*", re.I
)
_UNSPACED = 0x0E00  # from Thai on there are scripts that put no spaces between words
_FEW = 20  # rows below which what a column holds shows too little to go by
_CLASSES = 50
_BOOLEANS = {"true", "false", "yes", "no", "y", "n", "t", "f", "0", "1", "ja", "nein"}


def words(name: str) -> str:
    """A column's name as words: "createdAt", "Created_At" and "created-at" are "created at"."""
    return " ".join(re.split(r"[\W_]+", _CAMEL.sub(" ", name).lower())).strip()


@dataclass(frozen=True, eq=False)
class Profile:
    """What is in a column, as far as the sample shows.

    Args:
        name: Of the column.
        values: One a row, None where there is none.
    """

    name: str
    values: Sequence[Any]

    @cached_property
    def key(self) -> str:
        """Its name as words."""
        return words(self.name)

    @cached_property
    def given(self) -> list[Any]:
        """The values that are there."""
        return [one for one in self.values if one is not None and not (isinstance(one, str) and not one.strip())]

    @cached_property
    def texts(self) -> list[str]:
        """Those that are strings."""
        return [one.strip() for one in self.given if isinstance(one, str)]

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each single value comes; of lists and the like nothing."""
        return Counter(str(one).strip() for one in self.given if isinstance(one, str | int | float))

    @cached_property
    def length(self) -> float:
        """Characters of text a row."""
        return sum(map(len, self.texts)) / max(len(self.values), 1)

    @cached_property
    def natural(self) -> float:
        """Share of the values that read like language."""
        return sum(map(_natural, self.texts)) / max(len(self.given), 1)

    @cached_property
    def whole(self) -> bool:
        """Whether every value is a whole number, or reads as one."""
        return bool(self.given) and all(
            (isinstance(one, int) and not isinstance(one, bool))
            or (isinstance(one, str) and _WHOLE.fullmatch(one.strip()))
            for one in self.given
        )

    @property
    def filled(self) -> float:
        """Share of the rows that have a value."""
        return len(self.given) / max(len(self.values), 1)

    @property
    def distinct(self) -> bool:
        """Whether no value comes twice."""
        return bool(self.given) and len(self.counts) == len(self.given)


def _natural(text: str) -> bool:
    """Whether a string reads like language, and is no number, date, address, code, JSON or file name."""
    if not any(one.isalpha() for one in text[:200]) or _NUMBER.fullmatch(text):
        return False
    if (text[0], text[-1]) in (("{", "}"), ("[", "]")):
        return False
    if " " in text.strip():
        return len(text) > 40 or moment(text) is None
    if any(ord(one) >= _UNSPACED for one in text[:200]):
        return True
    return not any(one.isdigit() for one in text) and not _ADDRESS.fullmatch(text)


def rank(profile: Profile, role: str) -> int | None:
    """How surely a name stands for a role, 0 the surest; None where it does not."""
    known = KNOWN[role]
    if profile.key in known:
        return known.index(profile.key)
    parts = profile.key.split()
    if role == "id" and parts and parts[0] in ("phone", "telefon", "tel", "fax", "mobile", "house", "page"):
        return None
    if not parts or (parts[-1] in ("id", "ids", "url", "count", "length", "len", "size", "score") and role != "id"):
        return None
    # The last word says what a thing is ("ticket body"); a German or a French name may say it first.
    of = _WORDS[role]
    if parts[-1] in of:
        return len(known) + of.index(parts[-1])
    return len(known) + len(of) + of.index(parts[0]) if parts[0] in of and role not in ("id", "time") else None


def guess(role: str, columns: Sequence[Profile], *, sure: bool = False) -> tuple[str | None, list[str]]:
    """The column of a role, and those that might have been it: known names first, where what is in them fits.

    Args:
        role: Of `KNOWN`.
        columns: Those that play no other role.
        sure: Whether there may be no text at all; otherwise the longest strings are it where nothing reads like one.
    """
    fits = _FITS[role]
    named = [(place, one) for one in columns if (place := rank(one, role)) is not None and fits(one, place)]
    found = [one for _, one in sorted(named, key=lambda pair: pair[0])]
    more = _BY_CONTENT[role](columns, bool(found) or sure)
    found += [one for one in more if one not in found]
    if not found:
        return None, []
    best = _spelled_out(found[0], columns) if role == "label" else found[0]
    # The number that a chosen name spells out was not passed over.
    rivals = [one.name for one in found if one not in (best, found[0]) and _rival(role, one, best)]
    return best.name, rivals[:3]


def _rival(role: str, one: Profile, best: Profile) -> bool:
    """Whether a person might have meant another column; only then it is worth saying."""
    if role == "text":
        return one.natural > 0.5 and one.length > max(40, best.length / 2) and rank(one, "title") is None
    if role == "label":
        return rank(best, role) is None or rank(one, role) is not None
    return role == "time" and rank(best, role) is None


def _spelled_out(label: Profile, columns: Sequence[Profile]) -> Profile:
    """Of a label that is a number, the column that gives its name, as data sets have both (label, label_text)."""
    if not label.whole:
        return label
    return next(
        (
            one
            for one in columns
            if one.key in (f"{label.key} text", f"{label.key} name", f"{label.key} names", f"{label.key} str")
            and not one.whole
            and len(one.counts) == len(label.counts)
        ),
        label,
    )


def _text_fits(one: Profile, place: int) -> bool:
    del place
    if one.natural < 0.5 or one.filled < 0.3:
        return False
    # Of many rows few values over and over are classes, whatever they are called.
    return len(one.given) < _FEW or len(one.counts) > min(_CLASSES, len(one.given) / 10)


def _title_fits(one: Profile, place: int) -> bool:
    del place
    if one.length == 0 or one.natural < 0.5 or one.length > 300:
        return False
    return len(one.given) < _FEW or len(one.counts) > len(one.given) / 4


def _id_fits(one: Profile, place: int) -> bool:
    del place
    return one.distinct and max(map(len, one.counts)) <= 200 and " " not in next(iter(one.counts))


def _label_fits(one: Profile, place: int) -> bool:
    n = len(one.given)
    if not one.counts or sum(one.counts.values()) < n or one.length > 60:
        return False
    sure = place < len(_SURE["label"])
    if n < _FEW:
        return sure or len(one.counts) < n
    if not sure:
        return _classes(one)
    return len(one.counts) <= max(_CLASSES, n / 2) and not (_fractions(one) and len(one.counts) > _CLASSES / 5)


def _classes(one: Profile) -> bool:
    """Whether values are classes: few, each of them coming back, none nearly always; numbers only small whole ones."""
    n = len(one.given)
    most = one.counts.most_common(1)[0][1] if one.counts else 0
    if not 2 <= len(one.counts) <= min(_CLASSES, n / 5) or most > 0.95 * n or sum(one.counts.values()) < n:
        return False
    if _fractions(one):
        return False
    return not one.whole or _small(one)


def _small(one: Profile) -> bool:
    """Whether whole numbers number classes and measure nothing: 0 or 1 up to at most 20 without a gap, none rare."""
    found = sorted({int(value) for value in one.counts})
    steps = found[0] in (0, 1) and found[-1] - found[0] == len(found) - 1 and len(found) <= 20
    return steps and min(one.counts.values()) >= 0.02 * len(one.given)


def _fractions(one: Profile) -> bool:
    return not one.whole and all(_NUMBER.fullmatch(value) for value in one.counts)


def _time_fits(one: Profile, place: int) -> bool:
    del place
    return bool(one.given) and sum(moment(value) is not None for value in one.given) >= 0.8 * len(one.given)


def _lang_fits(one: Profile, place: int) -> bool:
    del place
    # A language may be written out ("German"), so all that is asked is that it is a short word, and not one a row.
    short = sum(len(value) <= 20 and value.replace("-", "").replace("_", "").isalpha() for value in one.texts)
    return bool(one.given) and short >= 0.8 * len(one.given) and (len(one.given) < _FEW or len(one.counts) <= 100)


def _texts(columns: Sequence[Profile], found: bool) -> list[Profile]:
    """The longest language; where there is none, the longest strings. Columns named like another role come last."""
    others = [role for role in KNOWN if role != "text"]
    taken = {one.name for one in columns if any(rank(one, role) is not None for role in others)}
    ranked = sorted((one for one in columns if one.length > 0), key=lambda one: (one.name in taken, -one.length))
    good = [one for one in ranked if _text_fits(one, 0)]
    return good if good or found else ranked


def _labels(columns: Sequence[Profile], found: bool) -> list[Profile]:
    """Columns of classes: words before numbers before yes and no; among words the most evenly spread."""
    del found
    fit = [
        one for one in columns if len(one.given) >= _FEW and one.filled >= 0.5 and one.length <= 40 and _classes(one)
    ]
    fit = [one for one in fit if one.key.split()[-1:] not in (["id"], ["ids"]) and not _dates(one)]

    def order(one: Profile) -> tuple[bool, bool, float]:
        return (
            {value.lower() for value in one.counts} <= _BOOLEANS,
            one.whole,
            max(one.counts.values()) / len(one.given),
        )

    return sorted(fit, key=order)


def _times(columns: Sequence[Profile], found: bool) -> list[Profile]:
    del found
    return [one for one in columns if len(one.given) >= 5 and _dates(one)]


def _dates(one: Profile) -> bool:
    """Whether nearly all values are times; of numbers only years, and seconds that do not count rows up."""
    moments = [moment(value) for value in one.given]
    if sum(value is not None for value in moments) < 0.95 * len(moments):
        return False
    if not one.whole:
        return not any(isinstance(value, float) for value in one.given)
    numbers = sorted(int(value) for value in one.counts)
    if numbers[-1] <= 2100:  # a price or a count may lie there too, so the name has to say that it is a year
        return numbers[0] >= 1900 and one.key.split()[-1:] in (["year"], ["jahr"], ["yr"])
    return numbers[-1] - numbers[0] > max(86_400, 10 * len(numbers))


def _languages(columns: Sequence[Profile], found: bool) -> list[Profile]:
    del found
    out: list[Profile] = []
    for one in columns:
        tags = [_TAG.fullmatch(value) for value in one.counts]
        codes = {tag[1] for tag in tags if tag is not None}
        if len(one.given) >= 10 and len(one.texts) == len(one.given) and codes and None not in tags:
            out += [one] * (codes <= _LANGUAGES and bool(codes & _COMMON))
    return out


def _ids(columns: Sequence[Profile], found: bool) -> list[Profile]:
    """Distinct codes in every row: UUIDs, or counted numbers in the first column."""
    del found
    out: list[Profile] = []
    for place, one in enumerate(columns):
        if len(one.given) < 5 or one.filled < 1 or not one.distinct or _dates(one):
            continue
        counted = place == 0 and one.whole and _rising([int(value) for value in one.given])
        if counted or all(_UUID.fullmatch(value) for value in one.counts):
            out.append(one)
    return out


def _rising(numbers: Sequence[int]) -> bool:
    return all(b - a == 1 for a, b in pairwise(numbers))


def _none(columns: Sequence[Profile], found: bool) -> list[Profile]:
    del columns, found
    return []


_FITS: Mapping[str, Callable[[Profile, int], bool]] = {
    "text": _text_fits, "id": _id_fits, "title": _title_fits, "label": _label_fits, "time": _time_fits, "lang": _lang_fits,
}  # fmt: skip
_BY_CONTENT: Mapping[str, Callable[[Sequence[Profile], bool], list[Profile]]] = {
    "text": _texts, "id": _ids, "title": _none, "label": _labels, "time": _times, "lang": _languages,
}  # fmt: skip
