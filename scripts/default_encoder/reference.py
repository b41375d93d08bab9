"""The run-time in plain lines: slow, obvious, numpy and tokenizers only. The package's fast encoder must agree with it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np


def fnv1a32(data: bytes) -> int:
    """FNV-1a, 32 bits."""
    value = 2166136261
    for byte in data:
        value = ((value ^ byte) * 16777619) & 0xFFFFFFFF
    return value


def ngrams(word: str, least: int, most: int) -> list[str]:
    """All runs of least..most characters of '<word>', with repeats."""
    marked = f"<{word}>"
    return [marked[i : i + n] for n in range(least, most + 1) for i in range(len(marked) - n + 1)]


class Reference:
    """A saved static encoder.

    Args:
        folder: holds model.safetensors, tokenizer.json and config.json.
    """

    def __init__(self, folder: Path) -> None:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        tensors = load_file(folder / "model.safetensors")
        self.table = tensors["table"].astype(np.float32) * tensors["scale"][:, None]
        self.grams = None
        if self.config["ngrams"]:
            self.grams = tensors["ngrams"].astype(np.float32) * tensors["ngram_scale"][:, None]

    def words(self, text: str) -> list[str]:
        """Normalised words of a text: lower case, no accents, each punctuation mark a word."""
        normal = self.tokenizer.normalizer.normalize_str(text)
        return [word for word, _ in self.tokenizer.pre_tokenizer.pre_tokenize_str(normal)]

    def word_vector(self, word: str) -> np.ndarray:
        """Sum of the pieces' rows; a word of several pieces, or without any, also gets the mean of its n-grams."""
        ids = [token.id for token in self.tokenizer.model.tokenize(word)]
        vector = self.table[ids].sum(0)
        unknown = self.tokenizer.model.token_to_id("[UNK]")
        if self.grams is not None and (len(ids) > 1 or ids == [unknown]):
            g = self.config["ngrams"]
            rows = [fnv1a32(n.encode()) % g["buckets"] for n in ngrams(word, g["min"], g["max"])]
            vector = vector + self.grams[rows].mean(0)
        return vector

    def encode(self, texts: Iterable[str]) -> np.ndarray:
        """Unit vectors; a text without a word gives the zero vector."""
        rows = []
        for text in texts:
            total = np.zeros(self.table.shape[1], np.float32)
            for word in self.words(text):
                total += self.word_vector(word)
            rows.append(total / max(float(np.linalg.norm(total)), 1e-12))
        return np.array(rows, np.float32).reshape(len(rows), self.table.shape[1])
