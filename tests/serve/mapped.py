"""A server over a Space for the tests of maps, jobs and reports, and what a client reads of it."""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from asking import Answer, ask

from semascope.serve.house import House


class Server:
    """A server that runs.

    Args:
        house: What is served.
        address: Where it listens.
    """

    def __init__(self, house: House, address: str) -> None:
        self.house = house
        self.address = address

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        return ask(self.address, method, path, body)

    def get(self, path: str) -> Answer:
        return self.ask("GET", path)

    def post(self, path: str, body: Any) -> Answer:
        return self.ask("POST", path, body)


@contextmanager
def opened(served: type[Any], space: Path | None, **settings: Any) -> Generator[Server]:
    """A server over a Space, with the limits that are given; `served` is the fixture of that name."""
    with served(space, {"default": "default"} if space is None else {}, **settings) as running:
        yield Server(running.house, running.address)


def ended(server: Server, job: dict[str, Any], patience: float = 120) -> dict[str, Any]:
    """A job once it has ended."""
    until = time.monotonic() + patience
    while job["state"] in ("waiting", "running"):
        assert time.monotonic() < until, job
        time.sleep(0.05)
        job = server.get(f"/x/jobs/{job['id']}").json
    return job


def begun(server: Server, **asked: Any) -> dict[str, Any]:
    """A job that was accepted."""
    answer = server.post("/x/jobs", asked)
    assert answer.status == 202, answer.body
    return answer.json


def done(server: Server, **asked: Any) -> dict[str, Any]:
    """A job that was begun and went well."""
    job = ended(server, begun(server, **asked))
    assert job["state"] == "done", job
    return job


def column(answer: Answer) -> tuple[dict[str, Any], np.ndarray]:
    """Header and values of a column as it came."""
    assert answer.status == 200, answer.body
    length = int.from_bytes(answer.body[:4], "little")
    assert (4 + length) % 4 == 0
    header = json.loads(answer.body[4 : 4 + length])
    return header, np.frombuffer(answer.body[4 + length :], header["dtype"])


def refused(answer: Answer) -> tuple[int, str]:
    """Status and code of an error."""
    return answer.status, answer.json["error"]["code"]
