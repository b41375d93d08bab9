"""From a bound socket to a server that answers, and from the first signal to one that has finished what it accepted."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager
from email.utils import formatdate
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from uvicorn.config import Config

from semascope.errors import OptionError
from semascope.serve.http.connection import Connection, Ground
from semascope.serve.http.limits import allow_connections
from semascope.serve.http.logs import LOGGER
from semascope.serve.http.metrics import Metrics
from semascope.serve.settings import Settings

_TICK = 0.5  # seconds between two looks at all connections
_LAST = 1.0  # seconds for connections to be closed in
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stoppable(Protocol):
    """What has to know that the server is being stopped."""

    closing: bool


class Counting(Protocol):
    """An application that knows how many requests it is answering."""

    in_flight: int

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to an address; nothing is accepted on it before the server runs.

    Raises:
        OptionError: the port is taken, or the address is none of this machine's.
    """
    try:
        family, kind, number, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError) as error:
        raise OptionError(f"--host: want a name or address of this machine, got {host!r} ({error})") from error
    bound = socket.socket(family, kind, number)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.set_inheritable(False)
    except OSError as error:
        bound.close()
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise OptionError(
            f"--port: want one that can be bound, got {port} on {host}: {reason.lower()} (--port 0 takes a free one)"
        ) from error
    return bound


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address; a name counts if all its addresses do."""
    try:
        found = {one[4][0] for one in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (socket.gaierror, UnicodeError):
        return False
    return bool(found) and all(ipaddress.ip_address(str(one).partition("%")[0]).is_loopback for one in found)


class Server:
    """Runs an application on a bound socket until it is told to stop.

    Args:
        app: With everything around it.
        living: What the application needs before the first request and until after the last.
        house: Told when the server is being stopped.
        settings: Limits.
        metrics: Where connections are counted.
        bound: See `bind`.
    """

    def __init__(
        self,
        app: Counting,
        living: Callable[[], AbstractAsyncContextManager[Any]],
        house: Stoppable,
        settings: Settings,
        metrics: Metrics,
        bound: socket.socket,
    ) -> None:
        self._app = app
        self._living = living
        self._house = house
        self._settings = settings
        self._ground = Ground(settings, metrics, settings.connections)
        self._bound = bound
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told = asyncio.Event()

    async def run(self, before: Callable[[], Awaitable[object]], ready: Callable[[], object]) -> None:
        """Answer until told to stop, then finish what was accepted.

        Args:
            before: Awaited when the application is ready and before anybody is let in; what it raises ends the run.
            ready: Called when connections are accepted.

        Raises:
            OptionError: somebody else took the port in the meantime.
        """
        self._loop = asyncio.get_running_loop()
        with self._signals():
            async with self._living():
                stopping = asyncio.ensure_future(self._told.wait())
                beginning = asyncio.ensure_future(before())
                try:
                    await asyncio.wait({stopping, beginning}, return_when=asyncio.FIRST_COMPLETED)
                    if not beginning.done():
                        return
                    beginning.result()
                    await self._listen(ready)
                finally:
                    for task in (stopping, beginning):
                        task.cancel()
                    await asyncio.gather(stopping, beginning, return_exceptions=True)
                    self._bound.close()

    def stop(self) -> None:
        """Stop as the first signal does; from any thread. One that has ended already is no error."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # its loop is closed
                self._loop.call_soon_threadsafe(self._stop)

    def _stop(self) -> None:
        self._house.closing = True
        self._told.set()

    async def _listen(self, ready: Callable[[], object]) -> None:
        assert self._loop is not None  # noqa: S101 - run() has set it
        self._ground.connections = allow_connections(self._settings.connections)
        self._date()
        config = Config(
            self._app,
            interface="asgi3",
            loop="asyncio",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
        )
        config.load()
        make = partial(Connection, self._ground, config)
        try:
            listening = await self._loop.create_server(make, sock=self._bound, backlog=2_048)
        except OSError as error:
            raise OptionError(f"--port: want one that is free, got one that was taken meanwhile ({error})") from error
        keeping = asyncio.ensure_future(self._keep())
        try:
            ready()
            await self._told.wait()
            LOGGER.info("stopping", extra={"fields": {"in_flight": self._app.in_flight}})
            await self._drain()
        finally:
            listening.close()
            keeping.cancel()
            await self._part()

    async def _keep(self) -> None:
        """Look at all connections now and then: who is too slow, who holds too much."""
        while True:
            await asyncio.sleep(_TICK)
            self._date()
            self._ground.metrics.connections.set(len(self._ground.state.connections))
            now = asyncio.get_running_loop().time()
            for one in self._connections():
                one.check(now)
            self._bound_answers()

    def _bound_answers(self) -> None:
        """Answers that nobody reads are held within the limit that bodies have: the largest go first."""
        connections = sorted(self._connections(), key=Connection.unsent, reverse=True)
        total = sum(map(Connection.unsent, connections))
        for one in connections:
            if total <= self._settings.bodies:
                return
            self._ground.metrics.rejected.labels("slow_reader").inc()
            total -= one.unsent()
            one.transport.abort()

    def _connections(self) -> list[Connection]:
        return [one for one in self._ground.state.connections if isinstance(one, Connection)]

    def _date(self) -> None:
        self._ground.state.default_headers = [(b"date", formatdate(usegmt=True).encode())]

    async def _drain(self) -> None:
        """Wait until all that was accepted is answered and read, as long as is patient; then cut off the rest."""
        for one in self._connections():
            if not one.watch.quiet:
                one.shutdown()
        try:
            async with asyncio.timeout(self._settings.drain_seconds):
                while self._ground.state.tasks or any(map(Connection.unsent, self._connections())):
                    await asyncio.sleep(0.02)
        except TimeoutError:
            LOGGER.warning("cut off", extra={"fields": {"in_flight": self._app.in_flight}})
            tasks = list(self._ground.state.tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _part(self) -> None:
        """Close all connections."""
        for one in self._connections():
            one.transport.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST):
                while self._ground.state.connections:
                    await asyncio.sleep(0.01)
        for one in self._connections():
            one.transport.abort()

    @contextlib.contextmanager
    def _signals(self) -> Generator[None]:
        """The first signal stops gracefully, the second at once. Only the main thread can listen to them."""
        if threading.current_thread() is not threading.main_thread() or self._loop is None:
            yield
            return
        for number in _SIGNALS:
            self._loop.add_signal_handler(number, self._signalled, number)
        try:
            yield
        finally:
            for number in _SIGNALS:
                self._loop.remove_signal_handler(number)

    def _signalled(self, number: int) -> None:
        if not self._told.is_set():
            self._stop()
            return
        # What is left of the work is in threads and children that would hold up an orderly end.
        for child in _children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        os._exit(128 + number)


def _children() -> list[int]:
    """Processes that this one has started."""
    found: list[int] = []
    for listed in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, listed.read_text().split())
    return found
