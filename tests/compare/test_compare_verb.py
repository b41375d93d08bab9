"""The verb, end to end: files in, the verdict first, pages and JSON, and mistakes answered in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from questions import asked

from semascope.cli import app

PAIR = ("default | truncate(4)", "default")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A BEIR folder."""
    task, place = asked(60), tmp_path / "mine"
    place.mkdir()
    lines = [{"_id": name, "text": text} for name, text in task.documents.items()]
    (place / "corpus.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    lines = [{"_id": name, "text": text} for name, text in task.queries.items()]
    (place / "queries.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    rows = [f"{name}\t{document}\t1" for name, judged in task.judged.items() for document in judged]
    (place / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n" + "\n".join(rows) + "\n")
    return place


def run(*args: object, code: int = 0) -> Any:
    done = CliRunner().invoke(app, [str(arg) for arg in args])
    assert done.exit_code == code, done.output
    return done


def test_the_verdict_is_the_first_line_and_a_command_that_works_the_last(folder: Path, tmp_path: Path) -> None:
    done = run("compare", *PAIR, "--data", folder, "--draws", 500, "--no-cache")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("default is better than default | truncate(4): nDCG@10 +0.")
    assert lines[0].endswith("60 queries.")
    assert "Queries that default wins most" in done.stdout
    assert lines[-1].startswith("Next: ")
    assert f"semascope compare 'default | truncate(4)' default --data {folder} --report compare.html" in lines[-1]


def test_json_and_page_hold_the_same_figures(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "compare.html"
    done = run("compare", *PAIR, "--data", folder, "--draws", 500, "--no-cache", "--json", "--report", page)
    found = json.loads(done.stdout)
    pair = found["numbers"]["tasks"][0]["pairs"][0]
    assert pair["better"] == "default"
    assert pair["low"] < pair["difference"] < pair["high"]
    assert found["pictures"][0]["kind"] == "forest"
    text = page.read_text(encoding="utf-8")
    assert found["verdict"] in text
    assert "<svg" in text
    assert "http://" not in text.replace("http://www.w3.org", "")


def test_scores_that_evaluate_saved_give_the_same_verdict_as_the_encoders(folder: Path, tmp_path: Path) -> None:
    for name, encoder in zip(("a.json", "b.json"), PAIR, strict=True):
        run("evaluate", encoder, "--data", folder, "--no-cache", "--save", tmp_path / name)
    kept = run("compare", tmp_path / "a.json", tmp_path / "b.json").stdout.splitlines()[0]
    fresh = run("compare", *PAIR, "--data", folder, "--no-cache").stdout.splitlines()[0]
    assert kept.replace("60 units", "60 queries") == fresh


def test_clicks_stand_in_for_judgements(folder: Path, tmp_path: Path) -> None:
    task = asked(60)
    rows = [f"{task.queries[name]},{document}" for name, judged in task.judged.items() for document in judged]
    (tmp_path / "log.csv").write_text("query,clicked\n" + "\n".join(rows) + "\n")
    done = run(
        "compare", *PAIR, "--corpus", folder / "corpus.jsonl", "--clicks", tmp_path / "log.csv", "--draws", 500, "--no-cache"
    )  # fmt: skip
    assert done.stdout.startswith("default is better than default | truncate(4): MRR@10 +0.")
    assert "Clicks are biased" in " ".join(done.stdout.split())


def test_training_texts_are_looked_for(folder: Path, tmp_path: Path) -> None:
    task = asked(60)
    trained = tmp_path / "train.jsonl"
    trained.write_text("".join(json.dumps({"text": task.queries[f"q{n}"]}) + "\n" for n in range(6)))
    done = run("compare", *PAIR, "--data", folder, "--trained-on", trained, "--draws", 500, "--no-cache")
    said = " ".join(done.stdout.split())
    assert "6 of 60 queries (10.0%) have a near copy among 6 training texts; 6 of 60 queries hang on one" in said
    assert "on the 54 queries without copies: the verdict stays" in said


def test_both_texts_of_training_pairs_are_looked_for(folder: Path, tmp_path: Path) -> None:
    task = asked(60)
    trained = tmp_path / "pairs.jsonl"
    lines = [{"a": f"other words number {n}", "b": task.queries[f"q{n}"], "score": n / 2} for n in range(6)]
    trained.write_text("".join(json.dumps(one) + "\n" for one in lines))
    done = run("compare", *PAIR, "--data", folder, "--trained-on", trained, "--draws", 500, "--no-cache")
    assert "6 of 60 queries (10.0%) have a near copy among 12 training texts" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("default",), "two contenders or more, got 1"),
        (("default", "minilm", "--clicks", "log.csv"), "--data"),
        (("default", "default | truncate(8)"), "--data"),
        (("default", "nosuchencoder", "--data", "DATA"), "nosuchencoder"),
        (("default", "default", "--data", "DATA"), "different ones"),
        ((*PAIR, "--data", "nowhere"), "nowhere"),
        ((*PAIR, "--data", "DATA", "--level", "2"), "level"),
        ((*PAIR, "--data", "DATA", "--clicks", "nowhere.csv"), "nowhere.csv"),
        ((*PAIR, "--data", "DATA", "--trained-on", "nowhere.csv"), "nowhere.csv"),
        ((*PAIR, "--data", "DATA", "--kind", "telepathy"), "telepathy"),
    ],
)
def test_a_mistake_is_answered_in_one_line(folder: Path, args: tuple[str, ...], says: str) -> None:
    given = [str(folder) if one == "DATA" else one for one in args]
    done = run("compare", *given, "--no-cache", code=2)
    assert done.stdout == ""
    assert says in done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("error:")]) == 1
