"""One connection: uvicorn's reading of HTTP/1.1, with limits on all that a client can make long, large or slow."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import Any

import httptools
import msgspec
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from semascope.serve.http.limits import HEAD, HEADERS, PIPELINED, Watch
from semascope.serve.http.metrics import Metrics
from semascope.serve.http.problems import Problem
from semascope.serve.settings import Settings

_UPGRADE = re.compile(rb"\r\nupgrade:", re.IGNORECASE)
_BODIED = (b"content-length", b"transfer-encoding")


@dataclass(eq=False)
class Ground:
    """What all connections of a server share.

    Args:
        settings: Limits.
        metrics: Where refusals are counted.
        connections: How many may be open.
        state: uvicorn's: the connections, the requests in progress.
    """

    settings: Settings
    metrics: Metrics
    connections: int
    state: ServerState = field(default_factory=ServerState)


class Connection(HttpToolsProtocol):  # pyright: ignore[reportUntypedBaseClass]
    """A client's connection.

    Args:
        ground: What all connections share.
        config: uvicorn's.
    """

    def __init__(self, ground: Ground, config: Config) -> None:
        super().__init__(config=config, server_state=ground.state, app_state={})
        self.ground = ground
        self.watch = Watch(ground.settings, self.loop.time())
        self._problem: Problem | None = None
        self._whole = True  # whether all of the last request has come

    def connection_made(self, transport: Any) -> None:
        """Let it in, unless there are too many and none of them can be closed for it."""
        wrapped: Any = _Transport(transport, self)
        super().connection_made(wrapped)
        if len(self.connections) <= self.ground.connections:
            return
        others = [one for one in self.connections if isinstance(one, Connection) and one is not self]
        there = [one for one in others if not one.transport.is_closing()]
        if len(there) < self.ground.connections:
            return
        quiet = [one for one in there if one.watch.quiet]
        if quiet:
            min(quiet, key=Connection.quiet_since).transport.abort()
            return
        self.ground.metrics.rejected.labels("connections").inc()
        self._refuse(Problem(503, "connections: too many are open; try again", code="connections", retry_after=1))

    def data_received(self, data: bytes) -> None:
        """Read on, and stop where the head is too large."""
        if self.watch.phase in ("head", "idle") and not self.watch.read:
            self.watch.enter("head", self.loop.time())
        self.watch.read += len(data)
        if self.transport.is_closing():
            return
        if self.watch.phase in ("head", "idle"):
            data = _kept(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as asked:
            # To no other protocol. It had no body (see on_headers_complete), so what follows is the next request.
            self.parser = httptools.HttpRequestParser(self)
            rest = data[asked.args[0] :]
            if rest:
                self.data_received(rest)
        except httptools.HttpParserError:
            self.send_400_response("")
        if self.watch.phase == "head" and self.watch.read > HEAD and not self.transport.is_closing():
            self._refuse(_large_head())

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._whole = False

    def on_headers_complete(self) -> None:
        """Its head is whole: hand it to the application."""
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > HEAD or len(self.headers) > HEADERS:
            raise self._stop(_large_head())
        if len(self.pipeline) >= PIPELINED:
            raise self._stop(
                Problem(400, f"want at most {PIPELINED} requests ahead of their answers", code="malformed")
            )
        if not self.url.isascii():
            raise self._stop(Problem(400, "path: want ASCII, got other bytes; write them as %xx", code="malformed"))
        if self.parser.should_upgrade() and any(name in _BODIED for name, _ in self.headers):
            # The parser would take its body for the next request.
            raise self._stop(Problem(400, "upgrade: want none beside a body, got both", code="malformed"))
        super().on_headers_complete()
        self.watch.enter("request", self.loop.time())

    def on_message_complete(self) -> None:
        """All of its body has come."""
        self._whole = True
        super().on_message_complete()
        if self.watch.phase == "linger":
            self.watch.enter("idle", self.loop.time())

    def on_response_complete(self) -> None:
        """It is answered; what comes of its body after that is read and thrown away, so that the answer is seen."""
        self.watch.enter("idle" if self._whole else "linger", self.loop.time())
        super().on_response_complete()
        if self.pipeline or not self.cycle.response_complete:
            self.watch.enter("request", self.loop.time())
        self._unset_keepalive_if_required()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's name and argument
        """What is no HTTP, or too much of it, is answered and closed."""
        problem = self._problem or Problem(400, "want a request of HTTP/1.1, got something else", code="malformed")
        self.ground.metrics.rejected.labels("head" if problem.status == 431 else "malformed").inc()
        self._refuse(problem)

    def quiet_since(self) -> float:
        """When it last did something."""
        return self.watch.since

    def unsent(self) -> int:
        """Bytes of answers that the client has not read."""
        return self.transport.get_write_buffer_size()

    def check(self, now: float) -> None:
        """Close it where a limit of time is passed."""
        reason = self.watch.overdue(now, self.unsent())
        if not reason:
            return
        if reason != "idle":
            self.ground.metrics.rejected.labels(reason).inc()
        if reason == "slow_head" and not self.transport.is_closing():
            seconds = self.ground.settings.head_seconds
            self._refuse(Problem(408, f"want the head of a request within {seconds:g} seconds", code="slow_head"))
        else:
            self.transport.abort()

    def _stop(self, problem: Problem) -> httptools.HttpParserError:
        """Makes the parser stop, which then says what the problem was."""
        self._problem = problem
        return httptools.HttpParserError(problem.message)

    def _refuse(self, problem: Problem) -> None:
        """Answer outside the application, and close."""
        body = msgspec.json.encode(problem.body())
        lines = [
            *(name + b": " + value for name, value in self.server_state.default_headers),
            *(f"{name}: {value}".encode() for name, value in problem.headers().items()),
            b"content-type: application/json",
            b"x-content-type-options: nosniff",
            b"content-length: " + str(len(body)).encode(),
            b"connection: close",
        ]
        self.transport.write(STATUS_LINE[problem.status] + b"\r\n".join(lines) + b"\r\n\r\n" + body)
        self.transport.close()

    def leave(self) -> bool:
        """What was asked for and not yet read is still to come: read it, for a while, and throw it away."""
        if self._whole or self.watch.phase == "linger":
            return False
        self.watch.enter("linger", self.loop.time())
        self.flow.resume_reading()
        return True


def _kept(data: bytes) -> bytes:
    """A head without the wish for another protocol, which clients of Java send with every first request.

    It may be passed over, but httptools then reads no body.
    """
    if b"pgrade" not in data:
        return data
    end = data.find(b"\r\n\r\n")
    return _UPGRADE.sub(b"\r\nx-asked:", data[:end]) + data[end:] if end >= 0 else data


def _large_head() -> Problem:
    return Problem(431, f"head: want at most {HEAD:,} bytes and {HEADERS} headers, got more", code="head")


class _Transport:
    """asyncio's transport, but one that is closed before all of a request was read lets its client read the answer.

    To close a socket with unread bytes resets the connection, and the answer may be lost on the way.
    """

    def __init__(self, transport: asyncio.Transport, connection: Connection) -> None:
        self._transport = transport
        self._connection = connection
        self._closed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        """Whether it is closed, or will be when the client has read the answer."""
        return self._closed or self._transport.is_closing()

    def close(self) -> None:
        """Send what is written, then close."""
        self._closed = True
        if self._transport.is_closing():
            return
        if self._connection.leave():
            self._transport.write_eof()
        else:
            self._transport.close()
