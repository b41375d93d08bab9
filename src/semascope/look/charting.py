"""From rows to their neighbours, their places on a map and their groups: what the page and the kept map both rest on."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from semascope.look.found import Groups, Layout
from semascope.look.groups import find_groups
from semascope.look.layout import make_layout
from semascope.ops import Graph, nearest
from semascope.types import Array, Progress, Vectors

NEAREST = 15
Saying = Callable[[str], Progress | None]


class Steps:
    """Tells of each step, and keeps its processor seconds.

    Args:
        told: Called with the name of each step that begins; returns what is told of its progress.
    """

    def __init__(self, told: Saying | None) -> None:
        self.seconds: dict[str, float] = {}
        self._told = told

    @contextmanager
    def __call__(self, name: str) -> Generator[Progress | None]:
        began = time.process_time()
        yield self._told(name) if self._told else None
        self.seconds[name] = self.seconds.get(name, 0.0) + time.process_time() - began


def charted(
    x: Vectors, texts: Sequence[str] | None, steps: Steps, *, read: Array | None = None, seed: int = 0
) -> tuple[Graph, Layout, Groups]:
    """The 15 nearest others of every row, the map, and the groups with their words.

    Args:
        x: Rows of length one (n, d).
        texts: Of the rows, or of those in `read`; None leaves groups without words.
        steps: Told of "neighbours", "map" and "groups".
        read: int (m,), the rows whose texts these are; None for all.
        seed: Of every draw.
    """
    with steps("neighbours") as told:
        graph = nearest(x, NEAREST, progress=told)
    with steps("map"):
        layout = make_layout(x, graph=graph, seed=seed)
    with steps("groups") as told:
        groups = find_groups(x, texts, read=read, graph=graph, seed=seed, progress=told)
    return graph, layout, groups
