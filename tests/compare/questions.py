"""A made-up collection whose answers are known, and encoders of which one is better."""

from __future__ import annotations

import numpy as np

from semascope.tasks import Retrieval, Similarity
from semascope.testing.asking import WordSums, sentences
from semascope.types import Vectors

GOOD = WordSums(seed=1, dim=96)
BAD = WordSums(seed=1, dim=4)


class Turned:
    """The vectors of another encoder, turned: other numbers, the same cosines."""

    def __init__(self, dim: int = 96, seed: int = 0) -> None:
        self.inner = WordSums(seed=1, dim=dim)
        self.turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(dim, dim)))[0]

    def encode(self, texts: list[str]) -> Vectors:
        return (self.inner.encode(texts) @ self.turn).astype(np.float32)


def asked(n: int = 60, seed: int = 0) -> Retrieval:
    """For each query, five words of a document, that document is relevant."""
    rng = np.random.default_rng(seed)
    texts = sentences(2 * n, seed)
    documents = {f"d{place}": text for place, text in enumerate(texts)}
    queries, judged = {}, {}
    for place in range(n):
        words = texts[place].rstrip(".").split()
        chosen = sorted(rng.permutation(len(words))[:5])
        queries[f"q{place}"] = " ".join(words[at] for at in chosen)
        judged[f"q{place}"] = {f"d{place}": 1.0}
    return Retrieval("made-up", documents, queries, judged)


def alike(n: int = 80, seed: int = 0) -> Similarity:
    """Pairs of sentences that share more words the higher their score."""
    rng = np.random.default_rng(seed)
    texts = sentences(n, seed)
    pairs, scores = [], []
    for place, text in enumerate(texts):
        words, others = text.split(), texts[(place + 1) % n].split()
        kept = int(rng.integers(0, 6))
        pairs.append((text, " ".join(words[:kept] + others[kept:])))
        scores.append(float(kept))
    return Similarity("alike", pairs, scores)
