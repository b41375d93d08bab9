"""Our groups: communities of the neighbour graph, settled by spherical k-means, as many as are found again in draws of the rows."""

# /// script
# dependencies = ["semascope"]
# ///

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from groups._measure import measure

import semascope
from semascope.look.groups import find_groups


def group(texts: Sequence[str], x: Any, seed: int) -> tuple[Sequence[int], Sequence[Sequence[str]]]:
    found = find_groups(x, texts, seed=seed)
    return found.of, [one.words for one in found.groups]


if __name__ == "__main__":
    measure("semascope", group, {"semascope": semascope.__version__})
