"""What the server writes down: one line a request, and tracebacks of what failed. Never a text, a key or a query string."""

from __future__ import annotations

import logging
import os
import re
import secrets
import sys
import threading
import traceback
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any, Literal, TextIO

import msgspec

LogFormat = Literal["json", "text"]
LOGGER = logging.getLogger("semascope.serve")
# Whose lines are ours to show too: what uvicorn and asyncio complain of.
_OTHERS = ("uvicorn.error", "asyncio")
QUIET = "semascope.quiet"  # in the scope of a request that the server makes of itself: neither written down nor counted
_WAITING = 10_000  # lines that may wait for whoever reads stderr; after that they are counted instead of kept
_EVERY = 0.1  # seconds between two looks at what is to be written
_LAST = 2.0  # seconds for them to be written in, at the end
_SANE = re.compile(rb"[A-Za-z0-9._-]{1,64}")

# Of an id: what no other start of a server has, and a number; random bytes for each would take longer than the rest.
_START = secrets.token_hex(5)
_NUMBERS = count(1)


@dataclass
class Note:
    """What is known of the request that is being answered.

    Args:
        id: Of the request.
        model: That encoded for it.
        texts: That were encoded.
        tokens: That were encoded.
    """

    id: str
    model: str = ""
    texts: int = 0
    tokens: int = 0


NOTE: ContextVar[Note | None] = ContextVar("semascope_request", default=None)


def note(model: str, texts: int, tokens: int) -> None:
    """Say what the request at hand had encoded; counts are added up. Outside a request it does nothing."""
    found = NOTE.get()
    if found is not None:
        found.model = model
        found.texts += texts
        found.tokens += tokens


def request_id(given: bytes | None) -> str:
    """The client's own where it is short and plain, else a new one."""
    if given is not None and _SANE.fullmatch(given):
        return given.decode("ascii")
    return f"{_START}{next(_NUMBERS):06x}"


class Lines(logging.Formatter):
    """A record as one line: JSON for programs, or text for people.

    Args:
        how: Which of the two.
    """

    def __init__(self, how: LogFormat) -> None:
        super().__init__()
        self._how = how
        self._encode = msgspec.json.Encoder().encode

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        when = datetime.fromtimestamp(record.created, UTC)
        fields: dict[str, Any] = getattr(record, "fields", {})
        trace = "".join(traceback.format_exception(*record.exc_info)).rstrip() if record.exc_info else ""
        message = record.getMessage()
        if self._how == "json":
            line: dict[str, Any] = {
                "time": when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "level": record.levelname.lower(),
                "event": message,
                **fields,
            }
            if trace:
                line["traceback"] = trace
            # Half a surrogate pair in a message is no UTF-8.
            return self._encode(_plain(line)).decode()
        clock = when.astimezone().strftime("%H:%M:%S")
        said = _said(fields) if fields and message == "request" else " ".join([message, *_pairs(fields)])
        level = "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
        return f"{clock} {level}{_one_line(said)}" + (f"\n{trace}" if trace else "")


def _plain(line: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
        for name, value in line.items()
    }


def _one_line(text: str) -> str:
    """What somebody sent cannot begin a line of its own, nor move the cursor of a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _said(fields: dict[str, Any]) -> str:
    """A request, for people."""
    words = [f"{fields['method']} {fields['route']} {fields['status']}", f"{fields['ms']:,.1f} ms"]
    if fields.get("texts"):
        words.append(f"{fields['model']}: {fields['texts']:,} texts, {fields['tokens']:,} tokens")
    return "  ".join([*words, fields["id"]])


def _pairs(fields: dict[str, Any]) -> list[str]:
    return [f"{name}={value}" for name, value in fields.items()]


class _Writer(logging.Handler):
    """Keeps lines for a thread that writes them: a stderr that nobody reads holds up neither the server nor its end.

    The thread looks now and then instead of being woken for each line: to wake it would cost more than the line.

    Args:
        stream: Where to.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._lines: deque[str] = deque()
        self._dropped = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Have a line written, or counted where too many wait."""
        if len(self._lines) >= _WAITING:
            self._dropped += 1
            return
        if self._dropped:
            self._lines.append(f"{self._dropped} lines were lost here: nobody read them\n")
            self._dropped = 0
        self._lines.append(f"{self.format(record)}\n")

    def _write(self) -> None:
        ended = False
        while not ended:
            ended = self._ending.wait(_EVERY)
            lines: list[str] = []
            while self._lines:
                lines.append(self._lines.popleft())
            try:
                self._put("".join(lines))
            except (OSError, ValueError):
                return  # nobody will ever read it

    def _put(self, lines: str) -> None:
        try:
            file = self._stream.fileno()
        except (OSError, ValueError, AttributeError):
            self._stream.write(lines)
            return
        # Not through the stream's own buffer: its lock would be held while a write waits, and the end waits for that.
        rest = memoryview(lines.encode("utf-8", "replace"))
        while rest:
            rest = rest[os.write(file, rest) :]

    def end(self) -> None:
        """Write what waits, as far as somebody reads it."""
        self._ending.set()
        self._thread.join(_LAST)


@contextmanager
def logging_to(how: LogFormat | None = None, stream: TextIO | None = None) -> Generator[None]:
    """Write the server's lines for as long as this lasts.

    Args:
        how: "json" or "text"; text on a terminal, JSON elsewhere, where None.
        stream: Where to; stderr where None.
    """
    target = stream if stream is not None else sys.stderr
    writer = _Writer(target)
    writer.setFormatter(Lines(how or ("text" if target.isatty() else "json")))
    loggers = [LOGGER, *map(logging.getLogger, _OTHERS)]
    before = [(logger, logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.addHandler(writer)
        logger.setLevel(logging.INFO if logger is LOGGER else logging.WARNING)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, level, propagate in before:
            logger.removeHandler(writer)
            logger.setLevel(level)
            logger.propagate = propagate
        writer.end()
