"""SQLite and DuckDB files, and what databases share: what counts as one, what counts as a query, what may be printed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semascope.errors import InputError, MissingExtraError, OptionError, UnknownNameError
from semascope.subject import is_database, open_subject, shown
from semascope.subject.sql import one_statement, without_secrets

rng = np.random.default_rng(2)
X = rng.normal(size=(60, 16)).astype(np.float32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.sqlite"


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    found = sqlite3.connect(path, isolation_level=None)
    found.execute("PRAGMA synchronous = OFF")
    found.execute("CREATE TABLE notes (id TEXT, body TEXT, queue TEXT, embedding BLOB, written TEXT)")
    found.executemany(
        "INSERT INTO notes VALUES (?, ?, ?, ?, ?)",
        [
            (f"n{i}", f"what was written in note {i}", ("a", "b")[i % 2], row.tobytes(), str(row.tolist()))
            for i, row in enumerate(X)
        ],
    )
    yield found
    found.close()


def test_a_table_with_vectors_in_blobs_is_a_whole_subject(connection: Any, path: Path) -> None:
    found = open_subject(path, vector="embedding")
    assert np.array_equal(found.vectors, X)
    assert found.name == "shop.sqlite/notes"
    assert list(found.ids)[:2] == ["n0", "n1"]
    assert list(found.labels or ())[:2] == ["a", "b"]
    assert list(found.texts or ())[59] == "what was written in note 59"
    assert np.array_equal(open_subject(path, vector="written").vectors, X)
    with pytest.raises(InputError, match="got several with vectors; name one: embedding, written"):
        open_subject(str(path))


@pytest.mark.parametrize("prefix", ["sqlite:///", ""])
def test_an_address_is_a_path_behind_three_strokes(connection: Any, path: Path, prefix: str) -> None:
    found = open_subject(f"{prefix}{path}", query="SELECT id, body FROM notes WHERE queue = 'a';")
    assert len(found) == 30
    assert found.vectors is None


def test_a_sqlite_file_cannot_be_written_to(connection: Any, path: Path) -> None:
    before = path.read_bytes()
    for query in ("DELETE FROM notes", "SELECT 1; DELETE FROM notes", "ATTACH 'x.db' AS x", "PRAGMA user_version = 3"):
        with pytest.raises(OptionError, match="query: want one"):
            open_subject(path, query=query)
    with pytest.raises(InputError, match="query: "):
        open_subject(path, query="WITH a AS (SELECT 1) DELETE FROM notes")
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == ["shop.sqlite"]


@pytest.mark.parametrize(
    "name", ['odd "quoted" name', "SELECT", "notes; DROP TABLE notes; --", "Grüße", "it's", "rowid", "a.b"]
)
def test_tables_of_any_name_are_read_and_nothing_else_is_run(connection: Any, path: Path, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    connection.execute(f"CREATE TABLE {quoted} (body TEXT, {quoted} BLOB)")
    connection.executemany(f"INSERT INTO {quoted} VALUES (?, ?)", [("what is in it", row.tobytes()) for row in X])
    found = open_subject(path, table=name, vector=name, sample=10)
    assert np.array_equal(found.vectors, X[found.rows])
    with pytest.raises(UnknownNameError, match=r"table: no table .* in shop\.sqlite"):
        open_subject(path, table=name + '" UNION SELECT 1, 2 --')
    assert connection.execute("SELECT count(*) FROM notes").fetchone()[0] == 60


def test_what_is_wrong_is_named(connection: Any, path: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"table: no table 'note' in shop\.sqlite; did you mean 'notes'"):
        open_subject(path, table="note")
    with pytest.raises(UnknownNameError, match=r"vector: no column 'embeding' in .*did you mean 'embedding'"):
        open_subject(path, vector="embeding")
    with pytest.raises(UnknownNameError, match="query: shop.sqlite: no such column: bodi".replace(".", r"\.")):
        open_subject(path, query="SELECT bodi FROM notes")
    connection.execute("CREATE TABLE letters (body TEXT)")
    connection.execute("INSERT INTO letters VALUES ('a letter')")
    with pytest.raises(
        InputError, match=r"want one of shop\.sqlite named with --table, or a --query; there are: letters, notes"
    ):
        open_subject(path)
    with pytest.raises(OptionError, match="query: want a query or a table, got both"):
        open_subject(path, table="notes", query="SELECT 1")
    with pytest.raises(InputError, match="where there is none"):
        open_subject(f"sqlite:///{tmp_path}/none.db")
    (tmp_path / "no.db").write_text("this is no database")
    with pytest.raises(InputError, match="which is neither"):
        open_subject(f"sqlite:///{tmp_path}/no.db")
    damaged = tmp_path / "bad.sqlite"
    damaged.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(InputError, match=r"table: bad\.sqlite: "):
        open_subject(damaged)


def test_the_only_table_with_text_is_the_one(connection: Any, path: Path) -> None:
    connection.execute("CREATE TABLE numbers (a INTEGER, b REAL)")
    connection.execute("INSERT INTO numbers VALUES (1, 2.5)")
    assert open_subject(path, vector="").name == "shop.sqlite/notes"


def test_empty_cells_are_listed(connection: Any, path: Path) -> None:
    connection.execute("UPDATE notes SET embedding = NULL WHERE id = 'n3'")
    connection.execute("UPDATE notes SET body = NULL WHERE id = 'n5'")
    found = open_subject(path, vector="embedding")
    assert len(found) == 58
    assert list(found.problems) == [
        "shop.sqlite/notes:4: no vector (column 'embedding'); passed over",
        "shop.sqlite/notes:6: no text (column 'body'); passed over",
    ]


@pytest.mark.parametrize("kind", ["table", "without row ids", "view", "query"])
def test_samples_are_even_and_the_same_for_a_seed(path: Path, kind: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(
            f"CREATE TABLE many (id INTEGER PRIMARY KEY, body TEXT){' WITHOUT ROWID' * (kind == 'without row ids')}"
        )
        connection.executemany("INSERT INTO many VALUES (?, ?)", [(i * 3, f"the text of row {i}") for i in range(1000)])
        connection.execute("CREATE VIEW seen AS SELECT * FROM many")
    connection.close()
    how: dict[str, Any] = {"table": "seen" if kind == "view" else "many"}
    if kind == "query":
        how = {"query": "SELECT * FROM many"}
    taken = np.zeros(1000)
    for seed in range(40):
        found = open_subject(path, sample=100, seed=seed, **how)
        assert (len(found), found.total) == (100, 1000)
        assert [int(one) for one in found.ids] == [3 * int(row) for row in found.rows]
        taken[found.rows] += 1
    # A tenth of the rows is drawn 400 times on average, with a spread of about 19; 4.5 spreads never come by chance.
    assert abs(taken.reshape(10, 100).sum(axis=1) - 400).max() < 4.5 * 19
    assert list(open_subject(path, sample=100, seed=5, **how).ids) == list(
        open_subject(path, sample=100, seed=5, **how).ids
    )


def test_a_database_in_use_can_be_read(connection: Any, path: Path) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO notes VALUES ('new', 'not yet there', 'a', NULL, NULL)")
    assert len(open_subject(path, vector="embedding")) == 60
    connection.execute("ROLLBACK")


# DuckDB.


def test_a_duckdb_file_is_read_and_not_written_to(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE notes (id INTEGER, body TEXT, embedding FLOAT[16], tags TEXT[])")
        connection.executemany(
            "INSERT INTO notes VALUES (?, ?, ?, ?)",
            [(i, f"what note {i} says", row.tolist(), ["a"]) for i, row in enumerate(X)],
        )
    found = open_subject(path)
    assert found.name == "shop.duckdb/notes"
    assert np.array_equal(found.vectors, X)
    part = open_subject(path, sample=10, seed=1)
    assert np.array_equal(part.vectors, X[part.rows])
    assert len(open_subject(f"duckdb:///{path}", query="FROM notes WHERE id < 5")) == 5
    with pytest.raises(InputError, match="query: "):
        open_subject(path, query="SELECT * FROM read_text('/etc/hostname')")
    with pytest.raises(UnknownNameError, match="no table 'note'"):
        open_subject(path, table="note")


def test_duckdb_without_its_package_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "duckdb", None)
    (tmp_path / "x.duckdb").write_bytes(b"01234567DUCK0000")
    with pytest.raises(MissingExtraError, match=r"semascope\[duckdb\]"):
        open_subject(tmp_path / "x.duckdb")


def test_postgresql_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"semascope\[sql\]"):
        open_subject("postgresql://me:secret@127.0.0.1/none")


# What they share.


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        ("SELECT 1;", "SELECT 1"),
        (" select ';' ; -- done\n ;", "select ';'"),
        ("SELECT 'it''s; fine', \"a;b\" FROM t", "SELECT 'it''s; fine', \"a;b\" FROM t"),
        ("SELECT $$ ; $$, $x$ $$ ; $x$", "SELECT $$ ; $$, $x$ $$ ; $x$"),
        ("/* ; */ SELECT 1 /* ; */", "SELECT 1"),
        ("SELECT E'it\\'s; fine'", "SELECT E'it\\'s; fine'"),
        ("(SELECT 1) UNION (SELECT 2)", "(SELECT 1) UNION (SELECT 2)"),
        ("WITH a AS (SELECT 1) SELECT * FROM a", "WITH a AS (SELECT 1) SELECT * FROM a"),
        ("SELECT a - b / c FROM t", "SELECT a - b / c FROM t"),
    ],
)
def test_one_query_is_one_whatever_stands_in_its_strings(query: str, sent: str) -> None:
    assert one_statement(query) == sent


@pytest.mark.parametrize(
    "query", ["SELECT 1; SELECT 2", "SELECT ';'; DROP TABLE a", "SELECT 1 /* */; DELETE FROM a", "EXPLAIN SELECT 1"]
)
def test_several_statements_and_others_are_refused(query: str) -> None:
    with pytest.raises(OptionError, match="query: want one"):
        one_statement(query)


@pytest.mark.parametrize(
    ("source", "printed"),
    [
        (
            "postgresql://me:secret@db.example.org:5432/shop?sslmode=require&password=secret",
            "postgresql://me@db.example.org:5432/shop",
        ),
        ("postgres://me:se/c@ret@host/shop", "postgres://me@host/shop"),
        ("postgresql://me:secret", "postgresql://***"),
        ("postgresql:///shop", "postgresql:///shop"),
        ("postgresql://me:secret@[::1]:5432/shop", "postgresql://me@[::1]:5432/shop"),
        ("postgresql://me:secret@a:1,b:2/shop", "postgresql://me@a:1,b:2/shop"),
        ("notes.csv", "notes.csv"),
        ("sqlite:///notes.db", "sqlite:///notes.db"),
    ],
)
def test_an_address_is_printed_without_its_password(source: str, printed: str) -> None:
    assert shown(source) == printed


def test_a_message_loses_every_form_of_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "fromoutside")
    message = "bad: p%40ss or p@ss or fromoutside or other"
    assert without_secrets(message, "postgresql://me:p%40ss@h/d?password=other") == "bad: *** or *** or *** or ***"


def test_files_are_databases_by_what_is_in_them(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("id,text\n")
    assert not is_database(tmp_path / "x.db")
    assert not is_database("notes.csv")
    assert not is_database(["a", "b"])
    assert is_database("POSTGRESQL://host/db")
