"""Find groups in a graph of neighbours: parts that hold together more than chance would have them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.types import Array, Vectors

_ROUNDS = 40  # of moves on one level
_STILL = 0.005  # of the nodes moving: as good as none
_GAIN = 1e-9  # least gain that is worth a move


def joined(neighbours: Array) -> Any:
    """The symmetric graph (scipy CSR, float32) of neighbours int (n, k): 1 for an edge one way, 2 for one both ways.

    Args:
        neighbours: Rows of each row, -1 for none; a row's own number is passed over.
    """
    from scipy.sparse import csr_array

    n, k = neighbours.shape
    rows = np.repeat(np.arange(n), k)
    columns = np.asarray(neighbours).ravel()
    real = (columns >= 0) & (columns != rows)
    one_way = csr_array((np.ones(int(real.sum()), np.float32), (rows[real], columns[real])), shape=(n, n))
    return csr_array(one_way + one_way.T)


def modularity(graph: Any, labels: Array, *, resolution: float = 1.0) -> float:
    """How much more of a symmetric graph's weight lies inside groups than chance would put there.

    Source: Newman and Girvan (2004); the resolution is Reichardt and Bornholdt's (2006).
    """
    coo = graph.tocoo()
    degree = np.asarray(graph.sum(axis=1), np.float64).ravel()
    total = degree.sum()
    inside = coo.data[labels[coo.row] == labels[coo.col]].sum(dtype=np.float64)
    of_group = np.bincount(labels, weights=degree)
    return float(inside / total - resolution * np.square(of_group / total).sum())


def communities(graph: Any, *, resolution: float = 1.0, rng: np.random.Generator) -> NDArray[np.int64]:
    """Labels (n,) from 0 of groups of a symmetric graph that no single move and no merger of two would better.

    Louvain's method: nodes move to the group of the neighbours that gains most modularity; groups become nodes; again.
    Nodes move together, a random half of them at a time, so that a round is a few array operations; two nodes that
    would swap for ever are parted by the halves. A group that is not connected is split in the end.

    Args:
        graph: scipy CSR (n, n), symmetric, no weight below 0.
        resolution: Higher for more and smaller groups.
        rng: Draws the halves.

    Source: Blondel, Guillaume, Lambiotte and Lefebvre (2008), "Fast unfolding of communities in large networks".
    """
    from scipy.sparse import csr_array

    labels = np.arange(graph.shape[0])
    level = graph
    while True:
        degree = np.asarray(level.sum(axis=1), np.float64).ravel()
        found = _moved(_without_loops(level), degree, np.arange(len(degree)), resolution, rng)
        labels = found[labels]
        groups = int(found.max()) + 1
        if groups == len(found):
            # Nodes that moved early may now be better off elsewhere.
            degree = np.asarray(graph.sum(axis=1), np.float64).ravel()
            return _connected(graph, _moved(_without_loops(graph), degree, labels, resolution, rng))
        member = csr_array((np.ones(len(found), np.float32), (np.arange(len(found)), found)), (len(found), groups))
        level = csr_array(member.T @ level @ member)


def _without_loops(graph: Any) -> Any:
    from scipy.sparse import csr_array

    coo = graph.tocoo()
    real = coo.row != coo.col
    return csr_array((coo.data[real], (coo.row[real], coo.col[real])), shape=graph.shape)


def _moved(
    graph: Any, degree: Array, labels: NDArray[np.int64], resolution: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """One level: each node in the group that suits it, from some labels on."""
    n = graph.shape[0]
    labels = labels.copy()
    scale = resolution / max(degree.sum(), 1e-300)
    waiting = np.ones(n, bool)  # nodes that something has changed for since they were last asked
    still = 0
    for _ in range(_ROUNDS):
        active = np.flatnonzero(waiting & (rng.random(n) < 0.5))
        waiting[active] = False
        moving, to = _moves(graph, degree, labels, active, scale) if len(active) else (active, active)
        labels[moving] = to
        waiting[graph[moving].indices] = True
        still = still + 1 if len(moving) <= _STILL * n else 0
        if still >= (2 if n > 500 else 8) or not waiting.any():
            break
    return np.unique(labels, return_inverse=True)[1]


def _moves(
    graph: Any, degree: Array, labels: NDArray[np.int64], active: NDArray[np.int64], scale: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which of the active nodes would gain by moving, and to which group each."""
    from scipy.sparse import csr_array

    n = graph.shape[0]
    weight = np.bincount(labels, weights=degree, minlength=n)
    member = csr_array((np.ones(n, np.float32), labels, np.arange(n + 1)), shape=(n, n))
    links = graph[active] @ member
    counts = np.diff(links.indptr)
    row = np.repeat(np.arange(len(active)), counts)
    node, group = active[row], links.indices
    own = group == labels[node]
    gain = links.data - scale * degree[node] * (weight[group] - np.where(own, degree[node], 0))
    stay = -scale * degree[active] * (weight[labels[active]] - degree[active])
    stay[row[own]] = gain[own]
    some = counts > 0
    best = np.full(len(active), -np.inf)
    if some.any():
        best[some] = np.maximum.reduceat(gain, links.indptr[:-1][some])
    first = np.flatnonzero(gain >= best[row])
    to = np.full(len(active), n)
    np.minimum.at(to, row[first], group[first])  # of equally good ones the lowest number
    moving = best > stay + _GAIN
    return active[moving], to[moving]


def _connected(graph: Any, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same groups, each part that is not connected with the rest of its group being one by itself."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    coo = graph.tocoo()
    inside = labels[coo.row] == labels[coo.col]
    kept = csr_array((coo.data[inside], (coo.row[inside], coo.col[inside])), shape=graph.shape)
    return connected_components(kept, directed=False)[1].astype(np.int64)


def settled(x: Vectors, labels: Array, *, passes: int = 10) -> tuple[NDArray[np.int64], Vectors]:
    """Groups by nearest centre: labels (n,) from 0 and centres float32 (k, d), from some labels on.

    Spherical k-means, that many passes at most: centres are the means of their rows, scaled to length one, and rows go to the
    centre of the highest cosine. A group that loses all its rows is gone.

    Args:
        x: Rows of length one (n, d).
        labels: Of each, from 0.
        passes: At most so many; the labels given back are those of the centres given back.

    Source: Dhillon and Modha (2001), "Concept decompositions for large sparse text data using clustering".
    """
    from scipy.sparse import csr_array

    n = len(x)
    labels = np.unique(labels, return_inverse=True)[1]
    centres = x[:0]
    for _ in range(max(1, passes)):
        member = csr_array((np.ones(n, np.float32), labels, np.arange(n + 1)), shape=(n, int(labels.max()) + 1))
        sums = np.asarray(member.T @ x)
        norms = np.sqrt(np.einsum("ij,ij->i", sums, sums))
        centres = sums[norms > 0] / norms[norms > 0, None] if (norms > 0).any() else sums[:1]
        scores = np.concatenate([x[start : start + 8192] @ centres.T for start in range(0, n, 8192)])
        found, labels_now = np.unique(scores.argmax(axis=1), return_inverse=True)
        same = len(found) == len(centres) and (labels_now != labels).mean() < _STILL / 2
        labels, centres = labels_now, centres[found]
        if same:
            break
    return labels, np.ascontiguousarray(centres, dtype=np.float32)
