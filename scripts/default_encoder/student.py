"""What the student sees: words, each a bag of table rows, and texts as bags of words."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from default_encoder.reference import fnv1a32, ngrams

LEAST, MOST = 3, 4
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def make_tokenizer(teacher: Path, extra: list[str]) -> Tokenizer:
    """The teacher's WordPiece without its unused and special entries (but [UNK]), with extra whole words."""
    saved = json.loads((teacher / "tokenizer.json").read_text(encoding="utf-8"))
    old = saved["model"]["vocab"]
    keep = [t for t in sorted(old, key=old.__getitem__) if not (t.startswith("[") and t.endswith("]") and len(t) > 2)]
    tokens = ["[UNK]", *keep, *(w for w in extra if w not in old)]
    saved["model"]["vocab"] = {t: i for i, t in enumerate(tokens)}
    saved.update(added_tokens=[], truncation=None, padding=None, post_processor=None)
    return Tokenizer.from_str(json.dumps(saved, ensure_ascii=False))


def split(tokenizer: Tokenizer, text: str) -> list[str]:
    """Normalised words of a text."""
    normal = tokenizer.normalizer.normalize_str(text)
    return [word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normal)]


def extra_words(counts: Counter[str], tokenizer: Tokenizer, n: int) -> list[str]:
    """The n commonest words that WordPiece splits (letters only)."""
    found = []
    for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if len(found) == n:
            break
        if word.isalpha() and word.isascii() and len(tokenizer.model.tokenize(word)) > 1:
            found.append(word)
    return found


def typo(word: str, rng: random.Random) -> str:
    """The word with two letters exchanged, or one left out, doubled, put in or replaced."""
    i = rng.randrange(len(word) - 1)
    kind = rng.randrange(5)
    if kind == 0:
        return word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    if kind == 1:
        return word[: i + 1] + word[i + 2 :]
    if kind == 2:
        return word[: i + 1] + word[i:]
    if kind == 3:
        return word[: i + 1] + rng.choice(LETTERS) + word[i + 1 :]
    return word[: i + 1] + rng.choice(LETTERS) + word[i + 2 :]


@dataclass
class Ragged:
    """Rows of different length, laid end to end.

    Args:
        flat: the values.
        start: where each row starts, and the end of the last.
    """

    flat: np.ndarray
    start: np.ndarray

    @classmethod
    def of(cls, rows: list, dtype) -> Ragged:
        start = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(r) for r in rows], out=start[1:])
        return cls(np.fromiter((v for r in rows for v in r), dtype, int(start[-1])), start)

    def take(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The values of some rows end to end, and where each row starts."""
        lengths = self.start[rows + 1] - self.start[rows]
        begins = np.zeros(len(rows), np.int64)
        np.cumsum(lengths[:-1], out=begins[1:])
        index = np.arange(int(lengths.sum())) + np.repeat(self.start[rows] - begins, lengths)
        return self.flat[index], begins


@dataclass
class Bags:
    """Texts as words, words as rows of the table (pieces first, n-gram buckets after them) with weights.

    Args:
        texts: per text its words.
        rows: per word its rows.
        weights: per word the weight of each row.
        typos: per word the words that are misspellings of it (or the word itself).
        pieces: rows that are pieces; rows from here on are n-gram buckets.
        buckets: the number of n-gram buckets.
    """

    texts: Ragged
    rows: Ragged
    weights: Ragged
    typos: np.ndarray
    pieces: int
    buckets: int


TYPOS = 4


def make_bags(tokenizer: Tokenizer, texts: list[list[str]], buckets: int, seed: int) -> Bags:
    """Number the words, misspell those of four letters and more, look up their rows."""
    rng = random.Random(seed)
    number: dict[str, int] = {}
    flat = Ragged.of([[number.setdefault(w, len(number)) for w in t] for t in texts], np.int32)
    known = list(number)
    typos = np.empty((len(known), TYPOS), np.int32)
    for i, word in enumerate(known):
        for k in range(TYPOS):
            wrong = typo(word, rng) if len(word) > 3 and word.isalpha() and word.isascii() else word
            typos[i, k] = number.setdefault(wrong, len(number))
    pieces = tokenizer.get_vocab_size()
    unknown = tokenizer.token_to_id("[UNK]")
    rows, weights = [], []
    memo: dict[str, int] = {}
    for word in number:
        ids = [t.id for t in tokenizer.model.tokenize(word)]
        each = [1.0] * len(ids)
        if buckets and (len(ids) > 1 or ids == [unknown]):
            grams = ngrams(word, LEAST, MOST)
            for g in grams:
                if g not in memo:
                    memo[g] = pieces + fnv1a32(g.encode()) % buckets
                ids.append(memo[g])
            each += [1.0 / len(grams)] * len(grams)
        rows.append(ids)
        weights.append(each)
    return Bags(flat, Ragged.of(rows, np.int32), Ragged.of(weights, np.float32), typos, pieces, buckets)
