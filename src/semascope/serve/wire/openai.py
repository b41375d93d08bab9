"""OpenAI's `/v1/embeddings` and `/v1/models`, and the fields that other servers of that route have added to it.

Followed: OpenAI's reference of the route (developers.openai.com/api/reference/resources/embeddings); its errors as its clients' issues
quote them ("This model's maximum context length is 8192 tokens, however you requested ...", "The model 'x' does not exist" with
the code model_not_found). Of the fields that OpenAI does not have,
`truncate_prompt_tokens` is vLLM's (-1: as much as the model reads; its protocol.py of pooling requests), `truncate` is a yes or no as at
Jina and in Text Embeddings Inference, or "NONE", "END" and "START" as at Cohere and NVIDIA's NIM, `input_type` is Cohere's, Voyage's and NIM's,
and `prompt_name` names a prompt of the model, as in Sentence Transformers and Text Embeddings Inference.

It differs from OpenAI in this: a text that is too long is refused with a message that names it, not only its size; `param` and `code` of
errors are filled where OpenAI leaves some null; texts that were cut are counted in the header X-Truncated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
import numpy as np
from msgspec import Meta
from starlette.responses import Response

from semascope.encoders.reading import normalizes
from semascope.serve.http.answering import Asked, Endpoint
from semascope.serve.http.problems import Problem
from semascope.serve.wire.asked import Input, cut_header, encode, items_of, kind_of, prompt_of
from semascope.serve.wire.numbers import leading, shortest

if TYPE_CHECKING:
    from semascope.serve.house import House
    from semascope.serve.models import Served, Truncate
    from semascope.types import Vectors

# Numbers of one answer that are written in the event loop, about 5 ms of work; more go to a thread.
AT_ONCE = 30_000
_ENDS: dict[str, Truncate] = {"NONE": False, "END": "right", "START": "left"}


class EmbeddingsAsked(msgspec.Struct, frozen=True):
    """A request for vectors."""

    input: Input
    model: Annotated[str, Meta(description="One of those that /v1/models lists.")]
    encoding_format: Annotated[
        Literal["float", "base64"] | None,
        Meta(description="As numbers, or as base64 of little-endian float32, which is smaller and faster."),
    ] = None
    dimensions: Annotated[
        int | None,
        Meta(description="Only so many leading columns, scaled to length one again where the vectors have it."),
    ] = None
    user: Annotated[str | None, Meta(description="Taken and not used.")] = None
    input_type: Annotated[
        str | None,
        Meta(description="How the texts are meant: query, search_query; document, search_document, passage (default)."),
    ] = None
    prompt_name: Annotated[str | None, Meta(description="A prompt of the model to put before each text.")] = None
    truncate: Annotated[
        bool | str | None,
        Meta(description='Whether to cut texts that are too long: true, false, "NONE", "END" or "START".'),
    ] = None
    truncate_prompt_tokens: Annotated[
        int | None,
        Meta(description="Cut texts to so many tokens, special ones included; -1: as many as the model reads."),
    ] = None


class Vector(msgspec.Struct, frozen=True):
    """One text's vector: numbers, or base64 of them."""

    object: str
    index: int
    embedding: list[float] | str


class Usage(msgspec.Struct, frozen=True):
    """Tokens that the model read, special ones included."""

    prompt_tokens: int
    total_tokens: int


class Embeddings(msgspec.Struct, frozen=True):
    """The vectors, in the order of the texts."""

    object: str
    data: list[Vector]
    model: str
    usage: Usage


class Model(msgspec.Struct, frozen=True):
    """A model that can be asked for vectors."""

    id: str
    object: str
    created: int
    owned_by: str


class Models(msgspec.Struct, frozen=True):
    """All of them."""

    object: str
    data: list[Model]


class ModelAsked(msgspec.Struct, frozen=True):
    """A model's name, which may have slashes."""

    model: str


