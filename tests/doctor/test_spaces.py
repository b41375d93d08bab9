"""Everything that can go wrong in a Space is planted and named; a healthy one has nothing wrong, and nothing is written."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from docstrings import docstrings

from semascope.corpus import Corpus, Document
from semascope.doctor import examine_space
from semascope.encoders import Encoder
from semascope.errors import StoreError
from semascope.ops import file_digest
from semascope.report import Report
from semascope.space import Space

N = 160


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("spaces") / "docs.space"
    documents = [Document(f"d{i}", text[:400]) for i, text in enumerate(docstrings(N))]
    Space.build(Corpus(lambda: iter(documents), name="docs"), Encoder("default"), place).close()
    return place


@pytest.fixture
def space(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "docs.space"))


def wrong(report: Report) -> dict[str, str]:
    return {one.name: one.level for one in report.findings if one.level in ("fault", "warning")}


def change(space: Path, *statements: str) -> None:
    database = sqlite3.connect(space / "corpus.sqlite")
    for statement in statements:
        database.execute(statement)
    database.commit()
    database.close()


def segment(space: Path, kind: str) -> Path:
    return next(space.glob(f"encodings/*/segments/*.{kind}.npy"))


def test_a_healthy_space_has_nothing_wrong_and_is_not_written_to(space: Path) -> None:
    held = {file.name: file_digest(file) for file in space.rglob("*.npy")}
    report = examine_space(space)
    assert wrong(report) == {}
    names = {one.name for one in report.findings}
    assert names >= {
        "files",
        "database",
        "passages",
        "words",
        "encoder",
        "vectors of passages",
        "recall",
        "finite values",
    }
    assert {file.name: file_digest(file) for file in space.rglob("*.npy")} == held


def flipped(space: Path) -> None:
    file = segment(space, "vectors")
    held = bytearray(file.read_bytes())
    held[-9] ^= 4
    file.write_bytes(held)


def shortened(space: Path) -> None:
    file = segment(space, "codes")
    file.write_bytes(file.read_bytes()[:-8])


def other_texts(space: Path) -> None:
    change(space, "UPDATE documents SET text = 'volcanoes and cellos ' || doc || substr(text, 22) WHERE doc % 2")


def lost_vectors(space: Path) -> None:
    change(space, "INSERT INTO passages (doc, start, stop) SELECT doc, start, stop FROM passages WHERE row = 3")


def lost_words(space: Path) -> None:
    change(space, "DELETE FROM words_docsize WHERE id = 5")


def other_encoder(space: Path) -> None:
    database = sqlite3.connect(space / "corpus.sqlite")
    (text,) = database.execute("SELECT passport FROM encodings").fetchone()
    passport = json.loads(text) | {"weights": "0" * 64}
    database.execute("UPDATE encodings SET passport = ?", [json.dumps(passport)])
    database.commit()
    database.close()


def stopped(space: Path) -> None:
    change(space, "UPDATE ingests SET done = 0")


def many_deleted(space: Path) -> None:
    with Space.open(space) as opened:
        opened.delete([f"d{i}" for i in range(0, N, 3)])


def stray_passages(space: Path) -> None:
    change(space, "DELETE FROM documents WHERE doc = 4")


FAULTS = [
    (flipped, "files", "fault"),
    (shortened, "opening", "fault"),
    (other_texts, "vectors of passages", "fault"),
    (lost_vectors, "passages without vectors", "fault"),
    (lost_words, "words", "fault"),
    (other_encoder, "encoder", "fault"),
    (stopped, "unfinished", "warning"),
    (many_deleted, "deleted rows", "warning"),
    (stray_passages, "passages", "fault"),
]


@pytest.mark.parametrize(("plant", "name", "level"), FAULTS, ids=[plant.__name__ for plant, _, _ in FAULTS])
def test_a_planted_fault_is_named(plant: Callable[[Path], None], name: str, level: str, space: Path) -> None:
    plant(space)
    report = examine_space(space)
    assert wrong(report).get(name) == level


def test_after_a_compaction_nothing_is_left_of_what_was_deleted(space: Path) -> None:
    many_deleted(space)
    with Space.open(space) as opened:
        opened.compact()
    assert wrong(examine_space(space)) == {}


def test_recall_and_shares_have_intervals(space: Path) -> None:
    recall = next(one for one in examine_space(space).findings if one.name == "recall")
    assert 0 <= recall.numbers["low"] <= recall.numbers["value"] <= recall.numbers["high"] <= 1
    assert recall.numbers["n"] >= 100


def test_what_is_no_space_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"holds no space\.json"):
        examine_space(tmp_path)
