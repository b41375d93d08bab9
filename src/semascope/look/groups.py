"""Groups of rows that lie together: as many as are found again when rows are drawn anew, named by their words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from semascope.errors import InputError
from semascope.geometry.communities import Communities
from semascope.look.found import Group, Groups
from semascope.look.naming import group_words
from semascope.ops import bootstrap, vectors
from semascope.ops.graph import Graph
from semascope.types import Array, Progress

STABLE = 0.6  # mean Jaccard index from which a group counts as found again
_MOST = 20_000  # rows that groups are looked for among; of more, an even draw
_NEAREST = 15


def find_groups(
    x: Array,
    texts: Sequence[str] | None,
    *,
    read: Array | None = None,
    graph: Graph | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Groups:
    """Groups of rows that are each other's neighbours, each with its words and with how surely it is one.

    Every row is put in the group whose centre is nearest; where no split of the rows is found again in draws of 80 % of
    them, all rows are one group.

    Args:
        x: Rows (n, d), finite; their lengths do not count.
        texts: Of the rows; None leaves the groups without words.
        read: int (m,), the rows whose texts these are, where they are not those of all rows: words are then found in them alone.
        graph: The nearest others of each row, 15 or more (better 24: those that a draw leaves out then have a stand-in).
        seed: Of the draws.
        progress: Told when groups are found, and when they are named.

    Raises:
        InputError: not one text for each row.
    """
    x = vectors(x, name="x", least=1)
    told = len(x) if read is None else len(read)
    if texts is not None and len(texts) != told:
        raise InputError(f"texts: want one for each of {told:,} rows, got {len(texts):,}")
    of, again, cosines, looked, line = _of(x, None if graph is None else graph.indices, seed)
    if progress is not None:
        progress(1, 2)
    count = again.shape[1]
    named = group_words(texts, of if read is None else of[read]) if texts is not None and count > 1 else []
    named += [[] for _ in range(count - len(named))]  # of the last groups no row may have been read
    groups: list[Group] = []
    for number in range(count):
        rows = np.flatnonzero(of == number)
        typical = rows[np.argsort(-cosines[rows], kind="stable")].astype(np.int64)
        sure = bootstrap(again[:, number], draws=2000, seed=seed)
        groups.append(Group(number, named[number], typical, sure, sure.value >= line))
    if progress is not None:
        progress(2, 2)
    return Groups(of, groups, _says(groups, len(x), looked, len(again), line))


def _of(x: Array, neighbours: Any, seed: int) -> tuple[Any, Any, Any, int, float]:
    """Groups, how far each was found again (draws, k), cosines with the own centre, rows looked among, and the line."""
    n = len(x)
    if n < 3:
        return np.zeros(n, np.int32), np.ones((1, 1)), np.ones(n), n, STABLE
    method = Communities(n_neighbors=_NEAREST, least=max(3, min(10, n // 20)), random_state=seed)
    if n > _MOST:
        drawn = np.sort(np.random.default_rng(seed).permutation(n)[:_MOST])
        method.fit(x[drawn])
    else:
        method.fit(x, neighbours=neighbours)
    cosines = method.transform(x)
    of = cosines.argmax(axis=1).astype(np.int32)
    rank = np.argsort(-np.bincount(of, minlength=cosines.shape[1]), kind="stable")
    place = np.empty(len(rank), np.int32)
    place[rank] = np.arange(len(rank), dtype=np.int32)
    return place[of], method.found_again_[:, rank], cosines.max(axis=1), min(n, _MOST), max(STABLE, method.line_)


def _says(groups: Sequence[Group], n: int, looked: int, draws: int, line: float) -> str:
    if len(groups) == 1:
        return (
            "The rows are one group: however they were split, the parts were not found again when rows were drawn anew."
            if n >= 3
            else "There are too few rows to look for groups."
        )
    sure = sum(group.stable for group in groups)
    among = f" among {looked:,} rows drawn evenly, all {n:,} then put with the nearest" if looked < n else ""
    return (
        f"{len(groups)} groups{among}; {sure} of them are stable: in {draws} draws of 80 % of the rows, grouped anew, their "
        f"best match shares {line:.0%} or more with them on average (Jaccard index, 95 % interval over draws). Splits "
        "of clouds without groups share less."
    )
