"""A secret rotation falls to whoever has texts of the same kind; where vectors have no shape, it does not."""

from __future__ import annotations

import numpy as np
import pytest

from semascope.leak.defences import rotation
from semascope.leak.turning import rotation_between
from semascope.ops import unit


def top_1(rows: np.ndarray, seed: int) -> float:
    """How often a row is the nearest to itself, once the attacker has turned his own cloud onto the other one."""
    half = len(rows) // 2
    own, hidden = rows[:half], rows[half:]
    stored = rotation().learn(rows, seed).store(hidden)
    turned = unit((hidden - own.mean(axis=0)) @ rotation_between(own, stored, seed=seed))
    return float(((turned @ unit(stored - stored.mean(axis=0)).T).argmax(axis=1) == np.arange(len(hidden))).mean())


def topics(seed: int, *, shape: bool) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((2400, 16)).astype(np.float32)
    if not shape:
        return noise
    strength = rng.gamma(0.5, size=(2400, 16)) * 0.8 ** np.arange(16)
    return (strength + 0.01 * noise).astype(np.float32)


@pytest.mark.parametrize("seed", [0, 1])
def test_rows_with_a_shape_are_turned_back_without_any_pair(seed: int) -> None:
    assert top_1(topics(seed, shape=True), seed) > 0.5  # by lot: 0.001


@pytest.mark.parametrize("seed", [0, 1])
def test_rows_without_a_shape_stay_hidden(seed: int) -> None:
    assert top_1(topics(seed, shape=False), seed) < 0.02


def test_what_is_found_is_a_rotation_and_the_same_each_time() -> None:
    rows = topics(0, shape=True)[:400]
    turn = rotation_between(rows[:200], rows[200:])
    assert np.abs(turn @ turn.T - np.eye(16)).max() < 1e-9
    assert (turn == rotation_between(rows[:200], rows[200:])).all()
