"""/x/map: the map of an encoding, what it can be coloured by, what its rows are and what lies near them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import Response

from semascope.errors import CorruptError, UnknownNameError
from semascope.look.charts import MOVED, Chart, Charts
from semascope.look.columns import Column, Listed
from semascope.serve.explore.places import Place, vector_of
from semascope.serve.explore.tags import tags_of
from semascope.serve.http.answering import Endpoint
from semascope.serve.http.problems import Problem

if TYPE_CHECKING:
    from semascope.serve.house import House

BINARY = "application/octet-stream"
TAGS = "tags"


class Maps:
    """The maps of the Space that a house serves.

    Args:
        house: The server.
    """

    def __init__(self, house: House) -> None:
        self._house = house
        self.charts = Charts(house.opened().path)
        house.on_close(self.close)

    async def close(self) -> None:
        """Close the files."""
        self.charts.close()

    async def name(self, encoding: str | None) -> str:
        """The name of an encoding, the current one unless named.

        Raises:
            UnknownNameError: there is none of that name.
            IncompleteError: it does not cover all documents.
        """
        return await self._house.thread(self.charts.name, encoding or None)

    async def chart(self, encoding: str | None) -> Chart:
        """The map of an encoding.

        Raises:
            Problem: 404 `no_map`, none was made, or it is damaged.
        """
        name = await self.name(encoding)
        try:
            return await self._house.thread(self.charts.chart, name)
        except (UnknownNameError, CorruptError) as error:
            mend = '; or POST /x/jobs {"do": "map"}'
            raise Problem(404, f"{error}{mend}", param="encoding", code="no_map") from error

    async def column(self, chart: Chart, name: str) -> Column:
        """A column of a map.

        Raises:
            Problem: 404, there is none of that name, `no_moves` where two maps were not compared yet.
        """
        if name == TAGS:
            return await self._house.thread(self._tags, chart)
        try:
            return await self._house.thread(self.charts.column, chart, name)
        except (UnknownNameError, CorruptError) as error:
            if not name.startswith(MOVED):
                raise
            how = f'POST /x/jobs {{"do": "moved", "encoding": "{chart.kept.encoding}", "other": "..."}}'
            raise Problem(404, f"{error}; {how}", param="name", code="no_moves") from error

    def _tags(self, chart: Chart) -> Column:
        """The tag of each row's document: of several the rarest."""
        tags = self._house.kept(tags_of)
        found = [(name, tags.ids(name)) for name in tags.names()]
        found.sort(key=lambda one: (-len(one[1]), one[0]))
        codes = {name: code for code, (_, ids) in enumerate(found) for name in ids}
        column = self.charts.of_documents(chart, list(codes), list(codes.values()), [name for name, _ in found])
        return replace(column, says="Of documents with several tags the rarest counts.")


class Pointed(msgspec.Struct, frozen=True):
    """A map: that of the current encoding unless another is named."""

    encoding: str | None = None


class Coloured(msgspec.Struct, frozen=True):
    """A column of a map by its name: one that /x/map lists, or "places", "doc"."""

    name: str
    encoding: str | None = None


class Picked(msgspec.Struct, frozen=True):
    """Rows of a map."""

    rows: list[int]
    encoding: str | None = None


class Beside(msgspec.Struct, frozen=True):
    """A row of a map, and perhaps a second encoding."""

    row: int
    encoding: str | None = None
    other: str | None = None


class Scored(msgspec.Struct, frozen=True):
    """What the rows of a map are compared with."""

    to: Place = msgspec.field(name="for")
    encoding: str | None = None


class Trust(msgspec.Struct, frozen=True):
    """Trustworthiness among 15 neighbours with its 95 % interval, on `n` rows; 1 is perfect, 0.5 a map without meaning."""

    value: float
    low: float
    high: float
    n: int


class Area(msgspec.Struct, frozen=True):
    """A group of rows: `stability` is how much of it is found again when rows are drawn anew, `at` where its name belongs."""

    number: int
    name: str
    words: list[str]
    n: int
    stable: bool
    stability: Trust
    at: tuple[float, float]


class Shade(msgspec.Struct, frozen=True):
    """A column that the map can be coloured by."""

    name: str
    kind: str
    what: str


class Map(msgspec.Struct, frozen=True):
    """A map; `span` is how far its places reach, of 65,535; `stale` says that passages came or went since it was made."""

    encoding: str
    n: int
    made: str
    stale: bool
    new: int
    trust: Trust
    span: tuple[float, float]
    groups: list[Area]
    columns: list[Shade]
    says: str


class Passage(msgspec.Struct, frozen=True):
    """A row: its document, and the beginning of its text."""

    row: int
    id: str
    title: str
    passage: str
    span: tuple[int, int]
    metadata: dict[str, Any]
    tags: list[str]


class Passages(msgspec.Struct, frozen=True):
    """Rows in the order asked for; those whose documents are gone are left out."""

    rows: list[Passage]


