"""The map's gradient against double loops over all pairs, and its trustworthiness against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest

from semascope.geometry.tsne import Tsne, _Pull, _Push, _spline
from semascope.lab import Lab
from semascope.learned import Placed
from semascope.ops import nearest, trustworthiness, unit
from semascope.registry import make

reference = pytest.mark.reference
LAB = Lab(7)


@reference("tsne")
@pytest.mark.parametrize(
    ("spread", "within"), [(0.1, 0.01), (1.0, 0.01), (8.0, 0.01), (15.0, 0.01), (0.01, 0.1), (25.0, 0.1)]
)
def test_the_push_is_the_sum_over_all_pairs(spread: float, within: float) -> None:
    places = (LAB.rng(1).normal(size=(300, 2)) * spread).astype(np.float32)
    force, total = _Push()(places)
    wanted, pairs = np.zeros((300, 2)), 0.0
    for i in range(300):
        for j in range(300):
            if i != j:
                gap = places[i].astype(np.float64) - places[j]
                weight = 1 / (1 + gap @ gap)
                pairs += weight
                wanted[i] += weight**2 * gap
    assert total == pytest.approx(pairs, rel=within)
    # A hundredth of the largest force on maps up to some 80 across. Wider ones have a coarser grid; on very small ones all
    # potentials are nearly equal, and float32 leaves less of their differences.
    np.testing.assert_allclose(force, wanted, atol=within * np.abs(wanted).max())


@reference("tsne")
def test_the_pull_is_the_sum_over_neighbours_and_the_whole_is_the_gradient_of_the_divergence() -> None:
    x = LAB.vectors(80)
    graph = nearest(x, 6)
    p = np.zeros((80, 80))
    for i, others in enumerate(graph.indices):
        p[i, others] = 1
    p = (p + p.T) / (2 * p.sum())
    places = LAB.rng(2).normal(size=(80, 2)).astype(np.float32)

    def divergence(at: np.ndarray) -> float:
        weight = 1 / (1 + np.square(at[:, None] - at).sum(-1))
        np.fill_diagonal(weight, 0)
        q = weight / weight.sum()
        return float((p[p > 0] * np.log(p[p > 0] / q[p > 0])).sum())

    gap = places[:, None].astype(np.float64) - places
    weight = 1 / (1 + np.square(gap).sum(-1))
    links = np.stack([np.repeat(np.arange(80), 6), graph.indices.ravel()])
    pull = _Pull(links, 80)(places)
    np.testing.assert_allclose(pull, ((p * weight)[..., None] * gap).sum(axis=1), atol=1e-6)
    force, total = _Push()(places)
    slope = 4 * (pull - force / total)
    for row, axis in ((0, 0), (5, 1), (41, 0)):  # van der Maaten and Hinton (2008), equation 5, by differences
        step = np.zeros((80, 2))
        step[row, axis] = 1e-5
        numeric = (divergence(places + step) - divergence(places - step)) / 2e-5
        assert slope[row, axis] == pytest.approx(numeric, abs=2e-4)


def test_spline_weights_sum_to_one_and_slopes_are_their_derivatives() -> None:
    part = np.linspace(0.01, 0.98, 50, dtype=np.float64)
    weight, slope = _spline(part)
    np.testing.assert_allclose(weight.sum(axis=0), 1, atol=1e-6)
    numeric = (_spline(part + 1e-5)[0] - _spline(part - 1e-5)[0]) / 2e-5
    np.testing.assert_allclose(slope, numeric, atol=1e-3)


@pytest.mark.parametrize(("n", "k"), [(60, 5), (200, 15)])
def test_trustworthiness_is_scikit_learns(n: int, k: int) -> None:
    from sklearn.manifold import trustworthiness as theirs

    x, places = LAB.vectors(n), LAB.rng(3).normal(size=(n, 2))
    for at in (places, x[:, :2].astype(np.float64)):
        ours = trustworthiness(x, at, k, sample=None)
        assert ours.value == pytest.approx(theirs(x, at, n_neighbors=k, metric="cosine"), abs=1e-6)
        assert ours.n == n
        assert ours.low <= ours.value <= ours.high


def test_trustworthiness_of_new_rows_is_that_of_each_among_the_known_alone() -> None:
    x, places = LAB.vectors(120), LAB.rng(4).normal(size=(120, 2))
    got = trustworthiness(x[:100], places[:100], 7, new=(x[100:], places[100:])).value
    rows = unit(x).astype(np.float64)
    costs = []
    for row in range(100, 120):
        order = np.argsort(-(rows[:100] @ rows[row]))
        rank = np.empty(100)
        rank[order] = np.arange(1, 101)
        near = np.argsort(np.square(places[:100] - places[row]).sum(axis=1))[:7]
        costs.append(np.maximum(rank[near] - 7, 0).sum())
    assert got == pytest.approx(1 - 2 / (7 * (2 * 101 - 3 * 7 - 1)) * np.mean(costs), abs=1e-6)


def test_a_new_row_goes_where_most_of_its_neighbours_are_by_hand() -> None:
    rows = np.array([[1, 0.0], [1.1, 0], [1, 0.1], [0.9, 0.9]], np.float32)
    places = np.array([[0, 0], [1, 0], [0, 1], [50, 50]], np.float32)
    placed = Placed(
        np.zeros(2, np.float32), np.eye(2, dtype=np.float32), rows, places, rows[:1], np.array([0, 4], np.int64), 4
    )
    asked = unit(np.array([[1, 0.02]]))
    weight = 1 / np.square(rows - asked).sum(axis=1).astype(np.float64)
    gaps = np.square(places[:, None] - places).sum(axis=-1)
    about = weight / (1 + gaps)
    share = about[about.sum(axis=1).argmax()]
    np.testing.assert_allclose(placed(asked)[0], share @ places / share.sum(), rtol=1e-4)
    assert np.linalg.norm(placed(asked)[0]) < 2  # not drawn towards the far one


def test_maps_of_two_random_states_are_the_same_map() -> None:
    x = LAB.vectors(200)
    first, other = (make(f"tsne(random_state={seed})").fit(x) for seed in (0, 1))
    np.testing.assert_array_equal(first.embedding_, other.embedding_)


def test_a_graph_that_is_there_gives_the_same_map() -> None:
    x = LAB.vectors(200)
    np.testing.assert_array_equal(Tsne().fit(x, graph=nearest(x)).embedding_, Tsne().fit(x).embedding_)


def test_rows_that_are_there_often_find_their_neighbours_in_a_graph_of_all_copies() -> None:
    x = LAB.vectors(200)
    often = np.concatenate([x, np.repeat(x[:3], 40, axis=0)])
    places = Tsne().fit(often, graph=nearest(often)).embedding_
    np.testing.assert_array_equal(places[200:240], np.repeat(places[:1], 40, axis=0))
    assert trustworthiness(x, places[:200]).value > 0.8
