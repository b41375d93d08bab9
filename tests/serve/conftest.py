"""A Space to serve, and real servers on free ports of the loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from browser import browser, desk, heard  # noqa: F401 - fixtures for all tests here
from notes import documents
from serving import Child, Served

from semascope.corpus import Corpus
from semascope.encoders import Encoder
from semascope.space import Space


@pytest.fixture(scope="session")
def space_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Space of 300 documents made with the default encoder. Whoever writes to it takes `own_space` instead."""
    folder = tmp_path_factory.mktemp("served") / "notes.space"
    Space.build(Corpus(documents(), name="notes"), Encoder("default"), folder).close()
    return folder


@pytest.fixture
def own_space(tmp_path: Path) -> Path:
    """A Space of 60 documents that a test may write to."""
    folder = tmp_path / "own.space"
    Space.build(Corpus(documents(60), name="own"), Encoder("default"), folder).close()
    return folder


@pytest.fixture(scope="session")
def served() -> type[Served]:
    """`with served(space, models, **settings) as server:` for fixtures that live longer than a test; see `Served`."""
    return Served


@pytest.fixture
def running() -> Iterator[Callable[..., Served]]:
    """`running(space, models={...}, **settings)` starts a server that ends with the test; see `Served`."""
    started: list[Served] = []

    def start(space: Space | Path | None = None, models: Mapping[str, Any] | None = None, **settings: Any) -> Served:
        served = Served(space, models or ({} if space else {"default": "default"}), **settings)
        started.append(served)
        return served.__enter__()

    yield start
    for served in started:
        served.__exit__(None, None, None)


@pytest.fixture
def child() -> Iterator[Callable[..., Child]]:
    """`child(space, "--model", "default", ...)` starts a server as a process of its own that ends with the test."""
    started: list[Child] = []

    def start(*args: object, env: Mapping[str, str] | None = None) -> Child:
        started.append(Child(*args, env=env))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture(scope="session")
def server(space_folder: Path) -> Iterator[Served]:
    """One server over the Space for all tests that only read; `server.address` is its address."""
    with Served(space_folder, {}) as served:
        yield served


@pytest.fixture(scope="session")
def address(server: Served) -> str:
    """http://127.0.0.1:PORT of a server over the Space, for tests that only read."""
    return server.address
