"""Short ways to ask a running server, for the tests of other people's clients."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from semascope.serve.house import House
from tests.serve.asking import Answer, ask


class Server:
    """A server that runs.

    Args:
        house: What is served.
        address: Where it listens, without "/" at the end.
    """

    def __init__(self, house: House, address: str) -> None:
        self.house = house
        self.url = address

    def post(self, path: str, body: Any) -> Answer:
        return ask(self.url, "POST", path, body)

    def get(self, path: str) -> Answer:
        return ask(self.url, "GET", path)


@contextmanager
def serving(served: type[Any], models: Mapping[str, Any], **settings: Any) -> Generator[Server]:
    """Run a server; `served` is the fixture of that name."""
    with served(None, models, **settings) as running:
        yield Server(running.house, running.address)
