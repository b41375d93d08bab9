"""What a request points at: a document, a part of one, a text, a query; and what is known of it: its text and its vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from semascope.errors import InputError, StoreError
from semascope.ops import unit
from semascope.serve.http.problems import Problem
from semascope.space.ingest import encoded_text
from semascope.types import Kind, Vectors

if TYPE_CHECKING:
    from semascope.serve.house import House
    from semascope.space import Space


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of: a document by its id, a part of it by its span too, a text as documents are, a query."""

    id: str | None = None
    span: tuple[int, int] | None = None
    text: str | None = None
    query: str | None = None

    def checked(self, house: House, param: str) -> Place:
        """Itself, if it is one thing and not too long.

        Raises:
            Problem: 400.
        """
        given = [name for name in ("id", "text", "query") if getattr(self, name) is not None]
        if len(given) != 1:
            raise _wrong(param, f"want one of id, text and query, got {' and '.join(given) or 'none'}")
        if self.id is None:
            if self.span is not None:
                raise _wrong(param, "want a span beside an id only")
            checked_text(house, self.said, param)
        elif self.span is not None and not 0 <= self.span[0] < self.span[1]:
            raise _wrong(param, f"want a span [start, stop] with 0 <= start < stop, got {list(self.span)}")
        return self

    @property
    def said(self) -> str:
        """The text or the query."""
        return self.text if self.text is not None else self.query or ""

    @property
    def kind(self) -> Kind:
        """How an encoder is to read it."""
        return "query" if self.query is not None else "document"


@dataclass(frozen=True)
class Piece:
    """A text as an encoder reads it, and the part of it that is shown.

    Args:
        text: What the encoder reads: of a passage, the title before it.
        kind: How.
        start: Where in it the part begins that the request points at.
        span: Where that part stands in its document; None for a text that is none.
    """

    text: str
    kind: Kind
    start: int = 0
    span: tuple[int, int] | None = None


def checked_text(house: House, text: str, param: str) -> str:
    """The text, if there is something in it and it is not too long.

    Raises:
        Problem: 400 or 413.
    """
    if not text.strip():
        raise _wrong(param, "want some text, got a blank one")
    most = house.settings.text
    if len(text) > most:
        raise Problem(
            413, f"{param}: want at most {most:,} characters, got {len(text):,}", param=param, code="too_large"
        )
    return text


def _wrong(param: str, said: str) -> Problem:
    return Problem(400, f"{param}: {said}", param=param, code="invalid_value")


async def encoding_name(house: House, name: str | None) -> str:
    """The name of an encoding, of the current one unless named.

    Raises:
        UnknownNameError: there is none.
    """
    space = house.opened()
    return (await house.thread(space.encoding, name)).name


@dataclass(frozen=True, eq=False)
class Read:
    """The vector of a text.

    Args:
        vector: Of length one, or zero, float32 (d,).
        cut: How many of its tokens were not read.
        tokens: How many it has.
        norm: Of the vector as the encoder gives it.
    """

    vector: Vectors
    cut: int
    tokens: int
    norm: float


async def encoded(house: House, encoding: str, text: str, kind: Kind) -> Read:
    """The vector of a text in an encoding, made in one batch with whatever else is asked for.

    Raises:
        Problem: 409, its queries cannot be encoded; 429, too much waits.
    """
    batcher = await house.of_encoding(encoding)
    found = await batcher.encode([text], kind=kind, truncate=True)
    norm = float(np.linalg.norm(found.vectors[0].astype(np.float64)))
    return Read(unit(found.vectors)[0], int(found.cut[0]), int(found.tokens[0]), norm)


async def vector_of(house: House, encoding: str, place: Place, param: str) -> Vectors:
    """The vector of a place at length one (or zero), (d,): of a document, the mean of its passages'.

    Raises:
        Problem: 400, it points at nothing; 409, a text cannot be encoded.
        UnknownNameError: no such document.
    """
    place = place.checked(house, param)
    if place.id is None:
        return (await encoded(house, encoding, place.said, place.kind)).vector
    return await house.thread(document_vector, house.opened(), encoding, place.id, place.span)


def document_vector(space: Space, encoding: str, name: str, span: tuple[int, int] | None = None) -> Vectors:
    """The mean of the vectors of a document's passages, or of those in a span, at length one (or zero), (d,)."""
    rows = space.passage_vectors(name, span, encoding)
    if not len(rows):
        raise Problem(409, f"id: document {name!r} has no passages, and so no vector", param="id", code="no_passages")
    return unit(rows.mean(axis=0, keepdims=True))[0]


def piece_of(space: Space, encoding: str, place: Place, toward: Vectors | None = None) -> Piece:
    """What is read of a place. Of a document without a span, the passage that is nearest to a vector; its first without one."""
    if place.id is None:
        return Piece(place.said, place.kind)
    document = space.get(place.id)
    found = space.passages(place.id, encoding).sharing(place.span)
    if place.span is not None:
        start, stop = place.span[0], min(place.span[1], len(document.text))
    elif not len(found):
        start, stop = 0, len(document.text)
    else:
        best = 0
        if toward is not None and len(found) > 1:
            best = int((space.passage_vectors(place.id, None, encoding) @ toward).argmax())
        start, stop = (int(end) for end in found.spans[best])
    text = encoded_text(document.title, document.text[start:stop])
    return Piece(text, "document", len(text) - (stop - start), (start, stop))


def rows_of(space: Space, encoding: str, numbers: Sequence[int]) -> list[int | None]:
    """The rows of an encoding at which passages of these numbers are; None for those that it has not. Blocks."""
    wanted = np.asarray(numbers, dtype=np.int64)
    try:
        there = space.numbers(encoding)
    except StoreError:
        # It does not cover documents that were added after it: it has no rows to speak of until it does.
        return [None] * len(wanted)
    if not len(there):
        return [None] * len(wanted)
    found = np.minimum(np.searchsorted(there, wanted), len(there) - 1)
    return [row if here else None for row, here in zip(found.tolist(), there[found] == wanted, strict=True)]


def ids_at(space: Space, encoding: str, rows: Sequence[int]) -> list[str]:
    """Ids of the documents at rows of an encoding, each once, in order. Blocks.

    Raises:
        InputError: there is no such row.
    """
    # Before they become an array: whole numbers on the wire may be of any size.
    count = len(space.numbers(encoding))
    wrong = [row for row in rows if not 0 <= row < count]
    if wrong:
        raise InputError(f"rows: want numbers from 0 to {count - 1}, got {wrong[0]}")
    return list(dict.fromkeys(space.passages_at(np.unique(np.asarray(rows, dtype=np.int64)), encoding).ids))
