"""What rose and what fell: each group's share of the rows over time, with intervals that hold for all groups at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from semascope.corpus.dates import read_dates
from semascope.errors import InputError
from semascope.look.found import Groups, Trend, Trends
from semascope.ops import Interval

_LEVEL = 0.95  # of all intervals together
_LEAST = 10  # rows wanted in the first third of the time and in the last
_WIDTHS = ((45, "day"), (270, "week"), (5 * 366, "month"), (60 * 366, "year"))  # days spanned at most


def find_trends(times: Sequence[object], groups: Groups) -> Trends:
    """How each group's share of the rows changed from the first third of the time to the last.

    The intervals are Newcombe's for a difference of two shares, made wide enough (Bonferroni) that all of them hold
    together in 95 of 100 corpora whose rows come independently of each other. Where many rows come of one event, as a
    burst of copies does, they are too narrow.

    Args:
        times: One a row, as the source wrote it; None or anything that cannot be read is a row without a date.
        groups: Of the same rows; those in none (-1) count as rows of the period.

    Raises:
        InputError: not one time for each row.

    Source: Newcombe (1998), "Interval estimation for the difference between independent proportions", method 10.
    """
    of = np.asarray(groups.of)
    if len(times) != len(of):
        raise InputError(f"times: want one for each of {len(of):,} rows, got {len(times):,}")
    read, guess = read_dates(times)
    dated = np.flatnonzero(np.fromiter((day is not None for day in read), bool, len(read)))
    if not len(dated):
        return Trends((), (), (), 0, "No date could be read.")
    days = np.array([day.toordinal() for day in read if day is not None], np.int64)
    periods, place = _periods(days)
    counts = np.bincount(place, minlength=len(periods))
    first, last = _thirds(days)
    said = [f"{len(dated):,} of {len(of):,} rows have a date, {min(periods)} to {max(periods)}."]
    if guess:
        said.append(guess)
    trends: list[Trend] = []
    enough = min(first.sum(), last.sum()) >= _LEAST
    if enough:
        z = NormalDist().inv_cdf(1 - (1 - _LEVEL) / 2 / max(1, len(groups.groups)))
        for group in groups.groups:
            mine = of[dated] == group.number
            held = np.bincount(place[mine], minlength=len(periods))
            shares = [float(share) for share in held / np.maximum(counts, 1)]
            change = _difference(int(mine[last].sum()), int(last.sum()), int(mine[first].sum()), int(first.sum()), z)
            trends.append(Trend(group.number, shares, change, int(change.low > 0) - int(change.high < 0)))
        trends.sort(key=lambda one: (-abs(one.change.value), one.group))
        moved = sum(one.rose != 0 for one in trends)
        said.append(
            f"{moved} of {len(trends)} groups rose or fell between the first third of the time and the last; where nothing "
            f"changes, at least one of them would seem to in 5 of 100 corpora."
        )
    else:
        said.append(
            f"The first third of the time holds {int(first.sum())} rows and the last {int(last.sum())}; {_LEAST} each are "
            "wanted to say what rose or fell."
        )
    return Trends(periods, [int(count) for count in counts], trends, len(dated), " ".join(said))


def _thirds(days: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which rows lie in the first third of the time spanned, and which in the last; none where it is one day."""
    start, end = int(days.min()), int(days.max())
    if start == end:
        return np.zeros(len(days), bool), np.zeros(len(days), bool)
    third = (end - start) / 3
    return days <= start + third, days >= end - third


def _difference(a: int, n: int, b: int, m: int, z: float) -> Interval:
    """The share a of n minus the share b of m, between Newcombe's bounds."""
    p, q = a / n, b / m
    (p_low, p_high), (q_low, q_high) = _wilson(a, n, z), _wilson(b, m, z)
    low = p - q - np.hypot(p - p_low, q_high - q)
    high = p - q + np.hypot(p_high - p, q - q_low)
    return Interval(p - q, float(low), float(high), n + m)


def _wilson(a: int, n: int, z: float) -> tuple[float, float]:
    middle, half = a + z * z / 2, z * np.sqrt(a * (n - a) / n + z * z / 4)
    return float((middle - half) / (n + z * z)), float((middle + half) / (n + z * z))


def _periods(days: NDArray[np.int64]) -> tuple[list[str], NDArray[np.int64]]:
    """Names of all periods from the first date to the last, those without rows too, and the place of each row in them."""
    start, end = int(days.min()), int(days.max())
    width = next((name for most, name in _WIDTHS if end - start < most), "decade")
    name = _NAMES[width]
    distinct, inverse = np.unique(days, return_inverse=True)
    if width == "day":
        steps = range(start, end + 1)
    elif width == "week":
        steps = range(start - (start - 1) % 7, end + 1, 7)
    else:
        # Every period from a month up holds a 15th; a step of a fortnight misses no month.
        steps = range(start, end + 1, 14)
    names = list(dict.fromkeys([*(name(dt.date.fromordinal(day)) for day in steps), name(dt.date.fromordinal(end))]))
    at = {called: place for place, called in enumerate(names)}
    places = np.array([at[name(dt.date.fromordinal(int(day)))] for day in distinct], np.int64)
    return names, places[inverse]


def _week(day: dt.date) -> str:
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02d}"


_NAMES: dict[str, Callable[[dt.date], str]] = {
    "day": lambda day: day.isoformat(),
    "week": _week,
    "month": lambda day: f"{day.year}-{day.month:02d}",
    "year": lambda day: f"{day.year}",
    "decade": lambda day: f"{day.year // 10 * 10}s",
}
