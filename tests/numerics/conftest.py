"""Marks a test as the independent reference of a method; a contract test wants one for each."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "reference(name): compares a method with something we did not write")
