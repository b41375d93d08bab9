"""Another number in the place of one: digits in any language, number words and units in English."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np

from semascope.ops.english import NUMBERS, found, replaced

# A run of digits that is no part of a name ("sha256", "utf-8", "#39;", "v2"), of a date or of a version.
_DIGITS = re.compile(r"(?<![\w#&.,:/'’+*^-])(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?(?![\w;:/'’+*^-]|[.,]\d)")
_MONTH = re.compile(
    r"\b(?:January|February|March|April|May|June|July|August|September|October|November|December|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.?) $"
)
_ORDINAL = re.compile(r"(?<![\w#&.,:/-])(\d+)(st|nd|rd|th)\b")
_UNITS = (
    ("million", "billion", "trillion"), ("thousand", "million"),
    ("seconds", "minutes", "hours", "days", "weeks", "months", "years"), ("second", "minute", "hour", "day", "week", "month", "year"),
    ("bytes", "kilobytes", "megabytes", "gigabytes"), ("kB", "MB", "GB", "TB"), ("KB", "MB", "GB", "TB"), ("bits", "bytes"),
    ("mm", "cm", "km"), ("meters", "kilometers", "miles"), ("feet", "inches", "yards"), ("pounds", "ounces"),
    ("grams", "kilograms", "tons"), ("kg", "mg"), ("dollars", "euros", "yen"),
)  # fmt: skip
_UNIT = re.compile(r"(?<=\d )(?:" + "|".join(sorted({u for g in _UNITS for u in g}, key=len, reverse=True)) + r")\b")


def renumbered(text: str, rng: np.random.Generator) -> str | None:
    """The text with one number, number word or unit changed to another; None where there is none.

    Args:
        text: Of any language; number words and units are English.
        rng: Chooses the place and the new value.
    """
    places = [
        (match.span(), _other_number(text, match, rng)) for match in _DIGITS.finditer(text) if _alone(text, match)
    ]
    places += [(match.span(), _ordinal(int(match[1]), rng)) for match in _ORDINAL.finditer(text)]
    places += [((match.start(), match.end()), _other_unit(match[0], rng)) for match in _UNIT.finditer(text)]
    if not places:
        places = _spelled(text, rng)
    if not places:
        return None
    (start, stop), new = places[int(rng.integers(len(places)))]
    return replaced(text, start, stop, new)


def _alone(text: str, match: re.Match[str]) -> bool:
    """Whether it is a number of its own: not in an address, a range ("0..10"), a list's mark ("(2)") or a call ("f(2)")."""
    start, stop = match.span()
    left, right = text[:start].rfind(" ") + 1, text.find(" ", stop)
    around = text[left : len(text) if right < 0 else right]
    listed = text[start - 1 : start] == "(" and text[stop : stop + 1] in (")", ",")
    return not listed and not re.search(r"://|www\.|\.\.|\w\$|\w\(|=", around)


def _other_number(text: str, match: re.Match[str], rng: np.random.Generator) -> str:
    """A number of as many digits that is at least a fifth away, or another year near this one."""
    written = match[1]
    value = int(written.replace(",", ""))
    if len(written) == 4 and not match[2] and 1500 <= value <= 2100:
        return str(value + int(rng.choice([-1, 1])) * int(rng.integers(2, 30)))
    if value <= 31 and _MONTH.search(text[: match.start()]):
        new = int(rng.choice([day for day in range(1, 29) if abs(day - value) >= 2]))
    elif value < 2 or len(str(value)) == 1:
        new = int(rng.choice([n for n in range(2, 10) if abs(n - value) >= 2]))
    else:
        share = re.match(r" ?(?:%|per ?cent\b)", text[match.end() :]) and value <= 100
        low, high = (
            (10, 100)
            if share
            else (10 ** (len(str(value)) - 1), min(10 ** len(str(value)), 29 if value < 29 else 10**15))
        )
        choices = [n for n in map(int, rng.integers(low, high, 50)) if abs(n - value) * 5 >= value]
        new = choices[0] if choices else value + max(2, value // 3)
    grouped = f"{new:,}" if "," in written else str(new)
    return grouped + (match[2] or "")


def _ordinal(value: int, rng: np.random.Generator) -> str:
    new = int(rng.choice([n for n in range(2, 29) if abs(n - value) >= 2]))
    ending = "th" if 10 <= new % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(new % 10, "th")
    return f"{new}{ending}"


def _other_unit(unit: str, rng: np.random.Generator) -> str:
    group = next(group for group in _UNITS if unit in group)
    return str(rng.choice([other for other in group if other != unit]))


def _spelled(text: str, rng: np.random.Generator) -> list[tuple[tuple[int, int], str]]:
    """Number words with a word behind them that they count."""
    every = found(text)
    out: list[tuple[tuple[int, int], str]] = []
    for word, after in pairwise(every):
        hyphen = text[word.start - 1 : word.start] == "-" or text[word.stop : after.start] != " "
        if word.low in NUMBERS and not hyphen and after.text[0].isalpha():
            near = NUMBERS.index(word.low)
            new = str(rng.choice([other for at, other in enumerate(NUMBERS[:9]) if at != near]))
            out.append(((word.start, word.stop), new.capitalize() if word.capital else new))
    return out