class Near(msgspec.Struct, frozen=True):
    """The nearest rows, in the encoding and in the other, and the share of the first that is among the second."""

    near: list[int]
    other: list[int] | None
    kept: float | None


async def the_map(house: House, asked: Pointed) -> Map:
    """The map, but for what there is of every row."""
    maps = house.kept(Maps)
    chart = await maps.chart(asked.encoding)
    listed = await house.thread(maps.charts.columns, chart)
    if await house.thread(house.kept(tags_of).names):
        listed.append(Listed(TAGS, "class", "tag"))
    kept = chart.kept
    groups = [
        Area(one.number, one.name, list(one.words), one.n, one.stable, Trust(*one.stability), one.at)
        for one in kept.groups
    ]
    new = int((kept.rows_of(chart.now.passages) < 0).sum()) if chart.stale else 0
    return Map(
        kept.encoding, len(chart), kept.made, chart.stale, new, Trust(*kept.trust), kept.span, groups,
        [Shade(one.name, one.kind, one.what) for one in listed], _says(chart, new),
    )  # fmt: skip


def _says(chart: Chart, new: int) -> str:
    """How far the map can be trusted, in sentences."""
    trust = chart.kept.trust
    said = (
        f"Near is like; far apart, sizes and empty space say little. Trustworthiness among 15 neighbours {trust.value:.3f} "
        f"[{trust.low:.3f}, {trust.high:.3f}] on {trust.n:,} rows; 1 is perfect, 0.5 is a map without meaning. {chart.kept.says}"
    )
    if chart.stale:
        gone = len(chart.kept) - len(chart) + new
        said += (
            f" The Space has changed since: {new:,} passages that are new stand where what is nearest to them stands, {gone:,} that are "
            "gone are left out."
        )
    return said


async def column(house: House, asked: Coloured) -> Response:
    """A column, as bytes."""
    maps = house.kept(Maps)
    chart = await maps.chart(asked.encoding)
    return framed(await maps.column(chart, asked.name))


def framed(found: Column) -> Response:
    """A column as it goes over the wire: the length of the header, the header, the values, which start at a multiple of four."""
    header = json.dumps(found.header(), ensure_ascii=False).encode("utf-8", "replace")
    header += b" " * (-len(header) % 4)
    values = found.values.astype(found.values.dtype.newbyteorder("<"), copy=False)
    return Response(len(header).to_bytes(4, "little") + header + values.tobytes(), media_type=BINARY)


async def rows(house: House, asked: Picked) -> Passages:
    """What rows are."""
    most = house.settings.rows
    if len(asked.rows) > most:
        raise Problem(400, f"rows: want at most {most}, got {len(asked.rows):,}", param="rows", code="too_many")
    maps = house.kept(Maps)
    chart = await maps.chart(asked.encoding)
    found = await house.thread(maps.charts.rows, chart, asked.rows)
    tags = await house.thread(house.kept(tags_of).of, {one.id for one in found})
    return Passages(
        [
            Passage(one.row, one.id, one.title, one.passage, one.span, dict(one.metadata), tags.get(one.id, []))
            for one in found
        ]
    )


async def score(house: House, asked: Scored) -> Response:
    """The cosine of every row with something, as a column."""
    maps = house.kept(Maps)
    chart = await maps.chart(asked.encoding)
    vector = await vector_of(house, chart.kept.encoding, asked.to, "for")
    return framed(await house.thread(maps.charts.scores, chart, vector))


async def near(house: House, asked: Beside) -> Near:
    """What lies near a row."""
    maps = house.kept(Maps)
    chart = await maps.chart(asked.encoding)
    mine = await house.thread(maps.charts.near, chart, asked.row)
    if not asked.other:
        return Near(mine, None, None)
    second = await maps.chart(asked.other)
    theirs = await house.thread(maps.charts.near, second, asked.row)
    return Near(mine, theirs, len({*mine} & {*theirs}) / len(mine) if mine else None)


ENDPOINTS = [
    Endpoint(
        "GET", "/x/map", Pointed, the_map, "The map of an encoding: groups, trust, columns to colour by.", gives=Map
    ),
    Endpoint(
        "GET",
        "/x/map/column",
        Coloured,
        column,
        "A value for each row of a map: uint32 length of a JSON header, the header, the values.",
        media=BINARY,
    ),
    Endpoint(
        "POST",
        "/x/map/score",
        Scored,
        score,
        "The cosine of every row of a map with a query, a text or a document, as a column.",
        examples={"a query": {"for": {"query": "copy a folder"}}},
        media=BINARY,
    ),
    Endpoint(
        "POST",
        "/x/map/rows",
        Picked,
        rows,
        "What rows of a map are.",
        gives=Passages,
        examples={"the first": {"rows": [0]}},
    ),
    Endpoint(
        "POST",
        "/x/map/near",
        Beside,
        near,
        "The rows nearest to a row, in one encoding or two.",
        gives=Near,
        examples={"the first": {"row": 0}},
    ),
]
