"""Clusters: rows go to the centre of the smallest angle, and to none where they lie farther out than any that was grouped."""

from __future__ import annotations

import numpy as np
import pytest

from semascope.errors import InputError
from semascope.learned import Clusters

AXES = Clusters(np.eye(2, 3, dtype=np.float32), np.array([0.9, 0.5], np.float32), ("x", "y"))


def test_rows_go_to_the_nearest_centre_whatever_their_length() -> None:
    rows = np.array([[5, 1, 0], [0.01, 0.1, 0], [-1, -2, 0]])
    np.testing.assert_array_equal(AXES.of(rows, everyone=True), [0, 1, 0])
    np.testing.assert_allclose(AXES(rows), rows[:, :2] / np.linalg.norm(rows, axis=1, keepdims=True), atol=1e-6)


def test_a_row_out_of_reach_is_in_no_group() -> None:
    rows = np.array([[1, 0.1, 0], [1, 0.8, 0], [0.5, 1, 0.5], [0, 0, 1], [0, 0, 0]])
    np.testing.assert_array_equal(AXES.of(rows), [0, -1, 1, -1, -1])
    assert AXES.of(rows).dtype == np.int32


@pytest.mark.parametrize(
    ("centres", "reach", "names"),
    [
        (np.eye(2), np.ones(1), ("a", "b")),
        (np.eye(2), np.ones(2), ("a",)),
        (np.zeros((0, 2)), np.ones(0), ()),
        (np.ones(2), np.ones(2), ("a", "b")),
    ],
)
def test_what_does_not_fit_together_is_refused(centres: np.ndarray, reach: np.ndarray, names: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="centres: want"):
        Clusters(centres.astype(np.float32), reach.astype(np.float32), names)


def test_rows_of_another_width_are_refused() -> None:
    with pytest.raises(InputError, match="3 columns"):
        AXES(np.ones((2, 4)))
