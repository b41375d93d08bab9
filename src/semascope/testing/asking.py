"""What measures of encoders are asked to measure in contract checks: small encoders, and small data of every kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from semascope.errors import OptionError
from semascope.ops import digest
from semascope.ops import texts as checked_texts
from semascope.ops.words import words
from semascope.passport import Passport
from semascope.tasks import Retrieval, Similarity
from semascope.types import Kind, Progress, Vectors

_PEOPLE = ("anna", "ben", "carla", "david", "emma", "felix")
_THINGS = ("bread", "tea", "ships", "letters", "clocks", "maps", "stones", "boats", "paper", "glass", "wool", "salt")
_PLACES = ("harbour", "market", "valley", "library", "station", "garden", "tower", "bridge")


class WordSums:
    """An encoder without weights: a text is the sum of random vectors of its words, scaled to length one.

    Args:
        seed: Of the vectors.
        dim: Columns.
        whole: Whether a text is one word: then it says nothing of its parts, and no two texts are alike.
    """

    normalize = True

    def __init__(self, seed: int = 0, dim: int = 32, *, whole: bool = False) -> None:
        self.seed, self.dim, self.whole = seed, dim, whole

    @property
    def passport(self) -> Passport:
        """Of its options."""
        return Passport(kind="callable", dim=self.dim, weights=f"word sums {self.seed} {self.whole}", normalize=True)

    def encode(
        self,
        texts: Sequence[str],
        *,
        kind: Kind = "document",
        batch_size: int | None = None,
        progress: Progress | None = None,
    ) -> Vectors:
        """One row for every text, float32 (n, dim); a text without words gives a zero row."""
        del kind, batch_size
        items = checked_texts(texts)
        out = np.zeros((len(items), self.dim), np.float64)
        for row, text in enumerate(items):
            for word in [text] if self.whole else words(text):
                out[row] += self._vector(word)
        length = np.linalg.norm(out, axis=1, keepdims=True)
        if progress is not None:
            progress(len(items), len(items))
        return (out / np.where(length > 0, length, 1)).astype(np.float32)

    def _vector(self, word: str) -> Any:
        return np.random.default_rng(int(digest(str(self.seed), word)[:15], 16)).normal(size=self.dim)


class Called:
    """Any encoder with nothing but `encode`, asked for a few texts at a time and giving rows that cannot be written to.

    Args:
        encoder: What gives the rows.
        at_once: Texts that it is given in one call.
    """

    def __init__(self, encoder: Any, at_once: int = 3) -> None:
        self._encoder, self._at_once = encoder, at_once

    def encode(
        self,
        texts: Sequence[str],
        *,
        kind: Kind = "document",
        batch_size: int | None = None,
        progress: Progress | None = None,
    ) -> Vectors:
        """The encoder's rows."""
        del batch_size, progress
        items = checked_texts(texts)
        starts = range(0, max(1, len(items)), self._at_once)
        rows = np.concatenate([self._encoder.encode(items[at : at + self._at_once], kind=kind) for at in starts])
        rows.flags.writeable = False
        return rows


class Alike:
    """An encoder that gives all texts one and the same row."""

    def encode(
        self,
        texts: Sequence[str],
        *,
        kind: Kind = "document",
        batch_size: int | None = None,
        progress: Progress | None = None,
    ) -> Vectors:
        """Ones, float32 (n, 8)."""
        del kind, batch_size, progress
        return np.ones((len(checked_texts(texts)), 8), np.float32)


def sentences(n: int = 24, seed: int = 0) -> list[str]:
    """`n` different plain sentences with people, things, places, numbers and verbs."""
    rng = np.random.default_rng((seed, 50))
    found: dict[str, None] = {}
    while len(found) < n:
        one, other = rng.permutation(len(_PEOPLE))[:2]
        thing, place = _THINGS[rng.integers(len(_THINGS))], _PLACES[rng.integers(len(_PLACES))]
        verb = ("sold", "carried", "showed", "lent")[rng.integers(4)]
        found[
            f"{_PEOPLE[one].title()} {verb} {rng.integers(2, 90)} {thing} to {_PEOPLE[other].title()} near the {place}."
        ] = None
    return list(found)


def documents(n: int = 8, length: int = 12, seed: int = 0) -> list[str]:
    """`n` texts of so many sentences each."""
    every = sentences(n * length, seed)
    return [" ".join(every[i : i + length]) for i in range(0, n * length, length)]


def pairs(n: int = 16, seed: int = 0) -> list[tuple[str, str]]:
    """`n` sentences, each with three to seven of its words in another order: some are hard to find among the others."""
    rng = np.random.default_rng((seed, 51))
    return [(text, " ".join(rng.permutation(text.split())[: rng.integers(3, 8)])) for text in sentences(n, seed)]


def retrieval(n: int = 16, seed: int = 0) -> Retrieval:
    """`n` queries of three words of a document each, among three times as many documents."""
    every = sentences(3 * n, seed)
    queries = {f"q{at}": " ".join(text.rstrip(".").split()[::3]) for at, text in enumerate(every[:n])}
    judged = {f"q{at}": {f"d{at}": 1.0} for at in range(n)}
    return Retrieval("made up", {f"d{at}": text for at, text in enumerate(every)}, queries, judged)


def similarity(n: int = 24, seed: int = 0) -> Similarity:
    """Pairs of a sentence and one that shares more or fewer of its words, with the share as their score."""
    rng = np.random.default_rng((seed, 52))
    every = sentences(2 * n, seed)
    found: list[tuple[str, str]] = []
    scores: list[float] = []
    for one, other in zip(every[:n], every[n:], strict=True):
        own, new = one.rstrip(".").split(), other.rstrip(".").split()
        kept = int(rng.integers(0, len(own) + 1))
        found.append((one, " ".join([*own[:kept], *new[kept:]])))
        scores.append(kept / len(own))
    return Similarity("made up", found, scores)


def part(data: Any, places: Sequence[int]) -> Any:
    """Some of the units of data of any kind, in this order: items of a list, queries or pairs of a task.

    Raises:
        InputError: a task does not go with so few.
    """
    return [data[place] for place in places] if isinstance(data, list) else data.part(np.asarray(places, np.int64))


_DATA: Mapping[str, Callable[[], Any]] = {
    "texts": sentences,
    "documents": documents,
    "pairs": pairs,
    "retrieval": retrieval,
    "similarity": similarity,
}


def asked(reads: str) -> Any:
    """The small data of that kind.

    Raises:
        OptionError: there is no such kind.
    """
    if reads not in _DATA:
        raise OptionError(f"reads: want one of {', '.join(_DATA)}, got {reads!r}")
    return _DATA[reads]()
