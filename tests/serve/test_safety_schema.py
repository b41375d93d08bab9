"""Requests made of the server's own description by schemathesis, thousands of them, right and wrong: none is a server error."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

_PLACES = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
SCHEMATHESIS = shutil.which("schemathesis", path=_PLACES)
pytestmark = pytest.mark.skipif(SCHEMATHESIS is None, reason="pip install schemathesis")
# Busy, and a full disk: what a server may say of itself.
ALLOWED = {503, 507}


def statuses(server, tmp_path: Path, *args: str) -> Counter[int]:
    """How often the server answered with which status, by its own account."""
    command = [str(SCHEMATHESIS), "run", f"{server.address}/openapi.json", "--checks", "not_a_server_error"]
    common = ("--seed", "1", "--suppress-health-check", "all", "--generation-database", "none", "--continue-on-failure")
    done = subprocess.run([*command, *common, *args], cwd=tmp_path, capture_output=True, text=True, check=False)
    code, written = server.end()
    assert code == 0
    lines = [json.loads(line) for line in written.splitlines()]
    assert [line for line in lines if line["event"] == "failed"] == [], done.stdout[-3_000:]
    found = Counter(line["status"] for line in lines if line["event"] == "request")
    assert {status for status in found if status >= 500} <= ALLOWED, done.stdout[-3_000:]
    return found


def test_what_the_description_allows_and_forbids_is_never_a_server_error(own_space, child, tmp_path):
    # Long jobs are left to the test below: each is a process of its own.
    server = child(own_space, "--log-format", "json")
    found = statuses(server, tmp_path, "--phases", "examples,coverage", "--exclude-path", "/x/jobs")
    assert found.total() >= 1_000
    assert found[200] >= 100
    assert found[400] >= 100


@pytest.mark.slow
def test_what_is_made_up_at_random_and_in_sequence_is_never_a_server_error(own_space, child, tmp_path):
    server = child(own_space, "--model", "small=default | truncate(32)", "--log-format", "json")
    found = statuses(server, tmp_path, "--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "40")
    assert found.total() >= 2_000
    assert found[200] >= 300
