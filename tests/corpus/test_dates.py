"""Dates and times in the forms that tables hold."""

from __future__ import annotations

import datetime as dt

import pytest

from semascope.corpus.dates import moment

DAY = dt.datetime(2024, 1, 31, tzinfo=dt.UTC).timestamp()
HOUR = DAY + 10 * 3600 + 5 * 60


@pytest.mark.parametrize(
    "value",
    [
        "2024-01-31", "2024/01/31", "2024.1.31", "20240131", "31.01.2024", "31.1.24", "31/01/2024", "01/31/2024",
        "1/31/24", "31 Jan 2024", "31-Jan-2024", "Jan 31, 2024", "January 31st, 2024", "Wed, 31 Jan 2024", "31. Januar 2024",
        dt.date(2024, 1, 31), dt.datetime(2024, 1, 31, tzinfo=dt.UTC), dt.datetime(2024, 1, 31),  # noqa: DTZ001 (a table has such, too)
        int(DAY), float(DAY), int(DAY * 1000), int(DAY * 1e6), str(int(DAY)),
    ],
)  # fmt: skip
def test_a_day_is_read_in_every_common_form(value: object) -> None:
    assert moment(value) == DAY


@pytest.mark.parametrize(
    "value",
    [
        "2024-01-31T10:05:00Z", "2024-01-31 10:05:00+00", "2024-01-31 11:05:00+01:00", "2024-01-31 10:05",
        "31.01.2024 10:05", "01/31/2024 10:05 AM", "1/31/2024, 10:05:00 AM", "Wed, 31 Jan 2024 10:05:00 +0000",
        "31/Jan/2024:10:05:00 +0000", "Wed Jan 31 10:05:00 +0000 2024", "Wed Jan 31 10:05:00 UTC 2024",
    ],
)  # fmt: skip
def test_a_time_of_day_and_its_zone_are_read(value: str) -> None:
    assert moment(value) == HOUR


def test_an_afternoon_and_midnight_are_told_apart() -> None:
    assert moment("01/31/2024 12:00 PM") == DAY + 12 * 3600
    assert moment("01/31/2024 12:00 AM") == DAY


def test_the_order_of_day_and_month_can_be_said() -> None:
    assert moment("03/04/2024") == moment("2024-03-04")
    assert moment("03/04/2024", day_first=True) == moment("2024-04-03")
    assert moment("03.04.2024") == moment("2024-04-03")


def test_a_year_alone_is_its_first_day() -> None:
    assert moment(1999) == moment("1999") == moment("1999-01-01")


@pytest.mark.parametrize(
    "value",
    ["", "soon", "10:05", "12.5", "31.02.2024", "2024-13-01", "v1.2.3", "192.168.0.1", "3/4", "Item 12, 2024 edition",
     None, True, [2024], 0.5, 7, 123456, 10**15 * 9, "T-1000"],
)  # fmt: skip
def test_what_is_no_time_is_none(value: object) -> None:
    assert moment(value) is None
