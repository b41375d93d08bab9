"""Names that people give to documents, over HTTP."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from semascope.errors import UnknownNameError
from semascope.serve.explore.places import encoding_name, ids_at
from semascope.serve.http.answering import Asked, Endpoint
from semascope.serve.http.problems import Problem
from semascope.space.tags import Tags

if TYPE_CHECKING:
    from semascope.serve.house import House


class Tagged(msgspec.Struct, frozen=True):
    """A tag, and how many documents have it."""

    name: str
    n: int


class AllTags(msgspec.Struct, frozen=True):
    """All tags of a Space, and whether they can be changed here."""

    tags: list[Tagged]
    writable: bool


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tag given to documents (by id, or by the rows of their passages), or taken from some."""

    name: str
    add: list[str] = []
    remove: list[str] = []
    rows: list[int] = []
    encoding: str | None = None


class Drop(msgspec.Struct, frozen=True):
    """A tag to take from all documents."""

    name: str


class Nothing(msgspec.Struct, frozen=True):
    """An empty answer."""


class Counts:
    """How many documents have each tag, kept until tags or documents change.

    Args:
        house: The server.
    """

    def __init__(self, house: House) -> None:
        self._house = house
        self._known: tuple[object, dict[str, int]] | None = None

    def __call__(self) -> dict[str, int]:
        """By the names' order; documents that were deleted do not count. Blocks."""
        space, tags = self._house.opened(), self._house.kept(tags_of)
        state = space.commit(), tags.version()
        if self._known is None or self._known[0] != state:
            counts: dict[str, int] = {}
            for name in tags.names():
                with suppress(UnknownNameError):  # dropped since the names were read
                    counts[name] = len(space.present(tags.ids(name)))
            self._known = state, counts
        return self._known[1]


def tags_of(house: House) -> Tags:
    """The tags of the Space that is served: `house.kept(tags_of)`.

    Raises:
        Problem: 404, none is served.
    """
    settings = house.settings
    return Tags(house.opened().path, longest=settings.tag, most=settings.tags)


async def listed(house: House, asked: Asked) -> AllTags:
    """All tags. Documents that were deleted do not count."""
    del asked
    tags = house.kept(tags_of)
    counts = await house.thread(house.kept(Counts))
    return AllTags([Tagged(name, n) for name, n in counts.items()], tags.writable)


async def change(house: House, asked: Change) -> Tagged:
    """Give a tag, or take it away.

    Raises:
        Problem: 400, too many at once, or no name for a tag; 404, a document or row that is not there; 409, read-only.
    """
    space, tags = house.opened(), house.kept(tags_of)
    most = house.settings.chosen
    size = len(asked.add) + len(asked.remove) + len(asked.rows)
    if size > most:
        raise Problem(400, f"add: want at most {most:,} documents at once, got {size:,}", param="add", code="too_large")
    add = list(asked.add)
    if add:
        there = await house.thread(space.present, add)
        missing = [name for name in add if name not in there]
        if missing:
            raise Problem(404, f"add: no document {missing[0]!r}; nothing was tagged", param="add", code="unknown_name")
    if asked.rows:
        name = await encoding_name(house, asked.encoding)
        add += await house.thread(ids_at, space, name, asked.rows)
    await house.thread(tags.change, asked.name, add=add, remove=asked.remove)
    return Tagged(asked.name, len(await house.thread(lambda: space.present(tags.ids(asked.name)))))


async def drop(house: House, asked: Drop) -> Nothing:
    """Take a tag from all documents."""
    await house.thread(house.kept(tags_of).drop, asked.name)
    return Nothing()


ENDPOINTS = [
    Endpoint("GET", "/x/tags", Asked, listed, "The tags of the Space and how many documents have each.", gives=AllTags),
    Endpoint(
        "POST",
        "/x/tags",
        Change,
        change,
        "Give a tag to documents, by id or by row, or take it from some.",
        gives=Tagged,
        examples={"two documents": {"name": "to read", "add": ["{id}", "{other}"]}},
    ),
    Endpoint("DELETE", "/x/tags", Drop, drop, "Take a tag from all documents.", gives=Nothing),
]
