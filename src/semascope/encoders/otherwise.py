"""The same transformer with another way of reading texts, or of making one vector of its states."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from semascope.encoders.manner import Manner
from semascope.encoders.transformer import TransformerEncoder
from semascope.errors import OptionError


def read_otherwise(encoder: TransformerEncoder, **options: Any) -> TransformerEncoder:
    """The same model with another `head`, `batch_tokens` or `batch_invariant`, or read in another manner (`max_length`, ...)."""
    manners = {f.name for f in fields(Manner)}
    others = ("head", "batch_tokens", "batch_invariant")
    unknown = sorted(set(options) - manners - set(others))
    if unknown:
        raise OptionError(f"options: want some of {', '.join([*sorted(manners), *others])}; got {', '.join(unknown)}")
    manner = replace(encoder.manner, **{name: options[name] for name in manners & set(options)})
    kept = {name: options.get(name, getattr(encoder, name)) for name in others}
    parts = {"manner": manner, "origin": encoder.origin, "spare": encoder.spare}
    return TransformerEncoder(encoder.engine, encoder.tokenizer, **parts, **kept)
