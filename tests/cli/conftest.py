"""Running the command line: in this process, where most tests do, or as a person's shell would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from semascope.cli import app


@dataclass
class Said:
    """What came of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


Run = Callable[..., Said]


@pytest.fixture
def run() -> Run:
    """Run a command in this process; an exception that is not an exit code comes through."""

    def go(*args: object, stdin: str | bytes | None = None, env: dict[str, str | None] | None = None) -> Said:
        done = CliRunner().invoke(app, [str(arg) for arg in args], input=stdin, env=env)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Said(done.exit_code, done.stdout, done.stderr)

    return go


@pytest.fixture
def shell(tmp_path: Path) -> Run:
    """Run a command as a process of its own, in an empty folder."""

    def go(*args: object, stdin: str | None = None, env: dict[str, str] | None = None) -> Said:
        done = subprocess.run(
            [sys.executable, "-m", "semascope", *map(str, args)],
            cwd=tmp_path,
            env={**os.environ, **(env or {})},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    return go


NOTES = (
    ("cat", "Pets", "The cat sleeps on the warm sofa all afternoon and purrs.", "home", 1),
    (
        "bread",
        "Baking",
        "Bread needs flour, water, salt and yeast; knead the dough and bake it in a hot oven.",
        "home",
        4,
    ),
    ("rates", "Money", "The central bank raised interest rates again, so mortgages cost more.", "news", 3),
    (
        "backup",
        "Backups",
        "Every night the server copies its files to a second disk in another building.",
        "work",
        4,
    ),
    ("train", "Travel", "The night train from Vienna to Venice was late by two hours.", "news", 4),
)


@pytest.fixture(scope="session")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five short texts as JSON Lines."""
    path = tmp_path_factory.mktemp("notes") / "notes.jsonl"
    rows = [dict(zip(("id", "title", "text", "section", "pages"), row, strict=True)) for row in NOTES]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
