"""Which few rows to label: those that stand for the rest, better than a random draw; and what cannot be known is not said."""

from __future__ import annotations

import numpy as np
import pytest

from semascope.errors import InputError
from semascope.look.few import label_few, predict_rest, rows_to_label


def planted(n: int = 800, seed: int = 0, spread: float = 1.0) -> tuple[np.ndarray, list[str]]:
    """Rows of three labels of which one is rare, each label two clouds."""
    rng = np.random.default_rng(seed)
    of = rng.choice(3, n, p=[0.6, 0.3, 0.1])
    x = 3 * np.eye(6, 24)[2 * of + rng.integers(0, 2, n)] + spread * rng.normal(size=(n, 24))
    return x.astype(np.float32), np.array(["a", "b", "c"])[of].tolist()


def test_chosen_rows_are_different_and_stand_for_every_cloud() -> None:
    x, labels = planted()
    rows = rows_to_label(x, 12)
    assert len(set(rows.tolist())) == 12
    assert {labels[row] for row in rows.tolist()} == {"a", "b", "c"}
    np.testing.assert_array_equal(rows, rows_to_label(x, 12))


@pytest.mark.parametrize("n", [1, 5, 50])
def test_equal_rows_are_chosen_once(n: int) -> None:
    x = np.repeat(planted(3)[0], 20, axis=0)
    rows = rows_to_label(x, n)
    assert len(rows) == min(n, 3)
    assert len(np.unique(x[rows], axis=0)) == len(rows)


def test_chosen_rows_are_worth_more_than_random_ones() -> None:
    gains = []
    for seed in range(5):
        x, labels = planted(seed=seed)
        found = label_few(x, labels, 15, seed=seed)
        assert found.accuracy is not None
        assert found.random is not None
        gains.append(found.accuracy.value - found.random.value)
    assert np.mean(gains) > 0.01


def test_the_accuracy_told_is_the_accuracy_had() -> None:
    x, labels = planted()
    found = label_few(x, labels, 20)
    rest = predict_rest(x, found.rows, [labels[row] for row in found.rows.tolist()])
    others = np.setdiff1d(np.arange(len(x)), found.rows)
    right = np.mean([rest.labels[row] == labels[row] for row in others.tolist()])
    assert found.accuracy is not None
    assert found.accuracy.value == pytest.approx(right, abs=1e-9)
    assert found.accuracy.low < right < found.accuracy.high


def test_chances_mean_what_they_say() -> None:
    gaps = []
    for seed in range(5):
        x, labels = planted(seed=seed, spread=1.3)
        rows = rows_to_label(x, 40, seed=seed)
        rest = predict_rest(x, rows, [labels[row] for row in rows.tolist()])
        others = np.setdiff1d(np.arange(len(x)), rows)
        right = np.mean([rest.labels[row] == labels[row] for row in others.tolist()])
        gaps.append(rest.chance[others].mean() - right)
    assert abs(np.mean(gaps)) < 0.08


def test_labels_of_no_meaning_are_predicted_no_better_than_by_guessing() -> None:
    x, labels = planted()
    shuffled = np.random.default_rng(2).permutation(labels).tolist()
    found = label_few(x, shuffled, 30)
    assert found.accuracy is not None
    assert found.accuracy.low < 0.62
    assert "guessing the commonest label 5" in found.says


@pytest.mark.parametrize("labels", [None, [None] * 800, ["one"] * 800, ["a", "b"] + [None] * 798])
def test_without_enough_labels_nothing_is_promised(labels: list[str | None] | None) -> None:
    found = label_few(planted()[0], labels, 50)
    assert found.accuracy is None
    assert found.random is None
    assert "cannot be known" in found.says
    assert len(found.rows) == 50


def test_rows_that_have_a_label_already_are_not_asked_for() -> None:
    x, labels = planted()
    some = [label if place < 300 else None for place, label in enumerate(labels)]
    found = label_few(x, some, 20)
    assert found.rows.min() >= 300
    assert found.accuracy is not None


def test_labelled_rows_keep_their_labels() -> None:
    x, labels = planted(100)
    rest = predict_rest(x, [3, 7, 9], ["x", "y", "x"])
    assert [rest.labels[row] for row in (3, 7, 9)] == ["x", "y", "x"]
    assert (rest.chance[[3, 7, 9]] == 1).all()
    assert set(rest.labels) == {"x", "y"}
    assert len(rest.labels) == len(labels)
    assert predict_rest(x, [3], ["x"]).accuracy is None


@pytest.mark.parametrize(
    ("rows", "labels", "words"),
    [
        ([0, 1], ["a"], "labels: want one"),
        ([], [], "one or more"),
        ([0, 0], ["a", "b"], "different rows"),
        ([99], ["a"], "rows: want"),
    ],
)
def test_rows_and_labels_that_do_not_fit_are_refused(rows: list[int], labels: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        predict_rest(planted(50)[0], rows, labels)
    with pytest.raises(InputError, match="labels: want one for each of 50 rows"):
        label_few(planted(50)[0], ["a"])
