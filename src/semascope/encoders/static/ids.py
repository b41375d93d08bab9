"""Token ids in place of texts, for an encoder that adds up the vectors of words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.encoders.static.lexicon import Counted, Lexicon
from semascope.encoders.static.sums import count_sums, row_sums
from semascope.encoders.static.words import to_bytes
from semascope.errors import InputError
from semascope.types import Tokens

_JOINS = "##"  # what a WordPiece token begins with that goes on with the word before it


class Ids:
    """Counts and reads token ids, and adds up their vectors.

    WordPiece tokens are put together into words, and these are added up: n-grams need a word's letters, and sums word by
    word have the bits that texts get.

    Args:
        lexicon: Vectors of words and of lists of tokens.
        tokenizer: A `tokenizers.Tokenizer`.
        by_word: Whether it cuts words into WordPiece tokens, and texts are added up word by word.
    """

    def __init__(self, lexicon: Lexicon, tokenizer: Any, *, by_word: bool) -> None:
        self._lexicon = lexicon
        self._tokenizer = tokenizer
        self._by_word = by_word
        self._known = int(tokenizer.get_vocab_size(with_added_tokens=True))

    def __len__(self) -> int:
        """Ids there are."""
        return self._known

    @cached_property
    def _pieces(self) -> list[str]:
        names = [""] * self._known
        for name, token in self._tokenizer.get_vocab(with_added_tokens=True).items():
            if token < self._known:
                names[token] = name
        return names

    @cached_property
    def _goes_on(self) -> NDArray[np.bool_]:
        return np.array([name.startswith(_JOINS) and len(name) > len(_JOINS) for name in self._pieces], dtype=bool)

    def counts(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Tokens of each text, int64 (n,)."""
        read = self._tokenizer.encode_batch_fast([_readable(text) for text in texts], add_special_tokens=False)
        return np.fromiter(map(len, read), dtype=np.int64, count=len(read))

    def tokens(self, texts: Sequence[str], most: int | None) -> Tokens:
        """Ids and character spans of texts, at most so many of each."""
        read = self._tokenizer.encode_batch([_readable(text) for text in texts], add_special_tokens=False)
        ids = [token for encoding in read for token in encoding.ids[:most]]
        spans = [span for encoding in read for span in encoding.offsets[:most]]
        offsets = np.concatenate([[0], np.cumsum([len(encoding.ids[:most]) for encoding in read])])
        places = np.asarray(spans, dtype=np.int32).reshape(-1, 2)
        return Tokens(np.asarray(ids, dtype=np.int32), offsets.astype(np.int64), places)

    def sums(self, tokens: Tokens, most: int | None) -> Counted:
        """Sums of vectors (n, d) and tokens (n, 2) of token ids, at most so many of each text.

        Raises:
            InputError: something is no id of the vocabulary; says where.
        """
        ids, offsets = tokens.ids.astype(np.int64), tokens.offsets
        wrong = np.flatnonzero((ids < 0) | (ids >= self._known))
        if len(wrong):
            text = int(np.searchsorted(offsets, wrong[0], side="right")) - 1
            raise InputError(f"tokens: want ids from 0 to {self._known - 1}, got {int(ids[wrong[0]])} at {text}")
        if most is not None and int(tokens.lengths.max(initial=0)) > most:
            place = np.arange(len(ids)) - np.repeat(offsets[:-1], tokens.lengths)
            ids, offsets = ids[place < most], np.concatenate([[0], np.cumsum(np.minimum(tokens.lengths, most))])
        if self._by_word:
            return self._word_sums(ids, offsets)
        rows = [ids[start:end].tolist() for start, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)]
        return self._lexicon.token_sums(rows)

    def _word_sums(self, ids: NDArray[np.int64], offsets: NDArray[np.int64]) -> Counted:
        begins = ~self._goes_on[ids]
        begins[offsets[:-1][offsets[:-1] < len(ids)]] = True
        starts = np.flatnonzero(begins)
        ends = np.append(starts[1:], len(ids))[: len(starts)]
        words = [tuple(ids[start:end].tolist()) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
        row = {word: place for place, word in enumerate(dict.fromkeys(words))}
        vectors, counts = self._of_words(list(row))
        index = np.array([row[word] for word in words], dtype=np.int64)
        bounds = np.searchsorted(starts, offsets).astype(np.int64)
        return row_sums(vectors, index, bounds), count_sums(counts, index, bounds)

    def _of_words(self, words: Sequence[tuple[int, ...]]) -> Counted:
        vectors, counts = self._lexicon.token_sums([list(word) for word in words])
        several = [place for place, word in enumerate(words) if len(word) > 1]
        if several and self._lexicon.ngrams is not None:
            vectors[several] += self._lexicon.ngrams([self._spelled(words[place]) for place in several])
        return vectors, counts

    def _spelled(self, word: tuple[int, ...]) -> str:
        first, *rest = (self._pieces[token] for token in word)
        return first + "".join(piece.removeprefix(_JOINS) for piece in rest)


def _readable(text: str) -> str:
    return text if text.isascii() else to_bytes(text).decode("utf-8")
