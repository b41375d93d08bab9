"""Chooses whose claims are run: `pytest -m claim --claims=changed|tenth|all`."""

from __future__ import annotations

import pytest

from semascope import checking, registry


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "claimant" in metafunc.fixturenames:
        which = metafunc.config.getoption("claims")
        chosen = {"changed": checking.changed, "tenth": checking.rotating, "all": lambda: list(registry.names())}[which]
        # Nothing to collect is no error: on most days no method has changed.
        metafunc.parametrize("claimant", sorted(chosen()))
