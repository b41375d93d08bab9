"""The documentation was run: its commands and Python are run again here, and say what it says they say.

In a `console` block each line after `$ ` is a command and the lines below it are what it prints (both streams, as a terminal
shows them). A line `...` stands for any lines. Times, rates and sizes differ from machine to machine, so numbers with such a
unit are compared by their unit alone. A `python` block is run in the folder of the page's commands before it; a `text`
block right below it is what it prints. A block below `<!-- not run -->` is left out.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "tutorials").glob("*.md"))]
_BLOCK = re.compile(r"(?ms)^(?P<skip><!-- not run -->\n+)?```(?P<kind>\w*)\n(?P<body>.*?)^```$")
_MEASURED = re.compile(r"\b\d[\d,]*(?:\.\d+)? (ms|s|min|kB|MB|GB|B)\b")


@dataclass
class Step:
    """A command or a piece of Python, and what it should print."""

    kind: str
    source: str
    wanted: list[str] = field(default_factory=list)


def steps(page: Path) -> list[Step]:
    blocks = [match for match in _BLOCK.finditer(page.read_text(encoding="utf-8")) if not match["skip"]]
    found: list[Step] = []
    for block, following in pairwise([*blocks, None]):
        if block["kind"] == "console":
            found += commands(block["body"])
        elif block["kind"] == "python":
            near = following is not None and following["kind"] == "text" and following.start() - block.end() < 4
            found.append(Step("python", block["body"], following["body"].splitlines() if near else []))
    return found


def commands(body: str) -> list[Step]:
    found: list[Step] = []
    for line in body.splitlines():
        if line.startswith("$ "):
            found.append(Step("console", line[2:]))
        elif found and line.startswith("> ") and not found[-1].wanted:
            found[-1].source += "\n" + line[2:]
        else:
            found[-1].wanted.append(line)
    return found


def plain(text: str) -> list[str]:
    lines = [_MEASURED.sub(r"# \1", line.rstrip()) for line in text.splitlines()]
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
    binaries = Path(sys.executable).parent
    env = {
        **os.environ,
        "PATH": f"{binaries}:{os.environ['PATH']}",
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / ".cache"),
        "PYTHONWARNINGS": "error",
    }
    ran = 0
    for step in steps(page):
        shell = ["sh", "-ec", step.source] if step.kind == "console" else [sys.executable, "-c", step.source]
        done = subprocess.run(
            shell, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        said, wanted = plain(done.stdout), plain("\n".join(step.wanted))
        assert matches(said, wanted), f"$ {step.source}\nsaid:\n{done.stdout}\nwanted:\n" + "\n".join(step.wanted)
        ran += 1
    assert ran >= 2


def test_the_readme_shows_the_real_help() -> None:
    env = {**os.environ, "COLUMNS": "100"}
    done = subprocess.run(
        [sys.executable, "-m", "semascope", "--help"], capture_output=True, text=True, env=env, check=True
    )
    assert f"```text\n{done.stdout}```" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_page_opens_with_the_same_sentence() -> None:
    import tomllib

    from semascope.cli.app import SENTENCE

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
