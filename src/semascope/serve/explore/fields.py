"""What is served: the Space, its encodings and fields, and the passports of what made its vectors."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal

import msgspec

import semascope
from semascope.encoders import PipelineEncoder
from semascope.errors import SemascopeError
from semascope.serve.explore.maps import Maps
from semascope.serve.http.answering import Asked, Endpoint
from semascope.serve.http.problems import Problem
from semascope.space.segments import Encoding
from semascope.types import Encoder

if TYPE_CHECKING:
    from semascope.serve.house import House

_AGAIN = 60.0  # seconds after which an encoder that could not be opened is tried again


class Limits(msgspec.Struct, frozen=True):
    """What one request may ask for."""

    k: int
    text: int
    rows: int


class About(msgspec.Struct, frozen=True):
    """One encoding: what made it, and what can be done with it here."""

    name: str
    current: bool
    encoder: str
    kind: str
    dim: int
    passages: int
    queries: bool
    layers: int
    map: bool


class Here(msgspec.Struct, frozen=True):
    """What is served; `name` is null where no Space is. `bytes` on disk, by part."""

    name: str | None
    documents: int
    passages: int
    version: str
    writable: bool
    encodings: list[About]
    models: list[str]
    limits: Limits
    bytes: dict[str, int]


class Value(msgspec.Struct, frozen=True):
    """A value of a field, and how many documents have it."""

    value: str
    n: int


class Field(msgspec.Struct, frozen=True):
    """A field of the documents, as filters know it."""

    name: str
    kind: Literal["text", "number", "time"]
    documents: int
    distinct: int
    values: list[Value]
    least: float | str | None
    most: float | str | None


class Fields(msgspec.Struct, frozen=True):
    """All fields."""

    fields: list[Field]


class Whose(msgspec.Struct, frozen=True, omit_defaults=True):
    """An encoding of the Space, or a model."""

    encoding: str | None = None
    model: str | None = None


class Passported(msgspec.Struct, frozen=True, omit_defaults=True):
    """A passport without its canaries' vectors, and in what the encoder at hand differs from it."""

    passport: dict[str, Any]
    encoder: str
    id: str
    differences: list[str] | None = None


class _Failed:
    """When the encoder of an encoding could not be opened, by its name."""

    def __init__(self, house: House) -> None:
        del house
        self.at: dict[str, float] = {}


async def space(house: House, asked: Asked) -> Here:
    """What is served."""
    del asked
    settings = house.settings
    limits = Limits(settings.hits, settings.text, settings.rows)
    if house.space is None:
        return Here(None, 0, 0, semascope.__version__, False, [], list(house.models), limits, {})
    opened = house.opened()
    facts = await house.thread(opened.info)
    encodings = await house.thread(opened.encodings)
    passages = {name: int(one["passages"]) for name, one in facts["encodings"].items()}
    mapped = await house.thread(house.kept(Maps).charts.there)
    about = [await _about(house, one, passages.get(one.name, 0), mapped=one.name in mapped) for one in encodings]
    name = settings.name or opened.path.resolve().name
    return Here(
        name,
        int(facts["documents"]),
        int(facts["passages"]),
        semascope.__version__,
        opened.writable,
        about,
        list(house.models),
        limits,
        {name: int(size) for name, size in facts["bytes_by_part"].items()},
    )


async def _about(house: House, encoding: Encoding, passages: int, *, mapped: bool) -> About:
    encoder = await encoder_of(house, encoding.name)
    passport = encoding.passport
    return About(
        name=encoding.name,
        current=encoding.current,
        encoder=passport.name or passport.kind,
        kind=passport.kind,
        dim=passport.dim,
        passages=passages,
        queries=encoder is not None,
        layers=0 if encoder is None else layers_of(encoder),
        map=mapped,
    )


async def encoder_of(house: House, encoding: str) -> Encoder | None:
    """What encodes the queries of an encoding; None where nothing does. What failed is not tried again for a minute."""
    failed = house.kept(_Failed).at
    if time.monotonic() - failed.get(encoding, -_AGAIN) < _AGAIN:
        return None
    try:
        found = (await house.of_encoding(encoding)).served.encoder
    except (Problem, SemascopeError) as error:
        # One that is behind a URL may be out of reach, one of a library not installed: what else is here is still told.
        if isinstance(error, Problem) and error.status != 409:
            raise
        failed[encoding] = time.monotonic()
        return None
    failed.pop(encoding, None)
    return found


def layers_of(encoder: Any) -> int:
    """How many blocks an encoder has whose states can be read layer by layer; 0 for one without."""
    while isinstance(encoder, PipelineEncoder):
        encoder = encoder.backbone
    return int(getattr(encoder, "depth", 0)) if hasattr(encoder, "states") else 0


async def fields(house: House, asked: Asked) -> Fields:
    """The fields of the documents."""
    del asked
    found = await house.thread(house.opened().fields)
    return Fields(
        [
            Field(
                one.name,
                one.kind,
                one.documents,
                one.distinct,
                [Value(value, n) for value, n in one.values],
                one.least,
                one.most,
            )
            for one in found
        ]
    )


async def passport(house: House, asked: Whose) -> Passported:
    """The passport of an encoding or of a model.

    Raises:
        Problem: 400, both were named; 404, no such model, or no Space.
        UnknownNameError: no such encoding.
    """
    if asked.encoding is not None and asked.model is not None:
        raise Problem(400, "model: want an encoding or a model, got both", param="model", code="invalid_value")
    if asked.model is not None:
        served = house.model(asked.model).served
        found = await house.thread(lambda: served.encoder.passport)
        return Passported(_plain(found), found.name or found.kind, found.id)
    encoding = await house.thread(house.opened().encoding, asked.encoding)
    encoder = await encoder_of(house, encoding.name)
    differences = None
    if encoder is not None and encoding.passport.known:
        differences = encoding.passport.differences(await house.thread(lambda: encoder.passport))
    own = encoding.passport
    return Passported(_plain(own), own.name or own.kind, own.id, differences)


def _plain(found: Any) -> dict[str, Any]:
    plain = found.to_json()
    plain["canaries"] = len(plain["canaries"])
    return plain


ENDPOINTS = [
    Endpoint("GET", "/x/space", Asked, space, "What is served: the Space, its encodings, the models.", gives=Here),
    Endpoint(
        "GET", "/x/fields", Asked, fields, "The fields of the documents and their commonest values.", gives=Fields
    ),
    Endpoint(
        "GET", "/x/passport", Whose, passport, "What made the vectors of an encoding or of a model.", gives=Passported
    ),
]
