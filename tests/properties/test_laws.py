"""Laws that hold for any rows and states hypothesis can think of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from semascope.registry import make
from semascope.types import States

quick = settings(max_examples=40, deadline=None)
# Below 1e-30 a float32 soon has fewer bits, and halving it rounds.
finite = st.floats(-100, 100, width=32).map(lambda x: x if abs(x) > 1e-30 else 0.0)
rows = arrays(np.float32, st.tuples(st.integers(2, 30), st.integers(1, 8)), elements=finite)
POOLINGS = ("mean", "max", "first", "last", "weighted")
LEARNERS = ("whiten", "remove_top", "truncate", "int8", "one_bit")
poolings = pytest.mark.parametrize("name", POOLINGS)
learners = pytest.mark.parametrize("name", LEARNERS)


@st.composite
def states(draw: st.DrawFn) -> States:
    lengths = draw(st.lists(st.integers(0, 6), min_size=1, max_size=6))
    total, dim = sum(lengths), draw(st.integers(1, 4))
    hidden = draw(arrays(np.float32, (1, total, dim), elements=finite))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return States(hidden, offsets, np.zeros(total, np.int32), np.zeros((total, 2), np.int32), (-1,))


def with_hidden(given_: States, hidden: np.ndarray) -> States:
    return States(hidden.astype(np.float32), given_.offsets, given_.ids, given_.spans, given_.layers)


@poolings
@quick
@given(states())
def test_a_pooled_vector_lies_between_its_tokens(name: str, some: States) -> None:
    out = make(name)(some)
    for row, start, stop in zip(out, some.offsets[:-1], some.offsets[1:], strict=True):
        tokens = some.hidden[0, start:stop] if stop > start else np.zeros((1, out.shape[1]))
        assert (row >= tokens.min(axis=0) - 1e-4).all()
        assert (row <= tokens.max(axis=0) + 1e-4).all()


@poolings
@quick
@given(states(), st.integers(-3, 3))
def test_scaling_by_a_power_of_two_and_pooling_is_pooling_and_scaling(name: str, some: States, power: int) -> None:
    scaled = make(name)(with_hidden(some, some.hidden * np.float32(2.0**power)))
    np.testing.assert_array_equal(scaled, make(name)(some) * np.float32(2.0**power))


@pytest.mark.parametrize("name", ["mean", "max"])
@quick
@given(states(), st.integers(0, 2**32 - 1))
def test_the_order_of_tokens_does_not_matter_to_mean_and_max(name: str, some: States, seed: int) -> None:
    rng = np.random.default_rng(seed)
    hidden = some.hidden.copy()
    for start, stop in zip(some.offsets[:-1], some.offsets[1:], strict=True):
        hidden[0, start:stop] = hidden[0, start:stop][rng.permutation(stop - start)]
    np.testing.assert_allclose(make(name)(with_hidden(some, hidden)), make(name)(some), rtol=1e-6, atol=1e-5)


@learners
@quick
@given(rows)
def test_what_is_learned_from_any_rows_maps_them_to_finite_rows(name: str, x: np.ndarray) -> None:
    out = make(name).fit_transform(x)
    assert out.dtype == np.float32
    assert len(out) == len(x)
    assert np.isfinite(out).all()


@learners
@quick
@given(rows, st.integers(0, 2**32 - 1))
def test_the_order_of_rows_learned_from_hardly_matters(name: str, x: np.ndarray, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(x))
    first, other = make(name).fit(x), make(name).fit(x[order])
    a, b = first.learned_, other.learned_
    np.testing.assert_allclose(getattr(a, "mean", 0), getattr(b, "mean", 0), atol=1e-3)
    if name in ("truncate", "int8"):
        np.testing.assert_array_equal(first.transform(x), other.transform(x))


@quick
@given(rows)
def test_removing_twice_is_removing_once(x: np.ndarray) -> None:
    method = make("remove_top(n_removed=1)").fit(x)
    matrix = method.learned_.matrix.astype(np.float64)
    np.testing.assert_allclose(matrix @ matrix, matrix, atol=1e-5)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-6)


@quick
@given(rows)
def test_int8_codes_survive_a_round_trip_and_keep_the_order_of_a_column(x: np.ndarray) -> None:
    method = make("int8").fit(x)
    codes = method.encode_codes(x)
    np.testing.assert_array_equal(method.encode_codes(method.decode_codes(codes)), codes)
    for column in range(x.shape[1]):
        order = np.argsort(x[:, column], kind="stable")
        assert (np.diff(codes[order, column].astype(int)) >= 0).all()


@quick
@given(rows)
def test_int8_gives_the_ends_of_the_range_back_exactly_enough(x: np.ndarray) -> None:
    back = make("int8").fit_transform(x)
    reach = np.maximum(np.abs(x).max(axis=0), 1e-30)
    assert (np.abs(back - x) <= (np.ptp(x, axis=0) / 254) * 0.501 + 1e-5 * reach).all()


@quick
@given(arrays(np.float32, st.tuples(st.integers(4, 30), st.integers(1, 8)), elements=finite, unique=True))
def test_rows_mirrored_at_the_mean_have_opposite_bits(x: np.ndarray) -> None:
    method = make("one_bit(rotate=False)").fit(x)
    mean = method.learned_.mean
    away = x - mean
    clear = np.abs(away) > 1e-3
    bits = np.unpackbits(method.encode_codes(mean + away), axis=1, count=x.shape[1])
    mirrored = np.unpackbits(method.encode_codes(mean - away), axis=1, count=x.shape[1])
    np.testing.assert_array_equal(bits[clear], 1 - mirrored[clear])


@quick
@given(rows, st.data())
def test_truncating_in_two_steps_is_truncating_once(x: np.ndarray, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, x.shape[1]))
    second = data.draw(st.integers(1, first))
    once = make(f"truncate(n_components={second})").fit_transform(x)
    twice = make(f"truncate(n_components={second})").fit_transform(
        make(f"truncate(n_components={first})").fit_transform(x)
    )
    np.testing.assert_array_equal(once, twice)
