"""The stages from text to vector of two encoders, compared one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.encoders import TransformerEncoder
from semascope.encoders.reading import learned_digest
from semascope.types import Tokens

_TEXTS = 12  # whose token states are compared, at every layer
_STATES = 1e-3  # relative difference of states that other arithmetic in float32 may cost
_ROUGH = {"float16": 2e-2, "bfloat16": 1e-1, "int8": 0.5}  # and that of coarser numbers
_FIELDS = {
    "tokenizer": "tokens",
    "prompts": "prompt",
    "max_length": "truncation",
    "truncation": "truncation",
    "weights": "token states",
    "pooling": "pooling",
    "transforms": "dense layers",
    "normalize": "normalisation",
    "dim": "dense layers",
}
_OPAQUE = ("callable", "remote", "unknown")


@dataclass(frozen=True)
class Stage:
    """One stage.

    Args:
        name: Such as "pooling".
        same: Whether both do the same; None where that cannot be known.
        says: What each does, or how they differ.
    """

    name: str
    same: bool | None
    says: str


def readable(encoder: Any) -> bool:
    """Whether its stages can be compared one by one."""
    return isinstance(encoder, TransformerEncoder)


def inside(a: TransformerEncoder, b: TransformerEncoder, texts: Sequence[str]) -> list[Stage]:
    """All stages of two transformers, in order."""
    items = list(texts)
    return [
        _tokens(a, b, items, special=False),
        _tokens(a, b, items, special=True),
        _prompt(a, b),
        _truncation(a, b, items),
        *_states(a, b, items),
        _pooling(a, b),
        _dense(a, b),
        _said("normalisation", _yes(a.normalize), _yes(b.normalize)),
        _said("precision", a.engine.precision, b.engine.precision),
    ]


def by_passport(a: Any, b: Any) -> list[Stage]:
    """Stages as two passports tell them, where both tell any."""
    one, other = a.passport, b.passport
    if one.kind in _OPAQUE or other.kind in _OPAQUE:
        return [Stage("inside", None, "one of them cannot be read inside: only vectors are compared")]
    if one.kind != other.kind:
        return [Stage("inside", None, f"a {one.kind} and a {other.kind} encoder: only vectors are compared")]
    found: dict[str, Stage] = {}
    differ = one.differences(other)
    for field, name in _FIELDS.items():
        mine, theirs = getattr(one, field), getattr(other, field)
        if field in differ:
            found[name] = Stage(name, False, f"{field.replace('_', ' ')}: {_short(mine)} and {_short(theirs)}")
        else:
            found.setdefault(name, Stage(name, True, _short(mine)))
    return list(found.values())


def _short(value: Any) -> str:
    if isinstance(value, str) and len(value) == 64:
        return value[:12]
    return str(value) if value not in ("", None, (), {}) else "none"


def _yes(value: bool) -> str:
    return "length one" if value else "as it comes"


def _said(name: str, mine: str, theirs: str) -> Stage:
    return Stage(name, mine == theirs, mine if mine == theirs else f"{mine} and {theirs}")


def _first_difference(one: Tokens, other: Tokens) -> int | None:
    for text in range(len(one)):
        mine = one.ids[one.offsets[text] : one.offsets[text + 1]]
        theirs = other.ids[other.offsets[text] : other.offsets[text + 1]]
        if not np.array_equal(mine, theirs):
            return text
    return None


def _tokens(a: TransformerEncoder, b: TransformerEncoder, texts: list[str], *, special: bool) -> Stage:
    name = "special tokens" if special else "tokens"
    one, other = (encoder.tokenizer.read(texts, special=special, spans=False).tokens for encoder in (a, b))
    text = _first_difference(one, other)
    if text is None:
        return Stage(name, True, f"{len(one.ids):,} token ids of {len(texts)} texts are equal")
    mine, theirs = (
        encoder.tokenizer.pieces(tokens.ids[tokens.offsets[text] : tokens.offsets[text + 1]].tolist())
        for encoder, tokens in ((a, one), (b, other))
    )
    place = next((i for i, (p, q) in enumerate(zip(mine, theirs, strict=False)) if p != q), min(len(mine), len(theirs)))
    shown = [" ".join(pieces[place : place + 4]) or "nothing more" for pieces in (mine, theirs)]
    return Stage(
        name, False, f"text {text} is cut into other tokens from token {place} on: {shown[0]!r} and {shown[1]!r}"
    )


def _prompt(a: TransformerEncoder, b: TransformerEncoder) -> Stage:
    return _said("prompt", *(repr(encoder.prompts) if encoder.prompts else "none" for encoder in (a, b)))


def _truncation(a: TransformerEncoder, b: TransformerEncoder, texts: list[str]) -> Stage:
    said = [
        f"cut at {encoder.max_length} tokens on the {encoder.manner.side}" if encoder.max_length else "never cut"
        for encoder in (a, b)
    ]
    if said[0] == said[1]:
        return Stage("truncation", True, said[0])
    cuts = [encoder.cuts(texts) for encoder in (a, b)]
    return Stage(
        "truncation",
        False,
        f"{said[0]} and {said[1]}: {len(cuts[0].cut)} and {len(cuts[1].cut)} of {len(texts)} texts are cut",
    )


def _states(a: TransformerEncoder, b: TransformerEncoder, texts: list[str]) -> list[Stage]:
    one, other = a.engine.architecture, b.engine.architecture
    if (one.width, one.depth, one.kind) != (other.width, other.depth, other.kind):
        says = f"{one.kind} of {one.depth} blocks and {one.width} columns, and {other.kind} of {other.depth} and {other.width}"
        return [Stage("token states", False, f"other models: {says}")]
    tokens = _common_tokens(a, b, texts)
    if tokens is None:
        return [
            Stage("token states", None, "not compared, since token ids differ beyond the vocabulary of one of them")
        ]
    mine, theirs = a.run(tokens, layers="all").hidden, b.run(tokens, layers="all").hidden
    apart = _apart(mine, theirs)
    rough = max(_ROUGH.get(encoder.engine.precision, _STATES) for encoder in (a, b))
    most = f"largest relative difference {apart.max():.1e} in {len(apart)} layers, {len(tokens.ids):,} tokens"
    over = np.flatnonzero(apart > rough)
    if not len(over):
        return [Stage("token states", True, most)]
    layer = int(over[0])
    where = "the embeddings of tokens (layer 0)" if layer == 0 else f"the output of block {layer}"
    same_weights = "" if a.origin.weights != b.origin.weights else ", though the weights are the same files"
    return [
        Stage(
            "token states",
            False,
            f"they part at {where}: relative difference {apart[layer]:.1e}{same_weights}",
        )
    ]


def _common_tokens(a: TransformerEncoder, b: TransformerEncoder, texts: list[str]) -> Tokens | None:
    limits = [encoder.max_length for encoder in (a, b)] + [encoder.engine.architecture.longest for encoder in (a, b)]
    known = [limit for limit in limits if limit is not None]
    chosen = texts[:_TEXTS]
    tokens = a.tokenizer.read(chosen, max_length=min(known) if known else None, spans=False).tokens
    fits = not len(tokens.ids) or int(tokens.ids.max()) < b.engine.architecture.vocabulary
    return tokens if fits else None


def _apart(mine: NDArray[np.float32], theirs: NDArray[np.float32]) -> NDArray[np.float64]:
    """Frobenius norm of the difference over that of the first, of each layer."""
    off = np.sqrt(np.square(mine.astype(np.float64) - theirs).sum(axis=(1, 2)))
    size = np.sqrt(np.square(mine.astype(np.float64)).sum(axis=(1, 2)))
    return off / np.where(size > 0, size, 1)


def _pooling(a: TransformerEncoder, b: TransformerEncoder) -> Stage:
    said = [
        "+".join(encoder.head.poolings)
        + ("" if encoder.head.include_prompt or not encoder.prompts else " without the prompt")
        for encoder in (a, b)
    ]
    return _said("pooling", *said)


def _dense(a: TransformerEncoder, b: TransformerEncoder) -> Stage:
    mine, theirs = ([learned_digest(layer) for layer in encoder.head.layers] for encoder in (a, b))
    if mine == theirs:
        return Stage("dense layers", True, f"{len(mine)} of them" if mine else "none")
    if len(mine) != len(theirs):
        return Stage("dense layers", False, f"{len(mine)} and {len(theirs)} of them behind the pooling")
    layer = next(i for i, (one, other) in enumerate(zip(mine, theirs, strict=True)) if one != other)
    return Stage("dense layers", False, f"layer {layer} behind the pooling has other weights")
