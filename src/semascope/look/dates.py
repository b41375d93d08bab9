"""Read dates as people write them: ISO, years, months, seconds since 1970, "16 April 1945", "04/16/1945"."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from email.utils import parsedate_to_datetime

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan janvier januar enero gennaio janeiro januari",
            "february feb février fevrier februar febrero febbraio fevereiro februari",
            "march mar mars märz marz marzo março marco maart",
            "april apr avril abril aprile",
            "may mai mayo maggio maio mei",
            "june jun juin juni junio giugno junho",
            "july jul juillet juli julio luglio julho",
            "august aug août aout agosto augustus",
            "september sep sept septembre septiembre settembre setembro",
            "october oct octobre oktober octubre ottobre outubro okt",
            "november nov novembre noviembre novembro",
            "december dec décembre decembre dezember diciembre dicembre dezembro desember",
        ),
        start=1,
    )
    for name in names.split()
}
_YEAR = re.compile(r"(1[0-9]|20)\d\d")
_MONTH = re.compile(r"(\d{4})[-/.](\d{1,2})")
_DAY = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[ T].*)?")
_COMPACT = re.compile(r"((?:19|20)\d\d)(0[1-9]|1[0-2])([0-2]\d|3[01])")
_EPOCH = re.compile(r"-?\d{9,10}(?:\.\d+)?|-?\d{12,13}|-?\d{15,16}|-?\d{18,19}")
_TURNED = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})(?:[ T,].*)?")
_WORDS = re.compile(
    r"(?:[^\W\d_]+\.?,? +)?(\d{1,2})(?:st|nd|rd|th|\.)? +(?:de +|of +)?([^\W\d_]+)\.?,? +(?:de +)?(\d{4})\b.*"
)
_NAMED = re.compile(r"(?:[^\W\d_]+, +)?([^\W\d_]+)\.? +(?:(\d{1,2})(?:st|nd|rd|th)?,? +)?(\d{4})\b.*")


def read_dates(written: Sequence[object]) -> tuple[list[dt.date | None], str]:
    """The day of each of n values, None where it cannot be read; and what had to be guessed, "" where nothing was.

    Times with an offset are taken to UTC first. A year alone counts as its first of January, a month as its first day.
    "03/04/2024" is read with the day first or the month first as the other values show (a number above 12 is a day);
    where none of them does, the day is taken to stand first, and that is said.

    Args:
        written: What the source has: text, a number, a date, or None.
    """
    day_first, guess = _order(written)
    known: dict[object, dt.date | None] = {}
    found: list[dt.date | None] = []
    for value in written:
        key = value if isinstance(value, str) else str(value) if isinstance(value, int | float) else value
        if key not in known:
            known[key] = _read(value, day_first)
        found.append(known[key])
    return found, guess


def _order(written: Sequence[object]) -> tuple[bool, str]:
    first = second = seen = 0
    for value in written:
        match = _TURNED.fullmatch(value.strip()) if isinstance(value, str) else None
        if match:
            seen += 1
            first, second = max(first, int(match[1])), max(second, int(match[2]))
    if second > 12 >= first:
        return False, ""
    guessed = seen and first <= 12
    return True, 'Dates like "03/04/2024" are read with the day first; nothing in them says so.' if guessed else ""


def _read(value: object, day_first: bool) -> dt.date | None:
    if isinstance(value, dt.datetime):
        return _utc(value)
    if isinstance(value, dt.date):
        return value
    if value is None or isinstance(value, bool):
        return None
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
    for way in _WAYS:
        try:
            day = way(text, day_first)
        except (ValueError, OverflowError, OSError):
            continue
        if day is not None:
            return day
    return None


def _utc(moment: dt.datetime) -> dt.date:
    return (moment if moment.tzinfo is None else moment.astimezone(dt.UTC)).date()


def _plain(text: str, day_first: bool) -> dt.date | None:
    del day_first
    if _YEAR.fullmatch(text):
        return dt.date(int(text), 1, 1)
    match = _COMPACT.fullmatch(text)
    if match:
        return dt.date(int(match[1]), int(match[2]), int(match[3]))
    if _EPOCH.fullmatch(text):
        digits = len(text.lstrip("-").partition(".")[0])
        # Seconds have 9 or 10 digits from 1973 to 2286; each three digits more are a thousand times finer.
        return dt.datetime.fromtimestamp(float(text) / 10 ** (3 * ((digits - 9) // 3)), dt.UTC).date()
    return None


def _iso(text: str, day_first: bool) -> dt.date | None:
    del day_first
    if text.isdigit():
        return None
    return _utc(dt.datetime.fromisoformat(text))


def _numbers(text: str, day_first: bool) -> dt.date | None:
    match = _MONTH.fullmatch(text)
    if match:
        return dt.date(int(match[1]), int(match[2]), 1)
    match = _DAY.fullmatch(text)
    if match:
        return dt.date(int(match[1]), int(match[2]), int(match[3]))
    match = _TURNED.fullmatch(text)
    if match is None:
        return None
    day, month = (int(match[1]), int(match[2])) if day_first else (int(match[2]), int(match[1]))
    year = int(match[3])
    # Two digits as POSIX reads them: 69 to 99 are in the last century.
    return dt.date(year if year > 99 else year + (1900 if year >= 69 else 2000), month, day)


def _spelt(text: str, day_first: bool) -> dt.date | None:
    del day_first
    match = _WORDS.fullmatch(text)
    if match and match[2].casefold() in _MONTHS:
        return dt.date(int(match[3]), _MONTHS[match[2].casefold()], int(match[1]))
    match = _NAMED.fullmatch(text)
    if match and match[1].casefold() in _MONTHS:
        return dt.date(int(match[3]), _MONTHS[match[1].casefold()], int(match[2] or 1))
    return None


def _mail(text: str, day_first: bool) -> dt.date | None:
    del day_first
    return _utc(parsedate_to_datetime(text)) if ":" in text else None


_WAYS: tuple[Callable[[str, bool], dt.date | None], ...] = (_plain, _iso, _numbers, _mail, _spelt)
