"""reStructuredText: the text as it stands, titled by its first underlined line."""

from __future__ import annotations

import re
from itertools import pairwise

_LINES = 200
_RULE = re.compile(r"([=\-`:.'\"~^_*+#<>])\1{2,}\s*$")


def title(text: str) -> str:
    """The first line with a rule of punctuation under it that is at least as long."""
    lines = text[:50_000].splitlines()[:_LINES]
    for above, below in pairwise(lines):
        said = above.strip()
        if said and not _RULE.match(above) and _RULE.match(below) and len(below.rstrip()) >= len(said):
            return said
    return ""
