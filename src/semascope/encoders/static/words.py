"""Cut a batch of texts into words with array operations, exactly where BERT's normaliser and pre-tokeniser cut them.

Plain ASCII words and single punctuation marks become units of their own. A chunk between spaces that holds anything else
(other scripts, accents, control characters) stays one unit and is left to the tokenizer, so nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SHORT = 16  # bytes; units up to this long are recognised by two machine words
_SPACE, _WORD, _MARK, _ODD = range(4)
_PAD = b"\0" * 24
# Zero bytes are padding: the normaliser deletes NUL characters, and so does `cut`.
_CLASSES = bytes(
    _SPACE
    if byte in b" \t\n\r\0"
    else _WORD
    if byte < 128 and chr(byte).isalnum()
    else _MARK
    if 32 < byte < 127
    else _ODD
    for byte in range(256)
)
_LOW_BYTES = np.array([(1 << (8 * count)) - 1 for count in range(9)], dtype=np.uint64)


@dataclass(frozen=True, slots=True)
class Units:
    """The words of n texts, in order. Text i owns the units `offsets[i]:offsets[i + 1]`."""

    data: bytes  # UTF-8 of all texts, padded with zero bytes
    starts: NDArray[np.int64]  # (units,) first byte
    lengths: NDArray[np.int64]  # (units,) bytes
    offsets: NDArray[np.int64]  # (n + 1,)

    def keys(self) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """The first and the second eight bytes of each unit, (units,) each; together they name units up to SHORT."""
        eights = np.ndarray((len(self.data) - 8,), dtype="<u8", buffer=self.data, strides=(1,))
        low = eights.take(self.starts) & _LOW_BYTES.take(np.minimum(self.lengths, 8))
        high = eights.take(self.starts + 8) & _LOW_BYTES.take(np.clip(self.lengths - 8, 0, 8))
        return low, high

    def unit(self, place: int) -> bytes:
        """The bytes of one unit."""
        start = int(self.starts[place])
        return self.data[start : start + int(self.lengths[place])]


def to_bytes(text: str) -> bytes:
    """UTF-8; lone surrogates, which no tokenizer reads, become question marks."""
    return text.encode("utf-8", "replace")


def cut(texts: Sequence[str], *, lower: bool) -> Units:
    """The units of texts; `lower` where the tokenizer lowers case anyway, so that fewer of them are distinct."""
    joined = "\n".join(texts)
    if joined.isascii():
        data, sizes = joined.encode("ascii"), [len(text) for text in texts]
    else:
        parts = [to_bytes(text) for text in texts]
        data, sizes = b"\n".join(parts), [len(part) for part in parts]
    if b"\0" in data:
        parts = [to_bytes(text).replace(b"\0", b"") for text in texts]
        data, sizes = b"\n".join(parts), [len(part) for part in parts]
    data = (data.lower() if lower else data) + _PAD
    starts, lengths = _spans(data)
    begins = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum(np.asarray(sizes, dtype=np.int64) + 1, out=begins[1:])
    return Units(data, starts, lengths, np.searchsorted(starts, begins).astype(np.int64))


def _spans(data: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    kinds = np.frombuffer(data.translate(_CLASSES), dtype=np.uint8)
    if _ODD in data.translate(_CLASSES):
        kinds = _whole_chunks(kinds)
    word = kinds == _WORD
    begin = kinds == _MARK
    begin[0] |= word[0]
    begin[1:] |= word[1:] > word[:-1]
    starts = np.flatnonzero(begin)
    # Words end where the next byte is of another kind, in the order in which they began; a mark is one byte.
    ends = np.flatnonzero(word[:-1] > word[1:]) + 1
    lengths = np.ones(len(starts), dtype=np.int64)
    is_word = word.take(starts)
    lengths[is_word] = ends - starts[is_word]
    return starts, lengths


def _whole_chunks(kinds: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Make every chunk between spaces that holds an odd byte one word."""
    solid = kinds != _SPACE
    begin = np.flatnonzero(solid[1:] > solid[:-1]) + 1
    if solid[0]:
        begin = np.concatenate([[0], begin])
    end = np.flatnonzero(solid[:-1] > solid[1:]) + 1  # the padding is space, so the last chunk ends too
    odd_before = np.concatenate([[0], np.cumsum(kinds == _ODD)])
    odd = odd_before[end] > odd_before[begin]
    step = np.zeros(len(kinds) + 1, dtype=np.int8)
    step[begin[odd]] = 1
    step[end[odd]] = -1
    out = kinds.copy()
    out[np.cumsum(step[:-1], dtype=np.int8) > 0] = _WORD
    return out
