"""Asking a server for the vectors of many texts: cut into requests it can take, several under way, answers as they come."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from semascope.encoders.remote.rows import rows_of
from semascope.encoders.remote.wire import Endpoint, Halt, TooLargeError
from semascope.errors import RemoteError
from semascope.types import Vectors

_MOST_COLUMNS = 65_536  # read of a row where its width is not known yet
_NUMBER = 26  # bytes of one number written out, at most, with its comma


@dataclass(frozen=True)
class Usage:
    """What an encoder behind a URL has cost so far.

    Args:
        requests: Sent, with those that were repeated.
        retries: Of them repetitions.
        tokens: As the server counted them; 0 where it does not say.
        characters: Sent, prompts included, of texts that were answered.
        cached: Texts that were answered from the cache, or were the same as another of their call.
    """

    requests: int = 0
    retries: int = 0
    tokens: int = 0
    characters: int = 0
    cached: int = 0


@dataclass(frozen=True, eq=False)
class _Call:
    """What one call asks for: texts as they are sent, their places in the caller's list, and in which encoding."""

    texts: Sequence[str]
    places: Sequence[int]
    kind: str
    dim: int | None
    encoding: str
    halt: Halt


class Asker:
    """Cuts, sends and reads; learns from refusals how much the server takes. Safe to use from several threads.

    Args:
        endpoint: Where requests go.
        fields: What stands in every request, such as the model.
        types: What to send as `input_type`, by kind.
        encoding: How to ask for vectors.
        concurrency: Requests under way at the same time.
        most_texts: Of one request.
        most_bytes: Of one request, about.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        fields: Mapping[str, Any],
        types: Mapping[str, str],
        *,
        encoding: str,
        concurrency: int,
        most_texts: int,
        most_bytes: int,
    ) -> None:
        self.endpoint = endpoint
        self.tokens = 0
        self.characters = 0
        self._fields = dict(fields)
        self._types = dict(types)
        self._encoding = encoding
        self._names_encoding = True
        self._concurrency = concurrency
        self._most_texts = most_texts
        self._most_bytes = most_bytes
        self._lock = threading.Lock()

    def ask(
        self,
        texts: Sequence[str],
        places: Sequence[int],
        kind: str,
        size: int,
        dim: int | None,
    ) -> Iterator[tuple[slice, Vectors]]:
        """Rows as answers come: which of the texts, and theirs, float32 (., dim).

        Args:
            texts: As they are sent, none of them empty.
            places: Of each in the caller's list, for errors.
            kind: Decides the input type.
            size: The most texts of one request.
            dim: Columns wanted; None takes what comes.
        """
        call = _Call(texts, places, kind, dim, self._encoding, Halt())
        cut = self._cut(texts, size)
        waiting = list(islice(cut, 2))
        if self._concurrency == 1 or len(waiting) < 2:
            for part in waiting:
                yield part, self._rows(call, part)
            for part in cut:
                yield part, self._rows(call, part)
            return
        yield from self._side_by_side(call, waiting, cut)

    def ask_plainly(self, texts: Sequence[str], kind: str, dim: int | None) -> Vectors:
        """Rows of a few texts in one request, as plain numbers, which cannot be misread: they say how wide a row must be."""
        call = _Call(texts, range(len(texts)), kind, dim, "float", Halt())
        return self._rows(call, slice(0, len(texts)))

    def _side_by_side(
        self, call: _Call, waiting: Sequence[slice], cut: Iterator[slice]
    ) -> Iterator[tuple[slice, Vectors]]:
        pool = ThreadPoolExecutor(self._concurrency, thread_name_prefix="semascope-remote")
        running: dict[Future[Vectors], slice] = {pool.submit(self._rows, call, part): part for part in waiting}
        try:
            while True:
                while len(running) < 2 * self._concurrency and (part := next(cut, None)) is not None:
                    running[pool.submit(self._rows, call, part)] = part
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield running.pop(future), future.result()
        finally:
            if running:
                # An error, Ctrl-C, or nobody who wants more: what is under way ends now, not when it times out.
                call.halt.stop()
            pool.shutdown(wait=True, cancel_futures=True)

    def _cut(self, texts: Sequence[str], size: int) -> Iterator[slice]:
        start = 0
        while start < len(texts):
            most, end, used = min(size, self._most_texts), start, 0
            while end < len(texts) and end - start < most:
                used += len(texts[end].encode("utf-8"))
                if end > start and used > self._most_bytes:
                    break
                end += 1
            yield slice(start, end)
            start = end

    def _rows(self, call: _Call, part: slice) -> Vectors:
        texts = call.texts[part]
        named = self._names_encoding
        fields = {**self._fields, "input": texts}
        if named:
            fields["encoding_format"] = call.encoding
        if call.kind in self._types:
            fields["input_type"] = self._types[call.kind]
        body = json.dumps(fields, ensure_ascii=False).encode("utf-8")
        most = 2**20 + len(texts) * _NUMBER * (_MOST_COLUMNS if call.dim is None else 8 * call.dim)
        try:
            answer = self.endpoint.post(body, most=most, halt=call.halt)
        except TooLargeError as error:
            return self._halves(call, part, error)
        except RemoteError as error:
            if named and error.status in (400, 422) and "encoding_format" in str(error):
                self._names_encoding = False  # it knows one encoding only, and will say in its answers which
                return self._rows(call, part)
            raise
        rows = rows_of(answer, len(texts), dim=call.dim, where=str(self.endpoint.address))
        with self._lock:
            self.tokens += _tokens(answer)
            self.characters += sum(map(len, texts))
        return rows

    def _halves(self, call: _Call, part: slice, error: TooLargeError) -> Vectors:
        texts = call.texts[part]
        if len(texts) == 1:
            raise RemoteError(
                f"texts: the server refuses text {call.places[part.start]} of {len(texts[0]):,} characters as too long: {error}. "
                "Cut it into passages, or send its beginning only with max_characters=...",
                status=error.status,
            ) from error
        with self._lock:
            if error.by_count:
                self._most_texts = min(self._most_texts, max(1, len(texts) // 2))
            else:
                self._most_bytes = min(self._most_bytes, sum(len(text.encode("utf-8")) for text in texts) // 2)
        middle = (part.start + part.stop) // 2
        first, second = slice(part.start, middle), slice(middle, part.stop)
        return np.concatenate([self._rows(call, first), self._rows(call, second)])


def _tokens(answer: Mapping[str, Any]) -> int:
    usage = answer.get("usage")
    said = usage.get("total_tokens", usage.get("prompt_tokens")) if isinstance(usage, Mapping) else None
    return said if isinstance(said, int) and not isinstance(said, bool) and said > 0 else 0
