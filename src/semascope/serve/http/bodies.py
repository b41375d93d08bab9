"""Read the body of a request, no more of it than is allowed and no longer than is patient."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager

from starlette.requests import ClientDisconnect, Request

from semascope.serve.http.problems import Problem
from semascope.serve.settings import Settings


class Room:
    """How many bytes of bodies are held at once, over all requests.

    Args:
        most: Of them.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.held = 0

    @contextmanager
    def __call__(self) -> Generator[Share]:
        """A request's share of it, given back at the end."""
        share = Share(self)
        try:
            yield share
        finally:
            self.held -= share.taken


class Share:
    """What one request holds of the room."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.taken = 0

    def take(self, size: int) -> None:
        """More of it.

        Raises:
            Problem: 429, the others hold too much.
        """
        if self._room.held + size > self._room.most:
            raise Problem(429, "body: too much is being read at once; try again", code="busy", retry_after=1)
        self._room.held += size
        self.taken += size


async def read_body(request: Request, settings: Settings, share: Share) -> bytes:
    """The whole body.

    Raises:
        Problem: 413 it is larger than is allowed, 408 it does not come, 429 others are being read that take all the room.
        ClientDisconnect: the client went away.
    """
    said = request.headers.get("content-length", "")
    if said.isdecimal() and int(said) > settings.body:
        raise _too_large(settings.body, int(said))
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(settings.body_seconds):
            async for part in request.stream():
                size += len(part)
                if size > settings.body:
                    raise _too_large(settings.body, size)
                share.take(len(part))
                parts.append(part)
    except TimeoutError as error:
        message = f"body: want all of it within {settings.body_seconds:g} seconds, got {size:,} bytes"
        raise Problem(408, message, code="slow_body") from error
    return b"".join(parts)


def _too_large(most: int, size: int) -> Problem:
    return Problem(413, f"body: want at most {most:,} bytes, got {size:,} or more", code="too_large")


__all__ = ["ClientDisconnect", "Room", "Share", "read_body"]
