"""Recipes: a backbone, perhaps another pooling, then what is learned from its vectors; fitted, they are encoders."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError, OptionError
from semascope.ops import digest, integer, option, unit
from semascope.ops import texts as checked_texts
from semascope.passport import CANARIES, Passport
from semascope.recipe import Part
from semascope.recipe import text as recipe_text
from semascope.types import Array, Encoder, Kind, Pooling, Progress, States, Vectors

POOLED_TEXTS = 256  # texts whose token states are held at once
FIT_TEXTS = 50_000  # learned from at most, drawn evenly from all that come


@dataclasses.dataclass(frozen=True, eq=False)
class Step:
    """One learned step of a pipeline.

    Args:
        part: Its recipe part.
        learned: What it learned: a row-wise map, or a codec.
    """

    part: Part
    learned: Any

    @property
    def codec(self) -> bool:
        """Whether it makes codes."""
        return hasattr(self.learned, "decode")

    def digest(self) -> str:
        """sha256 of the kind and everything learned."""
        values = {f.name: getattr(self.learned, f.name) for f in dataclasses.fields(self.learned)}
        flat = [
            item
            for name, value in values.items()
            for item in (name, value if isinstance(value, np.ndarray) else str(value))
        ]
        return digest(type(self.learned).__name__, *flat)


class PipelineEncoder:
    """A backbone's vectors, or another pooling of its token states, then learned steps; unit length where the backbone's are.

    Where the last step is a codec it learns from unit rows, `encode_codes` gives its codes, and `encode` what they decode to.
    A zero row of the backbone (an empty text) stays zero.

    Args:
        backbone: Any encoder; one with `states` where `pooling` is given.
        steps: What is done to its vectors, in order; a codec last.
        pooling: Makes one row of a text's token states, in place of the backbone's own way.
        parts: The recipe's parts for backbone and pooling, for its text.
    """

    def __init__(
        self,
        backbone: Encoder,
        steps: Sequence[Step],
        *,
        pooling: Pooling | None = None,
        parts: Sequence[Part] = (),
    ) -> None:
        if any(step.codec for step in steps[:-1]):
            raise OptionError("recipe: want a codec as the last part only")
        if pooling is not None and not hasattr(backbone, "states"):
            raise OptionError("recipe: want a backbone that gives token states in front of a pooling")
        self.backbone = backbone
        self.steps = tuple(steps)
        self.pooling = pooling
        self.parts = tuple(parts)

    @property
    def recipe(self) -> str:
        """The recipe text."""
        return recipe_text((*self.parts, *(step.part for step in self.steps)))

    @property
    def name(self) -> str:
        """The recipe text."""
        return self.recipe

    def __repr__(self) -> str:
        return f"PipelineEncoder({self.recipe!r}, dim={self.dim})"

    @cached_property
    def dim(self) -> int:
        """Columns of a vector."""
        return int(self.steps[-1].learned.dim) if self.steps else self.backbone.dim

    @cached_property
    def passport(self) -> Passport:
        """The backbone's, with another pooling, width and the hashes of the steps."""
        own = self.backbone.passport
        return dataclasses.replace(
            own,
            dim=self.dim,
            pooling=own.pooling if self.pooling is None else str(recipe_text(self.parts[1:]) or self.pooling),
            transforms=(*own.transforms, *(step.digest() for step in self.steps)),
            name=self.recipe,
            canaries=self.encode(CANARIES),
        )

    def encode(
        self,
        texts: Iterable[str],
        *,
        kind: Kind = "document",
        batch_size: int | None = None,
        progress: Progress | None = None,
    ) -> Vectors:
        """One row for every text, float32 (n, dim). See the backbone for what is refused and what an empty text gives."""
        x = self._before_codec(texts, kind=kind, batch_size=batch_size, progress=progress)
        if not self.steps or not self.steps[-1].codec:
            return x
        empty = np.logical_not(x.any(axis=1))
        return self._tidy(self.steps[-1].learned(x), empty)

    def encode_codes(
        self,
        texts: Iterable[str],
        *,
        kind: Kind = "document",
        batch_size: int | None = None,
        progress: Progress | None = None,
    ) -> Array:
        """The codes of every text, (n, bytes): what the last step stores.

        Raises:
            OptionError: the recipe does not end with a codec.
        """
        if not self.steps or not self.steps[-1].codec:
            raise OptionError(f"encode_codes: want a recipe that ends with a codec such as int8, got {self.recipe!r}")
        return self.steps[-1].learned.encode(
            self._before_codec(texts, kind=kind, batch_size=batch_size, progress=progress)
        )

    def _before_codec(
        self, texts: Iterable[str], *, kind: Kind, batch_size: int | None, progress: Progress | None
    ) -> Vectors:
        x = base_vectors(
            self.backbone, self.pooling, self.parts, texts, kind=kind, batch_size=batch_size, progress=progress
        )
        empty = np.logical_not(x.any(axis=1))
        for step in self.steps:
            if not step.codec:
                x = step.learned(x)
        return self._tidy(x, empty)

    def _tidy(self, x: Vectors, empty: NDArray[np.bool_]) -> Vectors:
        x = unit(x) if normalizes(self.backbone) else np.array(x, dtype=np.float32)
        x[empty] = 0
        return x

    def save(self, path: Any) -> None:
        """Write as a folder that `Encoder(path)` opens."""
        from semascope.encoders.saved import save

        save(self, path)


