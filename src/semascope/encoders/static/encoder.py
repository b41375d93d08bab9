"""Texts to vectors by adding up the vectors of their tokens: numpy and a tokenizer, no model to run."""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import semascope
from semascope.encoders.static.ids import Ids
from semascope.encoders.static.lexicon import Counted, Lexicon
from semascope.encoders.static.memory import Memory
from semascope.encoders.static.ngrams import NGrams
from semascope.encoders.static.parts import BLOCK_TEXTS, GAP, PIECE_CHARACTERS, blocks, pieces
from semascope.encoders.static.sums import count_sums, row_sums
from semascope.encoders.static.wordpiece import cuts_words, read_tokenizer, unknown_id
from semascope.encoders.static.words import Units, cut, to_bytes
from semascope.errors import InputError, OptionError
from semascope.learned import TokenTable
from semascope.ops import digest, integer, option, unit
from semascope.ops import texts as checked_texts
from semascope.passport import CANARIES, Passport
from semascope.types import Kind, Progress, States, Tokens, Vectors

KINDS = ("document", "query")
_MEMORY_BYTES = 32 * 2**20
_MEMORY_ROWS = 32_768
_UNIT = re.compile(r"[A-Za-z0-9]+|[!-/:-@\[-`{-~]")  # of printable ASCII: what words.cut finds there
_LEAST, _MOST = 1e-12, 1e12  # lengths whose squares float32 holds


class EmptyTextWarning(UserWarning):
    """Some texts have nothing to encode; their rows are zero."""


