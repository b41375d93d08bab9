"""Long texts in pieces: vectors of windows that keep their character spans, each read alone or in the light of the whole text.

Read alone ("early"), a piece's vector is exactly what `encode` gives its text. Read late, the whole text goes through the model
first and each piece pools its own tokens' states (Günther et al. 2024, "Late Chunking"), so that "it" knows what it stands for.
A text longer than the model reads goes through in stretches that overlap; a token's state comes from the stretch in which it
stands furthest from an end.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.encoders.cutting import CutTextWarning
from semascope.encoders.transformer import TransformerEncoder
from semascope.errors import InputError, OptionError
from semascope.ops import integer, option
from semascope.ops import texts as checked_texts
from semascope.types import Array, Kind, Progress, States, Vectors

Span = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Chunks:
    """Vectors of pieces of texts.

    Args:
        vectors: float32 (m, d), the pieces of the first text first.
        texts: Which text each piece is of, int64 (m,).
        spans: Where it stands there, characters, int64 (m, 2).
    """

    vectors: Vectors
    texts: NDArray[np.int64]
    spans: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.vectors)

    def of(self, text: int) -> NDArray[np.int64]:
        """Rows of the pieces of one text."""
        return np.flatnonzero(self.texts == text)


def chunks(
    encoder: TransformerEncoder,
    texts: Iterable[str],
    *,
    size: int | None = None,
    overlap: int = 0,
    late: bool = False,
    spans: Sequence[Sequence[Span]] | None = None,
    kind: Kind = "document",
    progress: Progress | None = None,
) -> Chunks:
    """Vectors of the pieces of texts, none of them cut.

    Args:
        encoder: Reads the pieces.
        texts: A list of str.
        size: Tokens of a piece at most, without special ones; as many as the encoder reads where None. Pieces end between words.
        overlap: Tokens that neighbouring pieces share.
        late: Pool each piece from the states of the whole text, in place of reading it alone.
        spans: Character spans of the pieces of every text, in place of `size` and `overlap`.
        kind: Whose prompt is put in front.
        progress: Told after every text (late), or batch.

    Raises:
        OptionError: size and overlap do not go together, or the encoder's pooling has no meaning for a piece.
        InputError: a span lies outside its text.
    """
    items = checked_texts(texts)
    option(kind, ("document", "query"), name="kind")
    cut = _given(items, spans) if spans is not None else windows(encoder, items, size=size, overlap=overlap, kind=kind)
    which = np.repeat(np.arange(len(items)), [len(row) for row in cut]).astype(np.int64)
    flat = np.array([span for row in cut for span in row], dtype=np.int64).reshape(-1, 2)
    if late:
        rows = _late(encoder, items, cut, kind=kind, progress=progress)
    else:
        pieces = [items[text][start:end] for text, (start, end) in zip(which.tolist(), flat.tolist(), strict=True)]
        rows = encoder.encode(pieces, kind=kind, progress=progress)
    return Chunks(rows, which, flat)


def windows(
    encoder: TransformerEncoder,
    texts: Sequence[str],
    *,
    size: int | None = None,
    overlap: int = 0,
    kind: Kind = "document",
) -> list[list[Span]]:
    """Character spans that cover each text, of at most `size` tokens each; a text without tokens has none."""
    most = _room(encoder, kind)
    if size is None:
        size = most
        if size is None:
            raise OptionError(f"size: want a number of tokens, for {encoder.name} reads texts of any length")
    integer(size, name="size", least=1, most=most)
    integer(overlap, name="overlap", least=0, most=size - 1)
    tokens = encoder.tokenizer.read(checked_texts(texts), special=False, max_length=None).tokens
    found: list[list[Span]] = []
    for text, (start, stop) in zip(texts, pairwise(tokens.offsets.tolist()), strict=True):
        found.append(_windows(text, tokens.spans[start:stop], size, overlap))
    return found


def _windows(text: str, spans: Array, size: int, overlap: int) -> list[Span]:
    """A piece ends before a token that begins a word; a word of more tokens than fit is cut within."""
    count = len(spans)
    if not count:
        return []
    begins = np.ones(count + 1, dtype=bool)
    begins[1:count] = spans[1:, 0] > spans[:-1, 1]
    # A token may carry the space before its word, as those of byte-level models do.
    begins[1:count] |= np.array([text[s : s + 1].isspace() for s in spans[1:, 0].tolist()], dtype=bool)
    places = np.flatnonzero(begins)
    found: list[Span] = []
    start = 0
    while True:
        stop = min(count, start + size)
        if stop < count:
            at = int(places[np.searchsorted(places, stop, side="right") - 1])
            stop = at if at > start else stop
        found.append((int(spans[start, 0]), int(spans[stop - 1, 1])))
        if stop == count:
            return found
        again = max(start + 1, stop - overlap)
        ahead = int(places[np.searchsorted(places, again)])
        start = ahead if ahead <= stop else again


def _room(encoder: TransformerEncoder, kind: Kind) -> int | None:
    """Tokens of a text that fit beside the special ones and the prompt."""
    if encoder.max_length is None:
        return None
    taken = encoder.tokenizer.read([""], prefix=encoder.prompts.get(kind, ""), max_length=None).tokens.lengths[0]
    room = encoder.max_length - int(taken)
    if room < 1:
        raise OptionError(
            f"max_length: want more than the {taken} tokens of prompt and marks, got {encoder.max_length}"
        )
    return room


def _given(items: list[str], spans: Sequence[Sequence[Span]]) -> list[list[Span]]:
    if len(spans) != len(items):
        raise InputError(f"spans: want one list for each of {len(items)} texts, got {len(spans)}")
    for text, (item, row) in enumerate(zip(items, spans, strict=True)):
        for start, end in row:
            if not 0 <= start <= end <= len(item):
                raise InputError(
                    f"spans: want places within text {text} of {len(item)} characters, got ({start}, {end})"
                )
    return [[(int(start), int(end)) for start, end in row] for row in spans]


def _late(
    encoder: TransformerEncoder,
    items: list[str],
    cut: list[list[Span]],
    *,
    kind: Kind,
    progress: Progress | None,
) -> Vectors:
    wrong = [text for text in encoder.head.poolings if text.partition("(")[0] == "first"]
    if wrong:
        raise OptionError(f"late: want a pooling that can be asked of a piece of a text, got {wrong[0]}")
    rows = [np.zeros((0, encoder.dim), np.float32)]
    for place, (text, row) in enumerate(zip(items, cut, strict=True)):
        hidden, spans = whole(encoder, text, kind=kind)
        rows.append(_pool(encoder, hidden, spans, row))
        if progress is not None:
            progress(place + 1, len(items))
    return np.concatenate(rows)


def _pool(encoder: TransformerEncoder, hidden: Array, spans: Array, row: list[Span]) -> Vectors:
    """Each piece pools the tokens that begin in it."""
    inside = [np.flatnonzero((spans[:, 0] >= start) & (spans[:, 0] < end)) for start, end in row]
    flat = np.concatenate([np.zeros(0, np.int64), *inside]).astype(np.int64)
    offsets = np.concatenate([[0], np.cumsum([len(places) for places in inside])]).astype(np.int64)
    states = States(hidden[None, flat], offsets, np.zeros(len(flat), np.int32), spans[flat].astype(np.int32), (-1,))
    return encoder.head(states, np.zeros(len(row), np.int64))


def whole(encoder: TransformerEncoder, text: str, *, kind: Kind = "document") -> tuple[Vectors, NDArray[np.int32]]:
    """Last states of all tokens of a text, however long, float32 (tokens, d), and their character spans (tokens, 2).

    Special tokens and the prompt are left out. Stretches overlap by a quarter of what the encoder reads.
    """
    room = _room(encoder, kind)
    stretches = (
        [(0, len(text))] if room is None else windows(encoder, [text], size=room, overlap=room // 4, kind=kind)[0]
    )
    parts: list[tuple[Array, Array]] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CutTextWarning)
        states: Any = encoder.states([text[start:end] for start, end in stretches], kind=kind)
    for (start, _), (first, last) in zip(stretches, pairwise(states.offsets.tolist()), strict=True):
        spans = states.spans[first:last]
        kept = spans[:, 0] >= 0
        parts.append((states.hidden[0, first:last][kept], spans[kept] + start))
    return _joined(parts, encoder.width)


def _joined(parts: list[tuple[Array, Array]], width: int) -> tuple[Vectors, NDArray[np.int32]]:
    """Where two stretches overlap, the first half of the shared characters comes from the earlier one."""
    hidden = [np.zeros((0, width), np.float32)]
    spans = [np.zeros((0, 2), np.int32)]
    begin = -1
    for number, (rows, places) in enumerate(parts):
        end = np.iinfo(np.int32).max
        if number + 1 < len(parts) and len(places) and len(parts[number + 1][1]):
            end = (int(places[-1, 1]) + int(parts[number + 1][1][0, 0])) // 2
        kept = (places[:, 0] >= begin) & (places[:, 0] < end)
        hidden.append(rows[kept])
        spans.append(places[kept])
        begin = end
    return np.concatenate(hidden), np.concatenate(spans).astype(np.int32)
