"""/x/jobs over real HTTP: long work in processes of its own, its progress, its end, and its limits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hashing import HashingEncoder
from mapped import Server, begun, done, ended, opened, refused

from semascope.corpus import Corpus
from semascope.encoders import Encoder
from semascope.look.vocabulary import open_words
from semascope.ops import unit
from semascope.space import Space


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Space that is a few seconds' work to lay out; no test lets a job on it come to its end."""
    import numpy as np

    rng = np.random.default_rng(0)
    words = [f"word{number}" for number in range(300)]
    texts = [" ".join(rng.choice(words, 8)) for _ in range(6000)]
    folder = tmp_path_factory.mktemp("large") / "large.space"
    Space.from_arrays(rng.normal(size=(6000, 48)).astype(np.float32), texts, path=folder).close()
    return folder


def files(folder: Path) -> set[str]:
    """Everything in the folder of maps and of reports."""
    return {path.name for part in ("maps", "reports") for path in (folder / part).rglob("*") if path.is_file()}


def begins(server: Server, job: dict, step: str) -> dict:
    """The job, once it is at a step."""
    while job["state"] in ("waiting", "running") and job["step"] != step:
        time.sleep(0.01)
        job = server.get(f"/x/jobs/{job['id']}").json
    assert job["step"] == step, job
    return job


def test_a_job_tells_its_steps_and_ends_with_a_map(served: type[Any], own_space: Path) -> None:
    with opened(served, own_space) as server:
        job = begun(server, do="map")
        assert (job["do"], job["error"], job["result"]) == ("map", None, None)
        assert job["about"] == server.house.opened().encoding().name
        job = ended(server, job)
        assert (job["state"], job["step"]) == ("done", "writing")
        assert job["seconds"] > 0
        assert server.get("/x/jobs").json["jobs"] == [job]
        assert server.get("/x/map").json["n"] == len(own_space_rows(own_space))


def own_space_rows(folder: Path) -> list[str]:
    """Documents of all rows."""
    with Space.open(folder) as space:
        return [name for names, _, _ in space.vectors() for name in names]


def test_cancelled_in_the_middle_nothing_half_written_stays(served: type[Any], large: Path) -> None:
    with opened(served, large) as server:
        job = begins(server, begun(server, do="map"), "map")
        answer = server.ask("DELETE", f"/x/jobs/{job['id']}")
        assert (answer.status, answer.json["state"], answer.json["error"]) == (200, "cancelled", None)
        assert files(large) == set()
        assert refused(server.get("/x/map")) == (404, "no_map")
        again = server.ask("DELETE", f"/x/jobs/{job['id']}").json
        assert again["state"] == "cancelled"


def test_one_runs_the_others_wait_and_too_many_are_refused(served: type[Any], large: Path) -> None:
    with opened(served, large, jobs_waiting=1) as server:
        first, second = begun(server, do="map"), begun(server, do="doctor")
        assert (first["state"], second["state"]) == ("running", "waiting")
        answer = server.post("/x/jobs", {"do": "leak"})
        assert refused(answer) == (429, "busy")
        assert int(answer.headers["retry-after"]) >= 1
        assert begun(server, do="map")["id"] == first["id"]  # the same is not begun twice
        assert server.ask("DELETE", f"/x/jobs/{second['id']}").json["state"] == "cancelled"
        third = begun(server, do="leak")
        assert third["state"] == "waiting"
        assert server.ask("DELETE", f"/x/jobs/{first['id']}").json["state"] == "cancelled"
        assert server.get(f"/x/jobs/{third['id']}").json["state"] == "running"  # the next one, at once
        listed = [one["id"] for one in server.get("/x/jobs").json["jobs"]]
        assert listed == [third["id"], second["id"], first["id"]]


def test_only_the_last_finished_jobs_are_remembered(served: type[Any], own_space: Path) -> None:
    with opened(served, own_space, jobs_kept=1) as server:
        first, second = (done(server, do="words")["id"] for _ in range(2))
        assert [job["id"] for job in server.get("/x/jobs").json["jobs"]] == [second]
        assert refused(server.get(f"/x/jobs/{first}")) == (404, "unknown_job")


def test_a_process_that_is_killed_is_an_error_of_its_job_and_not_of_the_server(served: type[Any], large: Path) -> None:
    with opened(served, large) as server:
        job = begins(server, begun(server, do="map"), "map")
        (child,) = children()
        os.kill(child, 9)
        job = ended(server, job)
        assert job["state"] == "failed"
        assert "signal 9" in job["error"]
        assert server.get("/x/jobs").status == 200


def test_a_server_that_stops_ends_its_jobs(served: type[Any], large: Path) -> None:
    with opened(served, large) as server:
        begins(server, begun(server, do="map"), "map")
        begun(server, do="doctor")
        (child,) = children()
    assert not Path(f"/proc/{child}").exists()
    assert files(large) == set()


