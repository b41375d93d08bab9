"""What stands between a backbone and the steps of a recipe: its own vectors, a pooling of its states, or a readout."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from semascope.errors import InputError
from semascope.ops import digest, integer, option, unit
from semascope.ops import texts as checked_texts
from semascope.passport import CANARIES
from semascope.recipe import Part
from semascope.types import Kind, LearnsFromPairs, LearnsFromTexts, Progress, States, Tokens, Vectors

READING = ("pooling", "readouts")  # families that may stand right behind the backbone
POOLED_TEXTS = 256  # texts whose token states are held at once


def learns(pooling: Any) -> bool:
    """Whether a pooling has to learn before it pools."""
    return isinstance(pooling, LearnsFromTexts | LearnsFromPairs)


def learned_digest(learned: Any) -> str:
    """sha256 of the kind of a learned thing and of everything learned."""
    values = {f.name: getattr(learned, f.name) for f in dataclasses.fields(learned)}
    flat = [
        item
        for name, value in values.items()
        for item in (name, value if isinstance(value, np.ndarray) else str(value))
    ]
    return digest(type(learned).__name__, *flat)


def is_readout(parts: Sequence[Part]) -> bool:
    """Whether what stands behind the backbone runs it itself."""
    from semascope.registry import card

    return len(parts) > 1 and card(parts[1].name).family == "readouts"


def read_dim(backbone: Any, pooling: Any, parts: Sequence[Part]) -> int:
    """Columns of what the steps get."""
    if pooling is None:
        return int(backbone.dim)
    if hasattr(pooling, "dim"):
        return int(pooling.dim)
    return int(base_vectors(backbone, pooling, parts, CANARIES[:1]).shape[1])


def checked_pairs(pairs: Any) -> list[tuple[str, str]]:
    """Pairs of str as a list, or say what is wrong."""
    if isinstance(pairs, str | bytes):
        raise InputError("pairs: want a list of (text, text), got one text")
    found: list[tuple[str, str]] = []
    for place, pair in enumerate(pairs):
        if isinstance(pair, str) or len(pair) != 2 or not all(isinstance(text, str) for text in pair):
            raise InputError(f"pairs: want two str at every place, got {pair!r:.60} at {place}")
        found.append((pair[0], pair[1]))
    return found


def normalizes(encoder: Any) -> bool:
    """Whether an encoder's rows have length one, as it says; asks the passport only where it must."""
    said = getattr(encoder, "normalize", None)
    return bool(encoder.passport.normalize) if said is None else bool(said)


def base_vectors(
    backbone: Any,
    pooling: Any,
    parts: Sequence[Part],
    texts: Iterable[str],
    *,
    kind: Kind = "document",
    batch_size: int | None = None,
    progress: Progress | None = None,
) -> Vectors:
    """What the steps get: the backbone's own vectors, its pooled states, or what a readout reads.

    A pooling that reads one layer gets the average of the layers that the recipe names.
    """
    option(kind, ("document", "query"), name="kind")
    if pooling is None:
        return backbone.encode(texts, kind=kind, batch_size=batch_size, progress=progress)
    items = checked_texts(texts)
    size = POOLED_TEXTS if batch_size is None else integer(batch_size, name="batch_size", least=1)
    readout = is_readout(parts)
    parted: list[Vectors] = []
    for start in range(0, len(items), size) if items else [0]:
        part = items[start : start + size]
        parted.append(pooling(backbone, part) if readout else _pooled(backbone, pooling, parts, part, kind))
        if progress is not None:
            progress(min(start + size, len(items)), len(items))
    out = np.concatenate(parted)
    return unit(out) if normalizes(backbone) else out


def _pooled(backbone: Any, pooling: Any, parts: Sequence[Part], texts: list[str], kind: Kind) -> Vectors:
    return pooling(states_for(backbone, pooling, parts, texts, kind))


def states_for(
    backbone: Any, pooling: Any, parts: Sequence[Part], texts: Sequence[str], kind: Kind = "document"
) -> States:
    """What a pooling is given: the layers that the recipe names, else those it wants; averaged where it reads only one."""
    return _as_read(pooling, backbone.states(texts, layers=_layers(pooling, parts), **kind_for(backbone, kind)))


def kind_for(backbone: Any, kind: Kind) -> dict[str, Kind]:
    """What tells the backbone's `states` the kind of text: nothing for documents, or where it reads all kinds alike."""
    told = kind != "document" and "kind" in inspect.signature(backbone.states).parameters
    return {"kind": kind} if told else {}


def token_states(backbone: Any, pooling: Any, parts: Sequence[Part], tokens: Tokens) -> States:
    """The same for texts that are tokens already."""
    return _as_read(pooling, backbone.run(tokens, layers=_layers(pooling, parts)))


def _layers(pooling: Any, parts: Sequence[Part]) -> Any:
    return (parts[0].layers if parts else ()) or getattr(pooling, "layers", None) or (-1,)


def _as_read(pooling: Any, states: States) -> States:
    if getattr(pooling, "layers", None) is None and len(states.layers) > 1:
        states = dataclasses.replace(states, hidden=states.hidden.mean(axis=0, keepdims=True), layers=(-1,))
    return states


def sample(texts: Iterable[Any], limit: int, seed: int) -> list[str]:
    """At most `limit` texts of str or Documents, each as likely as any other, in the order they came."""
    if isinstance(texts, str | bytes):
        raise InputError("texts: want a Corpus or a list of texts, got one text; write [text]")
    rng = np.random.default_rng(seed)
    kept: list[tuple[int, str]] = []
    for place, item in enumerate(texts):
        text = item if isinstance(item, str) else getattr(item, "text", None)
        if not isinstance(text, str):
            raise InputError(f"texts: want str or Documents, got {type(item).__name__} at {place}")
        if len(kept) < limit:
            kept.append((place, text))
        elif (other := int(rng.integers(place + 1))) < limit:
            kept[other] = (place, text)
    return [text for _, text in sorted(kept)]
