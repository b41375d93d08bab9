"""Dates as people write them, and what rose or fell: found where planted, and not where dates were shuffled."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from semascope.corpus.dates import read_dates
from semascope.errors import InputError
from semascope.look.found import Group, Groups
from semascope.look.trends import find_trends
from semascope.ops import Interval

FIFTH = dt.date(2024, 3, 5)


def grouped(of: np.ndarray) -> Groups:
    sure = Interval(1.0, 1.0, 1.0, 10)
    groups = [Group(g, [str(g)], np.flatnonzero(of == g), sure, True) for g in range(int(of.max()) + 1)]
    return Groups(of.astype(np.int32), groups)


@pytest.mark.parametrize(
    "written",
    [
        "2024-03-05", "2024-03-05T12:00:00Z", "2024-03-05 08:15:00.123", "2024-03-04T23:30:00-05:00", "20240305", "2024/3/5",
        "5.3.2024", "March 5, 2024", "5 March 2024", "Mar 5 2024", "5. März 2024", "5 de marzo de 2024", "Tuesday, 5 March 2024",
        "Tue, 05 Mar 2024 10:00:00 GMT", "1709640000", "1709640000000", 1709640000, 1709640000.0, FIFTH,
        dt.datetime(2024, 3, 5, 9, tzinfo=dt.UTC), "05/03/24", "2024-03-05 09:00 CET", "5 mars 2024, le matin",
        "Mon, 04 Mar 2024 23:30:00 EST",
    ],
)  # fmt: skip
def test_a_date_is_read(written: object) -> None:
    assert read_dates([written])[0] == [FIFTH]


@pytest.mark.parametrize(
    "written", ["", None, "hello", "12", "2024-13-45", "99/99/2024", True, "nan", "3.5", float("nan")]
)
def test_what_is_no_date_is_none(written: object) -> None:
    assert read_dates([written])[0] == [None]


def test_years_and_months_count_from_their_first_day() -> None:
    assert read_dates(["1945", "2024-03", "April 1945"])[0] == [
        dt.date(1945, 1, 1), dt.date(2024, 3, 1), dt.date(1945, 4, 1)
    ]  # fmt: skip


def test_a_number_above_twelve_tells_which_one_is_the_day() -> None:
    assert read_dates(["03/04/2024", "04/25/2024"])[0][0] == dt.date(2024, 3, 4)
    assert read_dates(["03/04/2024", "25/04/2024"])[0][0] == dt.date(2024, 4, 3)
    assert read_dates(["03/04/2024", "25/04/2024"])[1] == ""
    found, guess = read_dates(["03/04/2024"])
    assert found == [dt.date(2024, 4, 3)]
    assert "day first" in guess


@pytest.mark.parametrize(
    ("days", "first", "count"),
    [(10, "2024-01-01", 11), (100, "2024-W01", 15), (700, "2024-01", 24), (9000, "2024", 25), (40_000, "2020s", 12)],
)
def test_periods_suit_the_time_spanned(days: int, first: str, count: int) -> None:
    start = dt.date(2024, 1, 1)
    times = [start.isoformat(), (start + dt.timedelta(days=days)).isoformat()]
    found = find_trends(times, grouped(np.array([0, 0])))
    assert found.periods[0] == first
    assert len(found.periods) == count
    assert sum(found.counts) == 2


def planted(n: int, seed: int, rise: float) -> tuple[list[str], np.ndarray]:
    """Days of a year, and groups of which the first rises by that share over it and the second falls by it."""
    rng = np.random.default_rng(seed)
    day = rng.integers(0, 364, n)
    first = 0.3 + rise * (day / 364 - 0.5)
    draw = rng.random(n)
    of = np.where(draw < first, 0, np.where(draw < 0.6, 1, rng.integers(2, 12, n)))
    return [(dt.date(2024, 1, 1) + dt.timedelta(days=int(d))).isoformat() for d in day], of


def test_what_was_planted_to_rise_rises() -> None:
    times, of = planted(1500, 0, 0.4)
    found = find_trends(times, grouped(of))
    told = {trend.group: trend for trend in found.trends}
    assert told[0].rose == 1
    assert told[1].rose == -1
    assert all(told[group].rose == 0 for group in range(2, 12))
    assert told[0].change.low <= 0.4 * 2 / 3 <= told[0].change.high
    assert [trend.group for trend in found.trends[:2]] in ([0, 1], [1, 0])
    assert len(told[0].shares) == len(found.periods)
    assert found.dated == 1500


def test_of_shuffled_dates_hardly_one_corpus_in_twenty_shows_a_change() -> None:
    alarms = 0
    for seed in range(200):
        times, of = planted(400, seed, 0.0)
        found = find_trends(times, grouped(of))
        alarms += any(trend.rose for trend in found.trends)
    # 5 of 100 by design; 18 of 200 would come about once in a hundred such runs.
    assert alarms <= 18


def test_rows_without_a_date_are_left_out_and_counted() -> None:
    times, of = planted(300, 1, 0.0)
    found = find_trends([*times, None, "no date"], grouped(np.append(of, [0, 0])))
    assert found.dated == 300
    assert "300 of 302 rows have a date" in found.says


def test_too_few_dates_show_nothing_and_say_so() -> None:
    found = find_trends(["2024-01-01", "2024-05-01", None], grouped(np.array([0, 1, 0])))
    assert found.trends == []
    assert "10 each are wanted" in found.says
    assert find_trends(["x"], grouped(np.array([0]))).dated == 0
    assert find_trends(["2024"] * 50, grouped(np.zeros(50, int))).trends == []


def test_one_time_for_each_row_is_wanted() -> None:
    with pytest.raises(InputError, match="times: want one for each of 2 rows, got 1"):
        find_trends(["2024"], grouped(np.array([0, 0])))