def test_a_process_whose_server_is_gone_ends_by_itself(large: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "semascope.serve.explore.work"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(json.dumps({"do": "map", "space": str(large), "encoding": None}) + "\n")
    child.stdin.flush()
    assert json.loads(child.stdout.readline())["step"] == "reading"
    child.stdin.close()  # as the system does when the server is killed
    assert child.wait(60) == 1
    child.stdout.close()
    assert files(large) == set()


def children() -> list[int]:
    """Processes that do jobs of this one."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            try:
                stat, line = (path / "stat").read_text(), (path / "cmdline").read_text()
            except OSError:
                continue
            if int(stat.rpartition(")")[2].split()[1]) == os.getpid() and "semascope.serve.explore.work" in line:
                found.append(int(path.name))
    return found


def test_words_are_the_vectors_that_the_encoder_gives_them(served: type[Any], own_space: Path) -> None:
    with opened(served, own_space) as server:
        job = done(server, do="words")
        name = server.house.opened().encoding().name
        found = open_words(own_space, name)
        encoder = server.house.opened().encoder()
    assert job["step"] == "writing"
    assert "violin" in found.words
    assert "the" not in found.words
    counts = found.documents.tolist()
    assert counts == sorted(counts, reverse=True)
    with Space.open(own_space) as space:
        having = sum(
            "violin" in f"{one.title} {one.text}".lower().replace(".", "").split() for one in space.documents()
        )
    assert counts[list(found.words).index("violin")] == having
    assert abs(unit(encoder.encode(list(found.words[:5]))) - found.vectors[:5]).max() < 1e-6


def test_without_an_encoder_there_are_no_words_and_with_one_given_to_the_server_there_are(
    served: type[Any], tmp_path: Path
) -> None:
    folder = tmp_path / "own.space"
    texts = ["a violin concert", "the violin and the cello", "a cello in a concert"]
    Space.from_arrays(Encoder("default").encode(texts), texts, path=folder).close()
    with opened(served, folder) as server:
        assert refused(server.post("/x/jobs", {"do": "words"})) == (409, "no_encoder")
    with served(Space.open(folder, "default"), {}) as running:
        server = Server(running.house, running.address)
        done(server, do="words")
        assert set(open_words(folder, server.house.opened().encoding().name).words) == {"violin", "concert", "cello"}
        done(server, do="doctor")
        (report,) = server.get("/x/reports").json["reports"]
        findings = {one["name"]: one["says"] for one in server.get(f"/x/reports/{report['name']}").json["findings"]}
        assert "the encoder given is of their width" in findings["encoder"]


def test_a_space_that_cannot_be_written_to_is_said_before_the_work(
    served: type[Any], own_space: Path, monkeypatch
) -> None:
    with opened(served, own_space) as server:
        really = os.access
        # Root may write anywhere, so the answer of the system is what is changed.
        monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and really(path, mode))
        answer = server.post("/x/jobs", {"do": "map"})
        assert refused(answer) == (409, "read_only")
        assert "read-only" in answer.json["error"]["message"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "missing"),
        ({"do": "rm -rf"}, 400, "invalid_type"),
        ({"do": "map", "encoding": "../x"}, 404, "unknown_name"),
        ({"do": "map", "other": "x"}, 400, "invalid_value"),
        ({"do": "moved"}, 400, "missing"),
        ({"do": "moved", "other": "/etc"}, 404, "unknown_name"),
        ({"do": "doctor", "encoding": "x"}, 400, "invalid_value"),
    ],
)
def test_what_cannot_be_done_is_said(server_alone: Server, body: dict, status: int, code: str) -> None:
    assert refused(server_alone.post("/x/jobs", body)) == (status, code)
    assert server_alone.get("/x/jobs").json == {"jobs": []}


@pytest.fixture(scope="module")
def server_alone(served: type[Any], space_folder: Path):
    """A server that nothing is begun on."""
    with opened(served, space_folder) as server:
        yield server


def test_an_encoding_is_not_compared_with_itself(served: type[Any], server_alone: Server) -> None:
    name = server_alone.house.opened().encoding().name
    answer = server_alone.post("/x/jobs", {"do": "moved", "encoding": name, "other": name})
    assert refused(answer) == (400, "invalid_value")


def test_no_job_has_another_id_than_was_given(server_alone: Server) -> None:
    for name in ("none", "..%2F..%2Fetc%2Fpasswd", "0" * 16):
        assert server_alone.get(f"/x/jobs/{name}").status == 404
        assert server_alone.ask("DELETE", f"/x/jobs/{name}").status == 404


def test_moved_makes_the_maps_it_lacks(served: type[Any], own_space: Path) -> None:
    with Space.open(own_space) as space:
        first = space.encoding().name
        space.reencode(HashingEncoder(16), name="hashed", keep_old=True)
    with opened(served, own_space) as server:
        job = done(server, do="moved", encoding=first, other="hashed")
        assert job["about"] == f"{first} and hashed"
        assert server.get(f"/x/map?encoding={first}").status == server.get("/x/map?encoding=hashed").status == 200


def test_a_corpus_of_one_document_has_a_map(served: type[Any], tmp_path: Path) -> None:
    folder = tmp_path / "one.space"
    Space.build(Corpus([{"id": "a", "text": "one text"}], name="one"), "default", folder).close()
    with opened(served, folder) as server:
        done(server, do="map")
        found = server.get("/x/map").json
        assert (found["n"], len(found["groups"])) == (1, 1)
        assert server.post("/x/map/near", {"row": 0}).json["near"] == []
