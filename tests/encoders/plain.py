"""The static encoder's formula in plain lines: what the fast one must agree with, word for word."""

from __future__ import annotations

from functools import cache

import numpy as np

from semascope.encoders import StaticEncoder
from semascope.types import Vectors


def fnv1a(data: bytes) -> int:
    value = 2_166_136_261
    for byte in data:
        value = ((value ^ byte) * 16_777_619) % 2**32
    return value


def by_words(encoder: StaticEncoder, texts: list[str]) -> Vectors:
    """Unit sums of word vectors; n-grams for words that are cut up or unknown."""
    tokenizer = encoder._tokenizer
    unknown = tokenizer.token_to_id("[UNK]")
    rows = encoder.table.table.astype(np.float64) * encoder.table.scale[:, None]
    grams = None
    if encoder.ngrams is not None:
        grams = encoder.ngrams.table.table.astype(np.float64) * encoder.ngrams.table.scale[:, None]

    @cache
    def vector(word: str) -> Vectors:
        ids = [token.id for token in tokenizer.model.tokenize(word)]
        if grams is None or (len(ids) == 1 and ids != [unknown]):
            return rows[ids].sum(0)
        marked = f"<{word}>"
        runs = [marked[i : i + n] for n in (3, 4) for i in range(len(marked) - n + 1)]
        return rows[ids].sum(0) + grams[[fnv1a(run.encode()) % len(grams) for run in runs]].mean(0)

    out = np.zeros((len(texts), encoder.dim))
    for place, text in enumerate(texts):
        shown = text.encode("utf-8", "replace").decode("utf-8")
        for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(shown)):
            out[place] += vector(word)
    return unit(out)


def by_tokens(encoder: StaticEncoder, texts: list[str], *, most: int | None, keep_unknown: bool) -> Vectors:
    """Means of token vectors of whole texts, as the tokenizer gives them in one go."""
    unknown = encoder._tokenizer.token_to_id("[UNK]")
    rows = encoder.table.table.astype(np.float64) * encoder.table.scale[:, None]
    out = np.zeros((len(texts), encoder.dim))
    for place, text in enumerate(texts):
        shown = text.encode("utf-8", "replace").decode("utf-8")
        ids = encoder._tokenizer.encode(shown, add_special_tokens=False).ids[:most]
        ids = [token for token in ids if keep_unknown or token != unknown]
        if ids:
            out[place] = rows[ids].mean(0)
    return out


def unit(x: Vectors) -> Vectors:
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return x / np.where(length > 0, length, 1)
