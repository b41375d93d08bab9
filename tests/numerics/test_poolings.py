"""Each pooling against a plain loop, or against the usual masked formula on padded arrays."""

from __future__ import annotations

import numpy as np
import pytest

from semascope.lab import Lab
from semascope.registry import make
from semascope.types import States

reference = pytest.mark.reference
STATES = Lab(7).states(n=20, longest=30)


def texts(states: States) -> list[np.ndarray]:
    return [states.hidden[-1][a:b] for a, b in zip(states.offsets[:-1], states.offsets[1:], strict=True)]


@reference("mean")
def test_mean_is_the_masked_mean_of_the_padded_form() -> None:
    hidden, mask = STATES.padded(side="left")
    want = (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
    np.testing.assert_allclose(make("mean")(STATES), want, rtol=1e-5, atol=1e-6)


@reference("max")
def test_max_is_the_masked_maximum_of_the_padded_form() -> None:
    hidden, mask = STATES.padded()
    np.testing.assert_array_equal(make("max")(STATES), np.where(mask[:, :, None], hidden, -np.inf).max(1))


@reference("first")
def test_first_is_position_nought_of_the_right_padded_form() -> None:
    np.testing.assert_array_equal(make("first")(STATES), STATES.padded(side="right")[0][:, 0])


@reference("last")
def test_last_is_the_final_position_of_the_left_padded_form() -> None:
    np.testing.assert_array_equal(make("last")(STATES), STATES.padded(side="left")[0][:, -1])


@reference("weighted")
def test_weighted_is_the_sum_of_position_times_token_over_the_sum_of_positions() -> None:
    want = []
    for rows in texts(STATES):
        total, weights = np.zeros(rows.shape[1]), 0
        for position, row in enumerate(rows, start=1):
            total, weights = total + position * row.astype(np.float64), weights + position
        want.append(total / weights)
    np.testing.assert_allclose(make("weighted")(STATES), want, rtol=1e-5, atol=1e-6)


@reference("weighted")
def test_weighted_of_two_tokens_is_a_third_of_the_first_and_two_thirds_of_the_second() -> None:
    states = States.from_padded(np.array([[[[3.0, 0.0], [0.0, 3.0]]]]), np.ones((1, 2)))
    np.testing.assert_allclose(make("weighted")(states), [[1.0, 2.0]], rtol=1e-6)


@pytest.mark.slow
def test_mean_is_sentence_transformers_mean() -> None:
    torch = pytest.importorskip("torch")
    modules = pytest.importorskip("sentence_transformers.models")
    hidden, mask = STATES.padded()
    pooled = modules.Pooling(hidden.shape[-1], pooling_mode="mean")(
        {"token_embeddings": torch.from_numpy(hidden), "attention_mask": torch.from_numpy(mask.astype(np.int64))}
    )
    np.testing.assert_allclose(make("mean")(STATES), pooled["sentence_embedding"].numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ours", "theirs"), [("max", "max"), ("first", "cls"), ("last", "lasttoken"), ("weighted", "weightedmean")]
)
def test_the_others_are_sentence_transformers_too(ours: str, theirs: str) -> None:
    torch = pytest.importorskip("torch")
    modules = pytest.importorskip("sentence_transformers.models")
    hidden, mask = STATES.padded()
    pooled = modules.Pooling(hidden.shape[-1], pooling_mode=theirs)(
        {"token_embeddings": torch.from_numpy(hidden), "attention_mask": torch.from_numpy(mask.astype(np.int64))}
    )
    np.testing.assert_allclose(make(ours)(STATES), pooled["sentence_embedding"].numpy(), rtol=1e-5, atol=1e-6)
