"""The neighbour graph against a plain sort of all products."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semascope.errors import InputError, OptionError
from semascope.ops import graph_recall, nearest, unit


def scores_of(x: np.ndarray) -> np.ndarray:
    rows = unit(x).astype(np.float64)
    out = rows @ rows.T
    np.fill_diagonal(out, -np.inf)
    return out


@pytest.mark.parametrize(("n", "dim", "k"), [(500, 24, 15), (2500, 8, 5), (4200, 6, 20), (2049, 4, 3)])
def test_the_exact_graph_is_that_of_a_plain_sort(n: int, dim: int, k: int) -> None:
    x = np.random.default_rng(n).normal(size=(n, dim))
    graph, scores = nearest(x, k), scores_of(x)
    want = -np.sort(-np.partition(scores, n - k, axis=1)[:, n - k :], axis=1)
    np.testing.assert_allclose(graph.cosines, want, atol=1e-6)
    np.testing.assert_allclose(np.take_along_axis(scores, graph.indices.astype(np.int64), axis=1), want, atol=1e-6)


@given(st.integers(1, 40), st.integers(1, 6), st.integers(1, 50), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_small_and_tied_rows_have_each_other_once_and_never_themselves(n: int, dim: int, k: int, seed: int) -> None:
    x = np.random.default_rng(seed).integers(-1, 2, size=(n, dim)).astype(np.float32)  # many equal rows, zero rows
    graph = nearest(x, k)
    most = min(k, n - 1)
    assert graph.indices.shape == graph.cosines.shape == (n, most)
    assert graph.indices.dtype == np.int32
    assert graph.cosines.dtype == np.float32
    for row, others in enumerate(graph.indices):
        assert row not in others
        assert len(set(others.tolist())) == most
    np.testing.assert_allclose(graph.cosines, -np.sort(-scores_of(x), axis=1)[:, :most], atol=1e-6)


def test_the_same_rows_give_the_same_bits() -> None:
    x = np.random.default_rng(0).normal(size=(3000, 16)).astype(np.float32)
    first, again = nearest(x), nearest(x.copy())
    assert first.indices.tobytes() == again.indices.tobytes()
    assert first.cosines.tobytes() == again.cosines.tobytes()


def test_progress_grows_to_all_rows() -> None:
    told: list[tuple[int, int | None]] = []
    nearest(np.random.default_rng(0).normal(size=(9000, 4)), 3, progress=lambda done, total: told.append((done, total)))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert len(told) == 5
    assert told[-1] == (9000, 9000)


def test_what_is_wrong_is_named() -> None:
    with pytest.raises(OptionError, match="k: want"):
        nearest(np.ones((4, 2)), 0)
    with pytest.raises(InputError, match="x: want"):
        nearest(np.full((4, 2), np.nan))


def test_the_graph_that_is_not_exact_meets_the_recall_it_was_asked_for() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(5000, 160)) * np.geomspace(1, 0.3, 160)
    graph = nearest(x, 10, recall=0.9)
    found = graph_recall(x, graph, sample=500)
    assert 0.89 <= found.value < 1
    assert found.n == 500
    assert graph_recall(x, nearest(x, 10)).value == 1
    exact = scores_of(x)
    np.testing.assert_allclose(
        graph.cosines, np.take_along_axis(exact, graph.indices.astype(np.int64), axis=1), atol=1e-5
    )
    assert all(len(set(row)) == 10 for row in graph.indices.tolist())


def test_where_no_fewer_columns_do_every_pair_is_compared_in_full() -> None:
    x = np.random.default_rng(4).normal(size=(2500, 200))  # no direction says more than another
    assert graph_recall(x, nearest(x, 5, recall=0.99)).value == 1
    with pytest.raises(OptionError, match="recall: want"):
        nearest(x, recall=0.2)