class Recipe:
    """A recipe with parts that have yet to learn: `fit` it to texts, and it is an encoder.

    Args:
        backbone: Any encoder.
        parts: All parts of the recipe, the backbone's first.
        pooling: The pooling among them, if any.
        estimators: What is to be learned, in order.
    """

    def __init__(
        self, backbone: Encoder, parts: Sequence[Part], pooling: Pooling | None, estimators: Sequence[Any]
    ) -> None:
        self.backbone = backbone
        self.parts = tuple(parts)
        self.pooling = pooling
        self.estimators = tuple(estimators)

    @property
    def recipe(self) -> str:
        """The recipe text."""
        return recipe_text(self.parts)

    def __repr__(self) -> str:
        return f"Recipe({self.recipe!r})"

    def encode(self, texts: Any, **options: Any) -> Vectors:
        """Refuses: there is something to learn first.

        Raises:
            OptionError: always; it says which parts have to learn.
        """
        del texts, options
        names = ", ".join(
            str(part)
            for part, estimator in zip(self._learning_parts(), self.estimators, strict=True)
            if not estimator.width_only
        )
        raise OptionError(
            f"encode: {self.recipe!r} has to learn {names} first: call .fit(corpus_or_texts), which gives the encoder"
        )

    def fit(
        self, texts: Iterable[Any], *, limit: int = FIT_TEXTS, seed: int = 0, progress: Progress | None = None
    ) -> PipelineEncoder:
        """Learn every part in order from the backbone's vectors of `texts`, and return the encoder.

        Args:
            texts: A Corpus, or any iterable of str or Documents.
            limit: Learn from at most this many, drawn evenly from all that come (reservoir sampling).
            seed: Of that draw.
            progress: Called while encoding.

        Raises:
            InputError: there is not enough to learn from.
        """
        chosen = sample(texts, integer(limit, name="limit", least=1), seed)
        x = base_vectors(self.backbone, self.pooling, self._head(), chosen, progress=progress)
        x = x[x.any(axis=1)]
        return self._learn(x)

    def fit_without_texts(self) -> PipelineEncoder | None:
        """The encoder, where what is learned depends on the number of columns alone; else None."""
        if not all(estimator.width_only for estimator in self.estimators):
            return None
        return self._learn(np.ones((1, self.backbone.dim), dtype=np.float32))

    def _learn(self, x: Vectors) -> PipelineEncoder:
        steps: list[Step] = []
        for part, estimator in zip(self._learning_parts(), self.estimators, strict=True):
            learned = estimator.fit(x).learned_
            step = Step(part, learned)
            if step.codec and normalizes(self.backbone):
                learned = estimator.fit(unit(x)).learned_
                step = Step(part, learned)
            steps.append(step)
            x = learned(x)
        return PipelineEncoder(self.backbone, steps, pooling=self.pooling, parts=self._head())

    def _head(self) -> tuple[Part, ...]:
        return self.parts[: len(self.parts) - len(self.estimators)]

    def _learning_parts(self) -> tuple[Part, ...]:
        return self.parts[len(self.parts) - len(self.estimators) :]


def normalizes(encoder: Any) -> bool:
    """Whether an encoder's rows have length one, as it says; asks the passport only where it must."""
    said = getattr(encoder, "normalize", None)
    return bool(encoder.passport.normalize) if said is None else bool(said)


def base_vectors(
    backbone: Any,
    pooling: Pooling | None,
    parts: Sequence[Part],
    texts: Iterable[str],
    *,
    kind: Kind = "document",
    batch_size: int | None = None,
    progress: Progress | None = None,
) -> Vectors:
    """What the steps get: the backbone's own vectors, or the pooled states of the layers the recipe names (averaged)."""
    option(kind, ("document", "query"), name="kind")
    if pooling is None:
        return backbone.encode(texts, kind=kind, batch_size=batch_size, progress=progress)
    items = checked_texts(texts)
    size = POOLED_TEXTS if batch_size is None else integer(batch_size, name="batch_size", least=1)
    layers = (parts[0].layers if parts else ()) or (-1,)
    out = np.zeros((len(items), backbone.dim), dtype=np.float32)
    for start in range(0, len(items), size):
        states: States = backbone.states(items[start : start + size], layers=layers)
        if len(layers) > 1:
            states = dataclasses.replace(states, hidden=states.hidden.mean(axis=0, keepdims=True), layers=(-1,))
        out[start : start + size] = pooling(states)
        if progress is not None:
            progress(min(start + size, len(items)), len(items))
    return unit(out) if normalizes(backbone) else out


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