class StaticEncoder:
    """Adds up one vector per token, which needs no model and encodes tens of thousands of texts a second on one core.

    A word's vector is computed once and remembered (about 32 MB of them at most); results are the same bits with and without
    that memory, and row i depends on text i alone. Safe to use from several threads.

    Args:
        table: A vector per token id.
        tokenizer: A `tokenizers.Tokenizer`, or its JSON.
        ngrams: Hashed character n-grams, added to words the tokenizer has to cut up or does not know.
        normalize: Whether rows get length one.
        max_length: Tokens read of a text; None reads all.
        max_characters: Characters read of a text, before it is tokenized; None reads all.
        keep_unknown: Whether the unknown token counts, or is left out of the mean.
        name: What people call it.
        remember: Whether words are remembered from call to call.

    Raises:
        InputError: the tokenizer cannot be read, or knows more tokens than the table has rows.
        OptionError: options that do not go together.
    """

    def __init__(
        self,
        table: TokenTable,
        tokenizer: Any,
        *,
        ngrams: NGrams | None = None,
        normalize: bool = True,
        max_length: int | None = None,
        max_characters: int | None = None,
        keep_unknown: bool = True,
        name: str = "static",
        remember: bool = True,
    ) -> None:
        self.table = table
        self.ngrams = ngrams
        self.normalize = normalize
        self.max_length = None if max_length is None else integer(max_length, name="max_length", least=1)
        self.max_characters = (
            None if max_characters is None else integer(max_characters, name="max_characters", least=1)
        )
        self.keep_unknown = keep_unknown
        self.name = name
        self.remember = remember
        self.tokenizer_json, self._tokenizer = read_tokenizer(tokenizer)
        self._lower, self._added = cuts_words(self._tokenizer)
        self._by_word = self._lower is not None
        self._lexicon = Lexicon(
            table, self._tokenizer, ngrams, unknown_id(self._tokenizer, self.tokenizer_json), keep_unknown
        )
        self._ids = Ids(self._lexicon, self._tokenizer, by_word=self._by_word)
        if len(self._ids) > len(table):
            raise InputError(f"table: want a row for each of the tokenizer's {len(self._ids)} tokens, got {len(table)}")
        if ngrams is not None and (not self._by_word or self._added or max_length or max_characters):
            raise OptionError(
                "ngrams: want a BERT-like WordPiece tokenizer without added tokens, and no maximum length"
            )
        if ngrams is not None and ngrams.table.dim != table.dim:
            raise InputError(f"ngrams: want {table.dim} columns as in the table, got {ngrams.table.dim}")
        self._start()

    @property
    def vocabulary(self) -> int:
        """Token ids that it knows: 0 to one less."""
        return len(self._ids)

    def _start(self) -> None:
        self._lock = threading.Lock()
        self._memory = Memory(self.dim, self._lexicon.learn)
        self._summed = 0
        self._limit = min(_MEMORY_ROWS, _MEMORY_BYTES // (4 * self.dim)) if self.remember else 0

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_lock", "_memory")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start()

    def __repr__(self) -> str:
        return f"StaticEncoder({self.name!r}, dim={self.dim}, tokens={len(self.table)})"

    @property
    def dim(self) -> int:
        """Columns of a vector."""
        return self.table.dim

    @cached_property
    def passport(self) -> Passport:
        """What makes these vectors, with the canaries' vectors; computed at first need."""
        learned = [self.table.table, self.table.scale]
        if self.ngrams is not None:
            learned += [
                self.ngrams.table.table,
                self.ngrams.table.scale,
                np.array([self.ngrams.least, self.ngrams.most]),
            ]
        import tokenizers

        return Passport(
            kind="static",
            dim=self.dim,
            weights=digest(*learned),
            tokenizer=digest(self.tokenizer_json),
            pooling="mean" if self.keep_unknown else "mean of known tokens",
            max_length=self.max_length,
            truncation="" if self.max_length is None else "right",
            normalize=self.normalize,
            name=self.name,
            versions={
                "semascope": semascope.__version__,
                "numpy": np.__version__,
                "tokenizers": tokenizers.__version__,
            },
            canaries=self._rows_of(list(CANARIES))[0],
        )

    def encode(
        self,
        texts: Iterable[str],
        *,
        kind: Kind = "document",
        batch_size: int | None = None,
        progress: Progress | None = None,
    ) -> Vectors:
        """One row for every text, float32 (n, dim); of length one where the encoder normalises.

        Args:
            texts: Any iterable of str. A text without a single token (empty, only spaces) gets a zero row, and one
                warning a call says how many there are.
            kind: Documents and queries are treated alike.
            batch_size: The most texts taken together; changes nothing but memory.
            progress: Called with (done, total) after every batch.

        Raises:
            InputError: `texts` is one bare string, or holds something else than str; the message names the place.
        """
        option(kind, KINDS, name="kind")
        items = checked_texts(texts)
        most = BLOCK_TEXTS if batch_size is None else integer(batch_size, name="batch_size", least=1)
        if len(items) == 1 and progress is None and (quick := self._quick(items[0])) is not None:
            return quick[0][None]
        out, empty, _ = self._rows_of(items, most, progress)
        if empty:
            warnings.warn(
                f"{len(empty)} of {len(items)} texts have no token to encode (the first at {empty[0]}): "
                "their rows are zero",
                EmptyTextWarning,
                stacklevel=2,
            )
        return out

    def _rows_of(
        self, items: list[str], most: int = BLOCK_TEXTS, progress: Progress | None = None, *, counted: bool = False
    ) -> tuple[Vectors, list[int], NDArray[np.int64]]:
        """A row for every text, the places of those that have no token, and if they are wanted the numbers of tokens."""
        every = np.zeros(len(items), dtype=np.int64)
        out = np.empty((len(items), self.dim), dtype=np.float32)
        empty: list[int] = []
        for start, end in blocks(items, most):
            rows, counts = self._encode_block(items[start:end], counted=counted)
            empty += (self._finish(rows, counts[:, 1]) + start).tolist()
            out[start:end], every[start:end] = rows, counts[:, 0]
            if progress is not None:
                progress(end, len(items))
        return out, empty, every

    def encode_one(self, text: Any, *, kind: Kind = "document") -> Vectors:
        """The vector of one text, float32 (dim,): the same bits as `encode([text])[0]`, with less ceremony."""
        if not isinstance(text, str):
            raise InputError(f"text: want one str, got {type(text).__name__}")
        option(kind, KINDS, name="kind")
        quick = self._quick(text)
        return self.encode([text])[0] if quick is None else quick[0]

    def encode_counted(self, texts: Iterable[str]) -> tuple[Vectors, NDArray[np.int64]]:
        """The rows of `encode`, bit for bit, and the tokens of each text, int64 (n,), before anything is cut off.

        Nothing is said of texts without a token: their count is 0.
        """
        items = checked_texts(texts)
        if len(items) == 1 and (quick := self._quick(items[0])) is not None:
            row, counts, rows = quick
            return row[None], np.add.reduce(counts.take(rows, axis=0)[:, :1], axis=0)
        out, _, counts = self._rows_of(items, counted=True)
        return out, counts

    def encode_tokens(self, tokens: Tokens) -> Vectors:
        """Rows float32 (n, dim) of token ids, such as `tokenize` gives: what `encode` gives the texts, but for rounding.

        The letters of a word that the tokenizer does not know are lost with its ids, and so are their n-grams. No more than
        `max_length` ids of a text are read.

        Raises:
            InputError: something is no id of the vocabulary; says where.
        """
        rows, counts = self._ids.sums(tokens, self.max_length)
        self._finish(rows, counts[:, 1])
        return rows

    def count_tokens(self, texts: Iterable[str], *, kind: Kind = "document") -> NDArray[np.int64]:
        """Tokens of each text, int64 (n,), before anything is cut off."""
        option(kind, KINDS, name="kind")
        return self._ids.counts(checked_texts(texts))

    def tokenize(self, texts: Iterable[str], *, special: bool = True) -> Tokens:
        """Ids and character spans of texts, cut as they are read; there are no special tokens, whether wanted or not."""
        del special
        return self._ids.tokens([self._shown(text) for text in checked_texts(texts)], self.max_length)

    def save(self, path: Any, *, format: str = "semascope") -> None:  # noqa: A002 - the field's word for it
        """Write as a folder: ours (`Encoder(path)` opens it), or "sentence-transformers" where that can express it."""
        from semascope.encoders.saved import save

        save(self, path, format=format)

    def states(self, texts: Iterable[str], *, layers: Sequence[int] | Literal["all"] = (-1,)) -> States:
        """Token vectors, ids and character spans of texts, ragged; the table is the one layer there is.

        The mean over a text's rows, scaled to length one, is its vector: what n-grams add to a word is shared out evenly
        among its tokens.

        Raises:
            OptionError: another layer than -1 or 0 is asked for.
        """
        layers = (0,) if layers == "all" else layers
        if not layers or any(layer not in (-1, 0) for layer in layers):
            raise OptionError(f"layers: want -1, the only layer of a static encoder, got {list(layers)}")
        items = [self._shown(text) for text in checked_texts(texts)]
        ids: list[int] = []
        spans: list[tuple[int, int]] = []
        offsets = [0]
        hidden: list[Vectors] = []
        for text, encoding in zip(items, self._tokenizer.encode_batch(items, add_special_tokens=False), strict=True):
            # What is asked of an encoding is made anew each time: once a text, not once a token.
            all_ids, places = encoding.ids, encoding.offsets
            keep = [
                place
                for place, token in enumerate(all_ids[: self.max_length])
                if self.keep_unknown or token != self._lexicon.unknown
            ]
            mine = [all_ids[place] for place in keep]
            hidden.append(self.table(np.asarray(mine, dtype=np.int64)) + self._lexicon.shares(text, encoding, keep))
            ids += mine
            spans += [places[place] for place in keep]
            offsets.append(len(ids))
        tokens = np.concatenate([np.zeros((0, self.dim), np.float32), *hidden])
        return States(
            hidden=np.repeat(tokens[None], len(layers), axis=0),
            offsets=np.asarray(offsets, dtype=np.int64),
            ids=np.asarray(ids, dtype=np.int32),
            spans=np.asarray(spans, dtype=np.int32).reshape(-1, 2),
            layers=tuple(layers),
        )

    def _shown(self, text: str) -> str:
        """What the tokenizer is shown of a text: lone surrogates replaced, cut to the characters that are read."""
        text = text[: self.max_characters]
        return text if text.isascii() else to_bytes(text).decode("utf-8")

    def _finish(self, rows: Vectors, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """Sums to means or unit rows, in place; which rows are zero."""
        if not self.normalize:
            rows /= np.maximum(tokens, 1)[:, None]
            return np.flatnonzero(tokens == 0)
        norms = np.sqrt(np.einsum("ij,ij->i", rows, rows))
        odd = np.flatnonzero(~((norms > _LEAST) & (norms < _MOST)))  # zero, or too small or large to be squared
        if len(odd):
            rows[odd] = unit(rows[odd])
            norms[odd] = 1.0
        rows /= norms[:, None]
        return odd[~rows[odd].any(axis=1)]

    def _encode_block(self, items: list[str], *, counted: bool) -> Counted:
        """Sums of token vectors (n, dim), and tokens (n, 2): there are, uncut, and how many went into the sum."""
        if self.max_characters is not None:
            items = [text[: self.max_characters] for text in items]
        if not self._by_word:
            return self._encode_plain(items)
        if len(items) == 1 and len(items[0]) > PIECE_CHARACTERS:
            rows, counts = self._by_pieces(items[0], counted=counted)
        else:
            rows, counts = self._by_words(items, counted=counted)
        apart = self._apart(items, counts[:, 0])
        if len(apart):
            rows[apart], counts[apart] = self._encode_plain([items[place] for place in apart.tolist()])
        return rows, counts

    def _apart(self, items: list[str], tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """Texts that word by word would come out wrong: longer than what is read, or spelling out an added token."""
        apart = np.zeros(len(items), dtype=bool)
        if self.max_length is not None:
            apart |= tokens > self.max_length
        if self._added is not None:
            apart |= np.fromiter((self._added.search(text) is not None for text in items), dtype=bool, count=len(items))
        return np.flatnonzero(apart)

    def _by_words(self, items: list[str], *, counted: bool) -> tuple[Vectors, NDArray[np.int64]]:
        units = cut(items, lower=bool(self._lower))
        with self._lock:
            memory, rows = self._rows(units)
            vectors, counts = memory.vectors, memory.counts
            expected, self._summed = self._summed, self._summed + len(rows)
        sums = row_sums(vectors, rows, units.offsets, expected=expected)
        if self.normalize and self.max_length is None and not counted:
            return sums, np.ones((len(items), 2), dtype=np.int64)  # nobody asks how many
        return sums, count_sums(counts, rows, units.offsets)

    def _by_pieces(self, text: str, *, counted: bool) -> tuple[Vectors, NDArray[np.int64]]:
        total = np.zeros((1, self.dim), dtype=np.float64)
        counts = np.zeros((1, 2), dtype=np.int64)
        for start, end in blocks(parts := list(pieces(text)), BLOCK_TEXTS):
            rows, tokens = self._by_words(parts[start:end], counted=counted)
            for row in rows:
                total += row
            counts += tokens.sum(axis=0)
        return total.astype(np.float32), counts

    def _rows(self, units: Units) -> tuple[Memory, NDArray[np.int64]]:
        if self._memory.used > self._limit:
            self._memory = Memory(self.dim, self._lexicon.learn)
        return self._memory, self._memory.rows(units)

    def _quick(self, text: str) -> tuple[Vectors, NDArray[np.int64], list[int]] | None:
        """The vector of a short text of printable ASCII, and where its words' counts are; None where it takes the long way."""
        if (
            not self._by_word
            or not self.normalize
            or not text.isascii()
            or len(text) > min(self.max_length or 2_000, 2_000)
        ):
            return None
        if not text.isprintable() and not GAP.sub(" ", text).isprintable():
            return None
        if self._added is not None and self._added.search(text) is not None:
            return None
        words = _UNIT.findall(text.lower() if self._lower else text)
        memory = self._memory
        try:
            rows = [memory.names[word] for word in words]
        except KeyError:
            with self._lock:
                memory, found = self._rows(cut([text], lower=bool(self._lower)))
                rows = found.tolist()
                memory.names.update(zip(words, rows, strict=True))
        if not rows:
            return None
        total = np.add.reduce(memory.vectors.take(rows, axis=0), axis=0)
        norm = np.sqrt(np.einsum("ij,ij->i", total[None], total[None]))[0]
        return (total / norm, memory.counts, rows) if _LEAST < norm < _MOST else None

    def _encode_plain(self, items: list[str]) -> Counted:
        """The same as tokenizing whole texts, for tokenizers and texts where words are not enough."""
        shown = [self._shown(text) for text in items]
        ids = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(shown, add_special_tokens=False)]
        vectors, counts = self._lexicon.token_sums([mine[: self.max_length] for mine in ids])
        counts[:, 0] = [len(mine) for mine in ids]
        return vectors, counts
