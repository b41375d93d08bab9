"""/x/map over real HTTP: a map that a job made, its columns, its rows and what lies near them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
from hashing import HashingEncoder
from mapped import Server, column, done, opened, refused

from semascope.corpus import Document
from semascope.space import Space
from semascope.space.tags import Tags

NASTY = "html"  # the document of the Space that holds mark-up


@pytest.fixture(scope="module")
def mapped(served: type[Any], space_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server over a copy of the Space with two encodings, whose maps were compared by a job."""
    folder = tmp_path_factory.mktemp("mapped") / "notes.space"
    copytree(space_folder, folder)
    with Space.open(folder) as space:
        first = space.encoding().name
        space.reencode("default | truncate(16)", name="short", keep_old=True)
    with opened(served, folder) as server:
        done(server, do="moved", encoding="short", other=first)
        yield server


@pytest.fixture(scope="module")
def known(mapped: Server) -> dict[str, Document]:
    """The documents of the Space by their ids."""
    return {one.id: one for one in mapped.house.opened().documents()}


@pytest.fixture(scope="module")
def other(served: type[Any], mapped: Server) -> str:
    """The name of the first encoding."""
    return next(one.name for one in mapped.house.opened().encodings() if one.name != "short")


@pytest.fixture(scope="module")
def rows(served: type[Any], mapped: Server) -> list[str]:
    """The document of each row, in the order of rows."""
    with Space.open(mapped.house.opened().path) as space:
        return [name for names, _, _ in space.vectors() for name in names]


def test_a_map_has_groups_with_names_trust_with_its_interval_and_columns(mapped: Server) -> None:
    found = mapped.get("/x/map").json
    assert found["encoding"] == "short"
    assert not found["stale"]
    assert 0.5 < found["trust"]["low"] <= found["trust"]["value"] <= found["trust"]["high"] <= 1
    assert sum(group["n"] for group in found["groups"]) == found["n"]
    assert len(found["groups"]) > 1
    assert all(group["name"] and group["words"] for group in found["groups"])
    assert all(0 <= place <= 65535 for group in found["groups"] for place in group["at"])
    names = {one["name"]: (one["kind"], one["what"]) for one in found["columns"]}
    assert names["label"] == ("class", "label")
    assert names["time"] == ("share", "time")
    assert names["group"] == ("class", "group")


def test_places_reach_as_far_as_the_map_says_and_lie_across(mapped: Server) -> None:
    about = mapped.get("/x/map").json
    header, values = column(mapped.get("/x/map/column?name=places"))
    x, y = values[: about["n"]], values[about["n"] :]
    assert header["dtype"] == "<u2"
    assert len(x) == len(y) == about["n"]
    assert (int(x.max()), int(y.max())) == tuple(map(int, about["span"]))
    assert x.std() >= y.std()


def test_columns_are_what_a_loop_over_documents_gives(
    mapped: Server, rows: list[str], known: dict[str, Document]
) -> None:
    for name, value in {
        "label": lambda one: one.label,
        "lang": lambda one: one.lang,
        "author": lambda one: one.metadata.get("author"),
    }.items():
        header, codes = column(mapped.get(f"/x/map/column?name={name}"))
        told = [header["names"][code] if code >= 0 else None for code in codes]
        assert told == [value(known[row]) for row in rows]
        assert header["counts"] == [told.count(one) for one in header["names"]]
    header, sizes = column(mapped.get("/x/map/column?name=size"))
    assert header["names"] == ["2.5", "3.5", "4.5", "60.5"]  # a number of few values is a class, by size
    assert sizes[rows.index(NASTY)] == -1
    header, shares = column(mapped.get("/x/map/column?name=year"))
    years = np.array([known[row].metadata["year"] for row in rows], float)
    np.testing.assert_allclose(shares, (years - 2015) / 9, atol=1e-6)
    assert (header["ends"], header["says"]) == (["2015", "2024"], "By value.")


def test_times_are_shares_from_the_first_day_to_the_last(
    mapped: Server, rows: list[str], known: dict[str, Document]
) -> None:
    import datetime as dt

    days = np.array([dt.date.fromisoformat(str(known[row].time)).toordinal() for row in rows], float)
    header, shares = column(mapped.get("/x/map/column?name=time"))
    np.testing.assert_allclose(shares, (days - days.min()) / (days.max() - days.min()), atol=1e-6)
    assert header["ends"] == [dt.date.fromordinal(int(end)).isoformat() for end in (days.min(), days.max())]


