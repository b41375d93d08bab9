"""What a query costs here: running as many blocks as its layer needs, then comparing it with every vector."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from semascope.encoders.reading import kind_for
from semascope.ops import top_k
from semascope.tune.recipes import Candidate
from semascope.types import Array, Kind

_QUERIES = 25
_RUNS = 15
_ROWS = 50_000  # rows that are really compared; the time of more is counted from these


@dataclass(frozen=True, eq=False)
class Latency:
    """Medians in seconds, one query at a time.

    Args:
        blocks: By the highest layer that is run: encoding a query.
        rows: How many vectors a query is compared with.
        scans: By columns and codec: comparing it with all of them, and the ten best.
        words: Ranking by words.
    """

    blocks: Mapping[int, float]
    rows: int
    scans: Mapping[tuple[int, str], float]
    words: float = 0.0
    depth: int = 0

    def of(self, one: Candidate) -> float:
        """Seconds of one query with a recipe."""
        encoding = self.blocks[one.reading.top(self.depth)]
        return encoding + self.scans[one.dim, one.bits] + (self.words if one.weight else 0.0)


def measure(
    encoder: Any,
    queries: Sequence[str],
    *,
    depth: int,
    layers: Sequence[int],
    rows: int,
    sizes: Sequence[tuple[int, str]],
    words: float = 0.0,
    kind: Kind = "query",
    seed: int = 0,
) -> Latency:
    """Measure on this machine, as many threads as the process has.

    A recipe that reads a layer half-way up runs the blocks below it alone. Codes are compared as they are: bytes by a product in
    float32, block by block; bits by counting those that differ.

    Args:
        encoder: That is tuned.
        queries: Texts to encode, one at a time.
        depth: Blocks of its model; 0 where it has no layers.
        layers: Which of them recipes read.
        rows: Vectors that a query is compared with.
        sizes: Columns and codecs that there are recipes of.
        words: Seconds of a ranking by words, where those were measured.
        kind: Of the queries.
        seed: Of the rows compared with.
    """
    asked = [queries[int(i)] for i in np.linspace(0, len(queries) - 1, min(_QUERIES, len(queries)))]
    if depth:
        ways: dict[int, Callable[[str], Any]] = {layer: _run(encoder, layer, kind) for layer in layers}
        ways[depth] = lambda text: encoder.encode([text], kind=kind)
    else:
        ways = {0: lambda text: encoder.encode([text], kind=kind)}
    times: dict[int, list[float]] = {}
    for layer, way in ways.items():  # an engine keeps what runs one layer; going to and fro would open it anew
        way(asked[0])
        times[layer] = [_timed(way, text) for text in asked]
    rng = np.random.default_rng((seed, 3))
    scans = {size: _scan(rng, rows, *size) for size in dict.fromkeys(sizes)}
    return Latency({layer: float(np.median(found)) for layer, found in times.items()}, rows, scans, words, depth)


def _run(encoder: Any, layer: int, kind: Kind) -> Callable[[str], Any]:
    asked = kind_for(encoder, kind)
    return lambda text: encoder.states([text], layers=(layer,), **asked)


def _timed(call: Callable[[Any], Any], what: Any) -> float:
    began = perf_counter()
    call(what)
    return perf_counter() - began


def _scan(rng: np.random.Generator, rows: int, dim: int, bits: str) -> float:
    """Seconds to compare one query with so many rows of noise, and to take the ten best."""
    many = max(1, min(rows, _ROWS))
    if bits == "one_bit":
        words = -(-dim // 64)
        codes = rng.integers(0, 2**63, (words, many), dtype=np.uint64)
        query = rng.integers(0, 2**63, (words, 1), dtype=np.uint64)
        found = [_timed(lambda _: _differing(codes, query), None) for _ in range(_RUNS)]
    elif bits == "int8":
        small = rng.integers(-127, 128, (many, dim)).astype(np.int8)
        one = rng.normal(size=dim).astype(np.float32)
        found = [_timed(lambda _: top_k(_products(small, one), 10), None) for _ in range(_RUNS)]
    else:
        x, one = rng.normal(size=(many, dim)).astype(np.float32), rng.normal(size=dim).astype(np.float32)
        found = [_timed(lambda _: top_k(x @ one, 10), None) for _ in range(_RUNS)]
    return float(np.median(found)) * rows / many


def _differing(codes: Array, query: Array) -> Array:
    return top_k(-np.bitwise_count(codes ^ query).sum(axis=0, dtype=np.int32), 10)


def _products(codes: Array, query: Array) -> Array:
    return np.concatenate([codes[at : at + 4_096].astype(np.float32) @ query for at in range(0, len(codes), 4_096)])
