"""What a recipe may cost, as people write it."""

from __future__ import annotations

import pytest

from semascope.errors import OptionError
from semascope.tune import Budget


@pytest.mark.parametrize(
    ("text", "size", "seconds"),
    [
        ("64 bytes, 5 ms", 64, 0.005),
        ("5ms,64B", 64, 0.005),
        ("1.5 KB", 1500, None),
        ("1 KiB", 1024, None),
        ("800 us", None, 0.0008),
        ("0.2 s", None, 0.2),
        ("", None, None),
        (None, None, None),
    ],
)
def test_sizes_and_times_are_read(text: str | None, size: float | None, seconds: float | None) -> None:
    found = Budget.of(text)
    assert (found.bytes, found.seconds) == (size, pytest.approx(seconds))
    assert found.open == (size is None and seconds is None)


@pytest.mark.parametrize(
    "text", ["64", "bytes", "64 bites", "-3 ms", "0 bytes", "64 bytes 5 ms", "1 ms, 2 ms", "64 B,", "fast"]
)
def test_anything_else_is_refused_with_what_was_wanted(text: str) -> None:
    with pytest.raises(OptionError, match="budget: want"):
        Budget.of(text)


def test_what_is_within_and_how_far_beyond_a_recipe_is() -> None:
    found = Budget.of("64 bytes, 5 ms")
    assert found.allows(64, 0.005)
    assert not found.allows(65, 0.001)
    assert not found.allows(1, 0.0051)
    assert found.over(128, 0.02) == pytest.approx(4)
    assert str(found) == "64 bytes, 5 ms"
    assert Budget.of(None).allows(1e9, 1e9)
