"""What waits for a model, and whose turn it is."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from semascope.serve.reading import Prepared
from semascope.types import Vectors

_SHARED = 4  # one part in so many of a batch is for requests of which more waits


class Request:
    """One request on its way through a model.

    Args:
        prepared: Its items.
        future: Gets the request itself when all its vectors are there, or what went wrong.
    """

    __slots__ = ("_at", "_missing", "_order", "_work", "future", "left", "prepared", "tokens", "vectors")

    def __init__(self, prepared: Prepared, future: asyncio.Future[Request]) -> None:
        self.prepared = prepared
        self.future = future
        self.vectors: Vectors | None = None
        self.tokens: list[int] = list(prepared.tokens)
        self._work = [max(1, all_ - cut) for all_, cut in zip(prepared.tokens, prepared.cut, strict=True)]
        self._at = 0
        self._missing = len(self._work)
        self.left = sum(self._work)
        # Longest first: texts that go together are of like length, so that little of a batch is padding.
        self._order = range(1) if self._missing == 1 else np.argsort(-np.asarray(self._work), kind="stable").tolist()

    @property
    def waiting(self) -> int:
        """Items that no batch has taken."""
        return len(self._order) - self._at

    @property
    def next(self) -> int:
        """Tokens of the next item."""
        return self._work[self._order[self._at]]

    def take(self, most: int) -> tuple[list[int], int]:
        """Places of the next items and the tokens that they are: as many as fit, but one at least."""
        start, taken = self._at, 0
        while self._at < len(self._order):
            work = self._work[self._order[self._at]]
            if self._at > start and taken + work > most:
                break
            taken += work
            self._at += 1
        self.left -= taken
        return list(self._order[start : self._at]), taken

    def give(self, places: Sequence[int], rows: Vectors, tokens: Sequence[int]) -> None:
        """Put vectors in their places; with the last of them the request is done."""
        if self.vectors is None:
            self.vectors = np.empty((len(self._work), rows.shape[1]), dtype=np.float32)
        self.vectors[places] = rows
        for place, count in zip(places, tokens, strict=True):
            self.tokens[place] = count
        self._missing -= len(places)
        if not self._missing and not self.future.done():
            self.future.set_result(self)


class Queue:
    """Requests in turn.

    Every batch takes an item of each request in turn; those that it did not reach are first in the next. A quarter of it is
    shared out among the requests of which more waits, and with it all the room that is left. So a request with one text
    never waits for all of one with thousands, and no crowd of small ones stops a large one.

    Attributes:
        tokens: Of the items that wait.
        items: That wait.
    """

    def __init__(self) -> None:
        self._turns: OrderedDict[Request, None] = OrderedDict()
        self._more: OrderedDict[Request, None] = OrderedDict()  # those of which several items wait
        self.tokens = 0
        self.items = 0

    def __len__(self) -> int:
        """Requests of which items wait."""
        return len(self._turns)

    def add(self, request: Request) -> None:
        """Have a request wait its turn."""
        self._turns[request] = None
        if request.waiting > 1:
            self._more[request] = None
        self.tokens += request.left
        self.items += request.waiting

    def drop(self, request: Request) -> None:
        """Take out what waits of a request; one that does not wait is no error."""
        if request in self._turns:
            del self._turns[request]
            self._more.pop(request, None)
            self.tokens -= request.left
            self.items -= request.waiting

    def clear(self) -> list[Request]:
        """Take out everything."""
        found = list(self._turns)
        for request in found:
            self.drop(request)
        return found

    def batch(self, budget: int) -> tuple[list[tuple[Request, list[int]]], int]:
        """Places of the requests whose turn it is, at most `budget` tokens or one item, and the tokens that they are."""
        taken: dict[Request, list[int]] = {}
        spent = self._round(taken, 0, budget - budget // _SHARED if self._more else budget)
        spent = self._shares(taken, spent, budget)
        spent = self._round(taken, spent, budget)
        return list(taken.items()), spent

    def _round(self, taken: dict[Request, list[int]], spent: int, most: int) -> int:
        """An item of each request in turn, while there is room; the tokens of the batch."""
        for _ in range(len(self._turns)):
            request = next(iter(self._turns))
            if taken and spent + request.next > most:
                break
            spent += self._take(taken, request, 1)
        return spent

    def _shares(self, taken: dict[Request, list[int]], spent: int, most: int) -> int:
        """The room that is left, in like shares for all of which more waits; the tokens of the batch."""
        before = -1
        while self._more and before < spent:
            before = spent
            share = max(1, (most - spent) // len(self._more))
            for request in list(self._more):
                if spent + request.next <= most:
                    spent += self._take(taken, request, min(share, most - spent))
        return spent

    def _take(self, taken: dict[Request, list[int]], request: Request, most: int) -> int:
        places, tokens = request.take(most)
        taken.setdefault(request, []).extend(places)
        self.items -= len(places)
        self.tokens -= tokens
        if request.waiting:
            self._turns.move_to_end(request)
        else:
            del self._turns[request]
        if request.waiting > 1:
            self._more.move_to_end(request)
        else:
            self._more.pop(request, None)
        return tokens
