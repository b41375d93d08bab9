"""The commands and the Python of documentation pages, run in the order in which they stand.

In a `console` block each line after `$ ` is a command (`> ` goes on with it) and the lines below it are what it prints, both streams
as a terminal shows them. A `python` block is run in the same folder; a `text` block right below it is what it prints. A block
below `<!-- not run -->` is left out.

`python tests/cli/pages.py PAGE...` puts what the commands print now into the pages.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"(?ms)^(?P<skip><!-- not run -->\n+)?```(?P<kind>\w*)\n(?P<body>.*?)^```$")


@dataclass
class Step:
    """A command or a piece of Python, what it should print, and where in the page that stands."""

    kind: str
    source: str
    wanted: str
    span: tuple[int, int]


def steps(text: str) -> list[Step]:
    """What a page runs, in order."""
    blocks = list(_BLOCK.finditer(text))
    found: list[Step] = []
    for at, block in enumerate(blocks):
        if block["skip"]:
            continue
        if block["kind"] == "console":
            found += _commands(block["body"], block.start("body"))
        elif block["kind"] == "python":
            follows = blocks[at + 1] if at + 1 < len(blocks) else None
            near = follows is not None and follows["kind"] == "text" and not text[block.end() : follows.start()].strip()
            wanted, span = (
                (follows["body"], follows.span("body")) if near and follows else ("", (block.end(), block.end()))
            )
            found.append(Step("python", block["body"], wanted, span))
    return found


def _commands(body: str, start: int) -> Iterator[Step]:
    now: Step | None = None
    place = start
    for line in body.splitlines(keepends=True):
        end = place + len(line)
        if line.startswith("$ "):
            if now is not None:
                yield now
            now = Step("console", line[2:], "", (end, end))
        elif now is not None and line.startswith("> ") and not now.wanted:
            now.source += line[2:]
            now.span = (end, end)
        elif now is not None:
            now.wanted += line
            now.span = (now.span[0], end)
        place = end
    if now is not None:
        yield now


def run(step: Step, folder: Path) -> str:
    """What a step prints, on a terminal of 100 columns without colour, in an empty home, with the default encoder."""
    env = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "HOME": str(folder),
        "XDG_CACHE_HOME": str(folder / ".cache"),
        "SEMASCOPE_ENCODER": "default",
    }
    command = ["sh", "-c", step.source] if step.kind == "console" else [sys.executable, "-c", step.source]
    done = subprocess.run(
        command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.stdout


def renewed(text: str) -> str:
    """The page with what its commands print now."""
    with tempfile.TemporaryDirectory() as folder:
        said = [(step.span, run(step, Path(folder))) for step in steps(text)]
    for (start, end), output in reversed(said):
        text = text[:start] + output + text[end:] if output or end > start else text
    return text


if __name__ == "__main__":
    for name in sys.argv[1:]:
        page = Path(name)
        page.write_text(renewed(page.read_text(encoding="utf-8")), encoding="utf-8")
