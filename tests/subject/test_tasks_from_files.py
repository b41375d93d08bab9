"""Tasks read from a person's files: what is asked, of which columns, and what is said of rows that cannot be used."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semascope.errors import InputError, OptionError, UnknownNameError
from semascope.subject.tasks import find_tasks, open_tasks, read_qrels, read_run
from semascope.tasks import Analogy, PairMatching, Reranking, Retrieval, Similarity, WordSimilarity

WORDS = [
    "tea",
    "bread",
    "ship",
    "map",
    "wool",
    "salt",
    "glass",
    "stone",
    "boat",
    "clock",
    "paper",
    "letter",
    "river",
    "lamp",
    "chair",
    "road",
]


def jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def table(path: Path, rows: list[dict[str, Any]], delimiter: str = ",") -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def sentence(at: int) -> str:
    return f"the {WORDS[at % 16]} and the {WORDS[(at * 7 + 3) % 16]} lie near the {WORDS[(at // 3) % 16]} number {at}"


def scored(n: int = 40) -> list[dict[str, Any]]:
    return [{"sentence1": sentence(i), "sentence2": sentence(i + 1), "score": (i % 11) / 2} for i in range(n)]


def beir(folder: Path, *, splits: dict[str, str] | None = None) -> Path:
    jsonl(folder / "corpus.jsonl", [{"_id": f"d{i}", "title": f"Title {i}", "text": sentence(i)} for i in range(30)])
    jsonl(folder / "queries.jsonl", [{"_id": f"q{i}", "text": f"where is the {WORDS[i]}"} for i in range(10)])
    (folder / "qrels").mkdir()
    every = splits or {"test": "0123456789"}
    for name, queries in every.items():
        lines = ["query-id\tcorpus-id\tscore", *(f"q{one}\td{one}\t{2 - int(one) % 2}" for one in queries)]
        (folder / "qrels" / f"{name}.tsv").write_text("\n".join(lines) + "\n")
    return folder


def test_two_texts_and_a_number_are_similarity(tmp_path: Path) -> None:
    found = find_tasks(table(tmp_path / "pairs.csv", scored()))
    (one,) = found.tasks
    assert isinstance(one.task, Similarity)
    assert one.task.name == "pairs"
    assert one.task.pairs[3] == (sentence(3), sentence(4))
    assert one.task.scores[3] == 1.5
    assert one.says == "similarity: a = sentence1 (guessed), b = sentence2 (guessed), score = score (guessed)"
    assert not found.problems


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_every_kind_of_table_gives_the_same_task(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"pairs.{ending}"
    if ending == "jsonl":
        jsonl(path, scored())
    elif ending == "parquet":
        pandas = pytest.importorskip("pandas")
        pytest.importorskip("pyarrow")
        pandas.DataFrame(scored()).to_parquet(path)
    else:
        table(path, scored(), "," if ending == "csv" else "\t")
    (task,) = open_tasks(path)
    assert isinstance(task, Similarity)
    assert list(task.pairs) == [(row["sentence1"], row["sentence2"]) for row in scored()]
    assert list(task.scores) == [row["score"] for row in scored()]


@pytest.mark.parametrize(
    ("rows", "kind", "columns"),
    [
        ([{"a": WORDS[i % 16], "b": WORDS[(i + 3) % 16], "score": i / 3} for i in range(30)], "word similarity", "abscore"),
        ([{"a": "一个人在跳舞。" + str(i), "b": "一个孩子在骑马。", "score": i} for i in range(30)], "similarity", "abscore"),
        (
            [{"question1": sentence(i), "question2": sentence(i + 2), "is_duplicate": i % 2} for i in range(30)],
            "pair matching", "question1question2is_duplicate",
        ),
        (
            [{"left": sentence(i), "right": sentence(i + 2), "match": ["yes", "no"][i % 2]} for i in range(30)],
            "pair matching", "leftrightmatch",
        ),
        ([{"query": sentence(i), "passage": sentence(i + 5)} for i in range(30)], "retrieval", "querypassage"),
        (
            [{"query": sentence(i), "positive": [sentence(i)], "negative": [sentence(i + 5), sentence(i + 6)]} for i in range(30)],
            "reranking", "querypositivenegative",
        ),
        ([{"a": WORDS[i % 16], "b": WORDS[(i + 1) % 16], "c": WORDS[(i + 2) % 16], "d": WORDS[(i + 3) % 16]} for i in range(30)],
         "analogy", "abcd"),
    ],
)  # fmt: skip
def test_the_kind_follows_from_the_columns(tmp_path: Path, rows: list[dict[str, Any]], kind: str, columns: str) -> None:
    (one,) = find_tasks(jsonl(tmp_path / "data.jsonl", rows)).tasks
    assert one.task.kind == kind
    said = one.says.split(": ", 1)[1]
    assert "".join(part.split(" = ")[1].removesuffix(" (guessed)") for part in said.split(", ")) == columns


def test_a_text_and_a_label_are_classified_and_grouped(tmp_path: Path) -> None:
    rows = [{"body": sentence(i), "team": ["sales", "support"][i % 2], "id": f"t{i}"} for i in range(40)]
    found = find_tasks(table(tmp_path / "tickets.csv", rows), columns={"id": "id"}).tasks
    assert [one.task.name for one in found] == ["tickets classification", "tickets clustering"]
    assert found[0].task.units[:2] == ("t0", "t1")
    assert "text = body (guessed), label = team (guessed), id = id" in found[0].says


def test_labels_of_a_sorted_file_are_seen_though_its_beginning_has_but_one(tmp_path: Path) -> None:
    rows = [{"word": f"{WORDS[i % 16]}{i}", "label": "good" if i < 1500 else "bad"} for i in range(3000)]
    assert [task.kind for task in open_tasks(jsonl(tmp_path / "words.jsonl", rows))] == ["classification", "clustering"]


def test_a_score_and_a_yes_or_no_are_two_tasks(tmp_path: Path) -> None:
    rows = [{**row, "label": at % 2} for at, row in enumerate(scored())]
    kinds = {task.name: task.kind for task in open_tasks(jsonl(tmp_path / "both.jsonl", rows))}
    assert kinds == {"both similarity": "similarity", "both pair matching": "pair matching"}


def test_columns_that_are_named_overrule_the_guess(tmp_path: Path) -> None:
    rows = [{"x": sentence(i), "y": sentence(i + 1), "z": i / 2, "score": 40 - i} for i in range(30)]
    (one,) = find_tasks(jsonl(tmp_path / "d.jsonl", rows), columns={"a": "x", "b": "y", "score": "z"}).tasks
    assert list(one.task.scores) == [i / 2 for i in range(30)]
    assert one.says == "similarity: a = x, b = y, score = z"
    with pytest.raises(UnknownNameError, match=r"score: no column 'zz' in d\.jsonl; did you mean 'z'"):
        open_tasks(tmp_path / "d.jsonl", columns={"score": "zz"})
    with pytest.raises(UnknownNameError, match="no role 'points'"):
        open_tasks(tmp_path / "d.jsonl", columns={"points": "z"})


def test_rows_that_cannot_be_used_are_told_with_their_place(tmp_path: Path) -> None:
    rows = scored()
    rows[4]["score"] = "n/a"
    rows[9]["sentence2"] = " "
    path = table(tmp_path / "pairs.csv", rows)
    found = find_tasks(path)
    assert len(found.tasks[0].task.units) == 38
    assert [problem.place for problem in found.problems] == ["pairs.csv:6", "pairs.csv:11"]
    assert "score: want a number, got 'n/a' (column 'score'); passed over" in str(found.problems[0])
    with pytest.raises(InputError, match=r"pairs\.csv:6: score: want a number"):
        find_tasks(path, on_bad="raise")


def test_queries_of_several_rows_are_one_query(tmp_path: Path) -> None:
    rows = [{"query": f"question {i // 3} of some length", "text": sentence(i), "score": i % 3} for i in range(30)]
    (task,) = open_tasks(jsonl(tmp_path / "graded.jsonl", rows))
    assert isinstance(task, Retrieval)
    assert (len(task.queries), len(task.documents)) == (10, 30)
    assert sorted(next(iter(task.judged.values())).values()) == [0, 1, 2]


def test_positives_and_negatives_may_be_single_texts_a_row(tmp_path: Path) -> None:
    rows = [
        {"anchor": f"question {i // 2} of some length", "positive": sentence(i // 2), "negative": sentence(50 + i)}
        for i in range(30)
    ]
    (task,) = open_tasks(table(tmp_path / "triplets.csv", rows))
    assert isinstance(task, Reranking)
    assert len(task.queries) == 15
    assert sorted(task.grades[0]) == [0, 0, 1]


def test_a_beir_folder_is_retrieval_with_titles_before_texts(tmp_path: Path) -> None:
    (one,) = find_tasks(beir(tmp_path / "mine")).tasks
    assert isinstance(one.task, Retrieval)
    assert one.task.name == "mine"
    assert one.task.documents["d3"] == f"Title 3 {sentence(3)}"
    assert one.task.judged["q2"] == {"d2": 2}
    (plain,) = open_tasks(tmp_path / "mine", titles=False)
    assert plain.documents["d3"] == sentence(3)


def test_a_split_can_be_chosen_and_test_is_the_first(tmp_path: Path) -> None:
    beir(tmp_path / "mine", splits={"test": "012", "dev": "34", "train": "56789"})
    (one,) = find_tasks(tmp_path / "mine").tasks
    assert one.task.units == ("q0", "q1", "q2")
    assert "test.tsv (there are also dev, train: --split)" in one.says
    assert open_tasks(tmp_path / "mine", split="dev")[0].units == ("q3", "q4")
    with pytest.raises(UnknownNameError, match="split: no judgements 'validation'"):
        open_tasks(tmp_path / "mine", split="validation")


def test_judgements_may_come_from_another_file_in_trec_shape(tmp_path: Path) -> None:
    beir(tmp_path / "mine")
    (tmp_path / "q.txt").write_text("q1 0 d7 1\nq2 0 d9 1\nq2 0 gone 1\nqx 0 d1 1\n")
    found = find_tasks(tmp_path / "mine", qrels=tmp_path / "q.txt")
    assert found.tasks[0].task.judged == {"q1": {"d7": 1}, "q2": {"d9": 1, "gone": 1}}
    assert sorted(problem.what for problem in found.problems) == [
        "1 judgements of documents that are not in corpus.jsonl; passed over",
        "judgements of 1 queries that are not in queries.jsonl; passed over",
    ]
    assert read_qrels(tmp_path / "q.txt")["q2"] == {"d9": 1, "gone": 1}
    with pytest.raises(OptionError, match="qrels: want one BEIR folder"):
        open_tasks(jsonl(tmp_path / "t.jsonl", scored()), qrels=tmp_path / "q.txt")


def test_a_run_in_trec_shape_is_read_and_other_lines_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.run").write_text("q1 Q0 d7 1 0.5 mine\nq1 Q0 d2 2 -3e-1 mine\n")
    assert read_run(tmp_path / "a.run") == {"q1": {"d7": 0.5, "d2": -0.3}}
    (tmp_path / "b.run").write_text("q1 Q0 d7 1 0.5 mine\nq1 d2 2\n")
    with pytest.raises(InputError, match=r"b\.run:2: want query, Q0"):
        read_run(tmp_path / "b.run")


def test_a_folder_gives_the_tasks_of_all_its_files_and_says_what_it_passed_over(tmp_path: Path) -> None:
    jsonl(tmp_path / "sts" / "one.jsonl", scored())
    jsonl(tmp_path / "sts" / "two.jsonl", scored(20))
    beir(tmp_path / "found")
    jsonl(tmp_path / "texts.jsonl", [{"text": sentence(i)} for i in range(30)])
    (tmp_path / "notes.txt").write_text("nothing")
    found = find_tasks(tmp_path)
    assert [one.task.name for one in found.tasks] == ["found", "sts/one", "sts/two"]
    assert found.passed == {"texts": "no column of judgements"}
    assert [task.name for task in open_tasks(tmp_path, kinds=["retrieval"])] == ["found"]


def test_a_broken_file_in_a_folder_is_said_and_the_others_are_read(tmp_path: Path) -> None:
    jsonl(tmp_path / "one.jsonl", scored())
    (tmp_path / "two.csv").write_text("")
    (tmp_path / "three.jsonl").write_text("no json\n")
    found = find_tasks(tmp_path)
    assert [one.task.name for one in found.tasks] == ["one"]
    assert sorted(found.passed) == ["three", "two"]


def test_a_sample_is_drawn_evenly_and_said(tmp_path: Path) -> None:
    beir(tmp_path / "mine")
    (one,) = find_tasks(tmp_path / "mine", sample=4, seed=1).tasks
    assert len(one.task.units) == 4
    assert len(one.task.documents) == 30
    assert one.drawn == "4 of 10, drawn evenly"
    assert one.task.units == find_tasks(tmp_path / "mine", sample=4, seed=1).tasks[0].task.units


def test_a_sample_has_some_of_every_label_and_of_matches(tmp_path: Path) -> None:
    rows = [{"text": f"{WORDS[n % 16]} number {n}", "label": "rare" if n < 3 else "usual"} for n in range(400)]
    jsonl(tmp_path / "labels.jsonl", rows)
    pairs = [{"a": f"{WORDS[n % 16]} and {n}", "b": f"one {n}", "match": "yes" if n < 3 else "no"} for n in range(400)]
    jsonl(tmp_path / "pairs.jsonl", pairs)
    for seed in range(5):
        found = find_tasks(tmp_path, sample=20, seed=seed)
        assert not found.passed
        by_kind: dict[str, Any] = {one.task.kind: one.task for one in found.tasks}
        assert {len(one.task.units) for one in found.tasks} == {20}
        assert 2 <= Counter(by_kind["classification"].labels)["rare"] <= 3
        assert 2 <= sum(by_kind["pair matching"].matches) <= 3
        assert any(one.drawn == "20 of 400, drawn evenly, but some of each" for one in found.tasks)


def test_a_sample_too_small_for_one_file_does_not_stop_the_others(tmp_path: Path) -> None:
    rows = [{"text": f"{WORDS[n % 16]} number {n}", "label": "ab"[n % 2]} for n in range(40)]
    jsonl(tmp_path / "labels.jsonl", rows)
    beir(tmp_path / "find")
    found = find_tasks(tmp_path, sample=2)
    assert [one.task.kind for one in found.tasks] == ["retrieval"]
    assert "want at least 5 different texts" in found.passed["labels"]


@pytest.mark.parametrize(
    ("how", "error", "said"),
    [
        ({"kinds": ["retreival"]}, UnknownNameError, "did you mean 'retrieval'"),
        ({"sample": 1}, OptionError, "sample: want at least 2"),
    ],
)
def test_options_that_cannot_be_are_refused(tmp_path: Path, how: dict[str, Any], error: Any, said: str) -> None:
    with pytest.raises(error, match=said):
        open_tasks(jsonl(tmp_path / "one.jsonl", scored()), **how)


def test_texts_without_judgements_are_refused_and_columns_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"want texts with judgements, got none in texts\.jsonl"):
        open_tasks(jsonl(tmp_path / "texts.jsonl", [{"text": sentence(i)} for i in range(30)]))
    with pytest.raises(UnknownNameError, match="data: nothing at"):
        open_tasks(tmp_path / "gone.jsonl")


def test_all_shared_data_is_read_without_options(shared: Path) -> None:
    kinds = {
        "sts": {"similarity"},
        "pairs": {"similarity", "pair matching"},
        "retrieval": {"retrieval"},
        "classification": {"classification", "clustering"},
        "words": {"word similarity", "analogy", "classification", "clustering"},
    }
    for folder, wanted in kinds.items():
        found = find_tasks(shared / folder)
        assert {one.task.kind for one in found.tasks} == wanted, folder
    assert set(found.passed) == {"swadesh"}  # a dictionary, which judges nothing
    assert {type(one.task) for one in found.tasks} >= {WordSimilarity, Analogy}


def test_ids_that_repeat_give_way_to_row_numbers(tmp_path: Path) -> None:
    rows = [{**row, "id": "same"} for row in scored()]
    (task,) = open_tasks(jsonl(tmp_path / "d.jsonl", rows), columns={"id": "id"})
    assert task.units[:3] == ("1", "2", "3")
    assert len(np.unique(task.units)) == 40


def test_pairs_with_labels_of_three_kinds_are_not_taken_for_labelled_texts(tmp_path: Path) -> None:
    rows = [{"premise": sentence(i), "hypothesis": sentence(i + 1), "label": i % 3} for i in range(30)]
    with pytest.raises(InputError, match="want texts with judgements"):
        open_tasks(jsonl(tmp_path / "nli.jsonl", rows))
    asked = open_tasks(tmp_path / "nli.jsonl", columns={"text": "premise", "label": "label"})
    assert [task.kind for task in asked] == ["classification", "clustering"]


def test_a_score_of_two_values_is_a_yes_or_no(tmp_path: Path) -> None:
    rows = [{**row, "score": float(at % 2)} for at, row in enumerate(scored())]
    assert [task.kind for task in open_tasks(jsonl(tmp_path / "d.jsonl", rows))] == ["pair matching"]


def test_files_of_one_name_are_told_apart_by_their_endings(tmp_path: Path) -> None:
    jsonl(tmp_path / "one.jsonl", scored())
    table(tmp_path / "one.csv", scored())
    assert sorted(task.name for task in open_tasks(tmp_path)) == ["one.csv", "one.jsonl"]


def test_a_link_back_to_its_folder_is_not_followed(tmp_path: Path) -> None:
    jsonl(tmp_path / "one.jsonl", scored())
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    assert [task.name for task in open_tasks(tmp_path)] == ["one"]


def test_pairs_of_msrp_shape_are_matched(tmp_path: Path) -> None:
    rows = [{"a": sentence(i), "b": sentence(i + 1), "label": i % 3 == 0} for i in range(30)]
    (task,) = open_tasks(jsonl(tmp_path / "d.jsonl", rows))
    assert isinstance(task, PairMatching)
    assert sum(task.matches) == 10
