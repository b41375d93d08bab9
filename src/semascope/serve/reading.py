"""The ways in which encoders take what requests send: tokens read ahead, words, or bare texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from semascope.backbones.tokenizing import Read
from semascope.encoders import PipelineEncoder, StaticEncoder, TransformerEncoder
from semascope.errors import InputError
from semascope.types import Encoder, Kind, Tokens, Vectors

_WORDS = 16_384  # tokens of a batch of an encoder that adds up words: some 20 ms
_TEXTS = 2_048  # of one that has a tokenizer on this machine, and so a model
_ELSEWHERE = 4_096  # of one of which nothing is known: a function, or another server
_BYTES = 4  # of UTF-8 in a token, where nobody counts: about what tokenizers of English text come to


@dataclass(frozen=True, slots=True)
class Wanted:
    """How the items of a request are to be read.

    Args:
        kind: Whose prompt is put in front.
        prompt: In place of that prompt.
        side: The end that is cut; the encoder's own where None.
    """

    kind: Kind
    prompt: str | None
    side: Literal["left", "right"] | None


@dataclass(frozen=True, eq=False, slots=True)
class Prepared:
    """The items of one request, as the encoder's way wants them.

    Args:
        content: The texts, ids, or what was read of them.
        ids: Whether they came as token ids.
        wanted: How they are read.
        tokens: Of each item, before anything is cut off.
        cut: Tokens of each item that are not read.
    """

    content: Any
    ids: bool
    wanted: Wanted
    tokens: Sequence[int]
    cut: Sequence[int]

    def __len__(self) -> int:
        return len(self.tokens)


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the items of a request, in a batch.

    Args:
        prepared: The request's items.
        places: Which of them.
    """

    prepared: Prepared
    places: Sequence[int]


class Way(Protocol):
    """How an encoder takes items."""

    takes_ids: bool
    counts_exactly: bool
    reads_ahead: bool
    quick: bool
    batch_tokens: int

    def count(self, texts: list[str], wanted: Wanted) -> Sequence[int]:
        """Tokens of each text, uncut."""
        ...

    def read(self, texts: list[str], wanted: Wanted) -> Prepared: ...

    def read_ids(self, rows: list[list[int]], wanted: Wanted) -> Prepared: ...

    def encode(self, parts: Sequence[Part]) -> tuple[Vectors, Sequence[int]]:
        """Rows of all parts, one part after the other, and the tokens of each item."""
        ...


def way_of(encoder: Encoder, backbone: Any) -> Way:
    """The way that suits an encoder; `backbone` is what reads its texts."""
    if isinstance(backbone, TransformerEncoder) and _by_tokens(encoder):
        return ByTokens(encoder, backbone)
    if isinstance(backbone, StaticEncoder) and _by_words(encoder):
        return ByWords(encoder, backbone)
    return ByTexts(encoder, backbone)


def _by_tokens(encoder: Any) -> bool:
    return not isinstance(encoder, PipelineEncoder) or (encoder.takes_tokens and _by_tokens(encoder.backbone))


def _by_words(encoder: Any) -> bool:
    return not isinstance(encoder, PipelineEncoder) or (encoder.pooling is None and _by_words(encoder.backbone))


class ByTokens:
    """A transformer, or a recipe over one: what its tokenizer read is encoded later, with that of other requests."""

    takes_ids = True
    counts_exactly = True
    reads_ahead = True
    quick = False

    def __init__(self, encoder: Any, backbone: TransformerEncoder) -> None:
        self._encoder = encoder
        self._backbone = backbone
        self.batch_tokens = backbone.batch_tokens

    def count(self, texts: list[str], wanted: Wanted) -> Sequence[int]:
        """Tokens of each text, uncut."""
        return self.read(texts, wanted).tokens

    def read(self, texts: list[str], wanted: Wanted) -> Prepared:
        """Texts to tokens."""
        found = self._backbone.read(texts, kind=wanted.kind, prompt=wanted.prompt, side=wanted.side)
        return _prepared(found, wanted, ids=False)

    def read_ids(self, rows: list[list[int]], wanted: Wanted) -> Prepared:
        """Ids to tokens with all that stands around them."""
        found = self._backbone.read_ids(rows, kind=wanted.kind, prompt=wanted.prompt, side=wanted.side)
        return _prepared(found, wanted, ids=True)

    def encode(self, parts: Sequence[Part]) -> tuple[Vectors, Sequence[int]]:
        """Rows of all parts."""
        reads: list[Read] = [part.prepared.content for part in parts]
        taken = [read.tokens.take(np.asarray(part.places)) for read, part in zip(reads, parts, strict=True)]
        prompts = [read.prompt[np.asarray(part.places)] for read, part in zip(reads, parts, strict=True)]
        vectors = self._encoder.encode_tokens(_joined(taken), prompt=np.concatenate(prompts))
        return vectors, [part.prepared.tokens[place] for part in parts for place in part.places]


