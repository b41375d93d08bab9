"""No password of an address is printed or written."""

from __future__ import annotations

import pytest

from semascope.ops import without_passwords


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("look postgresql://me:secret@host/shop --json", "look postgresql://me:***@host/shop --json"),
        ("postgresql://me:a@b/c:d@host/shop", "postgresql://me:***@host/shop"),
        ("https://host/v1?api_key=abc&x=1 and ftp://u:p@h", "https://host/v1?api_key=***&x=1 and ftp://u:***@h"),
        ("postgresql://host/shop?user=me&password=secret", "postgresql://host/shop?user=me&password=***"),
        ("postgresql://me@host:5432/shop", "postgresql://me@host:5432/shop"),
        (
            "see https://example.org/a:b and write to me@example.org",
            "see https://example.org/a:b and write to me@example.org",
        ),
        ("12:30 no address at all", "12:30 no address at all"),
    ],
)
def test_passwords_of_addresses_become_stars(text: str, printed: str) -> None:
    assert without_passwords(text) == printed
