"""An encoder behind the server: what it takes, how many tokens that is, and vectors from what was read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from semascope.encoders import PipelineEncoder
from semascope.errors import InputError
from semascope.serve.reading import Part, Prepared, Wanted, Way, way_of
from semascope.serve.refusals import TooLong
from semascope.types import Encoder, Kind, Vectors

Truncate = bool | Literal["left", "right"]
Items = Sequence[str] | Sequence[Sequence[int]]


class Served:
    """One encoder behind the server.

    Texts are tokenized once: `prepare` reads them and says how many tokens they are, `encode` makes vectors of what was
    read, of several requests together. Encoders that show no tokenizer get the texts, and their tokens are estimated.

    Args:
        name: What requests call it.
        encoder: Any encoder of ours, or what `semascope.as_encoder` makes of another.

    Attributes:
        dim: Columns of a vector.
        max_length: Tokens read of a text; None where nothing limits them, or nothing is known of it.
        vocabulary: Token ids are 0 to one less than this; None where it takes no token ids.
        prompts: Texts that may be put in front, by name; "document" and "query" are put before those by themselves.
        counts_exactly: Whether tokens are counted, or estimated from the length of a text.
        quick: Whether a short text costs less than handing it to another thread.
        batch_tokens: Tokens of a batch that suit it.
    """

    def __init__(self, name: str, encoder: Encoder) -> None:
        self.name = name
        self.encoder = encoder
        backbone: Any = encoder
        while isinstance(backbone, PipelineEncoder):
            backbone = backbone.backbone
        self.max_length: int | None = getattr(backbone, "max_length", None)
        manner = getattr(backbone, "manner", None)
        found: Mapping[str, str] = manner.prompts if manner is not None else getattr(backbone, "prompts", {})
        self.prompts: Mapping[str, str] = {name: text for name, text in found.items() if text}
        self._way: Way = way_of(encoder, backbone)
        self.vocabulary: int | None = int(backbone.vocabulary) if self._way.takes_ids else None
        self.counts_exactly = self._way.counts_exactly
        self.quick = self._way.quick
        self.batch_tokens = self._way.batch_tokens

    def __repr__(self) -> str:
        return f"Served({self.name!r}, {self.encoder!r})"

    @property
    def dim(self) -> int:
        """Columns of a vector."""
        return int(self.encoder.dim)

    @property
    def reads_ahead(self) -> bool:
        """Whether `prepare` tokenizes, which takes a moment for many texts."""
        return self._way.reads_ahead

    def tokens(self, texts: Sequence[str], *, kind: Kind = "document", prompt: str | None = None) -> NDArray[np.int64]:
        """Tokens of each text as the model would read them if it cut none, prompt and special ones included, int64 (n,).

        Estimated where `counts_exactly` is False: one for every four bytes of UTF-8.
        """
        wanted = Wanted(kind, prompt, None)
        return np.asarray(self._way.count(_texts(texts), wanted), dtype=np.int64)

    def prepare(
        self, items: Items, *, kind: Kind = "document", prompt: str | None = None, truncate: Truncate = False
    ) -> Prepared:
        """Read the items of one request.

        Args:
            items: Texts; or lists of token ids of plain texts. Prompt and special tokens are put around ids as around the
                texts that they stand for, where they do not carry those special tokens already.
            kind: Whose prompt is put in front.
            prompt: Put in front in place of that one.
            truncate: Whether texts that are too long are cut, and at which end; True cuts where the encoder does.

        Raises:
            TooLong: a text is longer than `max_length`, and `truncate` is False.
            InputError: an id is out of range, items are of several kinds, or of one that the encoder does not take; or it
                cannot put that prompt in front, or cut at that end.
        """
        side = truncate if isinstance(truncate, str) else None
        wanted = Wanted(kind, prompt, side)
        if len(items) and not isinstance(items[0], str):
            if not self._way.takes_ids:
                raise InputError(f"input: want texts for {self.name}, which takes no token ids, got a list of ids")
            found = self._way.read_ids(_rows(items, self.vocabulary or 0), wanted)
        else:
            found = self._way.read(_texts(items), wanted)
        if not truncate and any(found.cut):
            place = next(place for place, cut in enumerate(found.cut) if cut)
            raise TooLong(place, found.tokens[place], self.max_length or 0)
        return found

    def encode(self, parts: Sequence[Part]) -> tuple[Vectors, Sequence[int]]:
        """Vectors float32 (n, dim) of items that were read, and how many tokens each has, part after part.

        Raises:
            InputError: the encoder did not give one row for every item.
        """
        vectors, tokens = self._way.encode(parts)
        n = sum(len(part.places) for part in parts)
        if vectors.shape != (n, self.dim):
            raise InputError(f"vectors of {self.name}: want shape {(n, self.dim)}, got {vectors.shape}")
        return np.asarray(vectors, dtype=np.float32), tokens


def _texts(items: Any) -> list[str]:
    if isinstance(items, str | bytes):
        raise InputError("input: want a list of texts, got one text; send [text]")
    for place, item in enumerate(items):
        if not isinstance(item, str):
            raise InputError(f"input: want texts, or lists of token ids, but not both; got {item!r:.60} at {place}")
    return list(items)


def _rows(items: Any, vocabulary: int) -> list[list[int]]:
    """Lists of token ids, every one of them known."""
    rows: list[list[int]] = []
    for place, item in enumerate(items):
        if isinstance(item, str | bytes) or not isinstance(item, Sequence):
            raise InputError(f"input: want lists of token ids, or texts, but not both; got {item!r:.60} at {place}")
        row = list(item)
        for position, token in enumerate(row):
            if type(token) is not int or not 0 <= token < vocabulary:
                raise InputError(
                    f"input: want token ids from 0 to {vocabulary - 1}, got {token!r:.60} at {place}, position {position}; "
                    "ids are those of this model's own tokenizer, so send texts where a client sends another's "
                    "(LangChain: check_embedding_ctx_length=False)"
                )
        rows.append(row)
    return rows
