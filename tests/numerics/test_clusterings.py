"""Communities against every partition there is, and against loops that follow the definitions word by word."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from scipy.sparse import csr_array

from semascope.lab import Lab
from semascope.ops import unit
from semascope.ops.communities import communities, joined, modularity, settled
from semascope.registry import make

reference = pytest.mark.reference
LAB = Lab(11)


def partitions(n: int) -> Iterator[np.ndarray]:
    """All ways to put n things in groups, as restricted growth strings."""

    def grown(start: list[int]) -> Iterator[np.ndarray]:
        if len(start) == n:
            yield np.array(start)
            return
        for label in range(max(start) + 2):
            yield from grown([*start, label])

    yield from grown([0])


def drawn(n: int, seed: int) -> np.ndarray:
    """Weights of a symmetric graph with two dense halves."""
    rng = LAB.rng(seed)
    near = (np.arange(n)[:, None] < n // 2) == (np.arange(n) < n // 2)
    upper = np.triu(rng.random((n, n)) < np.where(near, 0.8, 0.25), 1) * rng.integers(1, 4, (n, n))
    return (upper + upper.T).astype(np.float32)


def by_hand(weights: np.ndarray, labels: np.ndarray, resolution: float = 1.0) -> float:
    """Newman and Girvan's sum over all pairs."""
    degree, total, value = weights.sum(1), weights.sum(), 0.0
    for i in range(len(weights)):
        for j in range(len(weights)):
            if labels[i] == labels[j]:
                value += weights[i, j] - resolution * degree[i] * degree[j] / total
    return value / total


@pytest.mark.parametrize("resolution", [0.5, 1.0, 2.0])
def test_modularity_is_the_sum_over_pairs(resolution: float) -> None:
    weights = drawn(9, 0)
    for labels in (np.zeros(9, int), np.arange(9), np.arange(9) % 3):
        found = modularity(csr_array(weights), labels, resolution=resolution)
        assert found == pytest.approx(by_hand(weights, labels, resolution), abs=1e-6)


@reference("communities")
def test_communities_are_nearly_the_best_of_all_partitions() -> None:
    every = list(partitions(7))
    shares = []
    for seed in range(12):
        graph = csr_array(drawn(7, seed))
        best = max(modularity(graph, labels) for labels in every)
        shares.append(modularity(graph, communities(graph, rng=LAB.rng(seed))) / best)
    assert max(shares) <= 1 + 1e-9
    assert np.mean(shares) > 0.95


def test_moves_of_single_nodes_gain_nothing_more() -> None:
    graph = joined(np.argsort(-unit(LAB.vectors(120)) @ unit(LAB.vectors(120)).T, axis=1)[:, 1:9])
    labels = communities(graph, rng=LAB.rng(3))
    here = modularity(graph, labels)
    better = 0
    for node in range(len(labels)):
        for group in range(labels.max() + 1):
            other = labels.copy()
            other[node] = group
            better += modularity(graph, other) > here + 1e-6
    assert better <= 0.03 * len(labels)


def test_groups_are_connected() -> None:
    from scipy.sparse.csgraph import connected_components

    graph = joined(np.array([[1], [2], [0], [4], [3]]))
    labels = communities(graph, rng=LAB.rng(4), resolution=0.01)
    for group in range(labels.max() + 1):
        inside = np.flatnonzero(labels == group)
        assert connected_components(graph[inside][:, inside])[0] == 1


def test_an_edge_both_ways_counts_twice_and_a_row_is_no_neighbour_of_itself() -> None:
    graph = joined(np.array([[1, 0], [0, 2], [1, -1]])).toarray()
    np.testing.assert_array_equal(graph, [[0, 2, 0], [2, 0, 2], [0, 2, 0]])
    graph = joined(np.array([[1], [2], [-1]])).toarray()
    np.testing.assert_array_equal(graph, [[0, 1, 0], [1, 0, 1], [0, 1, 0]])


@reference("communities")
def test_settling_is_spherical_k_means_by_hand() -> None:
    x = unit(LAB.vectors(90))
    labels = np.arange(90) % 4
    for _ in range(30):
        centres = np.stack([unit(x[labels == group].sum(0)[None])[0] for group in range(4)])
        labels = np.array([max(range(4), key=lambda group: float(row @ centres[group])) for row in x])
    found, ours = settled(x, np.arange(90) % 4, passes=40)
    np.testing.assert_array_equal(found, labels)
    np.testing.assert_allclose(ours, centres, atol=1e-5)


def test_settled_labels_are_those_of_the_nearest_centre() -> None:
    x = unit(LAB.vectors(90))
    labels, centres = settled(x, np.arange(90) % 7, passes=3)
    assert len(centres) == labels.max() + 1
    method = make("communities").fit(LAB.vectors(300))
    np.testing.assert_array_equal(method.transform(LAB.vectors(300)).argmax(1), method.labels_)
