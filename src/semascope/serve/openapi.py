"""The document of all routes (OpenAPI 3.1), made of their descriptions, and a plain page made of the document."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import Response

import semascope
from semascope.serve.docs import page
from semascope.serve.http.answering import Asked, Endpoint

if TYPE_CHECKING:
    from semascope.serve.house import House

_REFERENCE = "#/components/schemas/{name}"
_KEY = "key"
_SAYS = (
    "Vectors of texts in the dialects of OpenAI, Text Embeddings Inference and the rerankers, and routes of our own under /x/ over a "
    "Space: search, explanations, maps. A field that is not listed is passed over."
)
# What a route can answer but for what it is for.
_REFUSALS: Mapping[int, str] = {
    400: "Something in the request is not what it should be; `param` names it.",
    401: "The key is missing, or it is not one of this server's.",
    404: "There is nothing of that name.",
    409: "It cannot be done now; the message says what has to be done before.",
    413: "The body is too large.",
    415: "The body is not said to be JSON.",
    422: "Something in the request is not what it should be.",
    424: "The model failed.",
    429: "The server has too much to do; Retry-After says when to try again.",
    503: "It takes too long, or the server is being stopped.",
}
_CUT = {"description": "Texts that were too long and cut; missing where none was.", "schema": {"type": "integer"}}
_LATER = {"description": "Seconds after which to try again.", "schema": {"type": "integer"}}
_OURS = (400, 401, 404, 409, 413, 415, 429, 503)
_TEI = (400, 401, 413, 415, 422, 424, 429, 503)
_PATH = re.compile(r"\{(\w+)(?::\w+)?\}")
_NAMED = re.compile(r"\{(model|id|other)\}")
_TAGS = (
    ("/v1/rerank", "Rerank"),
    ("/v2/rerank", "Rerank"),
    ("/v1/", "OpenAI"),
    ("/x/", "Space"),
    ("/openapi.json", "About"),
    ("/docs", "About"),
    ("/", "Text Embeddings Inference"),
)


# Routes that take and give no data of ours.
_ABOUT: dict[str, dict[str, Any]] = {
    "/health": {
        "get": {
            "operationId": "get_health",
            "tags": ["About"],
            "summary": "Whether the server answers",
            "description": "Whether the server answers: 200, or 503 while it is being stopped.",
            "security": [],
            "responses": {
                str(status): {"description": says, "content": {"application/json": {"schema": {"type": "object"}}}}
                for status, says in ((200, "It does."), (503, "It is being stopped."), ("default", "Anything else."))
            },
        }
    },
    "/metrics": {
        "get": {
            "operationId": "get_metrics",
            "tags": ["About"],
            "summary": "Figures for Prometheus",
            "description": "Figures for Prometheus: requests, times, and what waits for each model.",
            "responses": {
                "200": {"description": "The figures.", "content": {"text/plain": {"schema": {"type": "string"}}}},
                "default": {
                    "description": "Anything else.",
                    "content": {"application/json": {"schema": {"type": "object"}}},
                },
            },
        }
    },
}


class ErrorDetail(msgspec.Struct, frozen=True):
    """What was wrong, for people and for programs."""

    message: str
    type: str
    param: str | None
    code: str | None


class Error(msgspec.Struct, frozen=True):
    """How a request is refused."""

    error: ErrorDetail


class TeiError(msgspec.Struct, frozen=True):
    """How Text Embeddings Inference refuses a request."""

    error: str
    error_type: str


def tag_of(path: str) -> str:
    """Whose dialect a route is."""
    return next(tag for start, tag in _TAGS if path.startswith(start))


def document(endpoints: Sequence[Endpoint], *, names: Mapping[str, str], keyed: bool) -> dict[str, Any]:
    """The OpenAPI document.

    Args:
        endpoints: The routes.
        names: What stands in examples for {model}, {id} and {other}.
        keyed: Whether requests need a key.
    """
    found = _Schemas([*endpoints])
    paths: dict[str, dict[str, Any]] = {}
    for one in endpoints:
        paths.setdefault(_PATH.sub(r"{\1}", one.path), {})[one.method.lower()] = _operation(one, found, names)
    paths |= _ABOUT
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Semascope",
            "version": semascope.__version__,
            "summary": "Embeddings, served and explored",
            "description": _SAYS,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [{"name": tag} for tag in dict.fromkeys([*(tag_of(one.path) for one in endpoints), "About"])],
        "paths": paths,
        "components": {
            "schemas": found.components,
            "securitySchemes": {
                _KEY: {"type": "http", "scheme": "bearer", "description": "A key that the server was started with."}
            },
        },
        # An empty requirement: it goes without a key too.
        "security": [{_KEY: []}] if keyed else [{}, {_KEY: []}],
    }


class _Schemas:
    """The schemas of all types that routes take and give."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        wanted: list[Any] = [Error, TeiError]
        for one in endpoints:
            wanted += [] if one.gives is None else [one.gives]
            wanted += [one.takes] if _has_body(one) else [field.type for field in _fields(one)]
        unique = list({str(kind): kind for kind in map(_bare, wanted)}.values())
        schemas, self.components = msgspec.json.schema_components(unique, ref_template=_REFERENCE)
        for schema in self.components.values():
            for one in schema.get("properties", {}).values():
                if "oneOf" in one:
                    one.pop("anyOf", None)  # of a type that says less exactly what the field added itself
        self._of = dict(zip(map(str, unique), schemas, strict=True))

    def __call__(self, kind: Any) -> dict[str, Any]:
        return self._of[str(_bare(kind))]