class ByWords:
    """A static encoder, or a recipe over one: it has no use for its tokenizer, and counts as it adds up."""

    takes_ids = True
    counts_exactly = True
    quick = True
    batch_tokens = _WORDS

    def __init__(self, encoder: Any, backbone: StaticEncoder) -> None:
        self._encoder = encoder
        self._backbone = backbone
        self.reads_ahead = backbone.max_length is not None

    def count(self, texts: list[str], wanted: Wanted) -> Sequence[int]:
        """Tokens of each text, uncut."""
        return self._backbone.count_tokens(_after(wanted.prompt, texts)).tolist()

    def read(self, texts: list[str], wanted: Wanted) -> Prepared:
        """The texts; tokens are counted now only where a text could be too long, else guessed until it is encoded."""
        _no_left(wanted)
        texts = _after(wanted.prompt, texts)
        if self._backbone.max_length is None:
            return Prepared(texts, False, wanted, [estimate(text) for text in texts], [0] * len(texts))
        return _limited(texts, False, wanted, self._backbone.count_tokens(texts).tolist(), self._backbone.max_length)

    def read_ids(self, rows: list[list[int]], wanted: Wanted) -> Prepared:
        """The ids; a prompt's come first."""
        _no_left(wanted)
        if wanted.prompt:
            front = self._backbone.tokenize([wanted.prompt]).ids.tolist()
            rows = [front + row for row in rows]
        return _limited(rows, True, wanted, [len(row) for row in rows], self._backbone.max_length)

    def encode(self, parts: Sequence[Part]) -> tuple[Vectors, Sequence[int]]:
        """Rows of all parts."""
        if not any(part.prepared.ids for part in parts):
            vectors, counts = self._encoder.encode_counted(
                [part.prepared.content[place] for part in parts for place in part.places]
            )
            return vectors, counts.tolist()
        found = [self._part(part) for part in parts]
        return np.concatenate([rows for rows, _ in found]), [count for _, counts in found for count in counts]

    def _part(self, part: Part) -> tuple[Vectors, list[int]]:
        content = [part.prepared.content[place] for place in part.places]
        if not part.prepared.ids:
            vectors, counts = self._encoder.encode_counted(content)
            return vectors, counts.tolist()
        return self._encoder.encode_tokens(Tokens.of(content)), [len(row) for row in content]


class ByTexts:
    """Anything that makes vectors of texts and shows nothing of how it reads them."""

    takes_ids = False
    quick = False

    def __init__(self, encoder: Any, backbone: Any) -> None:
        self._encoder = encoder
        self._backbone = backbone
        self._prompts = getattr(backbone, "prompts", {})
        self.counts_exactly = hasattr(backbone, "count_tokens")
        self.reads_ahead = self.counts_exactly
        self.batch_tokens = _TEXTS if self.counts_exactly else _ELSEWHERE

    def count(self, texts: list[str], wanted: Wanted) -> Sequence[int]:
        """Tokens of each text, uncut, or a guess."""
        if not self.counts_exactly:
            return [estimate(text) for text in _after(wanted.prompt, texts)]
        return self._backbone.count_tokens(_after(wanted.prompt, texts), kind=wanted.kind).tolist()

    def read(self, texts: list[str], wanted: Wanted) -> Prepared:
        """The texts and their tokens, as far as these are known."""
        _no_left(wanted)
        if wanted.prompt is not None and self._prompts.get(wanted.kind, "") != wanted.prompt:
            if self._prompts:
                raise InputError("prompt: want the model's own, got another, and its encoder puts its own in front")
            texts = _after(wanted.prompt, texts)
        limit = getattr(self._backbone, "max_length", None) if self.counts_exactly else None
        return _limited(texts, False, wanted, self.count(texts, Wanted(wanted.kind, None, None)), limit)

    def read_ids(self, rows: list[list[int]], wanted: Wanted) -> Prepared:
        """Refused.

        Raises:
            InputError: always.
        """
        raise InputError(f"input: want texts, got {len(rows)} lists of token ids with {wanted}")

    def encode(self, parts: Sequence[Part]) -> tuple[Vectors, Sequence[int]]:
        """Rows of all parts, documents and queries apart."""
        texts = [part.prepared.content[place] for part in parts for place in part.places]
        kinds = [part.prepared.wanted.kind for part in parts for _ in part.places]
        tokens = [part.prepared.tokens[place] for part in parts for place in part.places]
        first = kinds[0]
        if all(kind == first for kind in kinds):
            return self._encoder.encode(texts, kind=first), tokens
        out: NDArray[np.float32] | None = None
        for kind in dict.fromkeys(kinds):
            places = [place for place, own in enumerate(kinds) if own == kind]
            rows = self._encoder.encode([texts[place] for place in places], kind=kind)
            out = np.zeros((len(texts), rows.shape[1]), dtype=np.float32) if out is None else out
            out[places] = rows
        return np.zeros((0, int(self._encoder.dim)), dtype=np.float32) if out is None else out, tokens


def estimate(text: str) -> int:
    """About how many tokens a text has, from its length alone."""
    return 1 + (len(text) if text.isascii() else len(text.encode("utf-8", "replace"))) // _BYTES


def _prepared(found: Read, wanted: Wanted, *, ids: bool) -> Prepared:
    return Prepared(found, ids, wanted, (found.tokens.lengths + found.cut).tolist(), found.cut.tolist())


def _limited(content: Any, ids: bool, wanted: Wanted, tokens: Sequence[int], limit: int | None) -> Prepared:
    cut = [0] * len(tokens) if limit is None else [max(count - limit, 0) for count in tokens]
    return Prepared(content, ids, wanted, tokens, cut)


def _after(prompt: str | None, texts: list[str]) -> list[str]:
    return [prompt + text for text in texts] if prompt else texts


def _no_left(wanted: Wanted) -> None:
    if wanted.side == "left":
        raise InputError(
            'truncate: want "right" or true for this model, which reads texts from their start, got "left"'
        )


def _joined(parts: Sequence[Tokens]) -> Tokens:
    if len(parts) == 1:
        return parts[0]
    lengths = np.concatenate([part.lengths for part in parts])
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    ids, spans = np.concatenate([part.ids for part in parts]), np.concatenate([part.spans for part in parts])
    return Tokens(ids, offsets, spans)
