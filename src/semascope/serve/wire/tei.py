"""The routes of Text Embeddings Inference: `/embed`, `/rerank` and `/info`, its error shape and its statuses.

Followed: its router at version 1.9.3 (router/src/http/types.rs and server.rs, core/src/infer.rs): 400 where there is nothing to do and for
what is no JSON, 422 for what is too long, too many or of another type (413 before version 1.9.1), 413 for a body that is too large, 424
where the model fails, 429 where it has too much to do. Routes name no model: the first that `/v1/models` lists answers.

It differs in this: `/rerank` is done by the embedding model, whose cosines it gives (`raw_scores`), or (1 + cosine) / 2, and `/info` says so,
where the original refuses what is not a cross-encoder; token ids are read as they are, where the original writes them as text and reads that,
and are not mixed with texts in one list;
`normalize: false` gives what the model gives, which for many models has length one anyway; texts that are too long
are cut where `truncate` or the server says so, and the header X-Truncated counts them, where the original cuts by default and silently.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.responses import Response

import semascope
from semascope.ops import top_k, unit
from semascope.serve.http.answering import Asked, Endpoint
from semascope.serve.wire.asked import Input, cut_header, encode, first_model, items_of, prompt_of
from semascope.serve.wire.numbers import as_shares, leading, shortest
from semascope.serve.wire.openai import AT_ONCE, columns_of
from semascope.serve.wire.rerank import HOW, rank, to_rank

if TYPE_CHECKING:
    from semascope.serve.house import House
    from semascope.serve.models import Truncate
    from semascope.types import Vectors

_SHA = re.compile(r"[0-9a-f]{12,64}")
Direction = Literal["Left", "Right", "left", "right"]
_TRUNCATE = Meta(description="Whether to cut texts that are too long; as the server does (see /info) where none.")
_SIDE = Meta(description="The end at which texts are cut; that at which the model does where none.")


class EmbedAsked(msgspec.Struct, frozen=True):
    """A request for vectors."""

    inputs: Input
    truncate: Annotated[bool | None, _TRUNCATE] = None
    truncation_direction: Annotated[Direction | None, _SIDE] = None
    prompt_name: Annotated[str | None, Meta(description="A prompt of the model to put before each text.")] = None
    normalize: Annotated[bool, Meta(description="Whether vectors are scaled to length one.")] = True
    dimensions: Annotated[int | None, Meta(description="Only so many leading columns.")] = None


class TeiRerankAsked(msgspec.Struct, frozen=True):
    """A query and the texts to put in order."""

    query: str
    texts: list[str]
    raw_scores: Annotated[bool, Meta(description="Cosines, from -1 to 1, instead of scores from 0 to 1.")] = False
    return_text: Annotated[bool, Meta(description="Whether texts come back with their scores.")] = False
    truncate: Annotated[bool | None, _TRUNCATE] = None
    truncation_direction: Annotated[Direction | None, _SIDE] = None


class Rank(msgspec.Struct, frozen=True):
    """One text's place in the request, and its score."""

    index: int
    score: float
    text: str | UnsetType = UNSET


class Pooled(msgspec.Struct, frozen=True):
    """What makes one vector of token vectors."""

    pooling: str


class ModelType(msgspec.Struct, frozen=True):
    """What sort of model it is."""

    embedding: Pooled


class Info(msgspec.Struct, frozen=True):
    """The model that answers, and what may be asked of it. `rerank` is ours: what a score of `/rerank` is."""

    model_id: str
    model_sha: str | None
    model_dtype: str
    served_model_name: str
    model_type: ModelType
    max_concurrent_requests: int
    max_input_length: int
    max_batch_tokens: int
    max_batch_requests: int | None
    max_client_batch_size: int
    auto_truncate: bool
    tokenization_workers: int
    version: str
    sha: str | None
    docker_label: str | None
    rerank: str


