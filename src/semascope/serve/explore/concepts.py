"""A vector as concepts: the groups of the map it belongs to, and the words that are nearest to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from semascope.errors import UnknownNameError
from semascope.look.charts import Chart
from semascope.look.concepts import group_shares, nearest_words
from semascope.look.kept import place as kept_at
from semascope.look.vocabulary import KIND, Vocabulary, open_words
from semascope.serve.explore.maps import Maps
from semascope.serve.explore.places import Place, encoding_name, vector_of
from semascope.serve.explore.steering import group_middle
from semascope.serve.http.answering import Endpoint
from semascope.serve.http.problems import Problem
from semascope.types import Vectors

if TYPE_CHECKING:
    from semascope.serve.house import House

_WORDS = 200  # that are named at most


class Features(msgspec.Struct, frozen=True, omit_defaults=True):
    """A place to be said in concepts, and how many words."""

    of: Place
    encoding: str | None = None
    words: int = 30


class Group(msgspec.Struct, frozen=True):
    """A group of the map: `share` is the cosine of centred vectors, `percentile` the share of passages that lie farther."""

    number: int
    name: str
    words: list[str]
    share: float
    percentile: float


class Word(msgspec.Struct, frozen=True):
    """A word of the corpus, its cosine with the vector, and how many documents have it."""

    word: str
    cosine: float
    documents: int


class Missing(msgspec.Struct, frozen=True):
    """What is not there, and how to make it."""

    what: str
    code: str
    how: str


class Concepts(msgspec.Struct, frozen=True):
    """A vector in concepts; null where what they are made of is missing. `n` is how many passages percentiles are of."""

    groups: list[Group] | None
    words: list[Word] | None
    missing: list[Missing]
    n: int
    sparse: None = None


class Known:
    """What was read of maps and words, kept until they change.

    Args:
        house: The server.
    """

    def __init__(self, house: House) -> None:
        self._space = house.opened()
        self._middles: dict[str, tuple[Chart, Vectors]] = {}
        self._words: dict[str, tuple[tuple[int, int], Vocabulary]] = {}

    def middles(self, chart: Chart) -> Vectors:
        """The means of the groups' vectors, (groups, d); zero where a group has no passages left. Blocks."""
        name = chart.now.encoding
        held = self._middles.get(name)
        if held is None or held[0] is not chart:
            found = [group_middle(self._space, chart, one.number) for one in chart.now.groups]
            none = np.zeros(self._space.encoding(name).passport.dim, np.float32)
            rows = [none if row is None else row for row in found]
            held = self._middles[name] = chart, np.stack(rows) if rows else none[None][:0]
        return held[1]

    def words(self, encoding: str) -> Vocabulary | None:
        """The words of an encoding; None where none were made, or with other vectors. Blocks."""
        try:
            found = kept_at(self._space.path, encoding, KIND).stat()
        except FileNotFoundError:
            return None
        mark = found.st_mtime_ns, found.st_ino
        held = self._words.get(encoding)
        if held is None or held[0] != mark:
            try:
                held = self._words[encoding] = mark, open_words(self._space.path, encoding)
            except UnknownNameError:
                return None
        return held[1] if held[1].passport == self._space.encoding(encoding).passport.id else None


async def features(house: House, asked: Features) -> Concepts:
    """What a vector means in this corpus.

    Raises:
        Problem: 400, a place that is none; 409, a text cannot be encoded.
        UnknownNameError: no such document.
    """
    if not 1 <= asked.words <= _WORDS:
        said = f"words: want a whole number from 1 to {_WORDS}, got {asked.words}"
        raise Problem(400, said, param="words", code="invalid_value")
    encoding = await encoding_name(house, asked.encoding)
    x = await vector_of(house, encoding, asked.of, "of")
    known, missing = house.kept(Known), list[Missing]()
    chart = None
    try:
        chart = await house.kept(Maps).chart(encoding)
    except Problem as problem:
        if problem.code != "no_map":
            raise
        how = 'A map of this encoding finds them: start the job "map", or run semascope look SPACE --keep.'
        missing.append(Missing("groups", "no_map", how))
    words = await house.thread(known.words, encoding)
    if words is None:
        how = 'The commonest words of the corpus have to be encoded once: start the job "words".'
        missing.append(Missing("words", "no_words", how))
    return await house.thread(_said, house, x, chart, words, missing, asked.words)


def _said(
    house: House, x: Vectors, chart: Chart | None, words: Vocabulary | None, missing: list[Missing], most: int
) -> Concepts:
    groups, n = None, 0
    if chart is not None:
        middles = house.kept(Known).middles(chart)
        found = group_shares(x, middles, house.opened().sample(chart.now.encoding))
        n = found.n
        groups = [
            Group(one.number, one.name, list(one.words), share, percentile)
            for one, share, percentile in zip(
                chart.now.groups, found.shares.tolist(), found.percentiles.tolist(), strict=True
            )
        ]
        groups.sort(key=lambda one: -one.share)
    named = None if words is None else [Word(*one) for one in nearest_words(x, words, most)]
    return Concepts(groups, named, missing, n)


ENDPOINTS = [
    Endpoint(
        "POST",
        "/x/features",
        Features,
        features,
        "A vector in concepts: the groups of the map and the words of the corpus that it lies near.",
        gives=Concepts,
        examples={"a query": {"of": {"query": "late fees"}, "words": 10}},
    ),
]
