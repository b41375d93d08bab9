"""The array functions that everything else stands on."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import rankdata, spearmanr

from semascope import ops
from semascope.errors import InputError, InputTypeError, MissingExtraError, OptionError
from semascope.types import States

floats = st.floats(-1e6, 1e6, width=32)
tables = arrays(np.float32, st.tuples(st.integers(1, 12), st.integers(1, 6)), elements=floats)


# ---- the door -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.zeros(3), "2-D"),
        (np.zeros((2, 2, 2)), "2-D"),
        (np.zeros((0, 3)), "at least 1 row, got 0"),
        (np.zeros((3, 0)), "at least 1 column"),
        ([[1.0, np.nan]], "NaN or infinite values (first in row 0)"),
        ([[1.0, 2.0], [np.inf, 0.0]], "first in row 1"),
        ([[1e39, 0.0]], "NaN or infinite"),
        ("text", "got str"),
        ([["a"]], "real numbers"),
        ([[1.0], [1.0, 2.0]], "different lengths"),
        ([[1j]], "complex"),
        (None, "X: want"),
    ],
)
def test_bad_rows_are_refused_by_name(x: object, words: str) -> None:
    with pytest.raises(InputError) as caught:
        ops.vectors(x)
    assert str(caught.value).startswith("X: want")
    assert words in str(caught.value)


def test_rows_of_things_that_are_not_numbers_are_a_type_error_too() -> None:
    with pytest.raises(InputTypeError, match="Q: want real numbers"):
        ops.vectors([[{}, 1]], name="Q")


def test_sparse_rows_are_refused_with_the_way_out() -> None:
    from scipy.sparse import csr_matrix

    with pytest.raises(InputError, match=r"toarray\(\) makes it dense"):
        ops.vectors(csr_matrix(np.eye(3)))


def test_wrong_width_and_too_few_rows_are_named() -> None:
    with pytest.raises(InputError, match="Z: want 4 columns, got 3"):
        ops.vectors(np.zeros((2, 3)), dim=4, name="Z")
    with pytest.raises(InputError, match="Z: want at least 3 rows, got 2"):
        ops.vectors(np.zeros((2, 3)), least=3, name="Z")


@given(tables)
def test_the_door_gives_the_same_numbers_in_contiguous_float32(x: np.ndarray) -> None:
    for form in (x.astype(np.float64), np.asfortranarray(x), x.tolist(), x.astype(object)):
        out = ops.vectors(form)
        assert out.dtype == np.float32
        assert out.flags.c_contiguous
        np.testing.assert_array_equal(out, x)


def test_float32_rows_pass_the_door_without_a_copy_and_may_sum_to_more_than_float32_holds() -> None:
    x = np.full((3, 4), 3e38, np.float32)
    assert ops.vectors(x) is x


def test_a_bare_string_is_not_a_list_of_texts() -> None:
    for one in ("hello", b"hello"):
        with pytest.raises(InputError, match=r"texts: want a list of texts, got one"):
            ops.texts(one)
    with pytest.raises(InputError, match="queries: want str at every place, got int at 1"):
        ops.texts(["a", 1], name="queries")
    with pytest.raises(InputError, match="got int"):
        ops.texts(3)
    assert ops.texts(t for t in ("a", "")) == ["a", ""]


def test_whole_numbers_are_not_truth_values_nor_fractions() -> None:
    for bad in (True, 1.0, "1", None):
        with pytest.raises(OptionError, match="k: want a whole number"):
            ops.integer(bad, name="k")
    with pytest.raises(OptionError, match="k: want at least 1, got 0"):
        ops.integer(0, name="k", least=1)
    with pytest.raises(OptionError, match="k: want at most 5, got 6"):
        ops.integer(6, name="k", most=5)
    assert type(ops.integer(np.int64(3), name="k")) is int


def test_unknown_choices_are_told_the_choices() -> None:
    with pytest.raises(OptionError, match="side: want one of left, right; got 'up'"):
        ops.option("up", ("left", "right"), name="side")


def test_an_absent_package_names_its_extra() -> None:
    with pytest.raises(MissingExtraError, match=r"pip install 'semascope\[torch\]'"):
        ops.need("no_such_package_at_all", extra="torch")
    assert ops.need("json", extra="none").dumps([]) == "[]"


# ---- lengths, angles, ranks ---------------------------------------------------------------------


@given(tables)
def test_unit_rows_have_length_one_or_are_zero(x: np.ndarray) -> None:
    lengths = np.linalg.norm(ops.unit(x).astype(np.float64), axis=1)
    zero = ~x.any(axis=1)
    np.testing.assert_allclose(lengths[~zero], 1, atol=1e-6)
    assert not lengths[zero].any()


@pytest.mark.parametrize("scale", [1e-38, 1e-30, 1e30, 1e38])
def test_unit_neither_over_nor_underflows(scale: float) -> None:
    np.testing.assert_allclose(ops.unit([[scale, scale]]), [[0.70710678, 0.70710678]], rtol=1e-5)


def test_cosine_is_the_cosine() -> None:
    np.testing.assert_allclose(
        ops.cosine([[1, 0], [3, 3]], [[2, 0], [0, -1]]), [[1, 0], [0.5**0.5, -(0.5**0.5)]], atol=1e-6
    )


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=40))
def test_ranks_are_scipys_with_ties_averaged(values: list[int]) -> None:
    np.testing.assert_allclose(ops.ranks(np.array(values)), rankdata(values))


def test_spearman_is_scipys() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 9, 200), rng.normal(size=200)
    assert ops.spearman(a, b + a) == pytest.approx(spearmanr(a, b + a).statistic)


def test_spearman_of_a_constant_is_nan_and_of_negative_scores_is_no_different() -> None:
    assert np.isnan(ops.spearman(np.ones(5), np.arange(5)))
    assert ops.spearman(np.arange(5) - 100.0, np.arange(5)) == pytest.approx(1.0)


# ---- the best, the nearest ----------------------------------------------------------------------


@given(st.lists(st.integers(-3, 3), min_size=0, max_size=60), st.integers(-2, 70))
def test_top_k_is_a_stable_sort_cut_off(scores: list[int], k: int) -> None:
    want = sorted(range(len(scores)), key=lambda place: (-scores[place], place))[: max(k, 0)]
    assert ops.top_k(np.array(scores, dtype=np.float32), k).tolist() == want


def test_recall_counts_ties_against() -> None:
    rows = np.eye(4)
    assert ops.recall_at(rows, rows, k=1) == 1.0
    assert ops.recall_at(rows, np.ones((4, 4)), k=3) == 0.0
    assert ops.recall_at(rows, np.ones((4, 4)), k=4) == 1.0
    assert ops.recall_at(rows, np.roll(rows, 1, axis=0), k=1) == 0.0
    with pytest.raises(InputError, match="rows: want one for each of 4"):
        ops.recall_at(rows, rows[:2])


def test_neighbours_kept_is_a_loop() -> None:
    rng = np.random.default_rng(1)
    before, after = rng.normal(size=(600, 5)), rng.normal(size=(600, 5))
    after[:, :4] = before[:, :4]
    near, rough = ops.cosine(before, before), ops.cosine(after, after)
    for k, depth in ((10, 10), (3, 40)):
        shares = []
        for i in range(600):
            others = np.delete(np.arange(600), i)
            wanted = set(others[np.argsort(-near[i, others], kind="stable")[:k]])
            got = set(others[np.argsort(-rough[i, others], kind="stable")[:depth]])
            shares.append(len(wanted & got) / k)
        assert ops.neighbours_kept(before, after, k=k, depth=depth) == pytest.approx(np.mean(shares), abs=1e-3)
    assert ops.neighbours_kept(before, before) == 1.0
    with pytest.raises(InputError, match="after: want 600 rows, got 5"):
        ops.neighbours_kept(before, after[:5])


# ---- texts' tokens ------------------------------------------------------------------------------


@settings(max_examples=60)
@given(st.lists(st.integers(0, 4), min_size=0, max_size=12))
def test_each_text_gets_its_own_rows_and_empty_texts_get_zeros(lengths: list[int]) -> None:
    total = sum(lengths)
    hidden = np.arange(1, total * 2 + 1, dtype=np.float32).reshape(1, total, 2)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    states = States(hidden, offsets, np.zeros(total, np.int32), np.zeros((total, 2), np.int32), (-1,))
    out = ops.each_text(states, lambda rows: rows.sum(axis=0))
    assert out.shape == (len(lengths), 2)
    for row, start, stop in zip(out, offsets[:-1], offsets[1:], strict=True):
        np.testing.assert_array_equal(row, hidden[0, start:stop].sum(axis=0))


# ---- intervals and hashes -----------------------------------------------------------------------


def test_the_interval_covers_a_known_mean_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for seed in range(200):
        interval = ops.bootstrap(rng.normal(loc=2.0, size=60), draws=400, seed=seed)
        covered += interval.low <= 2.0 <= interval.high
    assert 0.88 <= covered / 200 <= 0.99


def test_an_interval_says_its_n_and_is_the_same_for_the_same_seed() -> None:
    values = np.arange(50.0)
    first = ops.bootstrap(values)
    assert first == ops.bootstrap(values)
    assert first.n == 50
    assert first.value == 24.5
    assert str(first) == f"24.500 [{first.low:.3f}, {first.high:.3f}] (n=50)"
    with pytest.raises(InputError, match="values: want at least 1"):
        ops.bootstrap([])


def test_a_digest_tells_shape_dtype_and_where_parts_end_apart(tmp_path: Path) -> None:
    a = np.arange(6, dtype=np.float32)
    seen = {
        ops.digest(a),
        ops.digest(a.reshape(2, 3)),
        ops.digest(a.astype(np.float64)),
        ops.digest("ab", "c"),
        ops.digest("a", "bc"),
        ops.digest("abc"),
    }
    assert len(seen) == 6
    assert ops.digest(np.asfortranarray(a.reshape(2, 3))) == ops.digest(a.reshape(2, 3))
    (tmp_path / "f").write_bytes(b"bytes")
    assert ops.file_digest(tmp_path / "f") == hashlib.sha256(b"bytes").hexdigest()
