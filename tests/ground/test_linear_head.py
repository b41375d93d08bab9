"""A linear score for named things."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from semascope.errors import InputError
from semascope.learned import LinearHead, load

HEAD = LinearHead(
    mean=np.array([1, 0], np.float32),
    weight=np.array([[1, 0, -1], [0, 2, 0]], np.float32),
    bias=np.array([0, 0, 1], np.float32),
    names=("one", "two", "three"),
)


def test_scores_are_the_formula() -> None:
    assert HEAD(np.array([[3.0, 1.0]])).tolist() == [[2, 2, -1]]


def test_equal_scores_come_in_the_order_of_names() -> None:
    assert HEAD.best(np.array([[3.0, 1.0], [0.0, 0.0]]), 2) == [["one", "two"], ["three", "two"]]


def test_it_comes_back_from_disk_with_its_names(tmp_path: Path) -> None:
    HEAD.save(tmp_path / "head.safetensors")
    back = load(tmp_path / "head.safetensors")
    assert back.names == ("one", "two", "three")
    assert back(np.ones((2, 2))).tobytes() == HEAD(np.ones((2, 2))).tobytes()


def test_parts_that_do_not_fit_are_named() -> None:
    with pytest.raises(InputError, match=r"got \(2, 3\), \(2,\), \(3,\) and 1 names"):
        LinearHead(HEAD.mean, HEAD.weight, HEAD.bias, ("one",))
