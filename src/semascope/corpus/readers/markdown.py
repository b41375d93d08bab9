"""Markdown: the text as it stands, titled by its first heading."""

from __future__ import annotations

import re

_LINES = 200
_HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$")
_FENCE = re.compile(r" {0,3}(```|~~~)")
_UNDERLINE = re.compile(r" {0,3}(?:=+|-+)[ \t]*$")


def title(text: str) -> str:
    """The first heading among the first lines, outside code; the title of the front matter where there is one."""
    lines = text[:50_000].splitlines()[:_LINES]
    start = 0
    if lines and lines[0].strip() == "---" and "---" in (rest := [line.strip() for line in lines[1:]]):
        start = rest.index("---") + 2
        for line in lines[1:start]:
            key, _, value = line.partition(":")
            if key.strip().lower() == "title" and value.strip():
                return value.strip().strip("\"'")
    return _heading(lines[start:])


def _heading(lines: list[str]) -> str:
    fence = ""
    before = ""
    for line in lines:
        mark = _FENCE.match(line)
        if mark is not None and fence in ("", mark[1]):
            fence = "" if fence else mark[1]
        elif not fence:
            heading = _HEADING.match(line)
            if heading is not None and heading[1].strip():
                return heading[1].strip()
            if before.strip() and _UNDERLINE.match(line):
                return before.strip()
        before = "" if fence else line
    return ""
