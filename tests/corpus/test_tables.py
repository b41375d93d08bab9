"""CSV, TSV, JSON Lines and Parquet: columns are found and said, values keep their meaning."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from semascope import Space
from semascope.corpus import Corpus, Document
from semascope.errors import InputError, MissingExtraError, OptionError, UnknownNameError

ROWS = [
    {"uid": 7, "body": "the first text", "headline": "One", "topic": "a", "year": 1999, "price": 2.5, "ok": True},
    {"uid": 8, "body": "the second text", "headline": "Two", "topic": "b", "year": 2001, "price": None, "ok": False},
]


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.fixture
def jsonl(tmp_path: Path) -> Path:
    return write(tmp_path / "rows.jsonl", "".join(json.dumps(row) + "\n" for row in ROWS))


def test_columns_are_guessed_and_said(jsonl: Path) -> None:
    corpus = Corpus.read(jsonl)
    assert dict(corpus.columns) == {"text": "body", "id": "uid", "title": "headline", "label": "topic", "time": "year"}
    assert corpus.columns.guessed == {"text", "id", "title", "label", "time"}
    assert "text = body (guessed)" in str(corpus.columns)
    assert list(corpus) == [
        Document(
            "7", "the first text", "One", "a", "1999", None, {"topic": "a", "year": 1999, "price": 2.5, "ok": True}
        ),
        Document("8", "the second text", "Two", "b", "2001", None, {"topic": "b", "year": 2001, "ok": False}),
    ]


def test_a_column_taken_for_a_role_is_found_under_its_own_name_too(jsonl: Path, tmp_path: Path) -> None:
    with Space.build(Corpus.read(jsonl), "default", tmp_path / "s.space") as space:
        for where in ("topic=b", "label=b", "year>=2000"):
            assert [hit.id for hit in space.search("text", where=where)] == ["8"]


def test_what_is_asked_for_overrules_what_would_be_guessed(jsonl: Path) -> None:
    corpus = Corpus.read(jsonl, text="headline", id="", time="", metadata=["year"])
    assert [(d.id, d.text, d.time, dict(d.metadata)) for d in corpus] == [
        ("1", "One", None, {"year": 1999}),
        ("2", "Two", None, {"year": 2001}),
    ]
    assert corpus.columns.guessed == {"label"}
    assert "text = headline" in str(corpus.columns)
    assert "id = row number" in str(corpus.columns)


@pytest.mark.parametrize("asked", [{"text": "bdy"}, {"label": "bdy"}, {"metadata": ["year", "bdy"]}])
def test_a_missing_column_names_the_nearest_and_all_there_are(jsonl: Path, asked: dict) -> None:
    with pytest.raises(
        UnknownNameError, match=r"no column 'bdy' in rows.jsonl; did you mean 'body'\? There are: uid, "
    ):
        Corpus.read(jsonl, **asked)


def test_without_a_known_name_the_longest_strings_are_the_text(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "a,b,id\nshort,a much longer string,1\nbrief,another one of some length,2\n")
    assert Corpus.read(path).columns["text"] == "b"


def test_a_column_that_repeats_is_not_guessed_to_be_the_id(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "key,text\nen,one\nen,two\n")
    assert [d.id for d in Corpus.read(path)] == ["1", "2"]
    assert [d.id for d in Corpus.read(path, id="key")] == ["en", "en"]


def test_a_table_without_text_is_refused_with_its_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", '{"a": 1, "b": 2}\n')
    with pytest.raises(InputError, match=r"no column of x.jsonl holds text; name one with text=...; columns: a, b"):
        Corpus.read(path)


def test_csv_numbers_are_read_where_all_of_the_value_is_one(tmp_path: Path) -> None:
    values = ["7", "-7", "0", "1.5", "1e3", "007", "1_0", "+1", " 1", "nan", "1e999", "12345678901234567890", "x", ""]
    rows = "".join(f"text {n},{value}\n" for n, value in enumerate(values))
    got = [d.metadata.get("v") for d in Corpus.read(write(tmp_path / "x.csv", "text,v\n" + rows))]
    assert got == [7, -7, 0, 1.5, 1000.0, "007", "1_0", "+1", " 1", "nan", "1e999", "12345678901234567890", "x", None]
    assert [type(value) for value in got[:5]] == [int, int, int, float, float]


def test_json_values_become_scalars(tmp_path: Path) -> None:
    row = '{"text": "t", "l": [1, "\u00e9"], "d": {"a": null}, "e": [], "n": null, "nan": NaN, "big": 99999999999999999999}'
    (document,) = Corpus.read(write(tmp_path / "x.jsonl", row))
    assert document.metadata == {"l": '[1, "\u00e9"]', "d": '{"a": null}', "big": "99999999999999999999"}


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found(tmp_path: Path, separator: str) -> None:
    lines = [["id", "text", "n"], ["a", "one: two. three", "1"], ["b", '"with ""quotes"""', "2"]]
    path = write(tmp_path / "x.csv", "\r\n".join(separator.join(line) for line in lines))
    assert [(d.id, d.text, d.metadata["n"]) for d in Corpus.read(path)] == [
        ("a", "one: two. three", 1),
        ("b", 'with "quotes"', 2),
    ]


def test_one_column_is_not_split_at_its_commas(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "text\nhello, world\nno comma\na, b, c\n")
    assert [d.text for d in Corpus.read(path)] == ["hello, world", "no comma", "a, b, c"]


