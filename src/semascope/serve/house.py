"""What all routes share: the Space that is served, the models, the limits, and the threads that blocking work runs in."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from semascope.errors import PassportError, UnknownNameError
from semascope.serve.batching import Batcher
from semascope.serve.http.bodies import Room
from semascope.serve.http.problems import Problem
from semascope.serve.models import Served
from semascope.serve.settings import Settings

if TYPE_CHECKING:
    from semascope.space import Space
    from semascope.types import Encoder

T = TypeVar("T")


class House:
    """A server's insides. Made before the event loop runs; `close` ends it.

    Args:
        settings: Limits and habits.
        models: Encoders that `/v1/embeddings` serves, by name, in the order in which they are listed.
        space: The Space, where one is served; the encoders of its encodings are served too, under their names.
    """

    def __init__(self, settings: Settings, models: Mapping[str, Encoder], space: Space | None = None) -> None:
        self.settings = settings
        self.space = space
        self.room = Room(settings.bodies)
        self.models: dict[str, Batcher] = {}
        self.closing = False
        self.started = int(time.time())
        self._of_encoding: dict[tuple[str, str], Batcher] = {}
        self._opening = asyncio.Lock()
        self._threads = ThreadPoolExecutor(settings.threads, thread_name_prefix="house")
        self._closers: list[Callable[[], Awaitable[object]]] = []
        self._kept: dict[Any, Any] = {}
        for name, encoder in models.items():
            self.add_model(name, encoder)

    def add_model(self, name: str, encoder: Encoder) -> Batcher:
        """Serve an encoder under a name."""
        settings = self.settings
        batcher = Batcher(
            Served(name, encoder),
            batch_tokens=settings.batch_tokens,
            waiting_seconds=settings.waiting_seconds,
            waiting_tokens=settings.waiting_tokens,
        )
        self.models[name] = batcher
        return batcher

    def model(self, name: str) -> Batcher:
        """The model of that name.

        Raises:
            Problem: 404, there is none; says which there are.
        """
        found = self.models.get(name)
        if found is None:
            there = ", ".join(self.models) or "none"
            message = f"The model {name!r} does not exist: want one of {there}"  # as OpenAI says it
            raise Problem(404, message, param="model", code="model_not_found")
        return found

    def opened(self) -> Space:
        """The Space.

        Raises:
            Problem: 404, none is served.
        """
        if self.space is None:
            raise Problem(404, "no Space is served here: semascope serve my.space", code="no_space")
        return self.space

    async def of_encoding(self, name: str | None) -> Batcher:
        """What encodes the queries of an encoding of the Space, the current one unless named; opened at first need.

        Raises:
            Problem: 409, what made its vectors is not known or not at hand.
        """
        space = self.opened()
        encoding = await self.thread(space.encoding, name)
        # By its passport too: another encoding may be given the name of one that is gone.
        key = encoding.name, encoding.passport.id
        async with self._opening:
            found = self._of_encoding.get(key)
            if found is None:
                try:
                    encoder = await self.thread(space.encoder, encoding.name)
                except PassportError as error:
                    raise Problem(409, str(error), param="encoding", code="no_encoder") from error
                found = self._of_encoding[key] = self._known(encoder) or self.add_model(
                    _free(encoder, encoding.name, self.models), encoder
                )
            return found

    def _known(self, encoder: Encoder) -> Batcher | None:
        """The batcher of a model that is served already and is the same."""
        for batcher in self.models.values():
            passport = batcher.served.encoder.passport
            if passport.known and not passport.differences(encoder.passport):
                return batcher
        return None

    def kept(self, kind: Callable[[House], T]) -> T:
        """What routes share, one of each kind: made of the house when it is first needed."""
        if kind not in self._kept:
            self._kept[kind] = kind(self)
        return self._kept[kind]

    async def thread(self, call: Callable[..., T], /, *args: Any, **named: Any) -> T:
        """Run what blocks in a thread; at most `settings.threads` at once."""
        # A pool: what was given up while it ran keeps its thread until it is done, and what still waited is not begun.
        work = partial(copy_context().run, call, *args, **named)
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def told(self, message: str) -> str:
        """A message as clients may read it: the Space by its name, without where it lies on this machine."""
        if self.space is None:
            return message
        name = self.settings.name or self.space.path.resolve().name
        # A relative path gives nothing away, and a short one, such as a dot, may be part of any word.
        for path in {self.space.path.resolve(), self.space.path}:
            message = message.replace(str(path), name) if path.is_absolute() else message
        return message

    def on_close(self, closer: Callable[[], Awaitable[object]]) -> None:
        """Have something closed with the house, the last first."""
        self._closers.append(closer)

    async def close(self) -> None:
        """Finish what was accepted, then close everything."""
        self.closing = True
        for closer in reversed(self._closers):
            with contextlib.suppress(asyncio.CancelledError):
                await closer()
        for batcher in self.models.values():
            await batcher.drain()
            batcher.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self.space is not None:
            self.space.close()


def _free(encoder: Any, otherwise: str, taken: Mapping[str, Any]) -> str:
    """A name for an encoder that no other model has."""
    names: Sequence[str] = (getattr(encoder, "found_as", ""), getattr(encoder, "name", ""), otherwise)
    for name in names:
        if isinstance(name, str) and name and name not in taken:
            return name
    for number in range(2, 1_000):
        if f"{otherwise}-{number}" not in taken:
            return f"{otherwise}-{number}"
    raise UnknownNameError(f"model: no free name for {otherwise!r}")
