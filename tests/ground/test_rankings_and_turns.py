"""Overlap of rankings, turned queries, states from layer to layer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from semascope.errors import InputError, OptionError
from semascope.ops.layers import read_layers
from semascope.ops.overlap import rank_biased_overlap
from semascope.ops.steering import turned
from semascope.ops.words import spans


def by_sets(one: list[int], other: list[int], p: float) -> float:
    """The paper's formula for two rankings of one length, with a set made anew at every depth."""
    k = len(one)
    agreed = [len(set(one[:d]) & set(other[:d])) for d in range(1, k + 1)]
    return agreed[-1] / k * p**k + (1 - p) / p * sum(agreed[d - 1] / d * p**d for d in range(1, k + 1))


def test_overlap_agrees_with_values_worked_out_by_hand() -> None:
    # p = 1/2, [a b] and [b a]: agreement 0 then 1; (1)(0/1 * 1/2 + 2/2 * 1/4) + 2/2 * 1/4 = 1/2.
    assert rank_biased_overlap("ab", "ba", p=0.5) == pytest.approx(0.5)
    # [a b c] and [a c x]: shared 1, 1, 2; 1/2 + 1/8 + 2/24 + 2/3 * 1/8 = 19/24.
    assert rank_biased_overlap("abc", "acx", p=0.5) == pytest.approx(19 / 24)
    # Uneven: [a] and [b a]: shared 0, 1, of the short one 0; 1 * (0 + 1/2 * 1/4) + (1/2 + 0) * 1/4 = 1/4.
    assert rank_biased_overlap("a", "ba", p=0.5) == pytest.approx(0.25)
    # [a] and [a b]: 1/2 + (1/2)(1/4) + 1 * (1)/(1 * 2) * 1/4 + (0/2 + 1) * 1/4 = 1: what is seen agrees all the way.
    assert rank_biased_overlap("a", "ab", p=0.5) == pytest.approx(1.0)


@given(some.permutations(range(12)), some.permutations(range(6, 18)), some.floats(0.1, 0.95))
def test_overlap_of_rankings_of_one_length_is_the_papers_sum(one: list[int], other: list[int], p: float) -> None:
    found = rank_biased_overlap(one, other, p=p)
    assert found == pytest.approx(by_sets(one, other, p))
    assert found == pytest.approx(rank_biased_overlap(other, one, p=p))
    assert 0 <= found <= 1 + 1e-12


@given(some.permutations(range(9)), some.permutations(range(9)), some.integers(1, 8))
def test_overlap_of_uneven_rankings_is_symmetric_and_counts_the_top_most(
    one: list[int], other: list[int], cut: int
) -> None:
    assert rank_biased_overlap(one, other[:cut]) == pytest.approx(rank_biased_overlap(other[:cut], one))
    assert rank_biased_overlap(one, one) == pytest.approx(1)
    top, end = [99, *one[1:]], [*one[:-1], 99]
    assert rank_biased_overlap(one, top) < rank_biased_overlap(one, end)


def test_overlap_refuses_what_is_no_ranking() -> None:
    assert rank_biased_overlap([], []) == 1
    assert rank_biased_overlap([], [1]) == 0
    with pytest.raises(InputError, match="one: want every item once"):
        rank_biased_overlap([1, 1], [2, 3])
    with pytest.raises(OptionError, match="p: want a number between 0 and 1"):
        rank_biased_overlap([1], [1], p=1.0)


def test_a_turned_query_is_the_formula_and_amounts_of_zero_give_it_back() -> None:
    rng = np.random.default_rng(0)
    q, centre, rows = rng.normal(size=5), 0.3 * rng.normal(size=5), rng.normal(size=(2, 5))
    want = q / np.linalg.norm(q)
    np.testing.assert_allclose(turned(q, centre, rows, [0, 0]), want, atol=1e-6)
    for row, amount in zip(rows, (0.7, -1.2), strict=True):
        want = want + amount * (row - centre) / np.linalg.norm(row - centre)
    np.testing.assert_allclose(turned(q, centre, rows, [0.7, -1.2]), want / np.linalg.norm(want), atol=1e-6)
    # A direction that is the centre has nothing of its own.
    np.testing.assert_allclose(turned(q, centre, centre[None], [2.0]), q / np.linalg.norm(q), atol=1e-6)
    assert turned(q, centre, np.zeros((0, 5)), []).shape == (5,)


def test_a_turned_query_refuses_what_does_not_fit() -> None:
    with pytest.raises(InputError, match="amounts: want a number for each of 1"):
        turned(np.ones(3), np.zeros(3), np.ones((1, 3)), [1, 2])
    with pytest.raises(InputError, match="centre"):
        turned(np.ones(3), np.zeros(4), np.ones((1, 3)), [1])
    with pytest.raises(InputError, match="amounts"):
        turned(np.ones(3), np.zeros(3), np.ones((1, 3)), [np.nan])


def test_layers_are_read_as_loops_read_them() -> None:
    x = np.random.default_rng(1).normal(size=(3, 4, 6)).astype(np.float32)
    x[1, 2] = 0
    found = read_layers(x)
    for layer in range(3):
        mean = x[layer].mean(axis=0)
        for token in range(4):
            state, last = x[layer, token], x[-1, token]
            size = np.linalg.norm(state)
            assert found.size[layer, token] == pytest.approx(size, rel=1e-5)
            own = state @ mean / (size * np.linalg.norm(mean)) if size else 0
            assert found.to_own[layer, token] == pytest.approx(own, abs=1e-5)
            far = state @ last / (size * np.linalg.norm(last)) if size else 0
            assert found.to_last[layer, token] == pytest.approx(far, abs=1e-5)
    assert read_layers(np.zeros((2, 0, 3))).size.shape == (2, 0)
    with pytest.raises(InputError, match="hidden"):
        read_layers(np.zeros((2, 3)))


def test_words_are_found_where_they_stand() -> None:
    text = "It's 1,200.5 naïve cafés; 我们明天 हिन्दी."
    found = [(text[start:stop], spaced) for start, stop, spaced in spans(text)]
    assert found == [
        ("It", True),
        ("s", True),
        ("1,200.5", True),
        ("naïve", True),
        ("cafés", True),
        ("我们明天", False),
        ("हिन्दी", True),
    ]