def test_a_quoted_field_keeps_its_separators_and_line_ends(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", 'id,text\n1,"one, two\r\nthree"\n2,"and ""so"" on"\n\n3,end')
    corpus = Corpus.read(path)
    assert [d.text for d in corpus] == ["one, two\r\nthree", 'and "so" on', "end"]
    assert not corpus.problems.total


def test_quotes_may_be_escaped_by_a_backslash(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", 'id,text\n1,"he said \\"no, no\\" twice"\n2,"plain"\n')
    assert [d.text for d in Corpus.read(path)] == ['he said "no, no" twice', "plain"]


def test_quotes_in_a_file_of_tabs_are_just_quotes(tmp_path: Path) -> None:
    path = write(tmp_path / "x.tsv", 'id\ttext\n1\t"To be\n2\tor not" to be\n')
    assert [d.text for d in Corpus.read(path)] == ['"To be', 'or not" to be']


def test_empty_and_repeated_column_names_are_made_distinct(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "text,n,n,\nhello,1,2,3\n")
    assert [dict(d.metadata) for d in Corpus.read(path)] == [{"n": 1, "n 3": 2, "column 4": 3}]


@pytest.mark.parametrize("name", ["x.jsonl.gz", "x.csv.gz"])
def test_gzip_is_unpacked(tmp_path: Path, name: str) -> None:
    content = b'{"text": "hello"}\n' if "json" in name else b"id,text\n1,hello\n"
    corpus = Corpus.read(write(tmp_path / name, gzip.compress(content)))
    assert [d.text for d in corpus] == ["hello"]


@pytest.mark.parametrize("damage", [lambda data: data[:-12], lambda _: b"no gzip", lambda data: data[:40] + b"xxxx"])
def test_a_damaged_gzip_file_is_an_error_and_not_a_shorter_corpus(tmp_path: Path, damage) -> None:
    lines = "".join(f'{{"text": "number {n * n * n}"}}\n' for n in range(5000)).encode()
    path = write(tmp_path / "x.jsonl.gz", damage(gzip.compress(lines)))
    with pytest.raises(InputError, match=r"x\.jsonl\.gz: cannot be read"):
        list(Corpus.read(path))


def test_json_lines_in_a_json_file_are_read_and_an_array_is_explained(tmp_path: Path) -> None:
    assert len(list(Corpus.read(write(tmp_path / "a.json", '{"text": "x"}\n{"text": "y"}\n')))) == 2
    with pytest.raises(InputError, match=r"want JSON Lines, one object a line, got b.json"):
        Corpus.read(write(tmp_path / "b.json", '[{"text": "x"}]'))


def test_a_title_stands_for_a_blank_text(tmp_path: Path) -> None:
    corpus = Corpus.read(write(tmp_path / "x.jsonl", '{"title": "a", "text": "b"}\n{"title": "only", "text": ""}\n'))
    assert [(d.title, d.text) for d in corpus] == [("a", "b"), ("", "only")]
    assert str(corpus.problems[0]) == "x.jsonl:2: no text; its title was taken for it"


def test_parquet_is_streamed_with_its_types(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    from datetime import date

    table = arrow.table(
        {
            "doc_id": [1, 2, 3],
            "text": ["one", None, "three"],
            "day": [date(2020, 1, 2), None, date(2021, 3, 4)],
            "when": arrow.array([1, 2, 3], arrow.timestamp("ns")),
            "raw": [b"\xff", b"", None],
            "score": [0.5, 1.5, float("nan")],
        }
    )
    parquet.write_table(table, tmp_path / "x.parquet", row_group_size=1)
    corpus = Corpus.read(tmp_path / "x.parquet")
    documents = list(corpus)
    assert [(d.id, d.text) for d in documents] == [("1", "one"), ("3", "three")]
    assert documents[0].metadata == {"day": "2020-01-02", "when": "1970-01-01 00:00:00.000000001", "score": 0.5}
    assert "score" not in documents[1].metadata
    assert str(corpus.problems[0]) == "x.parquet:2: no text (column 'text'); passed over"


def test_a_damaged_parquet_file_is_named(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    with pytest.raises(InputError, match=r"x\.parquet: cannot be read as Parquet"):
        Corpus.read(write(tmp_path / "x.parquet", "PAR1 not really PAR1"))


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"semascope\[parquet\]"):
        Corpus.read(write(tmp_path / "x.parquet", "PAR1"))


def test_options_that_do_not_fit_are_refused(tmp_path: Path, jsonl: Path) -> None:
    note = write(tmp_path / "note.txt", "hello")
    with pytest.raises(OptionError, match="text: want no column for the format text"):
        Corpus.read(note, text="body")
    with pytest.raises(OptionError, match="format: want one of folder, beir, text"):
        Corpus.read(note, format="pdf")
    with pytest.raises(OptionError, match="encoding: want one that Python knows"):
        Corpus.read(note, encoding="utf-9")
    with pytest.raises(OptionError, match="on_bad: want one of report, raise"):
        Corpus.read(note, on_bad="ignore")
    with pytest.raises(OptionError, match="metadata: want a list of column names"):
        Corpus.read(jsonl, metadata="year")
    with pytest.raises(OptionError, match="max_text: want at least 1"):
        Corpus.read(jsonl, max_text=0)
    with pytest.raises(InputError, match="want a folder for the format folder"):
        Corpus.read(jsonl, format="folder")
