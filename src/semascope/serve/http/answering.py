"""A route as one description: what it takes, what it gives, who answers it. The routes and the OpenAPI page are made of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from semascope.report.findings import plain
from semascope.serve.http.bodies import read_body
from semascope.serve.http.problems import Dialect, Problem, as_problem

if TYPE_CHECKING:
    from semascope.serve.house import House

Answer = Callable[["House", Any], Awaitable[Any]]
Method = Literal["GET", "POST", "DELETE"]
_ENCODER = msgspec.json.Encoder(enc_hook=plain)


class Asked(msgspec.Struct, frozen=True):
    """A request that says nothing: what a route without arguments takes."""


@dataclass(frozen=True, eq=False)
class Endpoint:
    """One route.

    Args:
        method: Of HTTP.
        path: As Starlette writes it; what stands in braces is given to the answer as a field of the same name.
        takes: A msgspec Struct: the body of a POST, the query of a GET or DELETE. Unknown fields are passed over.
        answer: `await answer(house, asked)`: a Response, or anything msgspec can write as JSON (numpy's numbers and
            arrays too).
        says: One sentence, for the OpenAPI page.
        gives: The type of the answer, for the OpenAPI page; None where it is no JSON.
        examples: Of bodies, by name, for the OpenAPI page.
        dialect: In which errors are told.
        open: Whether no key is wanted.
        status: Of an answer.
        media: Of an answer that is no JSON.
    """

    method: Method
    path: str
    takes: type[msgspec.Struct]
    answer: Answer
    says: str
    gives: Any = None
    examples: Mapping[str, Any] = field(default_factory=dict[str, Any])
    dialect: Dialect = "openai"
    open: bool = False
    status: int = 200
    media: str = "application/json"


def route(house: House, endpoint: Endpoint) -> Route:
    """The Starlette route of an endpoint."""
    decoder = msgspec.json.Decoder(endpoint.takes)

    async def handle(request: Request) -> Response:
        try:
            with house.room() as share:
                if endpoint.method == "POST":
                    body = await read_body(request, house.settings, share)
                    asked = decoded(decoder, body)
                    if request.path_params:
                        asked = msgspec.structs.replace(asked, **request.path_params)
                else:
                    asked = from_query(endpoint.takes, request)
                return await _answered(house, endpoint, asked, request)
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception as error:
            problem = as_problem(error)
            if problem is None:
                raise
            problem.message = house.told(problem.message)
            return problem.response(endpoint.dialect)

    return Route(endpoint.path, handle, methods=[endpoint.method])


def decoded(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    """A body as the Struct that it should be.

    Raises:
        msgspec.MsgspecError: it is no JSON, or a field is missing or not what it should be.
        Problem: it is no UTF-8, or lists stand in lists deeper than anybody reads.
    """
    try:
        return decoder.decode(body or b"{}")
    except UnicodeDecodeError as error:
        raise Problem(400, f"body: want UTF-8, got other bytes at {error.start}", code="invalid_json") from error
    except RecursionError as error:
        raise Problem(400, "body: want JSON, got it nested too deeply", code="invalid_json") from error


async def _answered(house: House, endpoint: Endpoint, asked: Any, request: Request) -> Response:
    """The answer, unless it takes too long or nobody waits for it any more."""
    task = asyncio.ensure_future(endpoint.answer(house, asked))
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({task, gone}, timeout=house.settings.request_seconds, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            if gone.done():
                raise ClientDisconnect
            seconds = house.settings.request_seconds
            raise Problem(503, f"no answer within {seconds:g} seconds; ask for less at once", code="timeout")
        found = task.result()
    finally:
        for one in (task, gone):
            if not one.done():
                one.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)
    if isinstance(found, Response):
        return found
    return Response(_ENCODER.encode(found), endpoint.status, media_type="application/json")


async def _disconnected(request: Request) -> None:
    """Comes back when the client goes away; the body has been read by then."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def from_query(takes: type[msgspec.Struct], request: Request) -> Any:
    """A Struct of the query and the path; the last of a name that comes twice counts.

    Raises:
        msgspec.ValidationError: a field is missing or not what it should be.
    """
    values: dict[str, Any] = {**request.query_params, **request.path_params}
    return msgspec.convert(values, takes, strict=False)


def routes(house: House, endpoints: Sequence[Endpoint]) -> list[Route]:
    """The Starlette routes of endpoints."""
    return [route(house, one) for one in endpoints]
