"""All rows of a database as a corpus, and a Space of them."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from semascope import Space
from semascope.cli.sources import default_out
from semascope.errors import UnknownNameError
from semascope.subject import open_corpus

TEXTS = ["a cat on a sofa", "interest rates rose", "bread needs flour", "the night train to Venice"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with sqlite3.connect(tmp_path / "shop.sqlite") as connection:
        connection.execute("CREATE TABLE notes (id TEXT, body TEXT, hours INTEGER, raw BLOB)")
        rows = [(f"n{i}", text, i, b"\x00\x01") for i, text in enumerate(TEXTS)]
        connection.executemany("INSERT INTO notes VALUES (?, ?, ?, ?)", rows)
    connection.close()
    return tmp_path / "shop.sqlite"


def test_every_row_of_a_sqlite_table_is_a_document_on_every_pass(path: Path) -> None:
    corpus = open_corpus(path)
    assert dict(corpus.columns) == {"text": "body", "id": "id"}
    for _ in range(2):
        assert [(one.id, one.text, dict(one.metadata)) for one in corpus] == [
            (f"n{i}", text, {"hours": i}) for i, text in enumerate(TEXTS)
        ]
    assert [one.id for one in open_corpus(path, query="SELECT * FROM notes WHERE hours > 1")] == ["n2", "n3"]
    with pytest.raises(UnknownNameError, match="no table 'note'"):
        list(open_corpus(path, table="note"))


def test_the_command_builds_a_space_of_a_database(path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "semascope",
        "build",
        "shop.sqlite",
        "--query",
        "SELECT * FROM notes",
        "--encoder",
        "default",
    ]
    done = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, check=True)
    assert "Columns: text = body (guessed), id = id (guessed)" in done.stderr
    with Space.open(path.parent / "shop.space") as space:
        assert [one.text for one in space.documents()] == TEXTS
    refused = subprocess.run(
        [*command[:4], "notes.csv", "--table", "notes"], cwd=path.parent, capture_output=True, text=True, check=False
    )
    assert refused.returncode == 2
    assert "--table: want it only of a database, got notes.csv" in refused.stderr


def test_a_space_of_postgresql_holds_no_password_and_leaves_no_session(shop: Any, tmp_path: Path) -> None:
    import psycopg

    with psycopg.connect(shop.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE notes (id int, body text, e extensions.vector(3))")
        for i, text in enumerate(TEXTS):
            connection.execute("INSERT INTO notes VALUES (%s, %s, '[1,2,3]')", [i, text])
        done = subprocess.run(
            [sys.executable, "-m", "semascope", "build", shop.url(), "--encoder", "default"],
            cwd=tmp_path, capture_output=True, text=True, check=True, env=os.environ,
        )  # fmt: skip
        query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'semascope'"
        assert connection.execute(query).fetchone()[0] == 0
    with Space.open(tmp_path / "shop.space") as space:
        assert [(one.id, one.text, dict(one.metadata)) for one in space.documents()] == [
            (str(i), text, {}) for i, text in enumerate(TEXTS)
        ]
    written = b"".join(one.read_bytes() for one in tmp_path.rglob("*") if one.is_file())
    for secret in (shop.password, shop.quoted, "s3cret"):
        assert secret not in done.stdout + done.stderr
        assert secret.encode() not in written


@pytest.mark.parametrize(
    ("source", "out"),
    [
        ("postgresql://me:secret@host/shop?sslmode=require", "shop.space"),
        ("postgresql://me:secret@host", "me@host.space"),
        ("sqlite:///some/where/notes.db", "notes.space"),
    ],
)
def test_a_space_is_named_after_the_database(source: str, out: str) -> None:
    assert default_out(source) == out