async def embed(house: House, asked: EmbedAsked) -> Response:
    """Vectors of texts, as a list of lists."""
    _, batcher = await first_model(house)
    items = items_of(asked.inputs, house.settings, name="inputs")
    columns = columns_of(asked.dimensions, batcher.served)
    prompt, meant = prompt_of(asked.prompt_name, batcher.served)
    found = await encode(
        batcher,
        items,
        kind=meant or "document",
        prompt=prompt,
        truncate=_truncate(house, asked.truncate, asked.truncation_direction),
        dialect="tei",
        name="inputs",
        single=isinstance(asked.inputs, str),
    )
    vectors = leading(found.vectors, columns, again=False)
    if asked.normalize:
        vectors = unit(vectors)
    data = await house.thread(_write, vectors) if vectors.size > AT_ONCE else _write(vectors)
    return _json(data, found.tokens, found.cut)


async def rerank(house: House, asked: TeiRerankAsked) -> Response:
    """Texts by their scores, the best first."""
    to_rank(house, asked.query, asked.texts, name="texts")
    _, batcher = await first_model(house)
    truncate = _truncate(house, asked.truncate, asked.truncation_direction)
    found = await rank(batcher, asked.query, asked.texts, truncate=truncate, dialect="tei", name="texts")
    values = found.cosines if asked.raw_scores else as_shares(found.cosines)
    order: list[int] = top_k(values, len(values)).tolist()
    ranks = [Rank(place, float(values[place]), asked.texts[place] if asked.return_text else UNSET) for place in order]
    return _json(msgspec.json.encode(ranks), found.tokens, found.cut)


async def info(house: House, _: Asked) -> Info:
    """What answers the routes that name no model."""
    name, batcher = await first_model(house)
    settings, passport = house.settings, batcher.served.encoder.passport
    return Info(
        model_id=passport.name or name,
        # Of an encoder elsewhere it would be the address.
        model_sha=passport.weights if _SHA.fullmatch(passport.weights) else None,
        model_dtype=passport.dtype,
        served_model_name=name,
        model_type=ModelType(Pooled(passport.pooling or "unknown")),
        max_concurrent_requests=settings.connections,
        # A model that reads texts of any length has the longest text that the server takes for its limit.
        max_input_length=batcher.served.max_length or settings.text,
        max_batch_tokens=batcher.batch_tokens,
        max_batch_requests=None,
        max_client_batch_size=settings.inputs,
        auto_truncate=settings.truncate,
        tokenization_workers=1,
        version=semascope.__version__,
        sha=None,
        docker_label=None,
        rerank=HOW,
    )


def _truncate(house: House, asked: bool | None, side: Direction | None) -> Truncate:
    if not (house.settings.truncate if asked is None else asked):
        return False
    return True if side is None else ("left" if side.lower() == "left" else "right")


def _write(vectors: Vectors) -> bytes:
    return msgspec.json.encode(shortest(vectors).tolist())


def _json(data: bytes, tokens: int, cut: int) -> Response:
    headers = {"x-compute-tokens": str(tokens), **cut_header(cut)}
    return Response(data, headers=headers, media_type="application/json")


_TEXTS = ["The kettle leaks at the lid.", "We are open until six."]

ENDPOINTS = [
    Endpoint(
        "POST",
        "/embed",
        EmbedAsked,
        embed,
        "Vectors of texts or token ids as a list of lists, as Text Embeddings Inference gives them. X-Truncated counts texts that were cut.",
        gives=list[list[float]],
        examples={
            "one text": {"inputs": "Where can I return a broken kettle?"},
            "several, cut": {"inputs": _TEXTS, "truncate": True, "normalize": True, "dimensions": 16},
        },
        dialect="tei",
    ),
    Endpoint(
        "POST",
        "/rerank",
        TeiRerankAsked,
        rerank,
        f"Texts in the order of their likeness to a query, as Text Embeddings Inference answers. {HOW}",
        gives=list[Rank],
        examples={
            "scores": {"query": "broken kettle", "texts": _TEXTS},
            "cosines and texts": {"query": "broken kettle", "texts": _TEXTS, "raw_scores": True, "return_text": True},
        },
        dialect="tei",
    ),
    Endpoint(
        "GET",
        "/info",
        Asked,
        info,
        "The model that answers routes that name none, and what may be asked of it.",
        gives=Info,
        dialect="tei",
    ),
]
