"""One model's work, batched: requests that come while a batch runs go together into the next one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence, Sized
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from semascope.errors import AnswerError, InputError, RemoteError
from semascope.ops import integer
from semascope.passport import CANARIES
from semascope.serve.http.logs import note
from semascope.serve.models import Items, Served, Truncate
from semascope.serve.pace import Pace
from semascope.serve.queueing import Queue, Request
from semascope.serve.reading import Part, Prepared, estimate
from semascope.serve.refusals import Busy, Closing, TooLong
from semascope.types import Kind, Vectors

__all__ = ["Batcher", "Busy", "Closing", "Encoded", "TooLong"]

_INLINE_TEXT = 4_096  # characters that are tokenized where they arrive: about a millisecond
_INLINE_SIZES = 500_000  # characters of texts of which only the sizes are looked at: as long
_INLINE_TOKENS = 1_024  # that a quick encoder does where they arrive: about a millisecond too
_READING = 64  # tokens that are read and cut off cost about as much as one that is encoded, or less
_LONGEST_WAIT = 600.0  # seconds that a client is told to wait at most
_WARMING = 2_048  # tokens of the batch that measures a model's speed

Taken = list[tuple[Request, list[int]]]
Outcome = tuple[Vectors, Sequence[int]] | Exception


@dataclass(frozen=True, eq=False)
class Encoded:
    """What a request gets.

    Args:
        vectors: float32 (n, dim).
        tokens: Of each item before anything was cut off, prompt and special ones included, int64 (n,).
        cut: Tokens of each item that were not read, int64 (n,).
    """

    vectors: Vectors
    tokens: NDArray[np.int64]
    cut: NDArray[np.int64]


class Batcher:
    """Encodes for many requests at once, in one thread of its own.

    All its methods belong to one event loop. A batch is made of what waits when the one before it is done, at most
    `batch_tokens` of it; nothing is ever held back in the hope of more. Requests take turns (see `Queue`).

    A request is refused with `Busy` when what waits that comes before it and the request itself would take longer than
    `waiting_seconds`, at the speed that was measured. One that takes longer than that by itself is let in while no other
    such one is there.

    A batch that fails is done again request by request, so that only the one whose fault it is fails.

    Args:
        served: The encoder.
        batch_tokens: Of one batch; what suits the encoder where None.
        waiting_seconds: Of work that may wait.
        waiting_tokens: That may wait, whatever the speed; beside these one request that is larger.
    """

    def __init__(
        self,
        served: Served,
        *,
        batch_tokens: int | None = None,
        waiting_seconds: float = 2.0,
        waiting_tokens: int = 2_000_000,
    ) -> None:
        self.served = served
        self.batch_tokens = (
            served.batch_tokens if batch_tokens is None else integer(batch_tokens, name="batch_tokens", least=1)
        )
        self.waiting_seconds = waiting_seconds
        self.waiting_tokens = integer(waiting_tokens, name="waiting_tokens", least=1)
        self.pace = Pace()
        self._queue = Queue()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=f"encode-{served.name}")
        self._readers = ThreadPoolExecutor(2, thread_name_prefix=f"read-{served.name}")
        self._running = 0  # tokens of the batch that runs
        self._busy = False  # a batch runs, or is about to be made
        self._reading: list[int] = []  # tokens of requests that are being tokenized, estimated
        self._held = 0  # tokens of requests that were accepted and have no answer yet, estimated; not of a large one
        self._large = False  # a request that is more than may wait is there
        self._pending = 0  # requests that were accepted and have no answer yet
        self._since = 0.0  # when the batch that runs began, or the one before it ended if it followed at once
        self._follows = False  # the next batch will, because something waits already
        self._closing = self._closed = False
        self._emptied: asyncio.Event | None = None
        self._counts = {"batches": 0, "items": 0, "tokens": 0, "requests": 0, "refused": 0}

    async def encode(
        self, items: Items, *, kind: Kind = "document", prompt: str | None = None, truncate: Truncate = False
    ) -> Encoded:
        """Vectors of the items of one request, in their order; see `Served.prepare` for what is refused.

        Row i does not depend on other rows or requests but for rounding (1e-5), and with an encoder that is
        `batch_invariant` not at all. Cancelled, it takes out of the queue what waits there.

        Raises:
            Busy: too much waits already.
            TooLong: a text is longer than the model reads, and `truncate` is False.
            InputError: the items are not what the encoder takes.
            Closing: the batcher drains, or is closed.
        """
        if self._closing:
            raise Closing(f"{self.served.name}: the server is closing; try another, or later")
        guess = self._guess(items)
        large = self._admit(guess)
        held = 0 if large else guess
        self._large |= large
        self._held += held
        self._pending += 1
        try:
            read = partial(self.served.prepare, items, kind=kind, prompt=prompt, truncate=truncate)
            prepared = await self._prepare(read, items, guess)
            if not len(prepared):
                return Encoded(np.zeros((0, self.served.dim), np.float32), np.zeros(0, np.int64), np.zeros(0, np.int64))
            found = _answer(await self._done(prepared))
            note(self.served.name, len(prepared), int((found.tokens - found.cut).sum()))
            return found
        finally:
            self._held -= held
            self._large &= not large
            self._pending -= 1
            if not self._pending and self._emptied is not None:
                self._emptied.set()

    async def warm(self) -> None:
        """Encode a few texts, so that the first request is not slow and the speed is known."""
        await self.encode([CANARIES[0]], truncate=True)
        many = [CANARIES[i % len(CANARIES)] for i in range(4 * len(CANARIES))]
        prepared = self.served.prepare(many, truncate=True)
        request = Request(prepared, asyncio.get_running_loop().create_future())
        places, tokens = request.take(min(self.batch_tokens, _WARMING))
        start = time.perf_counter()
        await asyncio.get_running_loop().run_in_executor(self._worker, self.served.encode, [Part(prepared, places)])
        self.pace.saw(tokens, time.perf_counter() - start, full=True)

    async def drain(self) -> None:
        """Take no more requests, and wait until those that were accepted have their answers."""
        self._closing = True
        if self._pending:
            self._emptied = self._emptied or asyncio.Event()
            await self._emptied.wait()

    def close(self) -> None:
        """Take no more requests; those that still wait fail with `Closing`. A batch that runs is not waited for."""
        self._closing = True
        for request in self._queue.clear():
            if not request.future.done():
                request.future.set_exception(Closing(f"{self.served.name}: the server closed before its turn came"))
        self._closed = True
        self._worker.shutdown(wait=False)
        self._readers.shutdown(wait=False)

    def load(self) -> dict[str, float]:
        """What waits and what was done: counts since the start, tokens per second as measured (0: not yet)."""
        batches = self._counts["batches"]
        return {
            "waiting_items": self._queue.items,
            "waiting_requests": len(self._queue),
            "waiting_tokens": self._queue.tokens + sum(self._reading),
            "running_tokens": self._running,
            "pending_requests": self._pending,
            "tokens_per_second": self.pace.tokens_per_second,
            "mean_batch_items": self._counts["items"] / batches if batches else 0.0,
            "mean_batch_tokens": self._counts["tokens"] / batches if batches else 0.0,
            **self._counts,
        }

    # Letting in.

    def _guess(self, items: Items) -> int:
        """About how many tokens a request costs, from the sizes of its items alone."""
        most = self.served.max_length
        sizes = (estimate(item) if isinstance(item, str) else _length(item) for item in items)
        return sum(sizes) if most is None else sum(max(min(size, most), size // _READING) for size in sizes)

    def _admit(self, tokens: int) -> bool:
        """Whether a request is larger than what may wait, and let in nevertheless; Busy where there is no room."""
        waiting = self._queue.tokens + sum(self._reading)
        if self.pace.seconds(tokens) > self.waiting_seconds or 2 * tokens > self.waiting_tokens:
            if not self._large:
                return True
            seconds = self.pace.seconds(waiting + self._running)
            raise self._refused("another request as large is being worked on", seconds)
        # In turn with requests of like size or smaller it waits for all of them, of larger ones for their share.
        mean = self._queue.tokens / max(1, self._queue.items)
        requests = len(self._queue) + len(self._reading)
        before = min(waiting, requests * max(tokens, mean))
        seconds = self.pace.seconds(before + tokens)
        if seconds > self.waiting_seconds:
            seconds += self.pace.seconds(self._running)
            raise self._refused(f"{seconds:.1f} s of work stand before it", seconds - self.waiting_seconds)
        if self._held + tokens > self.waiting_tokens:
            raise self._refused(f"{self._held:,} tokens wait", self.pace.seconds(tokens))
        return False

    def _refused(self, why: str, seconds: float) -> Busy:
        """What to raise, counted."""
        self._counts["refused"] += 1
        seconds = min(max(1.0, seconds), _LONGEST_WAIT)
        return Busy(f"{self.served.name}: busy, {why}; try again in {seconds:.0f} s", retry_after=seconds)

    async def _prepare(self, read: Callable[[], Prepared], items: Items, guess: int) -> Prepared:
        """What `read` gives, in a thread where that takes longer than a moment."""
        tokenizes = self.served.reads_ahead or not isinstance(items[0] if len(items) else "", str)
        if sum(map(_length, items)) <= (_INLINE_TEXT if tokenizes else _INLINE_SIZES):
            return read()
        self._reading.append(guess)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, read)
        finally:
            self._reading.remove(guess)

    async def _done(self, prepared: Prepared) -> Request:
        if self._closed:
            raise Closing(f"{self.served.name}: the server closed before its turn came")
        request = Request(prepared, asyncio.get_running_loop().create_future())
        self._counts["requests"] += 1
        self._queue.add(request)
        if not self._busy:
            self._busy = True
            # At the end of this turn of the loop, so that requests that came together go together.
            asyncio.get_running_loop().call_soon(self._start)
        try:
            return await request.future
        except asyncio.CancelledError:
            self._queue.drop(request)
            raise

    # Working.

    def _start(self) -> None:
        """Run the next batch, if something waits."""
        taken, tokens = self._queue.batch(self.batch_tokens)
        if not taken:
            self._busy = self._follows = False
            return
        self._running = tokens
        full = bool(len(self._queue))
        if not self._follows:
            self._since = time.perf_counter()
        self._follows = full
        parts = [Part(request.prepared, places) for request, places in taken]
        if self.served.quick and tokens <= _INLINE_TOKENS:
            self._finished(taken, tokens, full, self._outcomes(parts))
            return
        job = asyncio.get_running_loop().run_in_executor(self._worker, self._outcomes, parts)
        job.add_done_callback(lambda job: self._finished(taken, tokens, full, job.result()))

    def _finished(self, taken: Taken, tokens: int, full: bool, outcomes: list[Outcome]) -> None:
        """Hand out what a batch gave, and go on."""
        now = time.perf_counter()
        seconds, self._since = now - self._since, now
        for (request, places), outcome in zip(taken, outcomes, strict=True):
            if not request.future.done():
                self._hand(request, places, outcome)
        self._running = 0
        self._counts["batches"] += 1
        self._counts["items"] += sum(len(places) for _, places in taken)
        self._counts["tokens"] += tokens
        if not any(isinstance(outcome, Exception) for outcome in outcomes):
            self.pace.saw(tokens, seconds, full=full)
        # After those who got their answers, who may have the next request at hand.
        asyncio.get_running_loop().call_soon(self._start)

    def _hand(self, request: Request, places: list[int], outcome: Outcome) -> None:
        if not isinstance(outcome, Exception):
            try:
                request.give(places, *outcome)
            except MemoryError as error:  # of a large request's vectors: its failure alone
                outcome = error
        if isinstance(outcome, Exception):
            self._queue.drop(request)
            request.future.set_exception(outcome)

    def _outcomes(self, parts: list[Part]) -> list[Outcome]:
        """What each part of a batch gives."""
        try:
            vectors, tokens = self.served.encode(parts)
        except Exception as error:  # whatever an encoder raises belongs to the request, not to the thread
            if len(parts) == 1 or _nobodys_fault(error):
                return [error for _ in parts]
            return [outcome for part in parts for outcome in self._outcomes([part])]
        found: list[Outcome] = []
        start = 0
        for part in parts:
            rows = vectors[start : start + len(part.places)]
            if np.isfinite(rows).all():
                found.append((rows, tokens[start : start + len(part.places)]))
            else:
                wrong = part.places[int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])]
                found.append(InputError(f"input: {self.served.name} gives no finite vector for the one at {wrong}"))
            start += len(part.places)
        return found


def _answer(request: Request) -> Encoded:
    vectors = np.zeros((0, 0), np.float32) if request.vectors is None else request.vectors
    return Encoded(vectors, np.array(request.tokens, np.int64), np.array(request.prepared.cut, np.int64))


def _length(item: object) -> int:
    """Characters or token ids; 1 for what is neither and will be refused."""
    return len(item) if isinstance(item, Sized) else 1


def _nobodys_fault(error: Exception) -> bool:
    """Whether an encoder elsewhere could not be reached at all: asking again for each request would only take longer."""
    return isinstance(error, RemoteError) and not isinstance(error, AnswerError) and (error.status or 500) >= 500
