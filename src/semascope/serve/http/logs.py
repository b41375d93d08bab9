"""What the server writes down: one line a request, and tracebacks of what failed. Never a text, a key or a query string."""

from __future__ import annotations

import logging
import logging.handlers
import queue
import re
import secrets
import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import msgspec

LogFormat = Literal["json", "text"]
LOGGER = logging.getLogger("semascope.serve")
# Whose lines are ours to show too: what uvicorn and asyncio complain of.
_OTHERS = ("uvicorn.error", "asyncio")
QUIET = "semascope.quiet"  # in the scope of a request that the server makes of itself: neither written down nor counted
_WAITING = 10_000  # lines that may wait for whoever reads stderr; after that they are counted instead of kept
_SANE = re.compile(rb"[A-Za-z0-9._-]{1,64}")


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
    return secrets.token_hex(8)


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


class _Queue(logging.handlers.QueueHandler):
    """Hands lines to the thread that writes them; a stderr that nobody reads never holds up the server."""

    dropped = 0

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self.dropped += 1

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        made = logging.makeLogRecord({"msg": self.format(record), "levelno": record.levelno})
        if self.dropped:
            made.msg += f"\n{self.dropped} lines before this one were lost: stderr was not read"
            self.dropped = 0
        return made


@contextmanager
def logging_to(how: LogFormat | None = None, stream: TextIO | None = None) -> Generator[None]:
    """Write the server's lines for as long as this lasts.

    Args:
        how: "json" or "text"; text on a terminal, JSON elsewhere, where None.
        stream: Where to; stderr where None.
    """
    target = stream if stream is not None else sys.stderr
    lines: queue.Queue[logging.LogRecord] = queue.Queue(_WAITING)
    handler = _Queue(lines)
    handler.setFormatter(Lines(how or ("text" if target.isatty() else "json")))
    listener = logging.handlers.QueueListener(lines, logging.StreamHandler(target))
    loggers = [LOGGER, *map(logging.getLogger, _OTHERS)]
    before = [(logger, logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO if logger is LOGGER else logging.WARNING)
        logger.propagate = False
    listener.start()
    try:
        yield
    finally:
        for logger, level, propagate in before:
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = propagate
        listener.stop()
