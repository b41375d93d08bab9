"""Rows that do not go with their texts are named from the texts alone, without any encoder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from docstrings import docstrings, made

from semascope.corpus import Corpus
from semascope.doctor import examine_matrix
from semascope.encoders import Encoder
from semascope.report import Report

N = 240


@pytest.fixture
def x() -> np.ndarray:
    return np.array(made("default", N))


@pytest.fixture
def texts() -> list[str]:
    return list(docstrings(N))


def look(x: np.ndarray, texts: list[str]) -> Report:
    return examine_matrix(x, texts=texts, encoder=None)


def levels(report: Report) -> dict[str, str]:
    return {one.name: one.level for one in report.findings}


def wrong(report: Report) -> dict[str, str]:
    return {name: level for name, level in levels(report).items() if level in ("fault", "warning")}


def test_texts_and_their_vectors_have_nothing_wrong(x: np.ndarray, texts: list[str]) -> None:
    assert wrong(look(x, texts)) == {}


def test_equal_texts_with_other_vectors_are_a_fault(x: np.ndarray, texts: list[str]) -> None:
    texts[50] = texts[7]
    report = look(x, texts)
    assert wrong(report) == {"equal texts": "fault"}
    assert tuple(report.findings[0].rows) == (50,)


def test_equal_texts_whose_vectors_differ_by_rounding_are_fine(x: np.ndarray, texts: list[str]) -> None:
    for place in range(20):
        texts[200 + place], x[200 + place] = texts[place], x[place] * (1 + 1e-6)
    assert wrong(look(x, texts)) == {}


def test_equal_texts_of_coarser_numbers_are_fine(x: np.ndarray, texts: list[str]) -> None:
    x[200:220], texts[200:220] = x[:20], texts[:20]
    assert wrong(look(x.astype(np.float16), texts)) == {}


def test_near_equal_texts_with_unrelated_vectors_are_named(x: np.ndarray, texts: list[str]) -> None:
    words = [f"word{i}" for i in range(30)]
    for place in range(0, 8, 2):
        texts[place] = " ".join([*words, str(place)])
        texts[place + 1] = texts[place].upper() + " !"
    report = look(x, texts)
    found = next(one for one in report.findings if one.name == "near-equal texts")
    assert found.level in ("fault", "warning")


def test_one_answer_for_many_texts_is_a_fault(x: np.ndarray, texts: list[str]) -> None:
    x[[3, 40, 77, 100, 150, 200]] = x[3]
    report = look(x, texts)
    assert levels(report)["one vector, many texts"] == "fault"
    named = next(one for one in report.findings if one.name == "one vector, many texts")
    assert set(named.rows) == {3, 40, 77, 100, 150, 200}


def test_long_texts_that_were_cut_before_they_differ_are_named(x: np.ndarray, texts: list[str]) -> None:
    begin = "the same long beginning of a text about nothing in particular " * 10
    for place, end in ((10, "volcanoes and cellos"), (11, "income tax returns"), (12, "bread")):
        texts[place], x[place] = begin + end, x[10]
    assert wrong(look(x, texts)) == {"texts cut before they differ": "warning"}


def test_texts_of_the_same_words_may_share_a_vector(x: np.ndarray, texts: list[str]) -> None:
    texts[5], texts[6] = "copy the file to the server", "to the server, copy the FILE"
    x[6] = x[5]
    assert wrong(look(x, texts)) == {}


def test_empty_texts_with_vectors_and_texts_without_are_named(x: np.ndarray, texts: list[str]) -> None:
    texts[8] = texts[9] = " "
    x[30] = 0
    found = levels(look(x, texts))
    assert found["empty texts"] == "warning"
    assert found["texts without a vector"] == "fault"


@pytest.mark.parametrize(("rows", "count"), [(slice(0, 220), "20 rows missing"), (slice(0, N), "")])
def test_another_number_of_texts_is_a_finding_and_no_error(
    rows: slice, count: str, x: np.ndarray, texts: list[str]
) -> None:
    report = look(x[rows], texts)
    said = next((one for one in report.findings if one.name == "rows and texts"), None)
    assert (said is not None and count in said.says) if count else said is None


def test_blank_texts_that_a_file_passes_over_are_said(x: np.ndarray, texts: list[str], tmp_path: Path) -> None:
    texts[4] = "  "
    rows = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    (tmp_path / "texts.jsonl").write_text(rows, encoding="utf-8")
    report = examine_matrix(x, texts=tmp_path / "texts.jsonl", encoder=None)
    said = next(one.says for one in report.findings if one.name == "rows and texts")
    assert "1 were passed over" in said


def test_rows_that_lost_one_are_found_and_the_recipe_is_still_named(
    x: np.ndarray, texts: list[str], tmp_path: Path
) -> None:
    np.save(tmp_path / "x.npy", np.delete(x, 180, axis=0))
    report = examine_matrix(tmp_path / "x.npy", texts=texts, encoder="default")
    found = levels(report)
    assert found["rows and texts"] == "fault"
    assert found["rows and texts in step"] == "fault"
    assert found["recipe"] == "fine"
    assert report.verdict.startswith("Made by default")


def test_vectors_of_the_bundled_encoder_are_named_as_made_its_own_way(x: np.ndarray, texts: list[str]) -> None:
    report = examine_matrix(x, texts=texts, encoder="default")
    assert wrong(report) == {}
    assert levels(report)["own way"] == "fine"
    assert levels(report)["rows and texts in step"] == "fine"


@pytest.mark.slow
def test_rows_of_another_encoder_among_them_are_a_fault(x: np.ndarray, texts: list[str]) -> None:
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((256, 256)))[0].astype(np.float32)
    x[150:] = x[150:] @ turn
    found = levels(examine_matrix(x, texts=texts, encoder="default"))
    assert found["rows in another passport"] == "fault"


def test_no_recipe_is_named_where_none_made_the_rows(texts: list[str]) -> None:
    x = np.random.default_rng(0).standard_normal((N, 300)).astype(np.float32)
    report = examine_matrix(x, texts=texts, encoder="default")
    assert levels(report)["recipe"] == "warning"
    assert report.verdict.startswith("Made by no recipe that was tried")


def test_a_passport_that_tells_the_truth_is_fine_and_one_that_does_not_a_fault(
    x: np.ndarray, texts: list[str], tmp_path: Path
) -> None:
    from semascope.encoders import Encoder
    from semascope.encoders.jobs import encode_to

    path = tmp_path / "x.npy"
    encode_to(Encoder("default"), texts, path)
    assert levels(examine_matrix(path, texts=texts, encoder=None))["passport"] == "fine"
    held = np.load(path)
    held[10] = held[11]
    np.save(path, held)
    report = examine_matrix(path, texts=texts, encoder=None, sample=N)
    told = levels(report)
    assert told["one vector, many texts"] == "warning"
    np.save(path, np.roll(held, 1, axis=0))
    assert levels(examine_matrix(path, texts=texts, encoder=None))["passport"] == "fault"
    np.save(path, held[:-1])
    assert levels(examine_matrix(path, texts=texts, encoder=None))["passport"] == "fault"


def test_vectors_of_the_texts_without_their_titles_are_the_encoders_own_way(tmp_path: Path) -> None:
    documents = list(Corpus.python_docs(limit=120))
    lines = [json.dumps({"id": one.id, "title": one.title, "text": one.text}) + "\n" for one in documents]
    (tmp_path / "rows.jsonl").write_text("".join(lines))
    np.save(tmp_path / "x.npy", Encoder("default").encode([one.text for one in documents]))
    report = examine_matrix(tmp_path / "x.npy", texts=tmp_path / "rows.jsonl", encoder="default")
    said = {one.name: one for one in report.findings}
    assert "text alone" in said["recipe"].says
    assert said["own way"].level == "fine"