def test_documents_are_numbered_as_their_rows_come(mapped: Server, rows: list[str]) -> None:
    _, numbers = column(mapped.get("/x/map/column?name=doc"))
    order = {name: place for place, name in enumerate(dict.fromkeys(rows))}
    assert numbers.tolist() == [order[row] for row in rows]


def test_neighbours_that_moved_are_those_of_a_plain_count(served: type[Any], mapped: Server, other: str) -> None:
    def nearest(encoding: str) -> list[set[int]]:
        with Space.open(mapped.house.opened().path) as space:
            x = np.concatenate([block for _, _, block in space.vectors(encoding)]).astype(np.float64)
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        scores = x @ x.T
        np.fill_diagonal(scores, -np.inf)
        return [set(np.argsort(-row, kind="stable")[:15].tolist()) for row in scores]

    shares = [len(mine & theirs) / 15 for mine, theirs in zip(nearest("short"), nearest(other), strict=True)]
    for one, second in (("short", other), (other, "short")):
        header, moved = column(mapped.get(f"/x/map/column?encoding={one}&name=moved:{second}"))
        # Rows that lie equally near may stand in either order.
        assert (np.abs(1 - moved - shares) > 1e-6).mean() < 0.02
        assert header["ends"] == ["all neighbours kept", "none kept"]
        assert "by chance" in header["says"]
    assert {"name": f"moved:{other}", "kind": "share", "what": "moved"} in mapped.get("/x/map").json["columns"]


def test_near_rows_are_given_for_both_encodings_with_the_share_kept(mapped: Server, other: str) -> None:
    found = mapped.post("/x/map/near", {"row": 5, "other": other}).json
    assert len(found["near"]) == len(found["other"]) == 15
    assert 5 not in found["near"]
    assert found["kept"] == len(set(found["near"]) & set(found["other"])) / 15
    assert mapped.post("/x/map/near", {"row": 5}).json["other"] is None


def test_rows_are_told_with_their_text_in_the_order_asked_for(
    mapped: Server, rows: list[str], known: dict[str, Document]
) -> None:
    at = rows.index(NASTY)
    found = mapped.post("/x/map/rows", {"rows": [at, 0]}).json["rows"]
    assert [one["id"] for one in found] == [NASTY, rows[0]]
    assert [one["row"] for one in found] == [at, 0]
    assert found[0]["passage"] == known[NASTY].text
    assert found[0]["metadata"] == {"year": 2020, "label": "kitchen", "time": "2020-02-02", "lang": "en"}
    long = [place for place, name in enumerate(rows) if name == "d7"]
    assert len(long) > 1
    (one,) = mapped.post("/x/map/rows", {"rows": [long[1]]}).json["rows"]
    whole = known["d7"].text
    assert one["passage"] == whole[one["span"][0] : one["span"][1]][:300]


def test_scores_are_the_cosines_with_what_is_asked_for(
    served: type[Any], mapped: Server, rows: list[str], other: str
) -> None:
    space = mapped.house.opened()
    x = np.concatenate([block for _, _, block in space.vectors(other)])
    for asked, vector in (
        ({"query": "bread in the oven"}, space.encoder(other).encode(["bread in the oven"], kind="query")[0]),
        ({"id": "d4"}, x[rows.index("d4")]),
    ):
        answer = mapped.post("/x/map/score", {"for": asked, "encoding": other})
        header, shares = column(answer)
        cosines = x @ vector / np.linalg.norm(x, axis=1) / np.linalg.norm(vector)
        np.testing.assert_allclose(shares, (cosines - cosines.min()) / np.ptp(cosines), atol=1e-4)
        assert header["ends"] == [f"{cosines.min():.3f}", f"{cosines.max():.3f}"]
    assert refused(mapped.post("/x/map/score", {"for": {"id": "nobody"}})) == (404, "unknown_name")
    assert refused(mapped.post("/x/map/score", {"for": {}})) == (400, "invalid_value")


