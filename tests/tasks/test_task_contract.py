"""Every kind of task keeps the contract of tasks."""

from __future__ import annotations

import pytest
from made_up import ALL

from semascope.testing import judging


@pytest.mark.parametrize("check", judging.CHECKS)
@pytest.mark.parametrize("kind", ALL)
def test_a_task_keeps_its_contract(kind: str, check: str) -> None:
    judging.CHECKS[check](ALL[kind]())
