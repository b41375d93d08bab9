"""What one word adds to a text's vector: its tokens' rows, and n-grams where the tokenizer had to cut it up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.encoders.static.ngrams import NGrams
from semascope.encoders.static.sums import count_sums, row_sums
from semascope.learned import TokenTable
from semascope.types import Vectors

Counted = tuple[Vectors, NDArray[np.int64]]  # sums (n, d), and tokens (n, 2): as read, and as counted in a mean


@dataclass(frozen=True, eq=False)
class Lexicon:
    """Vectors of words and of lists of tokens.

    Args:
        table: A vector per token id.
        tokenizer: A `tokenizers.Tokenizer` without padding and truncation.
        ngrams: Added to words of several tokens and to unknown ones.
        unknown: The id of the unknown token.
        keep_unknown: Whether that token counts.
    """

    table: TokenTable
    tokenizer: Any
    ngrams: NGrams | None
    unknown: int | None
    keep_unknown: bool

    def learn(self, names: list[bytes]) -> Counted:
        """Vectors and tokens of the units that `words.cut` finds."""
        units = [name.decode("utf-8") for name in names]
        odd = [place for place, text in enumerate(units) if not (text.isascii() and text.isprintable())]
        if not odd:
            return self._word_sums(units)
        vectors = np.empty((len(units), self.table.dim), dtype=np.float32)
        counts = np.empty((len(units), 2), dtype=np.int64)
        plain = sorted(set(range(len(units))).difference(odd))
        # One ASCII word or mark is what the normaliser and pre-tokeniser would make of it, so the model is asked at once.
        vectors[plain], counts[plain] = self._word_sums([units[place] for place in plain])
        vectors[odd], counts[odd] = self._chunk_sums([self.words(units[place]) for place in odd])
        return vectors, counts

    def words(self, text: str) -> list[str]:
        """The words of a text as the tokenizer's model sees them: normalised and cut."""
        normal = self.tokenizer.normalizer.normalize_str(text)
        return [word for word, _ in self.tokenizer.pre_tokenizer.pre_tokenize_str(normal)]

    def _word_sums(self, words: Sequence[str]) -> Counted:
        cut_up = self.tokenizer.model.tokenize
        ids = [[token.id for token in cut_up(word)] for word in words]
        vectors, counts = self.token_sums(ids)
        hard = [place for place, mine in enumerate(ids) if len(mine) > 1 or mine == [self.unknown]]
        if hard and self.ngrams is not None:
            vectors[hard] += self.ngrams([words[place] for place in hard])
        return vectors, counts

    def _chunk_sums(self, chunks: list[list[str]]) -> Counted:
        row = {word: place for place, word in enumerate(dict.fromkeys(word for chunk in chunks for word in chunk))}
        vectors, counts = self._word_sums(list(row))
        index = np.array([row[word] for chunk in chunks for word in chunk], dtype=np.int64)
        offsets = np.concatenate([[0], np.cumsum([len(chunk) for chunk in chunks])])
        return row_sums(vectors, index, offsets), count_sums(counts, index, offsets)

    def token_sums(self, ids: list[list[int]]) -> Counted:
        """Sums over lists of token ids."""
        kept = ids if self.keep_unknown else [[token for token in mine if token != self.unknown] for mine in ids]
        counts = np.array([[len(a), len(b)] for a, b in zip(ids, kept, strict=True)], dtype=np.int64).reshape(-1, 2)
        flat = np.asarray([token for mine in kept for token in mine], dtype=np.int64)
        offsets = np.concatenate([[0], np.cumsum(counts[:, 1])])
        index, local = np.unique(flat, return_inverse=True)
        # Only the rows that are needed become float32: a table in bytes stays in bytes.
        return row_sums(self.table(index), local, offsets), counts

    def shares(self, text: str, encoding: Any, keep: list[int]) -> Vectors:
        """What n-grams add to the tokens `keep` of a text's encoding, (tokens, d): even shares of each word's."""
        out = np.zeros((len(keep), self.table.dim), dtype=np.float32)
        if self.ngrams is None:
            return out
        words, of, ids = self.words(text), encoding.word_ids, encoding.ids
        sizes = np.bincount(np.asarray(of, dtype=np.int64), minlength=len(words)).tolist()
        hard = [row for row, place in enumerate(keep) if sizes[of[place]] > 1 or ids[place] == self.unknown]
        if hard:
            mine = [of[keep[row]] for row in hard]
            names = list(dict.fromkeys(words[word] for word in mine))
            at = {name: place for place, name in enumerate(names)}
            counts = np.array([sizes[word] for word in mine], dtype=np.float32)
            out[hard] = self.ngrams(names)[[at[words[word]] for word in mine]] / counts[:, None]
        return out
