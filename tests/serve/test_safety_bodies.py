"""Bodies as nobody should send them: no JSON, of wrong types, deep, odd, huge. All are refused in words, none is a server error."""

from __future__ import annotations

import json
import math

import pytest
from asking import ask, connected, embed, everything, head, memory, raw, wait_for

POSTS = [
    "/v1/embeddings",
    "/embed",
    "/rerank",
    "/v1/rerank",
    "/x/search",
    "/x/explain",
    "/x/features",
    "/x/tags",
    "/x/jobs",
]
MALFORMED = {
    "nothing": b"",
    "no JSON": b"model=default&input=a",
    "half": b'{"model": "default", "input": "a',
    "two": b"{}{}",
    "comma": b'{"model": "default",}',
    "single quotes": b"{'model': 'default'}",
    "NaN": b'{"model": "default", "input": NaN}',
    "infinity": b'{"model": "default", "input": [Infinity]}',
    "deep lists": b"[" * 100_000,
    "deep lists, closed": b"[" * 50_000 + b"]" * 50_000,
    "deep objects": b'{"input":' * 50_000 + b"1" + b"}" * 50_000,
    "deep in a field": b'{"model": "default", "input": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "huge number": b'{"model": "default", "input": "a", "dimensions": 1' + b"0" * 5_000 + b"}",
    "huge exponent": b'{"model": "default", "input": "a", "dimensions": 1e999}',
    "no UTF-8": b'{"model": "default", "input": "\xff\xfe"}',
    "cut UTF-8": b'{"model": "default", "input": "\xe2\x82"}',
    "lone surrogate": b'{"model": "default", "input": "\\ud800"}',
    "surrogate pair": b'{"model": "\\ud83c\\udf0b", "input": "a"}',
    "byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"model": "default"}'.encode("utf-16"),
    "NUL": b"\0" * 100,
    "null": b"null",
    "a list": b"[]",
    "a text": b'"model"',
    "a number": b"1",
    "a bad escape": b'{"model": "\\x41"}',
    "control characters": b'{"model": "a\nb"}',
}
WRONG = [
    None,
    True,
    0,
    -1,
    1.5,
    10**30,
    -(10**30),
    1e308,
    "",
    "x" * 300,
    [],
    [[]],
    {},
    [None],
    [1, "a"],
    {"a": {"b": []}},
    ["\0"],
]
FIELDS = {
    "/v1/embeddings": ["model", "input", "dimensions", "encoding_format", "truncate", "input_type", "prompt_name"],
    "/embed": ["inputs", "truncate", "normalize", "prompt_name", "dimensions"],
    "/rerank": ["query", "texts", "raw_scores", "return_text"],
    "/v1/rerank": ["model", "query", "documents", "top_n", "return_documents"],
    "/x/search": ["query", "like", "k", "mode", "where", "weight", "encoding", "tag", "dials"],
}
GOOD = {
    "/v1/embeddings": {"model": "default", "input": "a"},
    "/embed": {"inputs": "a"},
    "/rerank": {"query": "a", "texts": ["b", "c"]},
    "/v1/rerank": {"model": "default", "query": "a", "documents": ["b", "c"]},
    "/x/search": {"query": "bread"},
}


@pytest.mark.parametrize("path", POSTS)
def test_what_is_no_json_is_refused_in_words(address, path):
    for name, body in MALFORMED.items():
        found = ask(address, "POST", path, body)
        assert 400 <= found.status < 500, (name, found.body[:200])
        assert found.json["error"], name


@pytest.mark.parametrize("path", list(FIELDS))
def test_a_field_of_a_wrong_type_is_refused_or_taken_but_never_a_fault(address, path):
    for field in FIELDS[path]:
        for wrong in WRONG:
            found = ask(address, "POST", path, {**GOOD[path], field: wrong})
            assert found.status < 500, (field, wrong, found.body[:300])
            if found.status >= 400:
                assert found.json["error"], (field, wrong)


def test_a_wrong_field_is_named(address):
    found = embed(address, {"a": 1})
    assert (found.status, found.json["error"]["param"]) == (400, "input")
    found = ask(address, "POST", "/v1/embeddings", {"model": "default", "input": "a", "dimensions": "many"})
    assert (found.status, found.json["error"]["param"]) == (400, "dimensions")


def test_odd_texts_get_vectors_of_numbers(address):
    odd = [" ", "\0", "\u202e", "\ufffe", "\U0001f30b" * 50, "a" * 5_000, "\n" * 1_000, "́" * 200, "\u2028", "﷽"]
    found = embed(address, odd)
    assert found.status == 200, found.body[:300]
    rows = [one["embedding"] for one in found.json["data"]]
    assert len(rows) == len(odd)
    assert all(math.isfinite(number) for row in rows for number in row)


def test_more_texts_or_longer_ones_than_is_allowed_are_refused(space_folder, running):
    server = running(space_folder, inputs=4, text=500, hits=5, documents=3)
    assert embed(server.address, ["a"] * 4).status == 200
    assert embed(server.address, ["a"] * 5).status in (400, 413)
    assert embed(server.address, "a" * 501).status in (400, 413)
    assert embed(server.address, [5] * 500).status == 200
    for ids in ([5] * 501, [[5] * 501]):
        found = embed(server.address, ids)
        assert (found.status, found.code) == (400, "too_large")
    asked = {"model": "default", "query": "a", "documents": ["b"] * 4}
    assert ask(server.address, "POST", "/v1/rerank", asked).status in (400, 413)


def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_read(server):
    with connected(server.port) as connection:
        connection.sendall(head(content_type="application/json", content_length=100 * 2**20))
        said = connection.recv(65_536)
    assert said.startswith(b"HTTP/1.1 413 ")


def test_a_client_that_asks_first_is_told_not_to_send(server):
    with connected(server.port) as connection:
        asked = {"content_type": "application/json", "content_length": 100 * 2**20, "expect": "100-continue"}
        connection.sendall(head(**asked))
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413 ")
    with connected(server.port) as connection:
        body = json.dumps({"model": "default", "input": "a"}).encode()
        asked = {"content_type": "application/json", "content_length": len(body), "expect": "100-continue"}
        connection.sendall(head(**asked, connection="close"))
        assert connection.recv(65_536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert everything(connection).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_of_100_mb_is_refused_and_the_memory_does_not_grow(space_folder, child, chunked):
    server = child(space_folder)
    embed(server.address, ["a"] * 500)
    before = memory(server.process.pid)
    part = b'"' + b"x" * (2**20 - 1)
    parts = (part for _ in range(100))
    headers = {"Content-Type": "application/json"} if chunked else {"Content-Length": str(100 * 2**20)}
    found = ask(server.address, "POST", "/v1/embeddings", parts, headers, encode_chunked=chunked)
    most = memory(server.process.pid) - before
    assert (found.status, found.code) == (413, "too_large")
    # One body's limit, as it is read in parts and joined, and no more.
    assert most < 80 * 2**20
    assert embed(server.address, "a").status == 200
    code, written = server.end()
    assert code == 0
    assert "traceback" not in written


def test_a_body_without_end_is_cut_off(running):
    server = running(body=10_000)
    sent = (b"%x\r\n%s\r\n" % (65_536, b"x" * 65_536) for _ in range(1_000))
    first = head(content_type="application/json", transfer_encoding="chunked")
    said = raw(server.port, (part for group in ([first], sent) for part in group))
    assert said.startswith(b"HTTP/1.1 413 ")


def test_many_large_bodies_at_once_are_refused_before_they_fill_the_memory(running):
    server = running(body=2**20, bodies=3 * 2**20)
    held = []
    for _ in range(3):
        connection = connected(server.port)
        connection.sendall(head(content_type="application/json", content_length=2**20) + b"x" * (2**20 - 100))
        held.append(connection)
    wait_for(lambda: server.house.room.held > 2.9 * 2**20)
    found = embed(server.address, "y" * 500)
    assert (found.status, found.code) == (429, "busy")
    assert int(found.headers["retry-after"]) >= 1
    for connection in held:
        connection.close()
    wait_for(lambda: server.house.room.held == 0)
    assert embed(server.address, "y" * 500).status == 200
