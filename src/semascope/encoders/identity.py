"""What makes a transformer's vectors: its passport, written from its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import semascope
from semascope.encoders.reading import learned_digest
from semascope.passport import CANARIES, Passport

if TYPE_CHECKING:
    from semascope.encoders.transformer import TransformerEncoder


def transformer_passport(encoder: TransformerEncoder) -> Passport:
    """The passport of a transformer; encodes the canary texts."""
    read = encoder.read(CANARIES)  # not `encode`, which would warn of canaries that are cut
    return Passport(
        kind="transformer",
        dim=encoder.dim,
        weights=encoder.origin.weights,
        tokenizer=encoder.tokenizer.digest,
        pooling=str(encoder.head),
        prompts=encoder.prompts,
        max_length=encoder.max_length,
        truncation=encoder.manner.side if encoder.max_length else "",
        normalize=encoder.normalize,
        transforms=tuple(learned_digest(layer) for layer in encoder.head.layers),
        name=encoder.name,
        versions={"semascope": semascope.__version__, **encoder.engine.versions},
        dtype=encoder.engine.precision,
        device=encoder.engine.device,
        canaries=encoder.encode_tokens(read.tokens, prompt=read.prompt),
    )
