"""Documents over HTTP: one whole, or many written out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from starlette.responses import Response, StreamingResponse

from semascope.corpus import Document
from semascope.serve.explore.places import encoding_name, ids_at, rows_of
from semascope.serve.explore.tags import tags_of
from semascope.serve.http.answering import Endpoint
from semascope.serve.http.problems import Problem
from semascope.space.store import chunks

if TYPE_CHECKING:
    from semascope.serve.house import House

_BLOCK = 256  # documents whose tags are looked up together
# What a spreadsheet takes for the beginning of a formula.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
_OWN = ("id", "title", "text", "tags")


class Which(msgspec.Struct, frozen=True, omit_defaults=True):
    """A document by its id, and the encoding whose passages are wanted."""

    id: str
    encoding: str | None = None


class Passage(msgspec.Struct, frozen=True):
    """Where a passage stands in the text, and its row in the encoding; null where the map has none of it."""

    start: int
    stop: int
    row: int | None


class Whole(msgspec.Struct, frozen=True):
    """A document with its passages."""

    id: str
    title: str
    text: str
    metadata: dict[str, Any]
    tags: list[str]
    passages: list[Passage]


class Export(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which documents to write: by id, by rows of an encoding, by tag, or all; and as what."""

    ids: list[str] | None = None
    encoding: str | None = None
    rows: list[int] | None = None
    tag: str | None = None
    format: Literal["jsonl", "csv"] = "jsonl"


def fields_of(document: Document) -> dict[str, Any]:
    """A document's fields, with label, time and lang where it has them."""
    own = {"label": document.label, "time": document.time, "lang": document.lang}
    return {**document.metadata, **{key: value for key, value in own.items() if value is not None}}


async def whole(house: House, asked: Which) -> Whole:
    """One document.

    Raises:
        UnknownNameError: there is none of that id.
    """
    name = await encoding_name(house, asked.encoding)
    return await house.thread(_whole, house, asked.id, name)


def _whole(house: House, name: str, encoding: str) -> Whole:
    space = house.opened()
    document = space.get(name)
    found = space.passages(name, encoding)
    rows = rows_of(space, encoding, found.numbers.tolist())
    passages = [Passage(start, stop, row) for (start, stop), row in zip(found.spans.tolist(), rows, strict=True)]
    tags = house.kept(tags_of).of([name]).get(name, [])
    return Whole(document.id, document.title, document.text, fields_of(document), tags, passages)


async def export(house: House, asked: Export) -> Response:
    """Documents as an attachment, written while they are read: memory does not grow with their number.

    Raises:
        Problem: 400, two ways to choose or too many; 404, a document, row or tag that is not there.
    """
    space = house.opened()
    ids = await _chosen(house, asked)
    documents = space.documents(ids)
    if asked.format == "jsonl":
        lines, media = _lines(house, documents), "application/x-ndjson"
    else:
        fields = [one.name for one in await house.thread(space.fields) if one.name not in _OWN]
        lines, media = _table(house, documents, fields), "text/csv; charset=utf-8"
    # The name is ours: nothing that a request says gets into a header.
    headers = {"Content-Disposition": f'attachment; filename="documents.{asked.format}"'}
    return StreamingResponse(lines, media_type=media, headers=headers)


async def _chosen(house: House, asked: Export) -> Sequence[str] | None:
    """Ids of the documents that are wanted; None for all."""
    space = house.opened()
    given = [name for name in ("ids", "rows", "tag") if getattr(asked, name) is not None]
    if len(given) > 1:
        said = f"{given[1]}: want one of ids, rows and tag, got {' and '.join(given)}"
        raise Problem(400, said, param=given[1], code="invalid_value")
    most, size = house.settings.chosen, len(asked.ids or asked.rows or ())
    if size > most:
        said = f"{given[0]}: want at most {most:,}, got {size:,}; leave it out for all documents"
        raise Problem(400, said, param=given[0], code="too_large")
    if asked.rows is not None:
        return await house.thread(ids_at, space, await encoding_name(house, asked.encoding), asked.rows)
    if asked.tag is not None:
        return sorted(await house.thread(house.kept(tags_of).ids, asked.tag))
    if asked.ids is None:
        return None
    wanted = list(dict.fromkeys(asked.ids))
    there = await house.thread(space.present, wanted)
    missing = [name for name in wanted if name not in there]
    if missing:
        raise Problem(404, f"ids: no document {missing[0]!r}", param="ids", code="unknown_name")
    return wanted


def _tagged(house: House, documents: Iterable[Document]) -> Iterator[tuple[Document, list[str]]]:
    for some in chunks(documents, _BLOCK):
        tags = house.kept(tags_of).of(document.id for document in some)
        yield from ((document, tags.get(document.id, [])) for document in some)


def _lines(house: House, documents: Iterable[Document]) -> Iterator[bytes]:
    for document, tags in _tagged(house, documents):
        plain = {"id": document.id, "title": document.title, "text": document.text}
        yield _utf8(json.dumps({**plain, "metadata": fields_of(document), "tags": tags}, ensure_ascii=False) + "\n")


def _table(house: House, documents: Iterable[Document], fields: Sequence[str]) -> Iterator[bytes]:
    head: list[list[Any]] = [["id", "title", "text", *fields, "tags"]]
    for some in chunks(chain(head, _cells(house, documents, fields)), _BLOCK):
        out = io.StringIO()
        csv.writer(out, lineterminator="\r\n").writerows([_safe(cell) for cell in row] for row in some)
        yield _utf8(out.getvalue())


def _cells(house: House, documents: Iterable[Document], fields: Sequence[str]) -> Iterator[list[Any]]:
    for document, tags in _tagged(house, documents):
        found = fields_of(document)
        yield [document.id, document.title, document.text, *(found.get(name, "") for name in fields), "; ".join(tags)]


def _safe(cell: Any) -> Any:
    """A cell that no spreadsheet takes for a formula; numbers are what they are."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULAS) else cell


def _utf8(text: str) -> bytes:
    # Half a surrogate pair is no UTF-8.
    return text.encode("utf-8", "replace")


ENDPOINTS = [
    Endpoint("GET", "/x/document", Which, whole, "A document whole, with its passages.", gives=Whole),
    Endpoint(
        "POST",
        "/x/export",
        Export,
        export,
        "Documents as lines of JSON or as a table (RFC 4180), by id, row or tag, or all of them.",
        examples={"a tag": {"tag": "to read", "format": "csv"}},
        media="application/octet-stream",
    ),
]
