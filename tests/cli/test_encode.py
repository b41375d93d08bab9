"""The verbs that write vectors and token states to plain files, as a person types them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from semascope import Encoder
from semascope.encoders.jobs import open_states
from semascope.encoders.jobs.stored_rows import SIDE, passport_beside
from semascope.space import Space

ONE_LINE = re.compile(r"error: [^\n]+\n")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEMASCOPE_ENCODER", raising=False)


def _read(notes: Path) -> list[str]:
    rows = [json.loads(line) for line in notes.read_text().splitlines()]
    return [f"{row['title']} {row['text']}" for row in rows]


def test_encode_writes_a_row_for_each_document_as_a_space_would_encode_it(run, notes: Path) -> None:
    said = run("encode", notes, "--encoder", "default", "--out", "v.npy", "--ids", "ids.jsonl")
    assert said.code == 0
    assert said.lines[0].startswith("Encoded v.npy: 5 rows x 256 by default, float32, 5.2 kB, in ")
    assert said.lines[-1] == f"Next: semascope build {notes} --vectors v.npy"
    np.testing.assert_array_equal(np.load("v.npy"), Encoder("default").encode(_read(notes)))
    ids = [json.loads(line) for line in Path("ids.jsonl").read_text().splitlines()]
    assert ids == [{"row": row, "id": name} for row, name in enumerate(("cat", "bread", "rates", "backup", "train"))]
    assert sorted(path.name for path in Path().iterdir()) == ["ids.jsonl", "v.npy", f"v.npy{SIDE}"]


def test_encode_names_the_file_after_its_source_and_leaves_titles_out_when_asked(run, notes: Path) -> None:
    said = run("encode", notes, "--encoder", "default", "--title", "", "--dtype", "float16", "--json")
    assert said.json["file"] == "notes.npy"
    rows = [json.loads(line)["text"] for line in notes.read_text().splitlines()]
    np.testing.assert_array_equal(np.load("notes.npy"), Encoder("default").encode(rows).astype(np.float16))


def test_encode_as_json_says_the_same_for_a_program(run, notes: Path) -> None:
    said = run("encode", notes, "--encoder", "default", "--kind", "query", "--json").json
    assert (said["rows"], said["dim"], said["dtype"], said["kind"]) == (5, 256, "float32", "query")
    assert said["passport"] == Encoder("default").passport.id
    assert said["bytes"] == Path("notes.npy").stat().st_size
    assert said["resumed"] == said["zero_rows"] == said["problems"] == 0


def test_what_encode_wrote_becomes_a_space_that_knows_its_encoder(run, notes: Path) -> None:
    run("encode", notes, "--encoder", "default", "--out", "v.npy")
    said = run("build", notes, "--vectors", "v.npy", "--out", "s.space")
    assert said.code == 0
    assert f"Encoder: default, as v.npy{SIDE} says" in said.err
    assert run("search", "s.space", "animals that purr", "--exact", "--json").json[0]["id"] == "cat"
    with Space.open("s.space") as space:
        assert space.info()["encoder"] == "default"


def test_vectors_of_another_encoder_than_the_one_named_are_refused(run, notes: Path) -> None:
    run("encode", notes, "--encoder", "default | truncate(64)", "--out", "v.npy")
    said = run("build", notes, "--vectors", "v.npy", "--out", "s.space", "--encoder", "default")
    assert said.code == 2
    assert re.search(rf"cannot take 'default' for what made v\.npy: transforms differs.*remove v\.npy{SIDE}", said.err)
    said = run("build", notes, "--vectors", "v.npy", "--out", "s.space")
    assert said.code == 0
    with Space.open("s.space") as space:
        (encoding,) = space.info()["encodings"].values()
        assert encoding["passport"]["name"] == "default | truncate(64)"


def test_a_passport_that_belongs_to_another_matrix_is_damage(run, notes: Path) -> None:
    run("encode", notes, "--encoder", "default", "--out", "v.npy")
    np.save("v.npy", np.ones((5, 3), np.float32))
    said = run("build", notes, "--vectors", "v.npy", "--out", "s.space")
    assert said.code == 3
    assert "it belongs to another one" in said.err


def test_a_recipe_that_has_to_learn_is_fitted_to_the_source(run) -> None:
    Path("rows.jsonl").write_text(
        "".join(json.dumps({"text": f"sentence number {n} about {n * n} things"}) + "\n" for n in range(60))
    )
    said = run("encode", "rows.jsonl", "--encoder", "default | whiten(n_components=16)", "--json")
    assert said.json["dim"] == 16
    assert "fitted to rows.jsonl" in said.err


def test_texts_with_nothing_to_encode_and_bad_rows_are_said(shell, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(
        '{"id": "a", "text": "one"}\nnot json\n{"id": "b", "text": "\\u3000\\u200b"}\n'
    )
    said = shell("encode", "rows.jsonl", "--encoder", "default", "--json")
    assert said.code == 0
    assert said.json["problems"] >= 1
    assert "rows.jsonl:2" in said.err
    assert (said.json["zero_rows"] > 0) == ("have nothing to encode" in said.err)


def test_files_that_are_there_are_only_replaced_when_that_is_said(run, notes: Path) -> None:
    how = ("encode", notes, "--encoder", "default", "--ids", "ids.jsonl")
    assert run(*how).code == 0
    before = Path("notes.npy").read_bytes()
    for args in (how, how[:4]):
        said = run(*args)
        assert said.code == 3
        assert ONE_LINE.fullmatch(said.err.splitlines(keepends=True)[-1])
        assert "--overwrite" in said.err
    assert run(*how, "--overwrite").code == 0
    assert Path("notes.npy").read_bytes() == before


@pytest.mark.parametrize(
    "args",
    [
        ["encode"],
        ["encode", "nowhere-at-all"],
        ["encode", "-"],
        ["states", "-"],
        ["encode", "here.jsonl", "--out", "x.bin"],
        ["encode", "here.jsonl", "--encoder", "no-such"],
        ["encode", "here.jsonl", "--kind", "other"],
        ["states", "here.jsonl", "--encoder", "default", "--layers", "one"],
        ["states", "here.jsonl", "--encoder", "default", "--layers", "7"],
    ],
    ids=" ".join,
)
def test_a_wrong_command_is_answered_in_one_line_with_code_2_and_leaves_nothing(run, args: list[str]) -> None:
    Path("here.jsonl").write_text('{"text": "a"}\n')
    said = run(*args)
    assert said.code == 2
    assert said.out == ""
    assert ONE_LINE.fullmatch(said.err.splitlines(keepends=True)[-1])
    assert [path.name for path in Path().iterdir()] == ["here.jsonl"]


def test_an_interrupted_encode_says_so_and_the_same_command_goes_on(tmp_path: Path, run) -> None:
    lines = "".join(f"text number {number}\n" for number in range(6_000))
    args = [sys.executable, "-m", "semascope", "encode", "-", "--encoder", "default", "--out", "v.npy"]
    process = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdin is not None
    process.stdin.write(lines)  # one chunk and a bit; the rest never comes
    process.stdin.flush()
    journal, until = Path("v.npy.part/journal.jsonl"), time.monotonic() + 60
    while not journal.exists() and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert "interrupted; what was committed is kept, and the same command goes on from there" in err
    assert not Path("v.npy").exists()
    other = run(
        "encode", "-", "--encoder", "default", "--out", "v.npy", stdin=lines.replace("number 7\n", "number 8\n")
    )
    assert other.code == 2
    assert "texts 0 to 4,095" in other.err
    again = run("encode", "-", "--encoder", "default", "--out", "v.npy", "--json", stdin=lines)
    assert (again.json["rows"], again.json["resumed"]) == (6_000, 4_096)
    texts = [f"text number {number}" for number in range(6_000)]
    np.testing.assert_array_equal(np.load("v.npy"), Encoder("default").encode(texts))


def test_states_writes_a_folder_that_opens_again(run, notes: Path) -> None:
    said = run("states", notes, "--encoder", "default", "--layers", "0,-1", "--dtype", "float32")
    assert said.code == 0
    assert said.lines[0].startswith("Wrote notes.states: 5 texts, ")
    assert "layers 0, -1 of default (256 columns, float32)" in said.lines[0]
    stored = open_states("notes.states")
    wanted = Encoder("default").states(_read(notes), layers=(0, -1))
    (found,) = list(stored)
    np.testing.assert_array_equal(found.hidden, wanted.hidden)
    np.testing.assert_array_equal(found.spans, wanted.spans)
    command = said.lines[-1].removeprefix("Next: python ")
    shown = subprocess.run(f"{sys.executable} {command}", shell=True, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == f"[{found.hidden.shape}]"
    again = run("states", notes, "--encoder", "default")
    assert again.code == 3
    assert "--overwrite" in again.err
    assert run("states", notes, "--encoder", "default", "--overwrite", "--json").json["dtype"] == "float16"


def test_states_of_an_encoder_that_has_none_are_refused(run, notes: Path) -> None:
    said = run("states", notes, "--encoder", "default | truncate(8)")
    assert said.code == 2
    assert "want an encoder that gives token states" in said.err
    assert list(Path().iterdir()) == []


def test_the_passport_beside_a_matrix_is_the_encoders(run, notes: Path) -> None:
    run("encode", notes, "--encoder", "default | truncate(32)", "--out", "v.npy")
    found = passport_beside("v.npy")
    assert found is not None
    assert found.differences(Encoder("default | truncate(32)").passport) == []
    assert len(found.canaries) == 8
    assert os.path.getsize(f"v.npy{SIDE}") < 20_000  # noqa: PTH202
