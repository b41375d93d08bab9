"""Find the nearest rows of a large matrix: exactly, or by a scan of one-bit codes that exact scores then put right.

Rows are rotated at random and kept as the signs of their coordinates (Charikar 2002, "Similarity Estimation
Techniques from Rounding Algorithms"); the number of differing bits estimates the angle between two vectors. A query
counts differing bits over all rows, looks closer at the nearest with three bits a coordinate of its own (Gao and Long
2024, "RaBitQ", quantise the query so; rows stay one-bit), and scores the `depth` nearest of those exactly. There is no
graph: deleting and filtering are masks, and asking for k rows gives k rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.ops import integer, vectors
from semascope.space.codec import Codec, Codes
from semascope.space.exact import WIDE, Places, Scores, best, best_of_many
from semascope.types import Array, Vectors

__all__ = ["Calibration", "Codec", "Codes", "Places", "Scanner", "Scores", "calibrate"]

Block = tuple[int, int, list[Codes]]  # first row, row after the last, one array a word

BLOCK = 65_536  # rows scanned at a time: what a word of theirs differs in stays in the second-level cache
SLAB = 512  # queries compared with a block of rows at a time
COARSE = 6  # rows looked at closer for each one scored exactly
GATHER = 1_024  # scattered rows brought together at a time


class Calibration(NamedTuple):
    """The depth a collection needs and the recall measured at it."""

    depth: int
    recall: float  # of the rows themselves as queries, each without itself
    between: float  # of queries that lie between two rows, as a question lies between topics
    rows: int  # how many rows there were when it was measured


class Scanner:
    """Nearest rows by inner product over one or more segments of rows, which count on from one to the next.

    Rows must have length one (or zero): scores are then cosines. One scanner may be used by several threads.

    Args:
        segments: Pairs of vectors (n, d) float32 and their codes (words, n), both best memory-mapped; nothing is
            read before the first search.
        codec: What made the codes.
        depth: How many rows are scored exactly; left out, all of them (see `calibrate`).
        alive: A mask (n,) over all rows; the False ones are never returned.
    """

    def __init__(
        self,
        segments: Sequence[tuple[Array, Array]],
        codec: Codec,
        *,
        depth: int | None = None,
        alive: Array | None = None,
    ) -> None:
        self.codec = codec
        # A memory map is a subclass of array whose every slice costs microseconds; the plain view does not.
        self._segments = [np.asarray(rows) for rows, _ in segments if len(rows)]
        self._codes = [np.asarray(codes) for rows, codes in segments if len(rows)]
        for rows, codes in zip(self._segments, self._codes, strict=True):
            if rows.ndim != 2 or rows.shape[1] != codec.dim or codes.shape != (codec.words, len(rows)):
                raise InputError(
                    f"segments: want vectors (n, {codec.dim}) and codes ({codec.words}, n), "
                    f"got {rows.shape} and {codes.shape}"
                )
        self._bounds = np.cumsum([0, *map(len, self._segments)])
        self._alive = None if alive is None else self._mask(alive, "alive")
        self.depth = len(self) if depth is None else integer(depth, name="depth", least=1)
        self._weights = np.repeat(np.array([2, 1], dtype=np.float32), codec.words)
        self._blocks: list[Block] | None = None
        self._spare: list[_Room] = []

    def __len__(self) -> int:
        return int(self._bounds[-1])

    def search(
        self, query: Array, k: int = 10, *, allowed: Array | None = None, depth: int | None = None
    ) -> tuple[Places, Scores]:
        """The k rows nearest to `query` (d,), best first; equal scores stand in the order of their places.

        Args:
            query: One vector; its length scales the scores.
            k: How many; fewer come only where fewer rows are allowed.
            allowed: A mask (n,) or an array of places; only those rows are returned.
            depth: How many rows to score exactly, instead of the scanner's own number (which grows with k past 10).
        """
        query, k = self._query(query), integer(k, name="k", least=1)
        depth = max(self._depth(k) if depth is None else integer(depth, name="depth", least=1), k)
        count, mask, places = self._allowed(allowed)
        # What a scan costs, counted in rows read in order; a scattered row costs three of those.
        scan = len(self) / 11 + 13 * depth + 1900
        if (count if mask is None and places is None else 3 * count) <= scan or not query.any():
            places = np.flatnonzero(mask) if places is None and mask is not None else places
        else:
            places = self._candidates(query, depth, self._mask_of(mask, places))
        return best(self._scores(query, places), places, k)

    def exact(self, queries: Array, k: int = 10, *, allowed: Array | None = None) -> tuple[Places, Scores]:
        """The k nearest rows of each of `queries` (m, d) by comparing with every row: places and scores, (m, k').

        k' is k, or the number of allowed rows where that is smaller.
        """
        queries = vectors(queries, dim=self.codec.dim, least=0, name="queries")
        count, mask, places = self._allowed(allowed)
        k = min(integer(k, name="k", least=1), count)
        if mask is not None and places is None:
            places = np.flatnonzero(mask)
        out = np.zeros((len(queries), k), dtype=np.int64), np.zeros((len(queries), k), dtype=np.float32)
        if k == 0:
            return out
        if len(queries) < 8:
            for at, query in enumerate(queries):
                out[0][at], out[1][at] = best(self._scores(query, places), places, k)
        else:
            for at in range(0, len(queries), SLAB):
                out[0][at : at + SLAB], out[1][at : at + SLAB] = best_of_many(
                    queries[at : at + SLAB], k, self._wide(places), self.rows
                )
        return out

    def rows(self, places: Places) -> Vectors:
        """The vectors (m, d) at `places`, in the order asked for."""
        if len(self._segments) == 1:
            return self._segments[0].take(places, axis=0)
        out = np.empty((len(places), self.codec.dim), dtype=np.float32)
        home = np.searchsorted(self._bounds, places, side="right") - 1
        for segment in np.unique(home):
            mine = home == segment
            out[mine] = self._segments[segment][places[mine] - self._bounds[segment]]
        return out

    def places(self) -> Places:
        """The places of all rows that can be returned."""
        return np.arange(len(self)) if self._alive is None else np.flatnonzero(self._alive)

    def needs(self, queries: Vectors, without: Places, k: int) -> Places:
        """The depth at which a search meets each of the k nearest of each query, (m, k).

        Args:
            queries: (m, d).
            without: Places (m, j) that do not count: the rows a query was made from.
            k: How many neighbours of each; at most the number of rows that count.
        """
        queries = vectors(queries, dim=self.codec.dim, name="queries")
        near, _ = self.exact(queries, k + without.shape[1])
        out = np.empty((len(queries), k), dtype=np.int64)
        room = _Room(self)
        for at, query in enumerate(queries):
            truth = near[at][~np.isin(near[at], without[at])][:k]
            planes = self.codec.query(query)
            far = self._distances(planes[0], room)
            if self._alive is not None:
                far[~self._alive] = 255
            coarse = np.cumsum(np.bincount(far, minlength=256))[far[truth]]
            places = np.flatnonzero(far <= far[truth].max())
            closer = self._closer(planes, places, far)
            fine = np.searchsorted(np.sort(closer), closer[np.searchsorted(places, truth)], side="right")
            out[at] = np.maximum(-(-coarse // COARSE), fine)
            out[at][far[truth] == 255] = len(self)
        return out

    def _depth(self, k: int) -> int:
        """The depth for k rows: as measured for ten, and growing almost as k does past them (measured to k = 100)."""
        return self.depth if k <= 10 else int(self.depth * (k / 10) ** 0.85) + 1

    def _query(self, query: Array) -> Vectors:
        out = np.ascontiguousarray(query, dtype=np.float32)
        if out.shape != (self.codec.dim,):
            raise InputError(f"query: want a vector of shape ({self.codec.dim},), got shape {out.shape}")
        return out if np.isfinite(out @ out) else vectors(out[None], name="query")[0]

    def _mask(self, mask: Array, name: str) -> NDArray[np.bool_]:
        mask = np.asarray(mask)
        if mask.dtype != bool or mask.shape != (len(self),):
            raise InputError(f"{name}: want a mask of shape ({len(self)},), got {mask.dtype} {mask.shape}")
        return mask

    def _allowed(self, allowed: Array | None) -> tuple[int, NDArray[np.bool_] | None, Places | None]:
        """How many rows may be returned, and which: as a mask or as places in order, or neither for all."""
        if allowed is None:
            mask = self._alive
        elif np.asarray(allowed).dtype == bool:
            mask = self._mask(allowed, "allowed")
            mask = mask if self._alive is None else mask & self._alive
        else:
            places = np.unique(np.asarray(allowed)).astype(np.int64)
            if len(places) and (places[0] < 0 or places[-1] >= len(self)):
                raise InputError(f"allowed: want places from 0 to {len(self) - 1}, got {places[0]} to {places[-1]}")
            places = places if self._alive is None else places[self._alive[places]]
            return len(places), None, places
        return (len(self), None, None) if mask is None else (int(np.count_nonzero(mask)), mask, None)

    def _mask_of(self, mask: NDArray[np.bool_] | None, places: Places | None) -> NDArray[np.bool_] | None:
        if places is None:
            return mask
        mask = np.zeros(len(self), dtype=bool)
        mask[places] = True
        return mask

    def _candidates(self, query: Vectors, depth: int, mask: NDArray[np.bool_] | None) -> Places | None:
        """About `depth` allowed places, never fewer, that look nearest to the query, in order; None for all."""
        room = self._spare.pop() if self._spare else _Room(self)
        try:
            planes = self.codec.query(query)
            far = self._distances(planes[0], room)
            if mask is not None:
                # False - 1 is 255 in a byte: as far as anything can be.
                np.bitwise_or(far, np.subtract(mask.view(np.uint8), 1), out=far)
            edge = _edge(far, COARSE * depth, room.near)
            if edge == 255:
                return None if mask is None else np.flatnonzero(mask)
            places = room.near.nonzero()[0]
            closer = self._closer(planes, places, far)
            return places[closer <= np.partition(closer, depth - 1)[depth - 1]]
        finally:
            self._spare.append(room)

    def _closer(self, planes: Codes, places: Places, far: NDArray[np.uint8]) -> Scores:
        """How far rows at `places` (in order) are from the query by all its planes: smaller is nearer."""
        codes = np.empty((self.codec.words, len(places)), dtype=np.uint64)
        blocks = self._scanned()
        cuts = np.searchsorted(places, [start for start, _, _ in blocks[1:]]) if len(blocks) > 1 else []
        for (start, _, columns), one, two in zip(blocks, [0, *cuts], [*cuts, len(places)], strict=True):
            inside = places[one:two] - start
            for column, out in zip(columns, codes, strict=True):
                column.take(inside, out=out[one:two], mode="clip")
        differ = np.bitwise_count(codes ^ planes[1:, :, None]).reshape(-1, len(places))
        closer: Scores = self._weights @ differ.astype(np.float32)
        closer += 4 * far[places].astype(np.float32)
        return closer

    def _scanned(self) -> list[Block]:
        if self._blocks is None:
            self._blocks = list(_blocks(self._codes, self._bounds))
        return self._blocks

    def _distances(self, words: Codes, room: _Room) -> NDArray[np.uint8]:
        """How many bits of every row differ from `words`, 255 for 255 and more; in `room.far`."""
        for start, stop, columns in self._scanned():
            bits, more, far = room.bits[: stop - start], room.more[: stop - start], room.far[start:stop]
            np.bitwise_count(np.bitwise_xor(columns[0], words[0], out=bits), out=far)
            for at in range(1, len(columns)):
                np.bitwise_count(np.bitwise_xor(columns[at], words[at], out=bits), out=more)
                if at > 2:  # the fourth word can carry past 255: stop there
                    np.minimum(more, np.invert(far, out=room.left[: stop - start]), out=more)
                np.add(far, more, out=far)
        return room.far

    def _scores(self, query: Vectors, places: Places | None) -> Scores:
        """Inner products with the rows at `places` (in order), or with all rows.

        Row by row, not as a matrix product, so that equal rows have equal scores wherever they stand.
        """
        if places is None:
            return np.concatenate([np.vecdot(rows, query) for rows in self._segments] or [np.zeros(0, np.float32)])
        out = np.empty(len(places), dtype=np.float32)
        buffer = np.empty((min(GATHER, len(places)), self.codec.dim), dtype=np.float32)
        cuts = np.searchsorted(places, self._bounds) if len(self._segments) > 1 else [0, len(places)]
        for at, rows in enumerate(self._segments):
            inside = places[cuts[at] : cuts[at + 1]] - self._bounds[at]
            for start in range(0, len(inside), GATHER):
                some = inside[start : start + GATHER]
                # mode="clip" because the default copies the whole output once more; places are in range already.
                near = rows.take(some, axis=0, out=buffer[: len(some)], mode="clip")
                np.vecdot(near, query, out=out[cuts[at] + start : cuts[at] + start + len(some)])
        return out

    def _wide(self, places: Places | None) -> Iterator[tuple[Array, Places | int]]:
        """Blocks of rows and where they stand: the first one's place, or the place of each."""
        if places is not None:
            for start in range(0, len(places), WIDE):
                some = places[start : start + WIDE]
                yield self.rows(some), some
            return
        for at, rows in enumerate(self._segments):
            for start in range(0, len(rows), WIDE):
                yield rows[start : start + WIDE], int(self._bounds[at]) + start


class _Room:
    """What one search writes to, kept for the next: fresh pages cost as much as the scan."""

    def __init__(self, scanner: Scanner) -> None:
        block = min(BLOCK, len(scanner))
        self.far = np.empty(len(scanner), dtype=np.uint8)
        self.near = np.empty(len(scanner), dtype=bool)
        self.bits = np.empty(block, dtype=np.uint64)
        self.more = np.empty(block, dtype=np.uint8)
        self.left = np.empty(block, dtype=np.uint8)


def _blocks(codes: Sequence[Codes], bounds: Array) -> Iterator[Block]:
    """Pieces to scan at once. Runs of small segments are joined (copied): a piece costs microseconds by itself."""
    run: list[Codes] = []
    start = 0
    for at, part in enumerate(codes):
        run.append(part)
        stop = int(bounds[at + 1])
        if stop - start < BLOCK // 4 and at + 1 < len(codes):
            continue
        joined = part if len(run) == 1 else np.concatenate(run, axis=1)
        for inside in range(0, stop - start, BLOCK):
            last = min(inside + BLOCK, stop - start)
            yield start + inside, start + last, [word[inside:last] for word in joined]
        run, start = [], stop


def _edge(far: NDArray[np.uint8], depth: int, room: NDArray[np.bool_]) -> int:
    """A distance that at least `depth` of `far` do not exceed, and hardly more; 255 where there is none smaller.

    Guessed from every so many rows, then counted and put right. Below 255, `room` says which rows do not exceed it.
    """
    step = min(max(1, len(far) // 1024), 64)
    sample = far[::step].copy()
    rank = min(int(1.15 * depth / step) + 1, len(sample) - 1)
    sample.partition(rank)
    edge, least = int(sample[rank]), 0
    while edge < 255:
        count = np.count_nonzero(np.less_equal(far, edge, out=room))
        if count < depth:
            edge, least = edge + 1, edge + 1
        elif count > 1.4 * depth and edge > least:
            edge -= 1
        else:
            break
    return edge


def calibrate(
    scanner: Scanner, *, target: float = 0.98, k: int = 10, sample: int = 200, margin: float = 1.25, seed: int = 0
) -> Calibration:
    """Measure how many rows must be scored exactly for the k nearest to be found with probability `target`.

    Two kinds of query are tried, because what people ask is unlike what is stored: rows themselves, and points
    halfway between two random rows, whose neighbours are further away and harder to tell apart. The rows a query
    came from never count. The depth is what the harder kind needs, times `margin`; it is the whole collection where
    no smaller one is enough.

    Args:
        scanner: The collection; its own depth is not read.
        target: The recall wanted.
        k: How many neighbours are looked for.
        sample: How many queries of each kind.
        margin: A factor for queries harder still.
        seed: Draws the queries.
    """
    places = scanner.places()
    k = min(k, len(places) - 2)
    if k < 1:
        return Calibration(depth=max(len(scanner), 1), recall=1.0, between=1.0, rows=len(scanner))
    rng = np.random.default_rng(seed)
    first, second = (rng.choice(places, min(sample, len(places)), replace=False) for _ in range(2))
    rows = scanner.rows(first)
    needs = [
        scanner.needs(rows, np.stack([first, first], axis=1), k),
        scanner.needs(rows + scanner.rows(second), np.stack([first, second], axis=1), k),
    ]
    wanted = max(int(np.quantile(need, target, method="higher")) for need in needs)
    depth = min(int(np.ceil(wanted * margin)), len(scanner))
    recall, between = (float((need <= depth).mean()) for need in needs)
    return Calibration(depth=max(depth, 1), recall=recall, between=between, rows=len(scanner))
