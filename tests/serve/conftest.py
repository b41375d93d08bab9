"""A Space to serve, and real servers on free ports of the loopback."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pytest
from browser import browser  # noqa: F401 - a fixture for all tests here

from semascope.corpus import Corpus, Document
from semascope.encoders import Encoder
from semascope.serve.running import Running, Started
from semascope.serve.settings import Settings
from semascope.space import Space

TOPICS = {
    "kitchen": "bread oven flour yeast dough butter kitchen recipe sugar kettle bake knead crust loaf",
    "network": "router cable network packet server wireless signal switch gateway address modem bandwidth",
    "garden": "garden tulip soil compost rose watering seed greenhouse spade blossom hedge orchard",
    "railway": "train railway platform station conductor ticket locomotive carriage track signalman timetable",
    "music": "violin concert orchestra melody piano rehearsal choir trumpet rhythm composer cello harmony",
}
LITTLE = ["the", "a", "of", "with", "and", "near", "every", "old", "new", "small", "for", "from", "about", "under"]
# A document whose text would break a page that took it for anything but text.
HTML = '<b>Bread</b> & butter <script>window.broken = 1</script> <img src=x onerror="window.broken = 2"> in the kitchen oven.'
NASTY = "html"
DOCUMENTS = 300


def sentence(rng: np.random.Generator, topic: str, words: int = 12) -> str:
    """A sentence of a topic."""
    said = [*rng.choice(TOPICS[topic].split(), words // 2), *rng.choice(LITTLE, words - words // 2)]
    return " ".join(str(word) for word in rng.permutation(said)).capitalize() + "."


def documents(n: int = DOCUMENTS, seed: int = 0) -> list[Document]:
    """Texts of five topics: d0, d1, ...; every fiftieth is long enough for several passages, one holds HTML."""
    rng = np.random.default_rng(seed)
    topics = list(TOPICS)
    found: list[Document] = []
    for number in range(n):
        topic = topics[number % len(topics)]
        length = 60 if number % 50 == 7 else 2 + number % 3
        text = " ".join(sentence(rng, topic) for _ in range(length))
        year = 2015 + number % 10
        found.append(
            Document(
                id=f"d{number}",
                text=text,
                title=f"{topic.capitalize()} {number}",
                label=topic,
                time=f"{year}-{1 + number % 12:02d}-{1 + number % 28:02d}",
                lang="de" if number % 11 == 0 else "en",
                metadata={"year": year, "size": float(length) + 0.5, "author": f"Author {number % 7}"},
            )
        )
    found[3] = Document(
        id=NASTY,
        text=HTML,
        title="<i>Title</i> & more",
        label="kitchen",
        time="2020-02-02",
        lang="en",
        metadata={"year": 2020},
    )
    return found


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


class Served:
    """A real server in a thread of its own.

    Args:
        space: The Space or its folder, or None.
        models: Encoders, or their names, by the names under which they are served.
        settings: Fields of `Settings`.
    """

    def __init__(self, space: Space | Path | None, models: Mapping[str, Any], **settings: Any) -> None:
        self.running = Running(
            Settings(**{"port": 0, "drain_seconds": 10.0, **settings}),
            {name: Encoder(model) if isinstance(model, str) else model for name, model in models.items()},
            Space.open(space) if isinstance(space, Path) else space,
        )
        self.house = self.running.house
        self.address = self.running.address.rstrip("/")
        self.port = self.running.bound.getsockname()[1]
        self.started: Started | None = None
        self.failed: BaseException | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            asyncio.run(self.running.serve(self._told))
        except BaseException as error:
            self.failed = error
        finally:
            self._ready.set()

    def _told(self, started: Started) -> None:
        self.started = started
        self._ready.set()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(60)
        if self.failed is not None:
            raise self.failed
        return self

    def stop(self) -> None:
        """Stop as a signal does, and wait."""
        self.running.stop()
        self._thread.join(60)
        assert not self._thread.is_alive()
        if self.failed is not None:
            raise self.failed

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread.is_alive():
            self.stop()


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


class Child:
    """A server as a process of its own, started as a person would.

    Args:
        args: Of `semascope serve`.
        env: Beside what is there.
    """

    def __init__(self, *args: object, env: Mapping[str, str] | None = None) -> None:
        command = [sys.executable, "-m", "semascope", "serve", *map(str, args), "--port", "0"]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **(env or {})}
        )
        assert self.process.stdout is not None
        self.said: list[str] = []
        for line in self.process.stdout:
            self.said.append(line)
            if "Ctrl-C ends it" in line:
                break
        found = re.search(r"http://[^ ]+:(\d+)", "".join(self.said))
        if found is None:
            raise AssertionError(f"no server: {self.process.stderr.read() if self.process.stderr else ''}")
        self.port = int(found[1])
        self.address = f"http://127.0.0.1:{self.port}"

    def end(self, number: int = signal.SIGTERM, timeout: float = 60.0) -> tuple[int, str]:
        """Stop it; the exit code, and what it wrote to stderr."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        _, written = self.process.communicate(timeout=timeout)
        return self.process.returncode, written


@pytest.fixture
def child() -> Iterator[Callable[..., Child]]:
    """`child(space, "--model", "default", ...)` starts a server as a process of its own that ends with the test."""
    started: list[Child] = []

    def start(*args: object, env: Mapping[str, str] | None = None) -> Child:
        started.append(Child(*args, env=env))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()


@pytest.fixture(scope="session")
def server(space_folder: Path) -> Iterator[Served]:
    """One server over the Space for all tests that only read; `server.address` is its address."""
    with Served(space_folder, {}) as served:
        yield served


@pytest.fixture(scope="session")
def address(server: Served) -> str:
    """http://127.0.0.1:PORT of a server over the Space, for tests that only read."""
    return server.address
