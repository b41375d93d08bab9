"""What the tests of the Space share: documents, what a Space holds row by row, and processes to kill."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from semascope.corpus import Corpus, Document

WORDS = [
    "river",
    "stone",
    "cloud",
    "engine",
    "violin",
    "harbour",
    "lemon",
    "winter",
    "pocket",
    "granite",
    "signal",
    "forest",
    "candle",
    "mirror",
]


def document(number: int) -> Document:
    """A document that follows from its number: one passage or several, with a title and fields or without."""
    rng = random.Random(number)
    text = ". ".join(" ".join(rng.choices(WORDS, k=6)) for _ in range(rng.choice([1, 1, 1, 4, 9])))
    return Document(
        f"d{number}",
        f"{text} number{number}",
        title=f"On {rng.choice(WORDS)}" if number % 3 else "",
        label=rng.choice(["a", "b"]),
        time=f"20{number % 30:02}-01-01" if number % 2 else None,
        metadata={"size": number, "even": number % 2 == 0},
    )


def corpus(count: int, *, start: int = 0, name: str = "made up") -> Corpus:
    """A corpus of `count` such documents; it can be read again."""
    return Corpus(lambda: (document(number) for number in range(start, start + count)), name=name)


def contents(folder: Path) -> dict[str, Any]:
    """Everything a Space holds, but for when and with what it was made: tables, word index, and the bytes of files."""
    database = sqlite3.connect(folder / "corpus.sqlite")
    try:
        database.execute("CREATE VIRTUAL TABLE temp.found USING fts5vocab(main, words, instance)")
        names = ["documents", "passages", "fields", "tombstones", "encodings", "segments", "ingests", "sqlite_sequence"]
        held: dict[str, Any] = {name: database.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall() for name in names}
        held["words"] = database.execute("SELECT * FROM temp.found ORDER BY term, doc, col, offset").fetchall()
    finally:
        database.close()
    held["files"] = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted((folder / "encodings").rglob("*"))
        if path.is_file()
    }
    return held


def child(work: Callable[[Callable[[], None]], None]) -> tuple[int, int]:
    """Run `work(tick)` in another process; its number, and a pipe with a byte for every tick."""
    out, into = os.pipe()
    number = os.fork()
    if number == 0:
        code = 1
        try:
            os.close(out)
            work(lambda: os.write(into, b".") and None)
            code = 0
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(code)
    os.close(into)
    return number, out


def wait(number: int, pipe: int) -> int:
    """The exit code of a child, minus the signal where one ended it."""
    os.close(pipe)
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


def kill(number: int, pipe: int) -> int:
    """End a child as a power cut would; see `wait`."""
    os.kill(number, signal.SIGKILL)
    return wait(number, pipe)


def lines(path: Path) -> list[dict[str, Any]]:
    """What a file of JSON lines holds."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
