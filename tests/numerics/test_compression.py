"""Each codec against the formula in a loop, and against what is known of its error."""

from __future__ import annotations

import numpy as np
import pytest

from semascope.lab import Lab
from semascope.registry import make

reference = pytest.mark.reference
LAB = Lab(7)


@reference("int8")
def test_int8_is_a_loop_over_numbers() -> None:
    x = LAB.vectors(40).astype(np.float64)
    codes = make("int8").fit(x).encode_codes(x)
    for column in range(x.shape[1]):
        low, high = x[:, column].min(), x[:, column].max()
        for row in range(len(x)):
            step = (x[row, column] - (low + high) / 2) / ((high - low) / 254)
            assert abs(int(codes[row, column]) - step) <= 0.5001


@reference("int8")
def test_int8_error_is_at_most_half_a_step_and_that_of_even_rounding() -> None:
    x = LAB.vectors(4000)
    coder = make("int8").fit(x)
    off = (coder.transform(x) - x) / coder.learned_.scale
    assert np.abs(off).max() <= 0.5001
    # A value that falls anywhere in its step has variance 1/12 about the middle (Bennett, 1948).
    assert np.square(off).mean() == pytest.approx(1 / 12, rel=0.05)


def test_int8_holds_values_beyond_the_range_it_learned() -> None:
    x = LAB.vectors(100)
    coder = make("int8").fit(x)
    far = coder.transform(x * 100)
    margin = 1e-3 * np.ptp(x, axis=0)
    assert (far <= x.max(0) + margin).all()
    assert (far >= x.min(0) - margin).all()


@reference("one_bit")
def test_one_bit_is_the_sign_of_each_turned_column() -> None:
    x = LAB.vectors(60, 13)
    coder = make("one_bit(random_state=3)").fit(x)
    bits = np.unpackbits(coder.encode_codes(x), axis=1)[:, :13]
    turned = (x - x.mean(0)) @ coder.learned_.rotation
    sure = np.abs(turned) > 1e-4
    np.testing.assert_array_equal(bits[sure], (turned > 0)[sure])


@reference("one_bit")
def test_one_bit_turns_back_what_it_turned() -> None:
    x = LAB.vectors(500)
    plain = x - x.mean(0)
    for text in ("one_bit", "one_bit(rotate=False)"):
        coder = make(text).fit(x)
        # The code nearest to a row in its own direction: every decoded row leans towards its row.
        back = coder.transform(x) - x.mean(0)
        cosine = (back * plain).sum(1) / np.linalg.norm(back, axis=1) / np.linalg.norm(plain, axis=1)
        assert cosine.min() > 0.3


def test_the_turn_is_a_rotation_that_the_seed_decides() -> None:
    x = LAB.vectors(50)
    first, other = (make(f"one_bit(random_state={seed})").fit(x).learned_.rotation for seed in (0, 1))
    np.testing.assert_allclose(first @ first.T, np.eye(16), atol=1e-5)
    assert np.abs(first - other).max() > 0.1
    assert make("one_bit(rotate=False)").fit(x).learned_.rotation.shape == (0, 0)


def test_angles_between_signs_follow_angles_between_rows() -> None:
    # Charikar (2002), section 3: two rows differ in a bit with probability angle / pi.
    rng = LAB.rng(3)
    dim = 512
    a, b = rng.normal(size=(2, dim))
    coder = make("one_bit").fit(np.stack([a, -a, b, -b]))
    bits = np.unpackbits(coder.encode_codes(np.stack([a, b, a + b, a - 3 * b])), axis=1)
    rows = np.stack([a, b, a + b, a - 3 * b])
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    for i in range(4):
        for j in range(i):
            angle = np.arccos(rows[i] @ rows[j]) / np.pi
            assert np.mean(bits[i] != bits[j]) == pytest.approx(angle, abs=4 * 0.5 / np.sqrt(dim))
