"""Several rankings make one, by ranks alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semascope.errors import OptionError
from semascope.space.fusion import fuse

rankings = st.lists(st.lists(st.integers(0, 40), unique=True, max_size=30), min_size=1, max_size=4)


def test_scores_follow_the_formula():
    ids, scores = fuse([[5, 3], [3, 9]], 3, weights=[1, 2], c=60)
    assert ids.tolist() == [3, 9, 5]
    np.testing.assert_allclose(scores, [1 / 62 + 2 / 61, 2 / 62, 1 / 61])


def test_one_ranking_comes_back_as_it_was():
    assert fuse([[4, 1, 7]], 10)[0].tolist() == [4, 1, 7]
    assert fuse([[4, 1, 7], []], 2)[0].tolist() == [4, 1]


def test_equal_scores_stand_in_the_order_of_the_first_ranking():
    assert fuse([[9, 2], [2, 9]], 2)[0].tolist() == [9, 2]
    assert fuse([[8], [1]], 2)[0].tolist() == [8, 1]


def test_nothing_joined_is_nothing():
    assert fuse([], 5)[0].tolist() == []
    assert fuse([[], []], 5)[0].tolist() == []


def test_a_ranking_without_weight_only_fills_up():
    assert fuse([[1, 2, 3], [9, 8]], 4, weights=[0, 1])[0].tolist() == [9, 8, 1, 2]


@settings(max_examples=200, deadline=None)
@given(rankings, st.integers(1, 50))
def test_k_come_back_where_any_ranking_has_k_and_none_twice(lists, k):
    ids, scores = fuse(lists, k)
    everything = {one for ranking in lists for one in ranking}
    assert len(ids) == len(set(ids.tolist())) == min(k, len(everything))
    assert set(ids.tolist()) <= everything
    assert (np.diff(scores) <= 0).all()


@settings(max_examples=100, deadline=None)
@given(rankings)
def test_a_slow_sum_gives_the_same_scores(lists):
    ids, scores = fuse(lists, 100, c=10)
    want = {one: sum(1 / (11 + r.index(one)) for r in lists if one in r) for r in lists for one in r}
    np.testing.assert_allclose(scores, [want[one] for one in ids.tolist()])


def test_bad_arguments_are_named():
    with pytest.raises(OptionError, match="weights: want 2 numbers"):
        fuse([[1], [2]], 3, weights=[1])
    with pytest.raises(OptionError, match="weights: want 1 numbers"):
        fuse([[1]], 3, weights=[float("nan")])
    with pytest.raises(OptionError, match="c: want a number above -1"):
        fuse([[1]], 3, c=-1)
    with pytest.raises(OptionError, match="k: want at least 1"):
        fuse([[1]], 0)
