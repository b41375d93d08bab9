"""`look` as a whole: what is planted in a corpus is found in it, from Python and from the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from material import TOPICS, texts

from semascope import Encoder
from semascope.cli import app
from semascope.cli.look import default_out
from semascope.errors import InputError
from semascope.look.found import Found
from semascope.look.look import chosen, look
from semascope.look.page import OURS
from semascope.subject import Subject

WRONG = (11, 57, 103, 148, 190)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV of 260 tickets: five topics as labels, five labels wrong, one text three times, one topic that grows."""
    said, topics = texts(260, words=14, seed=4)
    names = list(TOPICS)
    labels = [names[topic] for topic in topics]
    for row in WRONG:
        labels[row] = names[(topics[row] + 2) % len(names)]
    said[70] = said[80] = said[90]
    order = np.argsort([topic == 2 for topic in topics], kind="stable")
    day = np.empty(260, int)
    day[order] = np.arange(260)
    path = tmp_path_factory.mktemp("look") / "tickets.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        write = csv.writer(file)
        write.writerow(["created", "queue", "body"])
        for row in range(260):
            write.writerow([f"2024-{1 + day[row] // 22:02d}-{1 + day[row] % 22:02d}", labels[row], said[row]])
    return path


@pytest.fixture(scope="module")
def answered(planted: Path) -> tuple[Any, Path]:
    out = planted.with_name("tickets.look.html")
    done = CliRunner().invoke(app, ["look", str(planted), "--encoder", "default", "--out", str(out), "--json"])
    return done, out


def test_what_is_planted_is_found(answered: tuple[Any, Path]) -> None:
    done, out = answered
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["rows"] == 260
    assert told["page"] == str(out)
    assert told["duplicates"]["exact"] == [[70, 80, 90]]
    suspects = [one["row"] for one in told["labels"]["suspects"]]
    assert len(set(WRONG) & set(suspects[:5])) >= 3
    assert {told["labels"]["suspects"][0]["given"], told["labels"]["suspects"][0]["likely"]} <= set(TOPICS)
    assert next(iter(told["languages"]["counts"])) == "en"
    rose = [one for one in told["trends"]["trends"] if one["rose"] > 0]
    garden = set(TOPICS["garden"].split())
    assert rose
    assert garden & set(told["groups"]["groups"][rose[0]["group"]]["words"])
    named = [set(one["words"][:3]) for one in told["groups"]["groups"]]
    assert sum(any(words & set(topic.split()) for words in named) for topic in TOPICS.values()) >= 4
    assert told["few"]["accuracy"][1] > 0.5
    assert told["layout"]["trust"][1] > 0.8


def test_the_page_is_written_whole_and_is_known_as_one_of_ours(answered: tuple[Any, Path]) -> None:
    _, out = answered
    page = out.read_text(encoding="utf-8")
    assert OURS in page
    assert page.rstrip().endswith("</html>")
    assert not list(out.parent.glob("*.part"))


def test_the_terminal_says_verdict_groups_findings_page_and_what_follows(planted: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(planted.parent)
    done = CliRunner().invoke(app, ["look", planted.name, "--encoder", "default", "--sample", "120"])
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0].startswith("120 rows (of 260) in ")
    assert any(line.startswith("rows ") for line in lines)
    assert any("duplicates:" in line for line in lines)
    assert any(line.startswith("Page: tickets.look.html (") for line in lines)
    assert lines[-1].startswith("Next: ")
    assert "text = body (guessed)" in done.stderr
    assert "label = queue (guessed)" in done.stderr


def test_a_file_that_is_no_page_of_look_is_not_written_over(planted: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.html"
    mine.write_text("<p>mine</p>")
    done = CliRunner().invoke(app, ["look", str(planted), "--out", str(mine)], standalone_mode=True)
    assert done.exit_code == 2
    assert "--overwrite" in done.stderr
    assert mine.read_text() == "<p>mine</p>"
    assert CliRunner().invoke(app, ["look", str(planted), "--out", str(tmp_path / "no" / "page.html")]).exit_code == 2


def test_rows_with_vectors_keep_them_and_say_what_is_not_known() -> None:
    said, _ = texts(60)
    x = Encoder("default").encode(said)
    found = look(Subject("bare", [str(row + 1) for row in range(60)], texts=said, vectors=x))
    assert found.encoder == "vectors of unknown origin"
    assert np.array_equal(found.subject.vectors, x)
    assert found.search is not None
    assert found.search.overlap is None
    assert any("not on record" in note for note in found.notes)
    assert found.labels is None
    assert found.trends is None


@pytest.fixture(scope="module")
def small() -> Found:
    return look(texts(60)[0], "default")


def test_the_same_rows_give_the_same_page(small: Found) -> None:
    assert look(texts(60)[0], "default").html() == small.html()


def test_vectors_alone_can_be_looked_at(small: Found) -> None:
    found = look(Subject("bare.npy", [str(row + 1) for row in range(60)], vectors=small.subject.vectors))
    assert found.languages is None
    assert found.lengths is None
    assert "There are no words to search by" in found.html()


def test_one_row_is_no_corpus() -> None:
    with pytest.raises(InputError, match="at least 2 rows"):
        look(["alone"])


def test_two_rows_are() -> None:
    assert look(["one cat", "two dogs"], "default").html()


def test_an_encoder_of_another_width_is_refused(small: Found) -> None:
    with pytest.raises(InputError, match="dimensions"):
        look(Subject("bare", ["1", "2"], texts=["a", "b"], vectors=np.eye(2, dtype=np.float32)), "default")


def test_a_slow_encoder_is_chosen_only_for_what_it_reads_in_about_a_minute() -> None:
    many = Subject("many", [str(row) for row in range(3000)], texts=["word " * 200] * 3000)
    assert chosen(many) == "default"


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("data/tickets.csv", "tickets"),
        ("tickets.jsonl.gz", "tickets"),
        ("notes.space", "notes"),
        ("python:numpy,click", "numpy-click"),
        ("python:", "python"),
        ("postgresql://me:secret@host/shop?sslmode=require", "shop"),
        ("my tickets (new).csv", "my-tickets-new"),
    ],
)
def test_the_page_is_named_after_its_source(source: str, name: str) -> None:
    assert default_out(source) == f"{name}.look.html"
