"""Rerankers' `/v1/rerank` (as Cohere's first version and Jina have it) and Cohere's `/v2/rerank`.

No cross-encoder reads query and text together here: a text's score is the cosine of its vector with the query's, moved to 0 to 1,
and so it ranks exactly as a search of the same model does. Followed: Cohere's reference of both versions and Jina's of its reranker;
LiteLLM's and vLLM's types of the same routes where they agree.

It differs from them in this: a text that is too long is refused by `/v1/rerank` unless the request or the server says that texts are cut
(`/v2/rerank` cuts, as Cohere does); cut texts are counted in the header X-Truncated; nothing is billed, so `meta` has no billed units.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np
from msgspec import UNSET, Meta, UnsetType
from numpy.typing import NDArray
from starlette.responses import Response

from semascope.ops import top_k
from semascope.serve.http.answering import Endpoint
from semascope.serve.http.problems import Dialect, Problem
from semascope.serve.wire.asked import Done, checked, count, cut_header, encode, first_model
from semascope.serve.wire.numbers import as_shares, scores

if TYPE_CHECKING:
    from semascope.serve.batching import Batcher
    from semascope.serve.house import House
    from semascope.serve.models import Truncate

HOW = (
    "A text's score is the cosine of its vector with the query's, moved to 0 to 1 by (1 + cosine) / 2: this is no "
    "cross-encoder, which would read query and text together, and it ranks as a search of the same model does."
)
_DOCUMENTS = Meta(description="Texts, or objects that have one.")


class Text(msgspec.Struct, frozen=True):
    """A text as an object."""

    text: str


class RerankAsked(msgspec.Struct, frozen=True):
    """A query and the texts to put in order."""

    query: str
    documents: Annotated[list[str | Text], _DOCUMENTS]
    model: Annotated[str | None, Meta(description="One of those that /v1/models lists; the first where none.")] = None
    top_n: Annotated[int | None, Meta(description="So many of the best; all where none.")] = None
    return_documents: Annotated[bool | None, Meta(description="Whether texts come back with their scores.")] = None
    truncate: Annotated[bool | None, Meta(description="Whether to cut texts that are too long.")] = None


class RerankAskedV2(msgspec.Struct, frozen=True):
    """A query and the texts to put in order, as Cohere's second version asks."""

    model: str
    query: str
    documents: list[str]
    top_n: Annotated[int | None, Meta(description="So many of the best; all where none.")] = None
    max_tokens_per_doc: Annotated[
        int | None, Meta(description="At least what the model reads; texts are cut to that.", examples=[4096])
    ] = None


class Result(msgspec.Struct, frozen=True):
    """One text's place in the request, and its score."""

    index: int
    relevance_score: float
    document: Text | UnsetType = UNSET


class RerankUsage(msgspec.Struct, frozen=True):
    """Tokens that the model read, special ones included."""

    total_tokens: int
    prompt_tokens: int


class Reranked(msgspec.Struct, frozen=True):
    """Texts by their scores, the best first."""

    id: str
    object: str
    model: str
    usage: RerankUsage
    results: list[Result]


class Version(msgspec.Struct, frozen=True):
    """Of the route."""

    version: str


class Tokens(msgspec.Struct, frozen=True):
    """Read by the model."""

    input_tokens: int


class RerankMeta(msgspec.Struct, frozen=True):
    """What Cohere says beside the results."""

    api_version: Version
    tokens: Tokens


class RerankedV2(msgspec.Struct, frozen=True):
    """Texts by their scores, the best first."""

    id: str
    results: list[Result]
    meta: RerankMeta


@dataclass(frozen=True, eq=False)
class Ranked:
    """What the model says of texts: cosines with the query (n,), tokens read, how many texts were cut."""

    cosines: NDArray[np.float64]
    tokens: int
    cut: int


async def rank(
    batcher: Batcher, query: str, texts: Sequence[str], *, truncate: Truncate, dialect: Dialect, name: str
) -> Ranked:
    """Cosines of texts with a query, which are encoded at the same time.

    Args:
        batcher: The model.
        query: Encoded as a query.
        texts: Encoded as documents.
        truncate: Whether texts are cut that are too long, and at which end.
        dialect: Of what is said where they are not.
        name: Of the field that has the texts.

    Raises:
        Problem: a text is too long.
    """
    said = partial(encode, batcher, truncate=truncate, dialect=dialect)
    mine, theirs = await _both(
        said([query], kind="query", name="query", single=True), said(texts, kind="document", name=name, single=False)
    )
    return Ranked(scores(mine.vectors, theirs.vectors), mine.tokens + theirs.tokens, mine.cut + theirs.cut)


