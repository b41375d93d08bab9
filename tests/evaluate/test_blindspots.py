"""The blind spots of encoders as a report, a file of pairs, and a verb."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from semascope.cli import app
from semascope.errors import InputError, OptionError
from semascope.evaluate.blindspots import look, report, save
from semascope.testing.asking import WordSums, sentences

TEXTS = [f"{text} {more}" for text, more in zip(sentences(40), sentences(80, 1)[40:], strict=True)]


def test_an_encoder_of_words_is_said_to_be_blind_to_order_and_roles() -> None:
    found = look({"sums": WordSums()}, TEXTS, most=40)
    assert {found.sight("sums", kind) for kind in ("order", "roles")} == {"blind"}
    said = report(found, source="made up")
    assert said.verdict.startswith("sums is blind to ")
    assert "guessing is right in 50%" in said.verdict
    assert next(one.level for one in said.findings) == "warning"
    assert said.numbers["sentences"]["order"] > 20
    shown = next(one for one in said.tables if one.title == "Taken for the same by sums")
    assert any(row[0] == "roles" for row in shown.rows)


def test_two_encoders_are_compared_on_the_same_sentences() -> None:
    found = look({"sums": WordSums(), "whole": WordSums(whole=True)}, TEXTS, most=40)
    said = report(found, source="made up")
    compared = next(one for one in said.tables if one.title.startswith("More often right than sums"))
    assert {row[0] for row in compared.rows} == set(found.kinds)
    assert {row[4] for row in compared.rows} <= {"yes", "no difference shown"}
    assert said.pictures
    assert "<svg" in said.plot()
    same = report(look({"sums": WordSums(), "again": WordSums()}, TEXTS, most=40), source="made up")
    table = next(one for one in same.tables if one.title.startswith("More often right"))
    assert {row[4] for row in table.rows} == {"no difference shown"}


def test_pairs_are_written_whole_and_can_be_read(tmp_path: Path) -> None:
    found = look({"sums": WordSums()}, TEXTS, most=10)
    count = save(found, tmp_path / "pairs.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "pairs.jsonl").read_text("utf-8").splitlines()]
    assert len(rows) == count > 20
    assert all(row["anchor"] != row["kept"] and row["anchor"] != row["changed"] for row in rows)
    assert {row["how"] for row in rows} <= {"rewording", "typo"}
    with pytest.raises(OptionError, match="--save"):
        save(found, tmp_path / "missing" / "pairs.jsonl")


def test_texts_without_sentences_are_refused() -> None:
    with pytest.raises(InputError, match="sentence"):
        look({"sums": WordSums()}, ["a", "b"])
    with pytest.raises(InputError, match="encoders"):
        look({}, TEXTS)


def test_the_verb_tells_encoders_from_the_source(tmp_path: Path) -> None:
    source = tmp_path / "mine.txt"
    source.write_text("\n\n".join(TEXTS), "utf-8")
    page = tmp_path / "page.html"
    done = CliRunner().invoke(
        app,
        [
            "blindspots",
            "default",
            str(source),
            "--most",
            "20",
            "--report",
            str(page),
            "--save",
            str(tmp_path / "p.jsonl"),
        ],
    )
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[0].startswith("default is blind to ")
    assert done.stdout.splitlines()[-1].startswith("Next: ")
    assert page.is_file()
    assert (tmp_path / "p.jsonl").is_file()
    again = CliRunner().invoke(app, ["blindspots", "default", str(source), "--most", "20", "--json"])
    figures = json.loads(again.stdout)["numbers"]["default"]
    assert figures["order"]["value"] == 0 if "order" in figures else figures["order, typo"]["value"] == 0
    assert np.isfinite([one["low"] for one in figures.values()]).all()