def test_tags_are_a_column_and_stand_beside_rows(served: type[Any], own_space: Path) -> None:
    with opened(served, own_space) as server:
        done(server, do="map")
        assert "tags" not in [one["name"] for one in server.get("/x/map").json["columns"]]
        tags = Tags(own_space)
        tags.change("many", add=["d1", "d2", "d5"])
        tags.change("few", add=["d2", "not there"])
        assert {"name": "tags", "kind": "class", "what": "tag"} in server.get("/x/map").json["columns"]
        header, codes = column(server.get("/x/map/column?name=tags"))
        with Space.open(own_space) as space:
            rows = [name for names, _, _ in space.vectors() for name in names]
        told = {row: header["names"][code] for row, code in zip(rows, codes, strict=True) if code >= 0}
        assert told == {"d1": "many", "d2": "few", "d5": "many"}
        assert header["counts"] == [2, 1]
        (one,) = server.post("/x/map/rows", {"rows": [rows.index("d2")]}).json["rows"]
        assert one["tags"] == ["few", "many"]


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/x/map?encoding=none", None, 404, "unknown_name"),
        ("/x/map?encoding=../../encodings", None, 404, "unknown_name"),
        ("/x/map/column?name=nothing", None, 404, "unknown_name"),
        ("/x/map/column", None, 400, "missing"),
        ("/x/map/column?name=moved:none", None, 404, "no_moves"),
        ("/x/map/column?name=moved:..%2F..", None, 404, "no_moves"),
        ("/x/map/column?name=moved:short", None, 404, "no_moves"),
        ("/x/map/rows", {"rows": [10**9]}, 400, "invalid_value"),
        ("/x/map/rows", {"rows": [-1]}, 400, "invalid_value"),
        ("/x/map/rows", {"rows": [0] * 501}, 400, "too_many"),
        ("/x/map/rows", {"rows": ["0"]}, 400, "invalid_type"),
        ("/x/map/near", {"row": 10**30}, 400, "invalid_value"),
        ("/x/map/near", {"row": 0, "other": "none"}, 404, "unknown_name"),
    ],
)
def test_what_is_not_there_is_said(mapped: Server, path: str, body: Any, status: int, code: str) -> None:
    assert refused(mapped.get(path) if body is None else mapped.post(path, body)) == (status, code)


def test_without_a_map_the_error_says_how_to_make_one(served: type[Any], own_space: Path) -> None:
    with opened(served, own_space) as server:
        for answer in (server.get("/x/map"), server.get("/x/map/column?name=places")):
            assert refused(answer) == (404, "no_map")
            assert "semascope look" in answer.json["error"]["message"]


def test_without_a_space_that_is_said(served: type[Any]) -> None:
    with opened(served, None) as server:
        assert refused(server.get("/x/map")) == (404, "no_space")
        assert refused(server.post("/x/jobs", {"do": "map"})) == (404, "no_space")
        assert refused(server.get("/x/reports")) == (404, "no_space")


def test_a_map_is_stale_once_documents_come_or_go_and_rows_stay_those_of_the_space(
    served: type[Any], own_space: Path
) -> None:
    with opened(served, own_space) as server, Space.open(own_space) as space:
        done(server, do="map")
        before = server.get("/x/map").json
        _, places = column(server.get("/x/map/column?name=places"))
        gone = [name for names, _, _ in space.vectors() for name in names].index("d20")
        space.delete(["d20"])
        space.add([{"id": "fresh", "title": "Kitchen 0", "text": space.get("d0").text, "label": "kitchen"}])
        after = server.get("/x/map").json
        assert (before["stale"], after["stale"], after["new"]) == (False, True, 1)
        assert after["n"] == before["n"]
        assert "has changed since" in after["says"]
        _, now = column(server.get("/x/map/column?name=places"))
        n = after["n"]
        rest = np.delete(np.arange(n), gone)
        assert (now[:n][: n - 1] == places[:n][rest]).all()
        # The new one has the text of d0, and stands where that stands.
        assert (now[n - 1], now[-1]) == (places[0], places[n])
        (row,) = server.post("/x/map/rows", {"rows": [n - 1]}).json["rows"]
        assert row["id"] == "fresh"
        assert server.post("/x/map/near", {"row": n - 1}).json["near"][0] == 0
        _, labels = column(server.get("/x/map/column?name=label"))
        assert labels[n - 1] == labels[0]


def test_a_damaged_map_counts_as_none_and_a_job_makes_it_anew(served: type[Any], own_space: Path) -> None:
    with opened(served, own_space) as server:
        path = own_space / "maps" / server.house.opened().encoding().name / "atlas.safetensors"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"half of a map")
        answer = server.get("/x/map")
        assert refused(answer) == (404, "no_map")
        assert "cannot be read" in answer.json["error"]["message"]
        done(server, do="map")
        assert server.get("/x/map").status == 200


def test_an_encoding_that_does_not_cover_all_documents_is_no_fault_of_the_server(
    served: type[Any], own_space: Path
) -> None:
    with Space.open(own_space) as space:
        first = space.encoding().name
        space.reencode(HashingEncoder(8), name="hashed", keep_old=True)
        space.add([{"id": "more", "text": "a violin and a cello"}], encoder=HashingEncoder(8))
    with opened(served, own_space) as server:
        assert refused(server.get(f"/x/map?encoding={first}")) == (409, "not_ready")
        assert refused(server.post("/x/jobs", {"do": "map", "encoding": first})) == (409, "not_ready")
