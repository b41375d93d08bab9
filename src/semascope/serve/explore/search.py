"""Search over HTTP: by words, by meaning, by a document, with dials that turn the query."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from semascope.errors import UnknownNameError
from semascope.ops import unit
from semascope.ops.overlap import rank_biased_overlap
from semascope.ops.steering import turned
from semascope.serve.explore.places import (
    Place,
    checked_text,
    encoded,
    encoding_name,
    rows_of,
    vector_of,
)
from semascope.serve.explore.steering import Dial, directions
from semascope.serve.explore.tags import tags_of
from semascope.serve.http.answering import Endpoint
from semascope.serve.http.problems import Problem
from semascope.space import Hits
from semascope.types import Vectors

if TYPE_CHECKING:
    from semascope.serve.house import House

Mode = Literal["hybrid", "dense", "lexical", "exact"]
_DEEPER = 10  # times k: how far a hit is looked for in the ranking without dials
_TRIES = 3  # where another encoding becomes the current one meanwhile


class Search(msgspec.Struct, frozen=True, omit_defaults=True):
    """A search: `query`, or `like` a document or text."""

    query: str | None = None
    like: Place | None = None
    k: int = 10
    mode: Mode | None = None
    where: list[str] = []
    weight: float = 0.5
    encoding: str | None = None
    tag: str | None = None
    dials: list[Dial] = []


class Steered(msgspec.Struct, frozen=True):
    """What turning a query cost."""

    cosine: float
    kept: float
    overlap_rbo: float


class Found(msgspec.Struct, frozen=True):
    """One document of a search, by its best passage."""

    id: str
    title: str
    score: float
    passage: str
    span: tuple[int, int]
    text_length: int
    metadata: dict[str, Any]
    tags: list[str]
    row: int | None
    was: int | None


class Answer(msgspec.Struct, frozen=True):
    """What a search found."""

    hits: list[Found]
    mode: Mode
    encoding: str
    seconds: float
    note: str
    steered: Steered | None


@dataclass
class _Aim:
    """What is looked for, once texts are encoded."""

    mode: Mode
    text: str | None = None
    vector: Vectors | None = None
    without: str | None = None
    notes: list[str] = field(default_factory=list[str])


async def search(house: House, asked: Search) -> Answer:
    """Find documents.

    Raises:
        Problem: 400 for what cannot be asked, 409 where the encoding's queries cannot be encoded.
    """
    started = time.perf_counter()
    _check(house, asked)
    for attempt in range(_TRIES):
        name = await encoding_name(house, asked.encoding)
        try:
            return await _searched(house, asked, name, started)
        except UnknownNameError:
            # Another encoding may have become the current one since, and this one be gone.
            if attempt == _TRIES - 1 or asked.encoding is not None or await encoding_name(house, None) == name:
                raise
    raise UnknownNameError("encoding: it changes all the time; name one")


async def steer(house: House, asked: Search) -> Answer:
    """The same with at least one dial."""
    if not asked.dials:
        raise Problem(400, "dials: want at least one, got none", param="dials", code="missing")
    return await search(house, asked)


def _check(house: House, asked: Search) -> None:
    settings = house.settings
    if (asked.query is None) == (asked.like is None):
        raise Problem(400, "query: want a query, or a place in like, got both or none", param="query", code="missing")
    if not 1 <= asked.k <= settings.hits:
        raise _wrong("k", f"want a whole number from 1 to {settings.hits}, got {asked.k}")
    if len(asked.dials) > settings.dials:
        raise _wrong("dials", f"want at most {settings.dials}, got {len(asked.dials)}")
    size = sum(map(len, asked.where))
    if size > settings.conditions:
        raise _wrong("where", f"want at most {settings.conditions:,} characters of conditions, got {size:,}")
    if asked.query is not None:
        checked_text(house, asked.query, "query")


def _wrong(param: str, said: str) -> Problem:
    return Problem(400, f"{param}: {said}", param=param, code="invalid_value")


async def _searched(house: House, asked: Search, encoding: str, started: float) -> Answer:
    space = house.opened()
    tags = house.kept(tags_of)
    within = None if asked.tag is None else await house.thread(tags.ids, asked.tag)
    aim = await _aimed(house, asked, encoding)
    ways: dict[str, Any] = {"where": asked.where or None, "within": within, "weight": asked.weight}
    ways |= {"encoding": None if aim.mode == "lexical" else encoding}
    steered, before = None, dict[str, int]()
    straight = aim.vector
    if straight is not None and asked.dials:
        rows = await directions(house, encoding, asked.dials)
        sample = await house.thread(space.sample, encoding)
        aim.vector = turned(straight, sample.mean(axis=0), rows, np.array([dial.amount for dial in asked.dials]))
    hits = await house.thread(_ranked, space, aim, aim.vector, asked.k, ways)
    if straight is not None and aim.vector is not None and asked.dials:
        plain = await house.thread(_ranked, space, aim, straight, _DEEPER * asked.k, ways)
        before = {hit.id: rank for rank, hit in enumerate(plain, 1)}
        steered = _cost(straight, aim.vector, plain[: asked.k], hits)
    shown = await house.thread(_shown, house, encoding, hits, before)
    seconds = round(time.perf_counter() - started, 6)
    return Answer(shown, aim.mode, encoding, seconds, " ".join(aim.notes), steered)


async def _aimed(house: House, asked: Search, encoding: str) -> _Aim:
    """What is looked for and how; texts encoded, but for a search by words alone."""
    if asked.like is not None:
        return await _like(house, asked, asked.like.checked(house, "like"), encoding)
    aim = _Aim(asked.mode or "hybrid", asked.query)
    if aim.mode == "lexical":
        if asked.dials:
            aim.notes.append("Dials turn the meaning of a query, which a search by words does not read.")
        return aim
    read = await encoded(house, encoding, asked.query or "", "query")
    aim.vector = read.vector
    if read.cut:
        aim.notes.append(f"The query has {read.tokens:,} tokens; the last {read.cut:,} were not read.")
    if not read.vector.any():
        said = "only its words count" if aim.mode == "hybrid" else "these hits are arbitrary"
        aim.notes.append(f"The encoder knows nothing in this query: {said}.")
    return aim


async def _like(house: House, asked: Search, place: Place, encoding: str) -> _Aim:
    mode: Mode = asked.mode or "dense"
    if place.id is None:
        aim = _Aim(mode, place.said)
        if mode != "lexical":
            aim.vector = (await encoded(house, encoding, place.said, place.kind)).vector
        return aim
    aim = _Aim("exact" if mode == "exact" else "dense", without=place.id)
    aim.vector = await vector_of(house, encoding, place, "like")
    if mode in ("hybrid", "lexical"):
        aim.notes.append("What is like a document is found by meaning; words do not count.")
    return aim


def _ranked(space: Any, aim: _Aim, vector: Vectors | None, k: int, ways: dict[str, Any]) -> Hits:
    more = k + (aim.without is not None)
    if aim.text is None:
        named = {name: value for name, value in ways.items() if name != "weight"}
        hits = space.search(vector, more, mode=aim.mode, **named)
    else:
        hits = space.search(aim.text, more, mode=aim.mode, vector=vector, **ways)
    return Hits([hit for hit in hits if hit.id != aim.without][:k])


def _cost(straight: Vectors, new: Vectors, plain: Sequence[Any], hits: Sequence[Any]) -> Steered:
    old, now = [hit.id for hit in plain], [hit.id for hit in hits]
    cosine = float(straight.astype(np.float64) @ unit(new[None])[0].astype(np.float64))
    kept = len(set(old) & set(now)) / len(old) if old else 1.0
    return Steered(cosine, kept, rank_biased_overlap(old, now))


def _shown(house: House, encoding: str, hits: Hits, before: dict[str, int]) -> list[Found]:
    rows = rows_of(house.opened(), encoding, [hit.number for hit in hits])
    tags = house.kept(tags_of).of(hit.id for hit in hits)
    return [
        Found(
            id=hit.id,
            title=hit.title,
            score=hit.score,
            passage=hit.passage,
            span=hit.span,
            text_length=len(hit.text),
            metadata=dict(hit.metadata),
            tags=tags.get(hit.id, []),
            row=row,
            was=before.get(hit.id),
        )
        for hit, row in zip(hits, rows, strict=True)
    ]


_EXAMPLES = {
    "words and meaning": {"query": "how do I copy a folder", "k": 5},
    "with a filter": {"query": "fees", "where": ["year>=2020"], "mode": "dense"},
    "like a document": {"like": {"id": "{id}"}, "k": 5},
}
ENDPOINTS = [
    Endpoint(
        "POST",
        "/x/search",
        Search,
        search,
        "Documents by words, by meaning, or like another.",
        gives=Answer,
        examples=_EXAMPLES,
    ),
    Endpoint(
        "POST",
        "/x/steer",
        Search,
        steer,
        "The same with dials that turn the query towards or away from texts, groups and documents.",
        gives=Answer,
        examples={"more of one thing": {"query": "fees", "dials": [{"text": "library", "amount": 0.8}]}},
    ),
]
