"""Small models trained once, one thread, and a cache folder of each test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from little import NAMES, little, sentences

from semascope.training import make_model

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("SEMASCOPE_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def texts() -> list[str]:
    return sentences()


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One small model of every kind, by name; not to be written to."""
    folder = tmp_path_factory.mktemp("made")
    return {name: make_model(little(name), sentences(), out=folder / name, device="cpu") for name in NAMES}
