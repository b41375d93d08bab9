"""A text layer by layer: how the state of each of its tokens comes about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from semascope.encoders import PipelineEncoder
from semascope.ops.layers import read_layers
from semascope.serve.explore.fields import layers_of
from semascope.serve.explore.places import Piece, Place, encoding_name, piece_of
from semascope.serve.http.answering import Endpoint
from semascope.serve.http.problems import Problem

if TYPE_CHECKING:
    from semascope.serve.house import House


class Look(msgspec.Struct, frozen=True, omit_defaults=True):
    """A place to look at layer by layer."""

    of: Place
    encoding: str | None = None


class Token(msgspec.Struct, frozen=True):
    """A token: its part of the text, or what it is called where it has no place in it (start and stop are -1 then)."""

    text: str
    start: int
    stop: int


class Layers(msgspec.Struct, frozen=True):
    """Layers from 0 (the embeddings) to the last; each matrix is layers x tokens. `cut` is how many tokens were not read."""

    text: str
    tokens: list[Token]
    layers: list[int]
    to_own: list[list[float]]
    to_last: list[list[float]]
    size: list[list[float]]
    cut: int


async def lens(house: House, asked: Look) -> Layers:
    """Cosines and lengths of a text's token states at every layer.

    Raises:
        Problem: 400, a place that is none; 409, no layers can be read of this encoder, or texts cannot be encoded.
        UnknownNameError: no such document.
    """
    encoding = await encoding_name(house, asked.encoding)
    encoder = (await house.of_encoding(encoding)).served.encoder
    if not layers_of(encoder):
        said = (
            f"encoding: {encoding!r} has no layers to look at: its vectors are made without a model that has any. Add an "
            "encoding that has: semascope reencode SPACE --encoder minilm --keep-old"
        )
        raise Problem(409, said, param="encoding", code="no_layers")
    place = asked.of.checked(house, "of")
    piece = await house.thread(piece_of, house.opened(), encoding, place)
    return await house.thread(_read, encoder, piece, house.settings.looked_tokens)


def _read(encoder: Any, piece: Piece, most: int) -> Layers:
    while isinstance(encoder, PipelineEncoder):
        encoder = encoder.backbone
    # Cut before the model runs, with the special tokens that it expects at the end.
    read = encoder.tokenizer.read(
        [piece.text],
        prefix=encoder.prompts.get(piece.kind, ""),
        max_length=min(most, encoder.max_length or most),
        side=encoder.manner.side,
    )
    states = encoder.run(read.tokens, layers="all")
    found = read_layers(states.hidden)
    named = encoder.tokenizer.pieces(read.tokens.ids.tolist())
    spans = read.tokens.spans.tolist()
    shown = [
        Token(piece.text[start:stop] if start >= 0 else name, start, stop)
        for (start, stop), name in zip(spans, named, strict=True)
    ]
    layers = list(range(len(states.hidden)))
    to_own, to_last, size = (np.round(matrix.astype(np.float64), 5).tolist() for matrix in found)
    return Layers(piece.text, shown, layers, to_own, to_last, size, int(read.cut[0]))


ENDPOINTS = [
    Endpoint(
        "POST",
        "/x/lens",
        Look,
        lens,
        "The tokens of a text layer by layer: how near each is to its layer's mean and to what it becomes.",
        gives=Layers,
        examples={"a text": {"of": {"text": "Late fees are due on Monday."}}},
    ),
]
