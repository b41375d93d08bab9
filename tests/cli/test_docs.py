"""The documentation was run: its commands and Python are run again here, and print what the pages say they print.

A line `...` stands for any lines. Times, sizes, scores, days and hashes differ from machine to machine, so
any is as good as another; what is found, and in which order, is not.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from pages import run, steps

from semascope.cli.app import SENTENCE

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "tutorials").glob("*.md"))]
_TIME = re.compile(r"\b(?:\d+ (?:min|h) )?\d+(?:\.\d+)? (?:ms|s|min)\b")
_SIZE = re.compile(r"\b\d+(?:\.\d+)? (?:kB|MB|GB|B)\b")
_SCORE = re.compile(r"(?<![\w.])-?\d+\.\d{3,}\b")
_DAY = re.compile(r"\b\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d(?:\+00:00)?)?|\b[0-9a-f]{12}\b")


def plain(text: str) -> list[str]:
    for pattern, instead in ((_TIME, "TIME"), (_SIZE, "SIZE"), (_SCORE, "SCORE"), (_DAY, "DAY")):
        text = pattern.sub(instead, text)
    lines = [line.rstrip() for line in text.splitlines()]
    return [line for line in lines if line]


def matches(said: list[str], wanted: list[str]) -> bool:
    """Whether the lines agree, `...` standing for any number of them."""
    if not wanted:
        return not said
    if wanted[0] == "...":
        return any(matches(said[skip:], wanted[1:]) for skip in range(len(said) + 1))
    return bool(said) and said[0] == wanted[0] and matches(said[1:], wanted[1:])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_shows_is_what_happens(page: Path, tmp_path: Path) -> None:
    every = steps(page.read_text(encoding="utf-8"))
    for step in every:
        said = run(step, tmp_path)
        assert matches(plain(said), plain(step.wanted)), f"$ {step.source}\nsaid:\n{said}\nwanted:\n{step.wanted}"
    assert len(every) >= 2


def test_the_readme_shows_the_real_help() -> None:
    env = {**os.environ, "COLUMNS": "100"}
    done = subprocess.run(
        [sys.executable, "-m", "semascope", "--help"], capture_output=True, text=True, env=env, check=True
    )
    assert f"```text\n{done.stdout}```" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_page_opens_with_the_same_sentence() -> None:
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert readme.startswith(f"# Semascope **{SENTENCE}**")
    description = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["description"]
    assert description == SENTENCE


def test_links_between_pages_lead_somewhere() -> None:
    pages = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
    links = [
        (page, link)
        for page in pages
        for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text(encoding="utf-8"))
    ]
    assert links
    assert [f"{page.name}: {link}" for page, link in links if not (page.parent / link).exists()] == []
