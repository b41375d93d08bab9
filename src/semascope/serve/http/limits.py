"""Limits of connections (how long and how large the head of a request may be, how long nothing may happen), and of all together.

What a body may be is in `bodies`; what a text may be is with the routes.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from semascope.serve.settings import Settings

HEAD = 32 * 1024  # bytes of a request line and its headers
HEADERS = 100
PIPELINED = 16  # requests that a connection may send before the first is answered
_LINGER_SECONDS = 10.0  # for a client that goes on sending what was refused
_STALL_SECONDS = 30.0  # in which a client has to read some of its answer
_SPARE_FILES = 256  # beside connections: the Space, models, jobs
_WINDOW = 0.5  # seconds of work over which the speed is measured
_FIRST = 16  # answers after which there is a first figure
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
            case "head" if self.read and spent > self.settings.head_seconds:
                return "slow_head"
            case "idle" | "head" if not self.read and spent > self.settings.idle_seconds:
                return "idle"
            case "linger" if spent > _LINGER_SECONDS or self.read > 4 * self.settings.body:
                return "linger"
            case _:
                return ""


class Flow:
    """How many requests may be in work: as many as are answered, at the speed that was measured, in the time that is patient.

    A model refuses what would wait for it; this also bounds what waits for anything else: searching, reading, writing. A request is in work
    from when all of its body is there until its answer begins, so that slow clients make nobody wait.

    Args:
        least: Requests that are always let in.
        seconds: That the last of them may take.
        clock: Gives seconds.
    """

    def __init__(self, least: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._least = least
        self._seconds = seconds
        self._clock = clock
        self._interval = 0.0  # seconds of work for an answer; 0 before that was seen
        self._mark = 0.0  # up to when work was counted
        self._busy = 0.0  # seconds in which something was in work, since counting began
        self._count = 0  # answers in that time
        self.inside = 0

    def wait(self) -> float:
        """0 where another request may come; else the seconds after which it may."""
        wait = self.inside * self._interval
        return max(1.0, wait - self._seconds) if self.inside >= self._least and wait > self._seconds else 0.0

    def enter(self) -> None:
        """A request is in work."""
        if not self.inside:
            # Time without work says nothing about how long work takes.
            self._mark = self._clock()
        self.inside += 1

    def leave(self) -> None:
        """Its answer begins."""
        now = self._clock()
        self._busy += now - self._mark
        self._mark = now
        self._count += 1
        self.inside -= 1
        if self._busy >= _WINDOW or (not self._interval and self._count >= _FIRST):
            found = self._busy / self._count
            self._interval = (self._interval + found) / 2 if self._interval else found
            self._busy, self._count = 0.0, 0


def allow_connections(most: int) -> int:
    """How many connections can be open at once: as many as are wanted where the system gives files for them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most + _SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return most if soft == resource.RLIM_INFINITY else max(16, min(most, soft - _SPARE_FILES))
