"""Dates and times as tables hold them: ISO, the common forms by hand, seconds since 1970, years."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import Any

_CLOCK = (
    r"(?:[T ,:]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?(?:\s*([AaPp])\.?[Mm]\.?)?\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})?)?"
)
_WEEKDAY = r"(?:[^\W\d_]{2,10}\.?,?\s+)?"
_YEAR_FIRST = re.compile(r"(\d{4})[/.-](\d{1,2})[/.-](\d{1,2})" + _CLOCK)
_YEAR_LAST = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})" + _CLOCK)
_DAY_NAMED = re.compile(
    _WEEKDAY + r"(\d{1,2})(?:st|nd|rd|th|\.)?[ /-]+(?:de +|of +)?([^\W\d_]{3,10})\.?,?[ /-]+(?:de +)?(\d{4})" + _CLOCK
)
_NAMED_DAY = re.compile(_WEEKDAY + r"([^\W\d_]{3,10})\.?\s+(?:(\d{1,2})(?:st|nd|rd|th)?,?\s+)?(\d{4})" + _CLOCK)
_YEAR_BEHIND = re.compile(
    r"[A-Za-z]{3} ([A-Za-z]{3}) +(\d{1,2}) (\d{1,2}):(\d{2}):(\d{2}) ?([A-Z]{3}|[+-]\d{4})? (\d{4})"
)
_MONTH = re.compile(r"(\d{4})[-/.](\d{1,2})")
_TURNED = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](?:\d{4}|\d{2})(?:[ T,].*)?")
# What a text begins with where more than a date stands in it.
_BEGINS = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?=[ T])|\d{1,2}([-/.])\d{1,2}\1(?:\d{4}|\d{2})(?=[ T,])|.*?[^\W\d_]{3}.*?\b\d{4}\b"
)
_WHOLE = re.compile(r"-?\d{1,19}(?:\.0+)?", re.ASCII)
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january janvier januar januari enero gennaio janeiro",
            "feb february février fevrier februar februari febrero febbraio fevereiro",
            "mar march mars mär märz marz mrz marzo março marco maart",
            "apr april avril abril aprile",
            "may mai mayo maggio maio mei",
            "jun june juin juni junio giugno junho",
            "jul july juillet juli julio luglio julho",
            "aug august août aout agosto augustus",
            "sep sept september septembre septiembre settembre setembro",
            "oct october octobre okt oktober octubre ottobre outubro",
            "nov november novembre noviembre novembro",
            "dec december décembre decembre dez dezember diciembre dicembre dezembro desember",
        ),
        1,
    )
    for name in names.split()
}  # fmt: skip
EARLIEST, LATEST = 946_684_800, 2_208_988_800  # seconds since 1970 that a number is taken for a time: 2000 to 2040


def moment(value: Any, *, day_first: bool | None = None, any_number: bool = False) -> float | None:
    """Seconds since 1970 (UTC where no zone is given) of a date, a text or a number; None where it is no time.

    Args:
        value: A date or datetime, a text in a common form, or a whole number: a year from 1000 to 2100, or seconds,
            milliseconds or microseconds since 1970 that fall between 2000 and 2040.
        day_first: How to read 03/04/2024; None takes the month first, as dates with strokes mostly mean it, and the day
            first where points stand between.
        any_number: Whether a number of 9 digits or more is a time since 1970 whatever year it gives: for a column that
            is known to hold times.
    """
    if isinstance(value, dt.datetime):
        return _seconds(value)
    if isinstance(value, dt.date):
        return _seconds(dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC))
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = value.strip() if isinstance(value, str) else repr(value)
    if _WHOLE.fullmatch(text) and (not isinstance(value, str) or len(text) != 8):
        number = int(text.partition(".")[0])
        return _of_digits(number) if any_number and abs(number) > 2100 else _of_number(number)
    return _of_text(text, day_first) if 6 <= len(text) <= 48 else None


def _of_number(number: int) -> float | None:
    if 1000 <= number <= 2100:
        return _made(number, 1, 1)
    for scale in (1, 1_000, 1_000_000):
        if EARLIEST <= number / scale <= LATEST:
            return number / scale
    return None


def _of_digits(number: int) -> float | None:
    digits = len(str(abs(number)))
    # Seconds have 9 or 10 digits from 1973 to 2286; each three digits more are a thousand times finer.
    if digits < 9 or digits in (11, 14, 17):
        return None
    return number / 10 ** (3 * ((digits - 9) // 3))


def _of_text(text: str, day_first: bool | None) -> float | None:
    try:
        return _seconds(dt.datetime.fromisoformat(text))
    except ValueError:
        pass  # another form, perhaps
    if found := _YEAR_FIRST.fullmatch(text):
        return _made(int(found[1]), int(found[2]), int(found[3]), found.groups()[3:])
    if found := _YEAR_BEHIND.fullmatch(text):
        clock = (found[3], found[4], found[5], None, found[6])
        return _made(int(found[7]), _MONTHS.get(found[1].lower(), 0), int(found[2]), clock)
    if found := _MONTH.fullmatch(text):
        return _made(int(found[1]), int(found[2]), 1)
    if found := _YEAR_LAST.fullmatch(text):
        first, second, year = int(found[1]), int(found[3]), int(found[4])
        year += 0 if year > 99 else 2000 if year < 69 else 1900  # as POSIX reads two digits
        day_leads = found[2] == "." if day_first is None else day_first
        day, month = (first, second) if (day_leads and second <= 12) or first > 12 else (second, first)
        return _made(year, month, day, found.groups()[4:])
    if found := _DAY_NAMED.fullmatch(text):
        return _made(int(found[3]), _MONTHS.get(found[2].lower(), 0), int(found[1]), found.groups()[3:])
    if found := _NAMED_DAY.fullmatch(text):
        return _made(int(found[3]), _MONTHS.get(found[1].lower(), 0), int(found[2] or 1), found.groups()[3:])
    return None


def _made(year: int, month: int, day: int, clock: tuple[str | None, ...] = ()) -> float | None:
    hour, minute, second, half, zone = (*clock, None, None, None, None, None)[:5]
    hours = int(hour or 0)
    if half:
        hours = hours % 12 + (12 if half in "pP" else 0)
    try:
        made = dt.datetime(year, month, day, hours, int(minute or 0), int(second or 0), tzinfo=dt.UTC)
    except ValueError:
        return None
    if zone and zone[0] in "+-":
        digits = zone[1:].replace(":", "")
        offset = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        made = made - offset if zone[0] == "+" else made + offset
    return made.timestamp()


def _seconds(value: dt.datetime) -> float:
    return (value if value.tzinfo is not None else value.replace(tzinfo=dt.UTC)).timestamp()


def read_dates(written: Sequence[object]) -> tuple[list[dt.date | None], str]:
    """The day of each of n values, None where it cannot be read; and what had to be guessed, "" where nothing was.

    Times with an offset are taken to UTC first. A year alone counts as its first of January, a month as its first day.
    "03/04/2024" is read with the day first or the month first as the other values show (a number above 12 is a day);
    where none of them does, the day is taken to stand first, and that is said. What stands behind a date is passed over.

    Args:
        written: What the source has: text, a number, a date, or None.
    """
    day_first, guess = _order(written)
    known: dict[object, dt.date | None] = {}
    for value in written:
        key = value if isinstance(value, str) else repr(value)
        if key not in known:
            known[key] = _day(value, day_first)
    return [known[value if isinstance(value, str) else repr(value)] for value in written], guess


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


def _day(value: object, day_first: bool) -> dt.date | None:
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    found = moment(value, day_first=day_first, any_number=True)
    if found is None and isinstance(value, str):
        found = _of_mail(value) if ":" in value else None
        begins = _BEGINS.match(value.strip()) if found is None else None
        found = moment(begins[0], day_first=day_first) if begins else found
    try:
        return None if found is None else dt.datetime.fromtimestamp(found, dt.UTC).date()
    except (ValueError, OverflowError, OSError):
        return None


def _of_mail(text: str) -> float | None:
    try:
        return _seconds(parsedate_to_datetime(text))
    except (ValueError, TypeError, OverflowError):
        return None