def _bare(kind: Any) -> Any:
    """A type without None: a query says nothing rather than null."""
    if typing.get_origin(kind) is typing.Annotated:
        inside, *notes = typing.get_args(kind)
        return typing.Annotated[(_bare(inside), *notes)]
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        left = [one for one in typing.get_args(kind) if one is not types.NoneType]
        return typing.Union[tuple(left)]  # noqa: UP007 - of a list that is known only here
    return kind


def _fields(endpoint: Endpoint) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(endpoint.takes)


def _in_path(endpoint: Endpoint) -> list[str]:
    return _PATH.findall(endpoint.path)


def _has_body(endpoint: Endpoint) -> bool:
    """Whether what it takes comes in a body: of a POST, but for what stands in the path alone."""
    named = {field.encode_name for field in _fields(endpoint)}
    return endpoint.method == "POST" and not (named and named <= set(_in_path(endpoint)))


def _operation(one: Endpoint, schemas: _Schemas, names: Mapping[str, str]) -> dict[str, Any]:
    words = re.findall(r"\w+", one.path.replace(":path", ""))
    found: dict[str, Any] = {
        "operationId": "_".join([one.method.lower(), *words]),
        "tags": [tag_of(one.path)],
        "summary": one.says.partition(". ")[0].rstrip("."),
        "description": one.says,
        "responses": _responses(one, schemas),
    }
    examples = {name: filled(value, names) for name, value in one.examples.items()}
    parameters = [_parameter(field, one, schemas, examples) for field in ([] if _has_body(one) else _fields(one))]
    if parameters:
        found["parameters"] = parameters
    if _has_body(one):
        content: dict[str, Any] = {"schema": schemas(one.takes)}
        if examples:
            content["examples"] = {name: {"value": value} for name, value in examples.items()}
        found["requestBody"] = {"required": True, "content": {"application/json": content}}
    if one.open:
        found["security"] = []
    return found


def _parameter(
    field: msgspec.structs.FieldInfo, one: Endpoint, schemas: _Schemas, examples: Mapping[str, Any]
) -> dict[str, Any]:
    in_path = field.encode_name in _in_path(one)
    schema = dict(schemas(field.type))
    said = {"description": schema.pop("description")} if "description" in schema else {}
    if not field.required and field.default is not msgspec.NODEFAULT and field.default is not None:
        schema["default"] = field.default
    given = {
        name: {"value": value[field.encode_name]} for name, value in examples.items() if field.encode_name in value
    }
    return {
        "name": field.encode_name,
        "in": "path" if in_path else "query",
        "required": in_path or field.required,
        **said,
        "schema": schema,
        **({"examples": given} if given else {}),
    }


def _responses(one: Endpoint, schemas: _Schemas) -> dict[str, Any]:
    content: dict[str, Any] = {} if one.gives is None else {"schema": schemas(one.gives)}
    good: dict[str, Any] = {"description": "The answer.", "content": {one.media: content}}
    if "X-Truncated" in one.says:
        good["headers"] = {"X-Truncated": _CUT}
    found: dict[str, Any] = {str(one.status): good}
    tei = one.dialect == "tei"
    for status in _TEI if tei else _OURS:
        if one.method == "GET" and status in (413, 415):
            continue
        if one.open and status == 401:
            continue
        found[str(status)] = _refusal(_REFUSALS[status], schemas(TeiError if tei else Error))
    found["429"]["headers"] = {"Retry-After": _LATER}
    found["default"] = _refusal("Anything else that goes wrong.", schemas(TeiError if tei else Error))
    return found


def _refusal(says: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": says, "content": {"application/json": {"schema": schema}}}


def filled(example: Any, names: Mapping[str, str]) -> Any:
    """An example with names that this server knows where it says {model}, {id} (a document) or {other} (another one)."""
    if isinstance(example, str):
        return _NAMED.sub(lambda found: names[found[1]], example)
    if isinstance(example, Mapping):
        return {str(name): filled(value, names) for name, value in example.items()}
    if isinstance(example, list):
        return [filled(value, names) for value in example]
    return example


def names_of(house: House) -> dict[str, str]:
    """What stands in examples: what is served, or words that anybody may see where a key is needed."""
    found = {"model": "MODEL", "id": "DOCUMENT", "other": "OTHER"}
    if house.settings.keys:
        return found
    for name in house.models:
        found["model"] = name
        break
    if house.space is not None:
        for name, one in zip(("id", "other"), house.space.documents(), strict=False):
            found[name] = one.id
    return found


class Pages:
    """The document and its page, made once.

    Args:
        house: What is served.
    """

    def __init__(self, house: House) -> None:
        from semascope.serve.app import endpoints

        found = document(endpoints(), names=names_of(house), keyed=bool(house.settings.keys))
        self.document = msgspec.json.encode(found)
        self.page = page(found).encode()


async def _document(house: House, _: Asked) -> Response:
    return Response(house.kept(Pages).document, media_type="application/json")


async def _page(house: House, _: Asked) -> Response:
    return Response(house.kept(Pages).page, media_type="text/html; charset=utf-8")


ENDPOINTS = [
    Endpoint(
        "GET",
        "/openapi.json",
        Asked,
        _document,
        "This document: every route, in OpenAPI 3.1.",
        gives=dict[str, Any],
        open=True,
    ),
    Endpoint("GET", "/docs", Asked, _page, "This document as a page to read.", open=True, media="text/html"),
]
