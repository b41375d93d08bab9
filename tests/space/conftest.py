"""Places for Spaces that many tests write to over and over."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_MEMORY = "/dev/shm"


@pytest.fixture
def quick_path() -> Iterator[Path]:
    """A folder in memory where there is one: flushing to it is free, and a killed process leaves the same there."""
    place = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="semascope-test-", dir=place) as folder:
        yield Path(folder)
