"""`semascope models` lists what there is and makes what is asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from semascope.cli import app
from semascope.ops import model_folder


def run(*args: object):
    return CliRunner().invoke(app, ["models", *map(str, args)])


@pytest.fixture
def text(tmp_path: Path, texts) -> Path:
    path = tmp_path / "sentences.txt"
    path.write_text("\n".join(texts))
    other = tmp_path / "more.txt"
    other.write_text("\n".join(text.upper() for text in texts[:50]))
    return path


def test_the_list_says_what_there_is_and_what_to_do_next() -> None:
    said = run()
    assert said.exit_code == 0
    assert said.stdout.startswith("5 models, 0 made.")
    assert "tiny_gpt_ciphered" in said.stdout
    assert said.stdout.rstrip().endswith("models --make tiny_gpt")
    rows = json.loads(run("--json").stdout)
    assert [row["name"] for row in rows] == [
        "tiny_gpt",
        "tiny_bert",
        "tiny_seq2seq",
        "tiny_gpt_ciphered",
        "tiny_bert_placeless",
    ]
    assert not any(row["made"] for row in rows)


def test_a_model_is_made_of_ones_own_text_listed_and_found_again(text: Path, tmp_path: Path, cache: Path) -> None:
    args = ("--make", "tiny_gpt", "--text", text, "--text", tmp_path / "more.txt", "--steps", 2, "--json")
    said = run(*args)
    assert said.exit_code == 0, said.stderr
    (row,) = json.loads(said.stdout)
    assert row["made"]
    assert row["steps"] == 2
    assert row["text"] == "sentences.txt, more.txt"
    assert Path(row["path"]).parent == cache / "models"
    assert row["measured"]["unigram_loss"] > 0
    assert json.loads(run(*args).stdout) == [row]
    listed = run()
    assert "6 models, 1 made." in listed.stdout
    assert row["name"] in listed.stdout
    assert not model_folder("tiny_gpt").exists()
    spoken = run("--make", "tiny_gpt", "--text", text, "--text", tmp_path / "more.txt", "--steps", 2)
    assert f"{row['name']}: made, perplexity" in spoken.stdout


def test_mistakes_are_one_line_and_make_nothing(text: Path, tmp_path: Path, cache: Path) -> None:
    for args, says in (
        (("--make", "tiny_gtp"), "name: want one of tiny_gpt"),
        (("--make", "all", "--out", tmp_path / "x"), "--out: want one model"),
        (("--text", text), "--text: want --make NAME"),
        (("--fresh",), "--fresh: want --make NAME"),
        (("--make", "tiny_gpt", "--text", tmp_path / "absent"), "absent"),
        (("--make", "tiny_gpt", "--text", text, "--out", tmp_path), "out: want a folder that is not there yet"),
        (("--make", "tiny_gpt", "--text", text, "--steps", 2, "--minutes", 1), "minutes: want steps or minutes"),
    ):
        said = run(*args)
        assert said.exit_code in (2, 3)
        errors = [line for line in said.stderr.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1
        assert says in errors[0]
    assert list(cache.rglob("*.json")) == []