async def embeddings(house: House, asked: EmbeddingsAsked) -> Response:
    """Vectors of texts."""
    batcher = house.model(asked.model)
    served = batcher.served
    items = items_of(asked.input, house.settings, name="input")
    columns = columns_of(asked.dimensions, served)
    prompt, meant = prompt_of(asked.prompt_name, served)
    found = await encode(
        batcher,
        items,
        kind=kind_of(asked.input_type, meant or "document"),
        prompt=prompt,
        truncate=cutting(asked, served.max_length, house.settings.truncate),
        dialect="openai",
        name="input",
        single=isinstance(asked.input, str) or (len(items) == 1 and not isinstance(asked.input[0], list | str)),
    )
    vectors = leading(found.vectors, columns, again=columns is not None and normalizes(served.encoder))
    arguments = (vectors, asked.encoding_format or "float", asked.model, found.tokens)
    data = await house.thread(write, *arguments) if vectors.size > AT_ONCE else write(*arguments)
    return Response(data, headers=cut_header(found.cut), media_type="application/json")


def columns_of(dimensions: int | None, served: Served) -> int | None:
    """Columns that are wanted.

    Raises:
        Problem: fewer than one, or more than there are.
    """
    most = served.dim
    if dimensions is not None and not 1 <= dimensions <= most:
        message = f"dimensions: want 1 to {most}, which is what the model has; got {dimensions}"
        raise Problem(400, message, param="dimensions", code="invalid_value")
    return dimensions


def cutting(asked: EmbeddingsAsked, most: int | None, otherwise: bool) -> Truncate:
    """Whether texts are cut that are too long, and at which end.

    Args:
        asked: What the request says.
        most: Tokens that the model reads; None where nothing limits them.
        otherwise: What holds where it says nothing.

    Raises:
        Problem: they are wanted to be cut in a way that the model does not.
    """
    tokens, wanted = asked.truncate_prompt_tokens, asked.truncate
    if tokens is not None and tokens not in (-1, most):
        message = f"truncate_prompt_tokens: want -1 or {most}, which is what the model reads; got {tokens}"
        raise Problem(400, message, param="truncate_prompt_tokens", code="invalid_value")
    if isinstance(wanted, str):
        if wanted.upper() not in _ENDS:
            message = f"truncate: want true, false, or one of {', '.join(_ENDS)}; got {wanted!r}"
            raise Problem(400, message, param="truncate", code="invalid_value")
        return _ENDS[wanted.upper()]
    if wanted is None:
        return otherwise or tokens is not None
    return wanted


def write(vectors: Vectors, form: str, model: str, tokens: int) -> bytes:
    """The answer as JSON. Numbers have the fewest digits that read back as the same float32."""
    rows: list[Any]
    if form == "base64":
        # msgspec writes bytes as base64; one copy of the numbers in their order on the wire, and views of it.
        size = vectors.shape[1] * 4
        whole = memoryview(np.ascontiguousarray(vectors, dtype="<f4").tobytes())
        rows = [whole[start : start + size] for start in range(0, len(whole), size)]
    else:
        rows = shortest(vectors).tolist()
    data = [{"object": "embedding", "index": place, "embedding": row} for place, row in enumerate(rows)]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return msgspec.json.encode({"object": "list", "data": data, "model": model, "usage": usage})


async def models(house: House, _: Asked) -> Models:
    """All models."""
    return Models("list", [_model(house, name) for name in house.models])


async def model(house: House, asked: ModelAsked) -> Model:
    """One model."""
    house.model(asked.model)
    return _model(house, asked.model)


def _model(house: House, name: str) -> Model:
    return Model(name, "model", house.started, "semascope")


ENDPOINTS = [
    Endpoint(
        "POST",
        "/v1/embeddings",
        EmbeddingsAsked,
        embeddings,
        "Vectors of texts or token ids, as OpenAI gives them. The answer header X-Truncated counts texts that were cut.",
        gives=Embeddings,
        examples={
            "one text": {"model": "{model}", "input": "Where can I return a broken kettle?"},
            "several, small": {
                "model": "{model}",
                "input": ["a kettle that leaks", "opening hours"],
                "encoding_format": "base64",
                "dimensions": 16,
            },
            "a query": {"model": "{model}", "input": ["broken kettle"], "input_type": "query", "truncate": True},
        },
    ),
    Endpoint("GET", "/v1/models", Asked, models, "The models that are served.", gives=Models),
    Endpoint(
        "GET",
        "/v1/models/{model:path}",
        ModelAsked,
        model,
        "One of them.",
        gives=Model,
        examples={"the first": {"model": "{model}"}},
    ),
]
