"""What stands around every request: who may ask, what every answer carries, what is counted and written down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from semascope.serve.http import headers as heads
from semascope.serve.http.keys import Guesses, Keys
from semascope.serve.http.limits import Flow
from semascope.serve.http.logs import LOGGER, NOTE, QUIET, Note, request_id
from semascope.serve.http.metrics import REASONS, Metrics
from semascope.serve.http.problems import Dialect, Problem

if TYPE_CHECKING:
    from semascope.serve.house import House

HEALTH = "/health"
_DELAY = 1.0  # seconds that a guesser waits for an answer
_DELAYED = 64  # of them at once; more are answered at once


class Guard:
    """An application with everything around it that makes it safe to run.

    Args:
        app: The routes.
        house: What is served.
        metrics: Where requests are counted.
        paths: Of all routes without variable parts: what a refused request is counted under.
        open_paths: Those that want no key: the app's own files.
        dialects: Of errors, by path, where it is not OpenAI's.
    """

    def __init__(
        self,
        app: ASGIApp,
        house: House,
        metrics: Metrics,
        *,
        paths: Iterable[str],
        open_paths: Iterable[str],
        dialects: Mapping[str, Dialect],
    ) -> None:
        self._app = app
        self._house = house
        self._metrics = metrics
        self._paths = frozenset(paths)
        self._open = frozenset(open_paths) | {HEALTH}
        self._dialects = dict(dialects)
        self._keys = Keys(house.settings.keys)
        self._guesses = Guesses()
        self._delayed = 0
        self._flow = Flow(house.settings.in_flight, house.settings.waiting_seconds)
        self.in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers: heads.Headers = scope["headers"]
        given = next((value for name, value in headers if name == b"x-request-id"), None)
        passing = Passing(receive, send, Note(request_id(given)), self._flow)
        token = NOTE.set(passing.note)
        self.in_flight += 1
        self._metrics.in_flight.set(self.in_flight)
        try:
            await self._pass(scope, headers, passing)
        except Exception:
            # The traceback is for the log alone; Starlette has answered already where it could.
            LOGGER.exception("failed", extra={"fields": {"id": passing.note.id, "route": self._template(scope)}})
            if not passing.status:
                problem = Problem(500, "something went wrong inside; the server's log says what", code="internal")
                await self._answer(scope, passing, problem)
        finally:
            self.in_flight -= 1
            self._metrics.in_flight.set(self.in_flight)
            NOTE.reset(token)
            if QUIET not in scope:
                self._told(scope, passing)

    async def _pass(self, scope: Scope, headers: heads.Headers, passing: Passing) -> None:
        problem = await self._refused(scope, headers)
        if problem is None and (wait := self._flow.wait()):
            problem = Problem(429, "the server is busy; try again", code="flooded", retry_after=wait)
        if problem is not None:
            passing.refused = True
            self._metrics.rejected.labels(REASONS.get(problem.code, "other")).inc()
            await self._answer(scope, passing, problem)
            return
        try:
            await self._app(scope, passing.receive, passing.send)
        finally:
            passing.worked()

    async def _refused(self, scope: Scope, headers: heads.Headers) -> Problem | None:
        """Why a request goes no further, before anything of its body is read; None where it may."""
        path, method = scope["path"], scope["method"]
        if self._house.closing and path != HEALTH:
            return Problem(503, "the server is being stopped; try again", code="closing", retry_after=5)
        is_open = path in self._open
        try:
            if not self._keys:
                heads.check_host(headers, self._house.settings.host)
                heads.check_origin(headers, method, page=is_open or path == "/docs")
            elif not is_open and not self._keys.known(heads.one(headers, b"authorization")):
                return await self._unknown_key(scope, headers)
            if method == "POST":
                heads.check_content(headers)
        except Problem as problem:
            return problem
        return None

    async def _unknown_key(self, scope: Scope, headers: heads.Headers) -> Problem:
        if heads.one(headers, b"authorization") is None:
            message = "authorization: want a key (Authorization: Bearer KEY), got none"
            return Problem(401, message, param="authorization", code="invalid_api_key")
        address = (scope.get("client") or ("", 0))[0]
        wait = self._guesses.wrong(address)
        if not wait:
            message = "authorization: want one of this server's keys, got another"
            return Problem(401, message, param="authorization", code="invalid_api_key")
        LOGGER.warning("wrong keys", extra={"fields": {"address": address, "wait": round(wait)}})
        if self._delayed < _DELAYED:
            self._delayed += 1
            try:
                await asyncio.sleep(_DELAY)
            finally:
                self._delayed -= 1
        message = "authorization: too many wrong keys from this address; wait, then send the right one"
        return Problem(429, message, param="authorization", code="guessing", retry_after=wait)

    async def _answer(self, scope: Scope, passing: Passing, problem: Problem) -> None:
        response = problem.response(self._dialects.get(scope["path"], "openai"))
        if problem.code == "closing":
            response.headers["Connection"] = "close"
        await response(scope, passing.receive, passing.send)

    def _template(self, scope: Scope) -> str:
        """The route as it is written, never a path that is none: that could say anything."""
        found = getattr(scope.get("route"), "path", None)
        if found is not None:
            return str(found)
        path = str(scope["path"])
        return path if path in self._paths else "unknown"

    def _told(self, scope: Scope, passing: Passing) -> None:
        """One line, and the counts."""
        seconds = time.perf_counter() - passing.began
        route, note, status = self._template(scope), passing.note, passing.status or 499
        self._metrics.answered(scope["method"], route, status, seconds)
        if not passing.refused:
            self._metrics.gave_up(status)
        LOGGER.info(
            "request",
            extra={
                "fields": {
                    "method": scope["method"] if scope["method"].isalpha() else "?",
                    "route": route,
                    "status": status,
                    "ms": round(seconds * 1000, 1),
                    "in": passing.came,
                    "out": passing.went,
                    "model": note.model or None,
                    "texts": note.texts,
                    "tokens": note.tokens,
                    "id": note.id,
                }
            },
        )


class Passing:
    """A request on its way through: counts bytes and sees what is answered.

    Args:
        receive: Of ASGI.
        send: Of ASGI.
        note: What is known of it.
        flow: Told while it is in work.
    """

    def __init__(self, receive: Receive, send: Send, note: Note, flow: Flow) -> None:
        self._receive = receive
        self._send = send
        self.note = note
        self.began = time.perf_counter()
        self.came = 0
        self.went = 0
        self.status = 0
        self.refused = False
        self._flow = flow
        self._working = False

    async def receive(self) -> Message:
        """What comes next of the request."""
        message = await self._receive()
        if message["type"] == "http.request":
            self.came += len(message.get("body", b""))
            if not message.get("more_body") and not self._working and not self.status:
                self._working = True
                self._flow.enter()
        return message

    def worked(self) -> None:
        """The work is done: what is left is to send it."""
        if self._working:
            self._working = False
            self._flow.leave()

    async def send(self, message: Message) -> None:
        """What goes next of the answer, with the headers that every answer has."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.worked()
            message = {**message, "headers": heads.secured(message.get("headers", ()), self.note.id)}
        elif message["type"] == "http.response.body":
            self.went += len(message.get("body", b""))
        await self._send(message)
