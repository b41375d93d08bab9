"""Documents, tags, exports, fields and passports over real HTTP."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from exploring import Client
from hashing import HashingEncoder
from notes import DOCUMENTS, NASTY, documents

import semascope
from semascope.corpus import Corpus, Document
from semascope.space import Space
from semascope.space.tags import NAME, Tags


@pytest.fixture(scope="module")
def client(address: str) -> Client:
    return Client(address)


@pytest.fixture
def own(running: Callable[..., Any], own_space: Path) -> Client:
    """A server over a Space that the test may write to."""
    return Client(running(own_space).address)


@pytest.fixture(scope="module")
def space(space_folder: Path) -> Iterator[Space]:
    with Space.open(space_folder) as opened:
        yield opened


def exported(client: Client, **body: Any) -> list[dict[str, Any]]:
    answer = client.ask("POST", "/x/export", body)
    assert answer.status == 200, answer.body[:300]
    return [json.loads(line) for line in answer.body.decode().splitlines()]


def test_what_is_served_is_said(client: Client, space: Space) -> None:
    found = client.get("/x/space")
    assert found["name"] == "notes.space"
    assert (found["documents"], found["passages"]) == (DOCUMENTS, len(space.numbers()))
    assert (found["version"], found["writable"], found["models"]) == (semascope.__version__, True, ["default"])
    assert found["limits"] == {"k": 200, "text": 1_000_000, "rows": 500}
    (one,) = found["encodings"]
    assert one == {
        "name": space.encoding().name,
        "current": True,
        "encoder": "default",
        "kind": "static",
        "dim": 256,
        "passages": len(space.numbers()),
        "queries": True,
        "layers": 0,
        "map": False,
    }


def test_fields_are_those_of_the_space(client: Client, space: Space) -> None:
    found = client.get("/x/fields")["fields"]
    assert [(one["name"], one["kind"], one["documents"]) for one in found] == [
        (one.name, one.kind, one.documents) for one in space.fields()
    ]
    by_name = {one["name"]: one for one in found}
    assert by_name["time"]["kind"] == "time"
    assert (by_name["year"]["least"], by_name["year"]["most"]) == (2015, 2024)
    assert {"value": "kitchen", "n": 61} in by_name["label"]["values"]


def test_a_document_comes_whole_with_its_passages_and_their_rows(client: Client, space: Space) -> None:
    found = client.get("/x/document", id="d7")
    document = space.get("d7")
    assert (found["id"], found["title"], found["text"]) == ("d7", document.title, document.text)
    assert found["metadata"] == {
        **document.metadata, "label": document.label, "time": document.time, "lang": document.lang
    }  # fmt: skip
    mine = space.passages("d7")
    assert len(found["passages"]) == len(mine) > 1
    assert [(one["start"], one["stop"]) for one in found["passages"]] == [tuple(span) for span in mine.spans.tolist()]
    assert [one["row"] for one in found["passages"]] == mine.rows.tolist()
    assert "<script>" in client.get("/x/document", id=NASTY)["text"]
    missing = client.ask("GET", "/x/document", query={"id": "../../etc/passwd"})
    assert missing.status == 404
    assert client.ask("GET", "/x/document").status == 400
    # Where the Space lies on the machine is nobody's business.
    assert missing.json["error"]["message"] == "id: no document '../../etc/passwd' in notes.space"


def test_passports_are_told_with_what_differs(client: Client, space: Space) -> None:
    found = client.get("/x/passport")
    assert found["id"] == space.encoding().passport.id
    assert (found["encoder"], found["differences"], found["passport"]["canaries"]) == ("default", [], 8)
    assert found["passport"]["weights"] == space.encoding().passport.weights
    model = client.get("/x/passport", model="default")
    assert model["id"] == found["id"]
    assert "differences" not in model
    assert client.ask("GET", "/x/passport", query={"model": "nope"}).status == 404
    assert client.ask("GET", "/x/passport", query={"model": "default", "encoding": "x"}).status == 400
    assert client.ask("GET", "/x/passport", query={"encoding": "nope"}).status == 404


def test_an_export_of_all_is_every_document_as_it_is(client: Client) -> None:
    found = exported(client)
    want = [
        {
            "id": one.id,
            "title": one.title,
            "text": one.text,
            "metadata": {**one.metadata, "label": one.label, "time": one.time, "lang": one.lang},
            "tags": [],
        }
        for one in documents()
    ]
    assert found == want


def test_an_export_is_an_attachment_of_what_was_chosen_in_that_order(client: Client, space: Space) -> None:
    answer = client.ask("POST", "/x/export", {"ids": ["d9", "d2", "d9"]})
    assert answer.headers["content-disposition"] == 'attachment; filename="documents.jsonl"'
    assert [one["id"] for one in exported(client, ids=["d9", "d2", "d9"])] == ["d9", "d2"]
    rows = [int(space.passages(name).rows[0]) for name in ("d20", "d3".replace("d3", NASTY), "d7")]
    chosen = exported(client, rows=rows, encoding=space.encoding().name)
    assert {one["id"] for one in chosen} == {"d20", NASTY, "d7"}
    both = space.passages("d7").rows.tolist()
    assert [one["id"] for one in exported(client, rows=both)] == ["d7"]


def test_an_export_of_what_is_not_there_is_refused_before_anything_is_sent(client: Client) -> None:
    assert "no document 'nobody'" in client.refused("/x/export", 404, ids=["d1", "nobody"])["message"]
    assert client.refused("/x/export", 400, ids=["d1"], tag="x")["param"] == "tag"
    assert client.refused("/x/export", 400, rows=[10**6])["param"] == "rows"
    for row in (-1, 2**63, -(2**63) - 1, 10**30):
        assert client.refused("/x/export", 400, rows=[row])["param"] == "rows"
    assert client.refused("/x/export", 404, tag="nope")["code"] == "unknown_name"
    assert client.refused("/x/export", 400, format="xml")["param"] == "format"
    assert exported(client, ids=[]) == []


def test_a_table_is_read_back_as_it_was_and_holds_no_formula(running: Callable[..., Any], tmp_path: Path) -> None:
    given = [
        Document("a", 'Two "quoted" lines,\nwith a comma.', title="=1+1", label="@x", metadata={"n": -5, "s": "-5"}),
        Document("=b", "+plus", title="fine", metadata={"n": 2.5, "odd, name": "x\r\ny"}),
        Document("c", "日本語 – ünïcode", metadata={"=f": "\tt"}),
    ]
    Space.build(Corpus(given, name="t"), HashingEncoder(), tmp_path / "t.space").close()
    Tags(tmp_path / "t.space").change("=tag", add=["c"])
    client = Client(running(tmp_path / "t.space").address)
    answer = client.ask("POST", "/x/export", {"format": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="documents.csv"'
    head, *rows = csv.reader(io.StringIO(answer.body.decode(), newline=""))
    assert head == ["id", "title", "text", "'=f", "label", "n", "odd, name", "s", "tags"]
    first, second, third = (dict(zip(head, row, strict=True)) for row in rows)
    assert first["text"] == given[0].text
    assert (first["title"], first["label"], first["n"], first["s"]) == ("'=1+1", "'@x", "-5", "'-5")
    assert (second["id"], second["text"], second["n"], second["odd, name"]) == ("'=b", "'+plus", "2.5", "x\r\ny")
    assert (third["text"], third["'=f"], third["tags"]) == ("日本語 – ünïcode", "'\tt", "'=tag")
    assert answer.body.count(b"\r\n") == 5  # four lines, and one inside a cell


def test_tags_are_given_by_id_and_by_row_and_counted(own: Client, own_space: Path) -> None:
    assert own.get("/x/tags") == {"tags": [], "writable": True}
    assert own.post("/x/tags", name="to read", add=["d1", "d2", "d2"]) == {"name": "to read", "n": 2}
    with Space.open(own_space) as space:
        rows = [*space.passages("d7").rows.tolist(), *space.passages("d8").rows.tolist()]
    assert own.post("/x/tags", name="to read", rows=rows, remove=["d1"]) == {"name": "to read", "n": 3}
    assert own.post("/x/tags", name="b", add=["d7"])["n"] == 1
    assert own.get("/x/tags")["tags"] == [{"name": "b", "n": 1}, {"name": "to read", "n": 3}]
    assert own.get("/x/document", id="d7")["tags"] == ["b", "to read"]
    assert [one["id"] for one in exported(own, tag="to read")] == ["d2", "d7", "d8"]
    with Space.open(own_space) as space:
        space.delete(["d2"])
    assert own.get("/x/tags")["tags"] == [{"name": "b", "n": 1}, {"name": "to read", "n": 2}]
    assert [one["id"] for one in exported(own, tag="to read")] == ["d7", "d8"]
    assert own.ask("DELETE", "/x/tags", query={"name": "b"}).json == {}
    assert own.ask("DELETE", "/x/tags", query={"name": "b"}).status == 404
    assert [one["name"] for one in own.get("/x/tags")["tags"]] == ["to read"]


def test_what_cannot_be_tagged_is_refused_and_nothing_is_tagged(own: Client) -> None:
    assert "nothing was tagged" in own.refused("/x/tags", 404, name="a", add=["d1", "nobody"])["message"]
    for name in ("", " a", "x" * 65, "a\nb"):
        assert own.refused("/x/tags", 400, name=name, add=["d1"])["param"] == "name"
    assert own.refused("/x/tags", 400, name="a", rows=[10**6])["param"] == "rows"
    assert own.refused("/x/tags", 400, add=["d1"])["param"] == "name"
    assert own.get("/x/tags")["tags"] == []


def test_how_much_is_tagged_at_once_is_limited(running: Callable[..., Any], own_space: Path) -> None:
    client = Client(running(own_space, chosen=2, tags=1).address)
    assert client.refused("/x/tags", 400, name="a", add=["d1", "d2"], remove=["d5"])["code"] == "too_large"
    assert client.refused("/x/export", 400, ids=["d1", "d2", "d5"])["code"] == "too_large"
    client.post("/x/tags", name="a", add=["d1"])
    assert client.refused("/x/tags", 400, name="b", add=["d1"])["param"] == "name"


def test_tags_that_are_damaged_break_nothing_but_tags(own: Client, own_space: Path) -> None:
    own.post("/x/tags", name="a", add=["d1"])
    (own_space / NAME).write_bytes(b"not a database" * 300)
    answer = own.ask("GET", "/x/tags")
    assert answer.status == 500
    assert answer.json["error"]["code"] == "damaged"
    assert own.get("/x/fields")["fields"]
