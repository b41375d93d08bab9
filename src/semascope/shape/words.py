"""Figures of a shape as a person reads them."""

from __future__ import annotations

from semascope.ops import Interval


def plainly(one: Interval) -> str:
    """`17.3 (16.9 to 17.8)`, with as many digits as its size asks for."""
    digits = digits_of(one)
    return f"{one.value:,.{digits}f} ({one.low:,.{digits}f} to {one.high:,.{digits}f})".replace("-0.000", "0.000")


def percent(one: Interval) -> str:
    """`12.0 % (8.1 to 17.3 %)`."""
    return f"{100 * one.value:.1f} % ({100 * one.low:.1f} to {100 * one.high:.1f} %)"


def digits_of(one: Interval) -> int:
    """After the point: none for hundreds, one for tens, more for what is small."""
    size = max(abs(one.low), abs(one.high), abs(one.value))
    return 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3


def bare(one: Interval) -> str:
    """The value alone, as `plainly` has it."""
    return f"{one.value:,.{digits_of(one)}f}".replace("-0.000", "0.000")


def span(low: float, high: float) -> str:
    """`9 to 17`, or one number where both are the same when rounded."""
    digits = 0 if high >= 10 else 1
    one, other = f"{low:.{digits}f}", f"{high:.{digits}f}"
    return one if one == other else f"{one} to {other}"
