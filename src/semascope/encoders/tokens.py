"""What is asked of a model by number, checked: layers, and token ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from semascope.backbones.architecture import Architecture
from semascope.errors import InputError, OptionError
from semascope.types import Tokens

Layers = Sequence[int] | Literal["all"]


def named(layers: Layers, depth: int) -> tuple[int, ...]:
    """The layers as they were asked for, one by one."""
    return tuple(range(depth + 1)) if layers == "all" else tuple(int(layer) for layer in layers)


def numbered(layers: Layers, depth: int) -> tuple[int, ...]:
    """The layers as numbers from 0, the embeddings, to depth.

    Raises:
        OptionError: there is no such layer.
    """
    if isinstance(layers, str) and layers != "all":
        raise OptionError(f'layers: want layer numbers or "all", got {layers!r}')
    asked = named(layers, depth)
    if not asked or any(not -depth - 1 <= layer <= depth for layer in asked):
        raise OptionError(
            f"layers: want numbers from {-depth - 1} to {depth} (0 are the embeddings), got {list(asked)}"
        )
    return tuple(layer % (depth + 1) for layer in asked)


def fits(tokens: Tokens, architecture: Architecture, name: str) -> None:
    """Refuse tokens that a model cannot be shown.

    Raises:
        InputError: an id is not in the vocabulary, or a text is longer than the model's positions.
    """
    most = architecture.longest
    if most is not None and int(tokens.lengths.max(initial=0)) > most:
        raise InputError(f"tokens: want at most {most} in a text for {name}, got {int(tokens.lengths.max())}")
    ids = tokens.ids
    if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < architecture.vocabulary:
        raise InputError(f"tokens: want ids below {architecture.vocabulary}, got {int(ids.max())}")


def checked_ids(rows: Sequence[Sequence[int]], vocabulary: int) -> None:
    """Refuse rows of token ids that hold anything else than whole numbers from 0 to below `vocabulary`.

    Raises:
        InputError: names the row and what stands there.
    """
    for place, row in enumerate(rows):
        ids = np.asarray(row)
        if isinstance(row, str | bytes) or ids.ndim != 1 or (ids.size and ids.dtype.kind not in "iu"):
            raise InputError(
                f"input: want a list of token ids, whole numbers below {vocabulary}, got {row!r:.60} at {place}"
            )
        wrong = np.flatnonzero((ids < 0) | (ids >= vocabulary))
        if len(wrong):
            raise InputError(
                f"input: want token ids from 0 to {vocabulary - 1}, got {int(ids[wrong[0]])} at {place}, position {int(wrong[0])}"
            )
