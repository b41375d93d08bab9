"""Lines with their intervals, as SVG text that light and dark pages can colour."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from semascope.types import Array

WIDE, HIGH, LEFT, RIGHT, TOP, BOTTOM = 680, 340, 56, 150, 34, 46
COLOURS = ("#1f77b4", "#d1603d", "#2a9d6f", "#8e6bbf", "#b08900", "#c2528b", "#5b8c9d", "#7a7a7a")


@dataclass(frozen=True)
class Curve:
    """Lines over one axis.

    Args:
        title: What is shown.
        x: Name of the axis below.
        y: Name of the axis at the left.
        lines: Name -> points (x, y, low, high), low and high being the ends of an interval.
        dots: Name -> a word for each point of that line, shown at it.
    """

    title: str
    x: str
    y: str
    lines: Mapping[str, Sequence[tuple[float, float, float, float]]]
    dots: Mapping[str, Sequence[str]] | None = None


def chart(curve: Curve) -> str:
    """The curve as one SVG element with a title for who cannot see it."""
    points = [point for line in curve.lines.values() for point in line]
    if not points:
        return ""
    xs = np.array([point[0] for point in points])
    ys = np.array([value for point in points for value in point[1:]])
    x0, x1, y0, y1 = *span(xs), *span(ys)

    def at(x: float, y: float) -> tuple[float, float]:
        return (
            LEFT + (x - x0) / (x1 - x0) * (WIDE - LEFT - RIGHT),
            HIGH - BOTTOM - (y - y0) / (y1 - y0) * (HIGH - TOP - BOTTOM),
        )

    parts = [
        f'<svg viewBox="0 0 {WIDE} {HIGH}" role="img" aria-label="{escape(curve.title, quote=True)}" '
        f'xmlns="http://www.w3.org/2000/svg" font-family="system-ui, sans-serif" font-size="12" fill="currentColor">',
        f'<text x="8" y="16" font-weight="600" font-size="14">{escape(curve.title)}</text>',
    ]
    for tick in ticks(y0, y1):
        _, y = at(x0, tick)
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDE - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="currentColor" opacity=".15"/>'
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>'
        )
    for tick in ticks(x0, x1):
        x, _ = at(tick, y0)
        parts.append(f'<text x="{x:.1f}" y="{HIGH - BOTTOM + 18}" text-anchor="middle">{tick:g}</text>')
    parts.append(
        f'<text x="{(LEFT + WIDE - RIGHT) / 2}" y="{HIGH - 8}" text-anchor="middle">{escape(curve.x)}</text>'
        f'<text transform="translate(14 {(TOP + HIGH - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">{escape(curve.y)}</text>'
    )
    for number, (name, line) in enumerate(curve.lines.items()):
        parts += _line(name, line, COLOURS[number % len(COLOURS)], number, at, (curve.dots or {}).get(name, ()))
    return "".join([*parts, "</svg>"])


def _line(
    name: str,
    line: Sequence[tuple[float, float, float, float]],
    colour: str,
    number: int,
    place: Callable[[float, float], tuple[float, float]],
    words: Sequence[str],
) -> list[str]:
    here = [place(x, y) for x, y, _, _ in line]
    parts = [f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{_points(here)}"/>']
    for (x, y), (at_x, _, low, high) in zip(here, line, strict=True):
        (_, top), (_, bottom) = place(at_x, high), place(at_x, low)
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top:.1f}" y2="{bottom:.1f}" stroke="{colour}" stroke-width="1.5"/>'
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'
        )
    for (x, y), word in zip(here, words, strict=False):
        parts.append(f'<text x="{x + 6:.1f}" y="{y - 6:.1f}" font-size="11">{escape(word)}</text>')
    y = TOP + 8 + 18 * number
    parts.append(
        f'<rect x="{WIDE - RIGHT + 12}" y="{y - 9}" width="12" height="12" fill="{colour}"/>'
        f'<text x="{WIDE - RIGHT + 30}" y="{y + 1}">{escape(short(name, 18))}<title>{escape(name)}</title></text>'
    )
    return parts


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def span(values: Array) -> tuple[float, float]:
    """Where an axis begins and ends that shows all of these values, with some room."""
    low, high = float(values.min()), float(values.max())
    room = (high - low) * 0.06 or max(abs(high), 1.0) * 0.1
    return low - room, high + room


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers between two ends, about so many."""
    rough = (high - low) / about
    step = 10.0 ** np.floor(np.log10(rough))
    step *= next((m for m in (1, 2, 5) if m * step >= rough), 10)
    first = np.ceil(low / step)
    return [float(round((first + i) * step, 12)) for i in range(int((high - first * step) / step) + 1)]


def short(text: str, most: int) -> str:
    """The text, or its beginning and an ellipsis where it has more than so many letters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
