"""A server from start to stop: what is served is opened, tested, offered, and closed when all is answered."""

from __future__ import annotations

import asyncio
import gc
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from socket import socket
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from semascope.errors import IncompleteError, OptionError, PassportError
from semascope.serve.app import endpoints, make_app
from semascope.serve.explore.jobs import Jobs
from semascope.serve.house import House
from semascope.serve.http.guard import HEALTH, Guard
from semascope.serve.http.keys import checked_key
from semascope.serve.http.logs import LogFormat, logging_to
from semascope.serve.http.metrics import MEDIA, Metrics
from semascope.serve.http.problems import Problem
from semascope.serve.http.server import Server, bind, is_loopback
from semascope.serve.parity import Caller, Parity, ParityError, check_encoding, check_model
from semascope.serve.settings import Settings

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from semascope.space import Space
    from semascope.types import Encoder


@dataclass(frozen=True)
class Started:
    """What a server says when it begins to answer.

    Args:
        address: Of its app, with "/" at the end.
        models: That `/v1/embeddings` serves.
        parity: What the self-test found, for each model and each encoding.
        seconds: That opening and testing took.
        warnings: What does not work, and how to mend it.
    """

    address: str
    models: Sequence[str]
    parity: Sequence[Parity]
    seconds: float
    warnings: Sequence[str] = field(default_factory=tuple)


class Running:
    """One server, made of what it serves.

    Args:
        settings: Limits and habits.
        models: Encoders by the names under which they are served.
        space: The Space, where one is served.

    Raises:
        OptionError: a key is weak, the address needs a key, or it cannot be bound.
    """

    def __init__(self, settings: Settings, models: Mapping[str, Encoder], space: Space | None = None) -> None:
        allow(settings)
        self.settings = settings
        self.bound: socket = bind(settings.host, settings.port)
        try:
            self._make(models, space)
        except BaseException:
            self.bound.close()
            raise

    def _make(self, models: Mapping[str, Encoder], space: Space | None) -> None:
        settings = self.settings
        self.house = House(settings, models, space)
        self.metrics = Metrics(self.house, self._jobs)
        self.app = make_app(self.house, [Route(HEALTH, self._health), Route("/metrics", self._figures)])
        # A path is a route or it is none: nothing of the request goes into an address to go to.
        self.app.router.redirect_slashes = False
        self.guard = _guarded(self.app, self.house, self.metrics)
        self._server = Server(
            self.guard,
            self._living,
            self.house,
            settings,
            self.metrics,
            self.bound,
        )

    @property
    def address(self) -> str:
        """Where it can be reached from this machine."""
        bound, port = self.bound.getsockname()[:2]
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bound, str(bound))  # noqa: S104 - read, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/"

    async def serve(self, ready: Callable[[Started], object]) -> None:
        """Test, answer until told to stop, finish what was accepted.

        Args:
            ready: Called when requests are answered.

        Raises:
            ParityError: what would be served is not what the models give.
        """
        began = time.monotonic()
        found: list[Parity] = []
        warnings: list[str] = []

        async def before() -> None:
            key = self.settings.keys[0] if self.settings.keys else ""
            await self_test(self.house, Caller(self.guard, key, self.settings.inputs), found, warnings)

        def told() -> None:
            ready(Started(self.address, tuple(self.house.models), found, time.monotonic() - began, warnings))

        await self._server.run(before, told)

    def run(self, ready: Callable[[Started], object], *, log: LogFormat | None = None) -> None:
        """`serve` in an event loop of its own, with the server's lines on stderr, until the process ends."""

        def told(started: Started) -> None:
            # What is there now stays: the collector need not look at it again and again.
            gc.collect()
            gc.freeze()
            ready(started)

        with logging_to(log):
            asyncio.run(self.serve(told))

    def stop(self) -> None:
        """Stop as a signal does; from any thread."""
        self._server.stop()

    def _living(self) -> AbstractAsyncContextManager[Any]:
        return self.app.router.lifespan_context(self.app)

    def _jobs(self) -> Mapping[str, int]:
        return Counter(job.state for job in self.house.kept(Jobs).all())

    async def _health(self, _: Request) -> Response:
        closing = self.house.closing
        return JSONResponse({"status": "closing" if closing else "ok"}, 503 if closing else 200)

    async def _figures(self, _: Request) -> Response:
        return Response(self.metrics.page(), media_type=MEDIA)


def _guarded(app: Starlette, house: House, metrics: Metrics) -> Guard:
    known = endpoints()
    paths = [str(getattr(route, "path", "")) for route in app.routes]
    files = [path for path in paths if path == "/" or path.startswith("/app/")]
    return Guard(
        app,
        house,
        metrics,
        paths=[path for path in paths if "{" not in path],
        open_paths=[*files, *(one.path for one in known if one.open)],
        dialects={one.path: one.dialect for one in known},
    )


def allow(settings: Settings) -> None:
    """Refuse weak keys, and to be reached from elsewhere without one.

    Raises:
        OptionError: says why, and how to make a key.
    """
    for key in settings.keys:
        checked_key(key)
    if not settings.keys and not is_loopback(settings.host):
        raise OptionError(
            f"--host: want an address of this machine alone (127.0.0.1), or a key, got {settings.host} without one: "
            "whoever reaches that address could read the texts and use the models. --new-key makes a key, "
            "--key-file FILE takes one"
        )


async def self_test(house: House, caller: Caller, found: list[Parity], warnings: list[str]) -> None:
    """Open what encodes the queries of each encoding, and test every model; see `semascope.serve.parity`.

    Args:
        house: What is served.
        caller: Asks the application.
        found: Gets what was measured.
        warnings: Gets what cannot be served, and why.

    Raises:
        ParityError: a model gives other vectors than it should.
    """
    used: dict[str, str] = {}
    if house.space is not None:
        for encoding in await house.thread(house.space.encodings):
            try:
                batcher = await house.of_encoding(encoding.name)
            except Problem as problem:
                _unable(encoding.name, problem, warnings)
            except IncompleteError as error:
                warnings.append(str(error))
            else:
                used[encoding.name] = batcher.served.name
                if not encoding.passport.known:
                    warnings.append(
                        f"encoding {encoding.name}: what made its vectors is not on record; it is taken on trust"
                    )
    for name, batcher in list(house.models.items()):
        # It may take a while to make: nobody's request is to wait for it.
        await house.thread(getattr, batcher.served.encoder, "passport")
        await batcher.warm()
        found.append(await check_model(house, caller, name))
    for encoding, model in used.items():
        found.append(await check_encoding(house, caller, encoding, model))


def _unable(encoding: str, problem: Problem, warnings: list[str]) -> None:
    """An encoder that is not at hand is a warning; one that says it is the right one and gives other vectors is a fault."""
    cause = problem.__cause__
    if isinstance(cause, PassportError) and cause.field == "canaries":
        raise ParityError(f"encoding {encoding}: {problem.message}") from problem
    warnings.append(f"encoding {encoding}: queries cannot be encoded, so it is searched by words: {problem.message}")
