"""Confident learning against scikit-learn's regression, and against the paper's counts made one row at a time."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from semascope.errors import InputError
from semascope.evaluation.confident_learning import (
    ConfidentLearning,
    _chances,
    _joint,
    _mixed,
    _parts,
    _regressed,
    _votes,
)
from semascope.lab import Lab

reference = pytest.mark.reference
LAB = Lab(13)


def clouds(n: int = 300, dim: int = 12, groups: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = LAB.rng(1)
    given = rng.integers(0, groups, n)
    return (2 * np.eye(groups, dim)[given] + rng.normal(size=(n, dim))).astype(np.float32), given


@reference("confident_learning")
@pytest.mark.parametrize("strength", [0.1, 1.0])
def test_the_linear_model_is_scikit_learns(strength: float) -> None:
    x, given = clouds()
    theirs = LogisticRegression(C=strength, tol=1e-8, max_iter=2000).fit(x, given).predict_proba(x)
    np.testing.assert_allclose(_chances(x, *_regressed(x, given, 3, strength)), theirs, atol=5e-3)


@reference("confident_learning")
def test_the_joint_is_counted_as_in_the_paper() -> None:
    rng = LAB.rng(2)
    beliefs = rng.dirichlet(np.ones(3), 60)
    given = rng.integers(0, 3, 60)
    usual = [np.mean([beliefs[i, k] for i in range(60) if given[i] == k]) for k in range(3)]
    counts = np.zeros((3, 3))
    for i in range(60):
        above = [k for k in range(3) if beliefs[i, k] >= usual[k]]
        if above:
            counts[given[i], max(above, key=lambda k: beliefs[i, k])] += 1
    wanted = np.array([counts[k] / counts[k].sum() * (given == k).sum() for k in range(3)]) / 60
    joint, wrong = _joint(beliefs, given)
    np.testing.assert_allclose(joint, wanted)
    assert joint.sum() == pytest.approx(1)
    expected = sum(round(60 * joint[a, b]) for a in range(3) for b in range(3) if a != b)
    assert 0 < wrong.sum() <= expected


def test_no_row_is_judged_by_a_model_that_saw_it_or_its_copy() -> None:
    same = np.repeat(np.arange(30), 2)
    part = _parts(np.arange(60) // 2 % 3, same, 5, LAB.rng(3))
    assert (part[::2] == part[1::2]).all()
    assert np.bincount(part, minlength=5).min() >= 10
    # Labels drawn at random cannot be told: a row's own label, or its copy's, must not leak.
    rng = LAB.rng(4)
    x, labels = rng.normal(size=(150, 200)).astype(np.float32), rng.integers(0, 2, 150)
    method = ConfidentLearning().fit(np.repeat(x, 2, axis=0), np.repeat(labels, 2))
    assert (method.classes_[method.beliefs_.argmax(1)] == np.repeat(labels, 2)).mean() < 0.65


def test_votes_are_shares_and_copies_have_none() -> None:
    near, cosines = np.array([[1, 2], [0, 2], [0, 1]]), np.full((3, 2), 0.5)
    votes = _votes(near, cosines, np.array([0, 0, 1]), np.array([0, 0, 1]), 2)
    np.testing.assert_allclose(votes.sum(1), 1)
    assert votes[0, 1] > 0.6
    assert votes[2, 0] > 0.8


@reference("confident_learning")
def test_the_mixture_is_the_likeliest_of_all_weights() -> None:
    rng = LAB.rng(5)
    one, other = rng.dirichlet(np.ones(3), 200), rng.dirichlet(np.ones(3), 200)
    given = np.array([rng.choice(3, p=0.3 * a + 0.7 * b) for a, b in zip(one, other, strict=True)])
    _, trust = _mixed(one, other, given)
    rows = np.arange(200)
    tried = np.linspace(0, 1, 501)
    likely = [np.log((1 - w) * one[rows, given] + w * other[rows, given] + 1e-12).sum() for w in tried]
    assert trust == pytest.approx(tried[int(np.argmax(likely))], abs=0.01)


@pytest.mark.parametrize(
    ("labels", "words"), [(["a"] * 9, "y: want a label"), (["a"] * 10, "two labels"), (["b"] + ["a"] * 9, "two rows")]
)
def test_labels_that_cannot_be_judged_are_refused(labels: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        ConfidentLearning().fit(LAB.vectors(10), labels)
