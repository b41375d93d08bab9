"""Limits of a connection: how long and how large the head of a request may be, how long nothing may happen.

What a body may be is in `bodies`; what a text may be is with the routes.
"""

from __future__ import annotations

import resource
from dataclasses import dataclass
from typing import Literal

from semascope.serve.settings import Settings

HEAD = 32 * 1024  # bytes of a request line and its headers
HEADERS = 100
PIPELINED = 16  # requests that a connection may send before the first is answered
_LINGER_SECONDS = 10.0  # for a client that goes on sending what was refused
_STALL_SECONDS = 30.0  # in which a client has to read some of its answer
_SPARE_FILES = 256  # beside connections: the Space, models, jobs
Phase = Literal["head", "request", "linger", "idle"]


@dataclass
class Watch:
    """Where a connection is, and since when.

    Args:
        settings: Limits.
        now: Seconds.
    """

    settings: Settings
    now: float

    def __post_init__(self) -> None:
        self.phase: Phase = "head"
        self.since = self.now
        self.read = 0  # bytes since the phase began
        self._unsent = 0
        self._moved = self.now

    def enter(self, phase: Phase, now: float) -> None:
        """A new phase begins."""
        self.phase, self.since, self.read = phase, now, 0

    @property
    def quiet(self) -> bool:
        """Whether nothing of a request is here: such a connection may be closed for another."""
        return self.phase == "idle" or (self.phase == "head" and self.read == 0)

    def overdue(self, now: float, unsent: int) -> str:
        """Which limit is passed, "" where none is.

        Args:
            now: Seconds.
            unsent: Bytes of answers that the client has not read.
        """
        if unsent < self._unsent or not unsent:
            self._moved = now
        self._unsent = unsent
        if unsent and now - self._moved > _STALL_SECONDS:
            return "slow_reader"
        spent = now - self.since
        match self.phase:
            case "head" if spent > self.settings.head_seconds:
                return "slow_head"
            case "idle" if spent > self.settings.idle_seconds:
                return "idle"
            case "linger" if spent > _LINGER_SECONDS or self.read > 4 * self.settings.body:
                return "linger"
            case _:
                return ""


def allow_connections(most: int) -> int:
    """How many connections can be open at once: as many as are wanted where the system gives files for them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most + _SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return most if soft == resource.RLIM_INFINITY else max(16, min(most, soft - _SPARE_FILES))
