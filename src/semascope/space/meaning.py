"""The encoder of a Space: found again when it is needed, and let in only if its passport is that of the vectors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from semascope.errors import OptionError, PassportError, SemascopeError
from semascope.passport import CANARIES, Passport
from semascope.space.segments import Encoding, place
from semascope.types import Encoder

SAVED = "encoder"  # the folder inside an encoding's that its encoder is saved to
_PREFIX = "saved:"


def as_encoder(thing: Any) -> Encoder:
    """An encoder of whatever is one; a name, a recipe or a folder too."""
    from semascope.encoders import as_encoder

    encoder = as_encoder(thing)
    if not hasattr(encoder, "encode"):
        raise OptionError(f"encoder: {thing!r} has yet to learn: call .fit(corpus_or_texts) first")
    return encoder


def full_passport(encoder: Encoder) -> Passport:
    """The passport of an encoder, with the vectors of the canary texts in it."""
    passport = encoder.passport
    if len(passport.canaries) or not passport.known:
        return passport
    return replace(passport, canaries=encoder.encode(list(CANARIES)))


def reference(encoder: Any) -> str | None:
    """The name under which the encoder is found again; None where it has none."""
    found = getattr(encoder, "found_as", "")
    if isinstance(found, str) and found:
        return found
    return "default" if getattr(encoder, "name", None) == "default" and encoder.passport.kind == "static" else None


def keep(encoder: Any, folder: Path, encoding: str) -> str | None:
    """What finds the encoder again: its name, or a copy of it that is saved into the Space; None where neither can be."""
    named = reference(encoder)
    if named is not None:
        return named
    from semascope.encoders import PipelineEncoder, StaticEncoder, TransformerEncoder, save

    if not isinstance(encoder, PipelineEncoder | StaticEncoder | TransformerEncoder):
        return None
    target = folder / place(encoding) / SAVED
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        save(encoder, target)
    except OptionError:
        # A pipeline over a model that has no name: it has to be given again.
        return None
    return f"{_PREFIX}{SAVED}"


def find(encoding: Encoding, folder: Path) -> Encoder:
    """The encoder that made an encoding.

    Raises:
        PassportError: nothing says which one it was, or the one of that name is not at hand.
    """
    if encoding.reference is None:
        what = f"{encoding.passport.name!r}" if encoding.passport.known else "an encoder that is not on record"
        raise PassportError(
            f"encoder: want the one that made the vectors of {folder}, got none; they were made by {what}. Give it as "
            'encoder=... (--encoder NAME), or search by words with mode="lexical" (--lexical)',
            field="kind",
        )
    if encoding.reference.startswith(_PREFIX):
        return as_encoder(folder / place(encoding.name) / encoding.reference.removeprefix(_PREFIX))
    try:
        return as_encoder(encoding.reference)
    except SemascopeError as error:
        raise PassportError(
            f"encoder: want {encoding.reference!r}, which made the vectors of {folder}, but {error}. Or search by words "
            'with mode="lexical" (--lexical)',
            field="kind",
        ) from error


def admit(encoding: Encoding, encoder: Encoder, folder: Path, doing: str) -> Encoder:
    """Let an encoder in if it made these vectors: the fields of its passport first, then the canary texts.

    A matrix of unknown origin takes any encoder of its width; that it is the right one is for the caller to know.

    Raises:
        PassportError: names the field that differs, and what mends it.
    """
    passport, other = encoding.passport, encoder.passport
    what = f"{doing} {folder} with {other.name or other.kind!r}"
    mend = (
        f"semascope reencode {folder} --encoder ..., or use the encoder that made it ({passport.name or passport.kind})"
    )
    if not passport.known:
        if encoder.dim != passport.dim:
            raise PassportError(
                f"cannot {what}: dim differs: the vectors here have {passport.dim} columns, this would give "
                f"{encoder.dim}. To mend it: {mend}",
                field="dim",
            )
        return encoder
    passport.require(other, what=what, mend=mend)
    if len(passport.canaries):
        passport.verify(encoder.encode(list(CANARIES)), what=what, mend=mend)
    return encoder
