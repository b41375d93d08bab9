"""`semascope doctor`: one verdict line, the evidence, what follows; exit code 1 where something is wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from docstrings import docstrings, made

from semascope.cli import app
from semascope.encoders import Encoder
from semascope.space import Space

N = 60


def run(*args: object) -> Result:
    done = CliRunner().invoke(app, ["doctor", *map(str, args)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


@pytest.fixture
def matrix(tmp_path: Path) -> Path:
    np.save(tmp_path / "vectors.npy", made("default", N))
    return tmp_path / "vectors.npy"


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    rows = "".join(json.dumps({"text": text}) + "\n" for text in docstrings(N))
    (tmp_path / "texts.jsonl").write_text(rows, encoding="utf-8")
    return tmp_path / "texts.jsonl"


def test_a_matrix_alone_gets_one_verdict_line_the_evidence_and_what_follows(matrix: Path) -> None:
    said = run(matrix)
    assert said.exit_code == 0
    lines = said.stdout.splitlines()
    assert lines[0] == f"Nothing wrong was found ({N} x 256 float32)."
    assert lines[-1].startswith("Next: ")
    assert lines[-1].endswith("--texts FILE")


def test_a_matrix_with_texts_is_named(matrix: Path, texts: Path) -> None:
    said = run(matrix, "--texts", texts, "--encoder", "default", "--json")
    assert said.exit_code == 0
    plain = json.loads(said.stdout)
    assert plain["verdict"].startswith("Made by default")
    assert {one["level"] for one in plain["findings"]} <= {"fine", "note"}


def test_a_fault_is_exit_code_1_in_text_json_and_page(matrix: Path, tmp_path: Path) -> None:
    x = np.load(matrix)
    x[7, 0] = np.nan
    np.save(matrix, x)
    page = tmp_path / "page.html"
    said = run(matrix, "--report", page)
    assert said.exit_code == 1
    assert said.stdout.startswith("1 fault (finite values)")
    html = page.read_text(encoding="utf-8")
    assert "finite values" in html
    assert "http" not in html.replace("http-equiv", "").replace("http://www.w3.org", "")


def test_a_table_with_vectors_is_examined_too(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    rows = zip(docstrings(40), made("default", 40).tolist(), strict=True)
    file.write_text("".join(json.dumps({"text": text, "vector": row}) + "\n" for text, row in rows), encoding="utf-8")
    said = run(file, "--encoder", "default", "--json")
    assert said.exit_code == 0
    assert json.loads(said.stdout)["verdict"].startswith("Made by default")


def test_texts_alone_are_refused_with_what_to_do(texts: Path) -> None:
    said = run(texts)
    assert said.exit_code == 2
    assert "semascope look" in said.stderr


def test_two_encoders_that_agree_and_two_that_do_not(tmp_path: Path) -> None:
    Encoder("default").save(tmp_path / "copy")
    said = run("default", tmp_path / "copy")
    assert said.exit_code == 0
    assert "agree (lowest cosine 1.00000 over" in said.stdout.splitlines()[0]
    assert run("default", "default | truncate(64)").exit_code == 1


def test_two_encoders_on_texts_of_ones_own(texts: Path) -> None:
    said = run("default", "default", "--texts", texts, "--sample", 30)
    assert "over 30 texts" in said.stdout.splitlines()[0]


def test_a_space_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    Space.build(docstrings(30), Encoder("default"), tmp_path / "s.space").close()
    Encoder("default").save(tmp_path / "encoder")
    assert "hashes of" not in run(tmp_path / "encoder").stdout
    assert "recall" in run(tmp_path / "s.space").stdout
    shutil.rmtree(tmp_path / "s.space" / "encodings")
    assert run(tmp_path / "s.space").exit_code == 1


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "want a SOURCE"),
        (("nowhere.npy",), "there is none"),
        (("x.npy", "--fix"), "--fix"),
        (("x.npy", "--machine"), "--machine"),
        (("sentence-transformers:nowhere", "default"), "want a folder behind it"),
    ],
)
def test_a_wrong_command_is_answered_in_one_line_with_code_2(args: tuple[str, ...], message: str) -> None:
    said = run(*args)
    assert said.exit_code == 2
    assert message in said.stderr
    assert len(said.stderr.splitlines()) == 1
