"""/x/reports over real HTTP: made by a job, listed, read, taken along as a page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from mapped import Server, begun, done, ended, opened

from semascope.report.kept import REPORTS, open_report


@pytest.fixture(scope="module")
def reported(served: type[Any], space_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server over a copy of the Space that doctor and leak have looked at."""
    folder = tmp_path_factory.mktemp("reported") / "notes.space"
    copytree(space_folder, folder)
    with opened(served, folder) as server:
        assert server.get("/x/reports").json["reports"] == []
        for do in ("doctor", "leak"):
            assert done(server, do=do)["result"].startswith(f"{do}-")
        yield server


def test_reports_are_listed_latest_first_with_what_makes_more(reported: Server) -> None:
    found = reported.get("/x/reports").json
    assert [one["verb"] for one in found["reports"]] == ["leak", "doctor"]
    for one in found["reports"]:
        assert one["verdict"]
        assert one["source"] == "notes.space"
        assert set(one["levels"]) == {"fault", "warning", "note", "fine"}
        assert sum(one["levels"].values()) > 0
    assert {one["do"]: one["seconds_guess"] > 0 for one in found["makers"]} == {"doctor": True, "leak": True}


def test_a_report_is_read_as_it_was_made(served: type[Any], reported: Server) -> None:
    for one in reported.get("/x/reports").json["reports"]:
        found = reported.get(f"/x/reports/{one['name']}").json
        kept = open_report(
            reported.house.opened().path / REPORTS,
            one["name"],
        )
        assert {**kept.report.to_json(), **found} == found
        assert found["made"] == one["made"] == kept.made
        assert len(found["svgs"]) == len(found["curves"])
        assert all(svg.startswith("<svg") for svg in found["svgs"])


def test_a_report_does_not_say_where_on_the_disk_the_space_lies(reported: Server) -> None:
    folder = str(reported.house.opened().path.parent)
    names = [one["name"] for one in reported.get("/x/reports").json["reports"]]
    found = [reported.get(f"/x/reports/{name}").json for name in names]
    assert any("notes.space" in one["next"] for one in found)
    assert folder not in str(found)


def test_a_report_comes_as_a_page_that_is_the_same_offline(served: type[Any], reported: Server) -> None:
    name = reported.get("/x/reports").json["reports"][0]["name"]
    answer = reported.post(f"/x/reports/{name}/page", {})
    assert answer.status == 200
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}.html"'
    assert answer.headers["content-type"].startswith("text/html")
    html = open_report(
        reported.house.opened().path / REPORTS,
        name,
    ).report.html()
    assert answer.body.decode() == html


@pytest.mark.parametrize(
    "name",
    [
        "..%2F..%2Fetc%2Fpasswd",
        "../../etc/passwd",
        "..%2Fspace",
        "doctor-",
        "%00",
        "space.json",
        "..",
        "%2Fetc%2Fpasswd",
    ],
)
def test_no_name_leads_out_of_the_folder(reported: Server, name: str) -> None:
    assert reported.get(f"/x/reports/{name}").status == 404
    assert reported.post(f"/x/reports/{name}/page", {}).status == 404


def test_a_damaged_report_is_told_and_hides_no_other(served: type[Any], reported: Server) -> None:
    folder = reported.house.opened().path / REPORTS
    path = folder / "doctor-20000101-000000.json"
    path.write_text('{"format": 1, "made"')
    try:
        found = {one["name"]: one["verdict"] for one in reported.get("/x/reports").json["reports"]}
        assert len(found) == 3
        assert "damaged" in found[path.stem]
        assert reported.get(f"/x/reports/{path.stem}").status == 500
    finally:
        path.unlink()


def test_too_few_passages_to_attack_are_the_jobs_error(served: type[Any], own_space: Path) -> None:
    with opened(served, own_space) as server:
        job = ended(server, begun(server, do="leak"))
        assert job["state"] == "failed"
        assert "at least 250 passages" in job["error"]
        assert server.get("/x/reports").json["reports"] == []
        assert [one["seconds_guess"] for one in server.get("/x/reports").json["makers"]] == [None, None]