async def _both(*work: Coroutine[Any, Any, Done]) -> list[Done]:
    """What both give; where one fails, the other is not waited for."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def to_rank(house: House, query: str, texts: Sequence[str], *, name: str) -> None:
    """Refuse what cannot be put in order.

    Raises:
        Problem: no query, no texts, too many of them, or one that is longer than any may be.
    """
    settings = house.settings
    if not query:
        raise Problem(400, "query: want a text, got an empty one", param="query", code="empty")
    if not texts:
        raise Problem(400, f"{name}: want at least one text, got an empty list", param=name, code="empty")
    count(len(texts), settings.documents, name=name)
    checked(query, settings, "query")
    for place, text in enumerate(texts):
        checked(text, settings, f"{name}[{place}]", name)


async def rerank(house: House, asked: RerankAsked) -> Response:
    """Texts by their scores, as Jina and Cohere's first version answer."""
    texts = [one if isinstance(one, str) else one.text for one in asked.documents]
    truncate = house.settings.truncate if asked.truncate is None else asked.truncate
    to_rank(house, asked.query, texts, name="documents")
    name, batcher = await first_model(house) if asked.model is None else (asked.model, house.model(asked.model))
    most = _most(asked.top_n)
    found = await rank(batcher, asked.query, texts, truncate=truncate, dialect="openai", name="documents")
    results = _results(found, most, texts if asked.return_documents else None)
    usage = RerankUsage(found.tokens, found.tokens)
    return _json(Reranked(f"rerank-{uuid.uuid4().hex}", "list", name, usage, results), found.cut)


async def rerank_v2(house: House, asked: RerankAskedV2) -> Response:
    """Texts by their scores, as Cohere's second version answers."""
    to_rank(house, asked.query, asked.documents, name="documents")
    batcher = house.model(asked.model)
    limit, wanted = batcher.served.max_length, asked.max_tokens_per_doc
    if wanted is not None and (wanted < 1 or (limit is not None and wanted < limit)):
        message = f"max_tokens_per_doc: want at least {limit or 1}, to which texts are cut; got {wanted}"
        raise Problem(400, message, param="max_tokens_per_doc", code="invalid_value")
    most = _most(asked.top_n)
    found = await rank(batcher, asked.query, asked.documents, truncate=True, dialect="openai", name="documents")
    meta = RerankMeta(Version("2"), Tokens(found.tokens))
    return _json(RerankedV2(str(uuid.uuid4()), _results(found, most, None), meta), found.cut)


def _most(top_n: int | None) -> int | None:
    if top_n is not None and top_n < 1:
        raise Problem(400, f"top_n: want at least 1, got {top_n}", param="top_n", code="invalid_value")
    return top_n


def _results(found: Ranked, most: int | None, texts: Sequence[str] | None) -> list[Result]:
    shares = as_shares(found.cosines)
    order: list[int] = top_k(shares, len(shares) if most is None else most).tolist()
    return [Result(place, float(shares[place]), UNSET if texts is None else Text(texts[place])) for place in order]


def _json(answer: msgspec.Struct, cut: int) -> Response:
    return Response(msgspec.json.encode(answer), headers=cut_header(cut), media_type="application/json")


_TEXTS = ["The kettle leaks at the lid.", "We are open until six.", "Bring the receipt to return a kettle."]

ENDPOINTS = [
    Endpoint(
        "POST",
        "/v1/rerank",
        RerankAsked,
        rerank,
        f"Texts in the order of their likeness to a query, as Cohere and Jina answer. {HOW}",
        gives=Reranked,
        examples={
            "texts": {"model": "{model}", "query": "broken kettle", "documents": _TEXTS, "top_n": 2},
            "objects": {
                "model": "{model}",
                "query": "broken kettle",
                "documents": [{"text": text} for text in _TEXTS],
                "return_documents": True,
            },
        },
    ),
    Endpoint(
        "POST",
        "/v2/rerank",
        RerankAskedV2,
        rerank_v2,
        f"The same as Cohere's second version. Texts that are too long are cut, and X-Truncated counts them. {HOW}",
        gives=RerankedV2,
        examples={"texts": {"model": "{model}", "query": "broken kettle", "documents": _TEXTS, "top_n": 2}},
    ),
]
