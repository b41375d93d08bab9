"""Each transform against scikit-learn or the paper's formula written out."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf
from sklearn.decomposition import PCA

from semascope.lab import Lab
from semascope.registry import make

reference = pytest.mark.reference
LAB = Lab(7)


@reference("whiten")
def test_whiten_is_sklearns_whitened_pca_up_to_sign() -> None:
    x = LAB.vectors(300)
    ours = make("whiten(n_components=6, shrink=0)").fit_transform(x)
    # scikit-learn divides by n - 1, the paper by n.
    theirs = PCA(6, whiten=True, svd_solver="full").fit_transform(x.astype(np.float64)) * np.sqrt(300 / 299)
    np.testing.assert_allclose(np.abs(ours), np.abs(theirs), rtol=1e-3, atol=1e-3)


@reference("whiten")
def test_whitened_rows_have_the_identity_as_covariance() -> None:
    white = make("whiten(shrink=0)").fit_transform(LAB.vectors(500)).astype(np.float64)
    np.testing.assert_allclose(white.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(white.T @ white / 500, np.eye(16), atol=1e-4)


@reference("whiten")
def test_whiten_keeps_the_strongest_axes_first() -> None:
    scales = np.array([1.0, 5.0, 3.0, 0.1])
    x = LAB.rng(1).normal(size=(4000, 4)) * scales
    matrix = np.abs(make("whiten(n_components=2, shrink=0)").fit(x).learned_.matrix)
    assert matrix.argmax(axis=0).tolist() == [1, 2]


@pytest.mark.parametrize(("rows", "columns"), [(400, 16), (30, 16), (10, 16), (300, 3)])
def test_the_automatic_share_is_ledoit_and_wolfs(rows: int, columns: int) -> None:
    x = LAB.vectors(rows, columns)
    covariance, share = ledoit_wolf(x.astype(np.float64))
    found = make("whiten(shrink='auto')").fit(x).learned_.matrix.astype(np.float64)
    assert 0 < share <= 1
    # The map M with M M' equal to the inverse of the shrunk covariance whitens it.
    np.testing.assert_allclose(found @ found.T, np.linalg.inv(covariance), rtol=1e-4, atol=1e-6)


def test_many_rows_leave_nothing_to_shrink_and_few_rows_leave_much() -> None:
    x = LAB.rng(2).normal(size=(20_000, 8)) * np.arange(1, 9)
    few, many = (make("whiten").fit(x[:n]).learned_.matrix for n in (6, 20_000))
    plain = make("whiten(shrink=0)").fit(x).learned_.matrix
    np.testing.assert_allclose(many, plain, rtol=0.02, atol=2e-3)
    assert np.linalg.cond(few) < 0.5 * np.linalg.cond(plain)


def test_whitening_with_full_shrinkage_only_centres_and_turns() -> None:
    x = LAB.vectors(200)
    turned = make("whiten(shrink=1.0)").fit_transform(x)
    spread = np.sqrt(np.square(x - x.mean(0)).mean())
    np.testing.assert_allclose(
        np.linalg.norm(turned, axis=1), np.linalg.norm(x - x.mean(0), axis=1) / spread, rtol=1e-3
    )


@reference("remove_top")
@pytest.mark.parametrize("removed", [1, 2, 5])
def test_remove_top_is_the_residual_of_pca(removed: int) -> None:
    x = LAB.vectors(300).astype(np.float64)
    pca = PCA(removed, svd_solver="full").fit(x)
    residual = x - pca.inverse_transform(pca.transform(x))
    np.testing.assert_allclose(make(f"remove_top(n_removed={removed})").fit_transform(x), residual, atol=1e-4)


@reference("remove_top")
def test_remove_top_removes_one_axis_per_hundred_columns() -> None:
    for columns, removed in ((16, 1), (99, 1), (250, 2)):
        x = LAB.vectors(400, columns)
        matrix = make("remove_top").fit(x).learned_.matrix
        assert round(float(np.trace(matrix))) == columns - removed


@reference("truncate")
def test_truncate_is_a_slice_bit_for_bit() -> None:
    x = LAB.vectors(50)
    np.testing.assert_array_equal(make("truncate(n_components=5)").fit_transform(x), x[:, :5])
    np.testing.assert_array_equal(make("truncate").fit_transform(x), x[:, :8])


def test_inverse_of_whitening_gives_the_rows_back() -> None:
    x = LAB.vectors(300)
    whiten = make("whiten").fit(x)
    np.testing.assert_allclose(whiten.inverse_transform(whiten.transform(x)), x, atol=1e-3)
