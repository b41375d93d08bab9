"""`evaluate`: every encoder on every task, with intervals and what guessing gives; what was cut, kept and saved is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from small_evals import ANIMALS, PLACES, TOOLS, beir, labelled, pairs, sentence, written

from semascope.cli import app
from semascope.encoders import Cuts, Encoder
from semascope.errors import InputError
from semascope.evaluate import evaluate, report
from semascope.metrics import score
from semascope.metrics.saved import load_scores
from semascope.subject.tasks import open_tasks
from semascope.tasks import chance
from semascope.testing.asking import WordSums


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMASCOPE_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("evals")
    labelled(place / "topics.jsonl")
    pairs(place / "pairs.jsonl")
    beir(place / "find")
    return place


def run(*args: object) -> Result:
    done = CliRunner().invoke(app, ["evaluate", *map(str, args)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def guesses(texts: list[str]) -> Any:
    return np.random.default_rng(len(texts)).normal(size=(len(texts), 8)).astype(np.float32)


def test_every_encoder_gets_a_figure_of_every_task_with_an_interval_and_guessing(folder: Path) -> None:
    tasks = open_tasks(folder)
    found = evaluate({"default": "default", "sums": WordSums()}, tasks)
    assert [(one.task.name, one.encoder) for one in found.results] == [
        (task.name, name) for task in tasks for name in ("default", "sums")
    ]
    for one in found.results:
        assert one.interval.low <= one.interval.value <= one.interval.high
        assert one.interval.n == len(one.task.units)
        assert found.guessing[one.task.name] == chance(one.task)
        encoder = Encoder("default") if one.encoder == "default" else WordSums()
        assert one.scores.to_json() == score(encoder, one.task).to_json()


def test_texts_of_several_tasks_are_encoded_once(folder: Path) -> None:
    tasks = open_tasks(folder / "topics.jsonl")
    assert [task.kind for task in tasks] == ["classification", "clustering"]
    found = evaluate(["default"], tasks)
    assert found.encoded["default"] == len(set(tasks[0].inputs()["texts"][0]))


def test_the_next_run_encodes_nothing(folder: Path, tmp_path: Path) -> None:
    tasks = open_tasks(folder)
    one, other = (evaluate(["default"], tasks, folder=tmp_path) for _ in range(2))
    assert one.encoded["default"] > 0
    assert other.encoded["default"] == 0
    assert [a.scores.to_json() for a in one.results] == [b.scores.to_json() for b in other.results]


def test_progress_is_told_of_every_encoder_and_task(folder: Path) -> None:
    said: list[str] = []
    counts: list[tuple[int, int | None]] = []

    def told(what: str) -> Any:
        said.append(what)
        return lambda done, total: counts.append((done, total))

    evaluate(["default"], open_tasks(folder / "find"), told=told)
    assert said == ["default: find"]
    assert counts[-1] == (80, 80)


def test_what_cannot_be_evaluated_is_refused(folder: Path) -> None:
    tasks = open_tasks(folder / "find")
    for encoders, given, said in (
        ([], tasks, "encoders: want at least one"),
        ("default", tasks, "want a list of them, got one string"),
        (["default", "default"], tasks, "want different names, got 'default' twice"),
        (["default"], [], "tasks: want at least one"),
        (["default"], [*tasks, *tasks], "tasks: want different names, got 'find' twice"),
    ):
        with pytest.raises(InputError, match=said):
            evaluate(encoders, given)


def test_an_encoder_that_only_guesses_is_said_to_show_nothing(folder: Path) -> None:
    found = evaluate({"default": "default", "dice": guesses}, open_tasks(folder / "pairs.jsonl"))
    said = report(found, source="pairs.jsonl")
    (warned,) = [one for one in said.findings if one.name == "no better than guessing"]
    assert warned.level == "warning"
    assert warned.numbers == {"encoder": "dice", "task": "pairs"}
    assert not [one for one in said.findings if one.level == "fine"]


def test_one_encoder_on_one_task_is_one_verdict_line(folder: Path) -> None:
    done = run("default", "--data", folder / "find")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    task = open_tasks(folder / "find")[0]
    value = score(Encoder("default"), task).interval()
    assert lines[0] == f"default on find: nDCG@10 {value}; guessing gives {chance(task):.3f}"
    assert lines[-1].startswith("Next: ")
    assert "semascope compare default " in lines[-1]
    assert "retrieval: test.tsv, title and text of 40 documents" in done.stderr
    for name in ("MAP@100", "MRR@10", "recall@10", "recall@100"):
        assert name in done.stdout


def test_several_encoders_stand_beside_each_other_and_nothing_is_called_better(folder: Path) -> None:
    done = run("default", "default | truncate(8)", "--data", folder)
    assert done.stdout.startswith("2 encoders on 4 tasks; better than guessing: default on ")
    assert "default | truncate(8) on " in done.stdout.splitlines()[0]
    assert done.stdout.splitlines()[-1].endswith(f"compare default 'default | truncate(8)' --data {folder}")
    assert "semascope compare tests that" in done.stdout


def test_json_is_the_whole_answer_and_nothing_else(folder: Path) -> None:
    done = run("default", "--data", folder, "--json")
    said = json.loads(done.stdout)
    assert said["verb"] == "evaluate"
    assert {one["task"] for one in said["numbers"]["scores"]} == {
        "find", "pairs", "topics classification", "topics clustering",
    }  # fmt: skip
    for one in said["numbers"]["scores"]:
        assert one["low"] <= one["value"] <= one["high"]
        assert {"n", "guessing", "metric", "more", "cut", "zero"} <= set(one)
    assert [one["kind"] for one in said["pictures"]]


def test_a_page_is_written_with_every_figure(folder: Path, tmp_path: Path) -> None:
    done = run("default", "--data", folder, "--report", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "topics clustering" in page
    assert "<svg" in page
    assert f"Report: {tmp_path / 'page.html'}" in done.stderr


def test_saved_scores_are_those_that_were_shown(folder: Path, tmp_path: Path) -> None:
    run("default", "--data", folder, "--save", tmp_path / "kept.json")
    name, kept = load_scores(tmp_path / "kept.json")
    assert name == "default"
    expected = [score(Encoder("default"), task) for task in open_tasks(folder)]
    assert [one.to_json() for one in kept] == [one.to_json() for one in expected]


def test_columns_kinds_and_splits_go_through(folder: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (folder / "topics.jsonl").read_text().splitlines()]
    other = written(tmp_path / "t.jsonl", [{**row, "team": "ab"[at % 2]} for at, row in enumerate(rows)])
    done = run("default", "--data", other, "--column", "label=team", "--kind", "classification")
    assert "label = team" in done.stderr
    assert "label=team" in done.stdout.splitlines()[-1]
    assert "V-measure" not in done.stdout
    assert run("default", "--data", folder / "find", "--split", "nothing").exit_code == 2
    bad = run("default", "--data", other, "--column", "team")
    assert bad.exit_code == 2
    assert "--column: want ROLE=COL" in bad.stderr


def test_a_text_that_says_nothing_and_a_bad_row_are_said(tmp_path: Path) -> None:
    rows = [{"a": f"the dog {i}", "b": f"a dog {i * 2}", "score": i} for i in range(30)]
    rows[3]["score"] = "?"
    done = run("default", "--data", written(tmp_path / "d.jsonl", rows))
    assert "1 problem in the data" in done.stderr
    assert "d.jsonl:4: score: want a number, got '?'" in " ".join(done.stdout.split())


def texts_alone(path: Path) -> Path:
    rng = np.random.default_rng(0)
    rows = []
    for at in range(60):
        body = ". ".join(sentence(rng, ANIMALS if at % 2 else TOOLS) + f" with {rng.integers(9999)}" for _ in range(8))
        rows.append({"title": f"about {rng.integers(9999)} {ANIMALS[at % 10]} {PLACES[at % 8]}", "text": body + "."})
    return written(path, rows)


def test_texts_alone_are_drawn_as_sample_and_seed_say(tmp_path: Path) -> None:
    data = texts_alone(tmp_path / "texts.jsonl")

    def scores(*more: object) -> list[Any]:
        done = run("default", "--data", data, "--json", *more)
        return json.loads(done.stdout)["numbers"]["scores"]

    whole, few = scores(), scores("--sample", 40)
    assert max(one["n"] for one in whole) > 40
    assert {one["n"] for one in few} == {40}
    assert [one["value"] for one in scores("--sample", 40, "--seed", 1)] != [one["value"] for one in few]


def test_why_judgements_could_not_be_read_is_said_before_texts_are_asked_alone(tmp_path: Path) -> None:
    data = texts_alone(tmp_path / "texts.jsonl")
    done = run("default", "--data", data)
    for said in (done.stderr, done.stdout):
        assert "No judgements could be read: data: want texts with judgements, got none in texts.jsonl" in " ".join(
            said.split()
        )
    assert "could not be read" not in run("default", "--data", data, "--label-free").stderr


def test_texts_alone_are_asked_what_can_be_asked_of_them(tmp_path: Path) -> None:
    done = run("default", "--data", texts_alone(tmp_path / "texts.jsonl"))
    assert done.exit_code == 0
    assert "No judgements are used" in done.stderr
    assert "nobody judged" in " ".join(done.stdout.split())


def test_where_vectors_are_kept_can_be_said(folder: Path, tmp_path: Path) -> None:
    run("default", "--data", folder / "find", "--cache", tmp_path / "here")
    assert list((tmp_path / "here").glob("default-*/*.npy"))
    assert run("default", "--data", folder / "find", "--cache", tmp_path, "--no-cache").exit_code == 2


def test_scores_that_cannot_be_saved_are_said_before_anything_is_encoded(folder: Path, tmp_path: Path) -> None:
    done = run("default", "--data", folder / "find", "--save", tmp_path / "no" / "kept.json")
    assert done.exit_code == 2
    assert "--save: want a file in a folder that is there" in done.stderr


def test_texts_longer_than_the_encoder_reads_are_said(folder: Path) -> None:
    class Short(WordSums):
        def cuts(self, texts: list[str], *, kind: str = "document") -> Any:
            del kind
            lengths = np.array([len(text) for text in texts])
            return Cuts(np.maximum(lengths - 30, 0), np.minimum(lengths, 30), lengths, "right", 30)

    found = evaluate({"short": Short()}, open_tasks(folder / "find"))
    (cut,) = [one for one in report(found, source="find").findings if one.name == "cut texts"]
    assert cut.level == "warning"
    assert cut.says.startswith("short reads 30 tokens: ")
    assert 0 < cut.numbers["cut"] <= cut.numbers["texts"] == 80


def test_a_headline_that_is_not_defined_is_said_and_the_other_tasks_are_scored(folder: Path) -> None:
    def constant(texts: list[str]) -> Any:
        return np.ones((len(texts), 4), np.float32)

    said = report(evaluate({"same": constant}, open_tasks(folder)), source="evals")
    assert "Spearman is not defined" in next(one.says for one in said.findings if one.name == "not defined")
    cells = {row[0]: row[3] for row in said.tables[0].rows}
    assert cells["pairs"] == "not defined"
    assert cells["find"].startswith("0.")
