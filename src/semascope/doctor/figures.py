"""Figures as a person reads them: shares with their intervals, counts, places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from semascope.ops import Interval, proportion
from semascope.report import Finding

SHOWN = 10  # places of rows that a finding carries


def share(count: int, n: int) -> Interval:
    """`count` of `n` as a share with its 95 % interval, which is honest at 0 and at 1 too.

    Source: Wilson (1927), "Probable Inference, the Law of Succession, and Statistical Inference".
    """
    if n < 1:
        return Interval(float("nan"), 0.0, 1.0, 0)
    return proportion(count, n)


def percent(interval: Interval) -> str:
    """`12.0 % (8.1 to 17.3 %, n = 250)`; without an interval where every row was looked at is for the caller to say."""
    return f"{interval.value:.1%} ({interval.low:.1%} to {interval.high:.1%}, n = {interval.n:,})"


def plainly(interval: Interval, digits: int = 3) -> str:
    """`0.053 (0.049 to 0.057, n = 1,000)`."""
    return f"{interval.value:.{digits}f} ({interval.low:.{digits}f} to {interval.high:.{digits}f}, n = {interval.n:,})"


def rows_said(count: int, noun: str = "row") -> str:
    """`1 row`, `1,200 rows`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def where(rows: Sequence[int] | NDArray[Any], shown: int = 3) -> str:
    """`row 7`, `rows 7, 9 and 12`, `rows 7, 9, 12 and 40 more`."""
    found = [f"{int(row):,}" for row in rows[:shown]]
    more = len(rows) - len(found)
    if len(rows) == 1:
        return f"row {found[0]}"
    if more > 0:
        return f"rows {', '.join(found)} and {more:,} more"
    return f"rows {', '.join(found[:-1])} and {found[-1]}"


def first(rows: Sequence[int] | NDArray[Any]) -> tuple[int, ...]:
    """The places a finding carries."""
    return tuple(int(row) for row in rows[:SHOWN])


def worst_first(findings: Sequence[Finding]) -> list[Finding]:
    """Faults, warnings, notes, then what is as it should be; otherwise in their order."""
    order = {"fault": 0, "warning": 1, "note": 2, "fine": 3}
    return sorted(findings, key=lambda one: order[one.level])
