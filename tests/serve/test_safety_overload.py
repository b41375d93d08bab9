"""Ten times more than a server can do, for some seconds: nothing accepted is lost, the memory is bounded, and then it is as before."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "serve_overload.py"


@pytest.mark.slow
def test_ten_times_too_much_is_refused_in_part_and_nothing_accepted_is_lost():
    spec = importlib.util.spec_from_file_location("serve_overload", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    bench = importlib.util.module_from_spec(spec)
    sys.modules["serve_overload"] = bench  # dataclasses look their module up
    spec.loader.exec_module(bench)
    found = bench.run("default", texts=64, seconds=6.0, factor=10.0)
    assert found.accepted >= 50
    assert (found.lost, found.what_was_lost) == (0, {})
    assert found.refused + found.not_offered > found.accepted
    assert found.memory_most < found.memory_before + 400
    assert found.seconds_to_recover <= 5.0
    assert found.exit_code == 0
