"""A server over the routes of maps, jobs and reports alone, and what a client reads of them."""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from loopback import Answer, Server, serving

from semascope.serve.explore import jobs, maps, reports
from semascope.serve.house import House
from semascope.serve.settings import Settings
from semascope.space import Space


@contextmanager
def opened(space: Path | None, **settings: Any) -> Generator[Server]:
    """A server over a Space, with the limits that are given."""
    house = House(Settings(**settings), {}, None if space is None else Space.open(space))
    with serving(house, [*maps.ENDPOINTS, *jobs.ENDPOINTS, *reports.ENDPOINTS]) as server:
        yield server


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
    assert answer.status == 202, answer.data
    return answer.json


def done(server: Server, **asked: Any) -> dict[str, Any]:
    """A job that was begun and went well."""
    job = ended(server, begun(server, **asked))
    assert job["state"] == "done", job
    return job


def column(answer: Answer) -> tuple[dict[str, Any], np.ndarray]:
    """Header and values of a column as it came."""
    assert answer.status == 200, answer.data
    length = int.from_bytes(answer.data[:4], "little")
    assert (4 + length) % 4 == 0
    header = json.loads(answer.data[4 : 4 + length])
    return header, np.frombuffer(answer.data[4 + length :], header["dtype"])


def refused(answer: Answer) -> tuple[int, str]:
    """Status and code of an error."""
    return answer.status, answer.json["error"]["code"]
