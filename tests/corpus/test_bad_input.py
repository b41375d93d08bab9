"""Every kind of bad input is a named error or is listed with its place, and nothing is dropped in silence."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from semascope.corpus import Corpus
from semascope.errors import InputError, UnknownNameError


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    return path


def said(corpus: Corpus) -> list[str]:
    return [str(problem) for problem in corpus.problems]


@pytest.mark.parametrize("name", ["x.txt", "x.csv", "x.jsonl", "x.md"])
def test_an_empty_file_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"got {name}, which is empty"):
        Corpus.read(write(tmp_path / name, ""))


@pytest.mark.parametrize("content", [" \n\t\n", "\ufeff", "\ufeff \r\n"])
def test_a_file_of_white_space_is_an_error_that_says_so(tmp_path: Path, content: str) -> None:
    with pytest.raises(InputError, match=r"want at least one document, got none in x.txt; .* only white space"):
        list(Corpus.read(write(tmp_path / "x.txt", content)))


def test_a_table_without_rows_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"want at least one row, got none in x.csv"):
        Corpus.read(write(tmp_path / "x.csv", "id,text\n"))
    with pytest.raises(
        InputError, match=r"want at least one row, got none in x.jsonl; first of 1 problems: x.jsonl:1: not JSON"
    ):
        Corpus.read(write(tmp_path / "x.jsonl", "hello"))


def test_blank_texts_are_passed_over_and_listed(tmp_path: Path) -> None:
    corpus = Corpus.read(write(tmp_path / "x.jsonl", '{"text": "a"}\n{"text": ""}\n{"text": " \\n"}\n{"text": "b"}\n'))
    assert [(d.id, d.text) for d in corpus] == [("1", "a"), ("4", "b")]
    assert said(corpus) == [f"x.jsonl:{n}: the text is empty or only white space; passed over" for n in (2, 3)]


def test_bad_json_lines_are_listed_by_line(tmp_path: Path) -> None:
    deep = "[" * 100_000
    digits = "1" * 5000
    lines = [
        '{"text": "a"}',
        "{bad",
        "[1]",
        '{"text": 5}',
        '{"x": 1}',
        deep,
        f'{{"text": {digits}}}',
        "",
        '{"text": "b"}',
    ]
    corpus = Corpus.read(write(tmp_path / "x.jsonl", "\n".join(lines)))
    assert [d.id for d in corpus] == ["1", "9"]
    assert [problem.place for problem in corpus.problems] == [f"x.jsonl:{n}" for n in (2, 3, 4, 5, 6, 7)]
    assert "not JSON" in said(corpus)[0]
    assert "want a JSON object, got list" in said(corpus)[1]
    assert "text: want a string, got int" in said(corpus)[2]
    assert "no text (column 'text')" in said(corpus)[3]


def test_a_csv_row_of_another_width_is_listed_by_line(tmp_path: Path) -> None:
    corpus = Corpus.read(write(tmp_path / "x.csv", "id,text\n1,one\n2\n3,three,more\n4,four\n"))
    assert [d.id for d in corpus] == ["1", "4"]
    assert said(corpus) == [
        "x.csv:3: want 2 fields, got 1; row passed over",
        "x.csv:4: want 2 fields, got 3; row passed over",
    ]


def test_a_quote_that_never_closes_costs_one_row(tmp_path: Path) -> None:
    rows = "".join(f"{n},text {n}\n" for n in range(3, 1000))
    corpus = Corpus.read(write(tmp_path / "x.csv", f'id,text\n1,one\n2,"two\n{rows}'))
    assert [d.id for d in corpus] == ["1", *map(str, range(3, 1000))]
    assert said(corpus) == ["x.csv:3: malformed (a quote opens and never closes); row passed over"]


def test_a_quote_that_closes_in_a_later_row_costs_one_row(tmp_path: Path) -> None:
    corpus = Corpus.read(write(tmp_path / "x.csv", 'id,text\n"1","one"\n"2","two\n"3","three"\n"4","four"\n'))
    assert [d.id for d in corpus] == ["1", "3", "4"]
    assert said(corpus) == ["x.csv:3: malformed (a quoted field goes on after its closing quote); row passed over"]


def test_old_mac_line_ends_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="old Mac line ends"):
        Corpus.read(write(tmp_path / "x.csv", "id,text\r1,one\r2,two\r"))


@pytest.mark.parametrize(
    # In the CSV there is UTF-8 as well, so what cannot be decoded is damage and no other encoding.
    ("name", "row"),
    [("x.csv", b"id,text\n1,h\xe9llo\n2,\xc3\xa9\n"), ("x.jsonl", b'{"text":"h\xe9llo"}\n')],
)
def test_bytes_that_are_not_utf8_are_replaced_and_listed(tmp_path: Path, name: str, row: bytes) -> None:
    corpus = Corpus.read(write(tmp_path / name, row))
    assert next(iter(corpus)).text == "h\ufffdllo"
    assert "not utf-8 at byte" in said(corpus)[0]
    latin = Corpus.read(tmp_path / name, encoding="latin-1")
    assert next(iter(latin)).text == "h\u00e9llo"
    assert not latin.problems.total


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("name", ["x.csv", "x.txt", "x.md"])
def test_a_byte_order_mark_is_obeyed_and_dropped(tmp_path: Path, name: str, encoding: str) -> None:
    content = "id,text\n1,\u00fcn\u00ef\n" if name == "x.csv" else "# \u00fcn\u00ef"
    (document,) = Corpus.read(write(tmp_path / name, content.encode(encoding)))
    assert document.text in ("\u00fcn\u00ef", "# \u00fcn\u00ef")


@pytest.mark.parametrize("damage", ["a\\u0000b", "a\\ud800b", "a\\udc00b"])
def test_nuls_and_lone_surrogates_in_json_are_replaced_and_listed(tmp_path: Path, damage: str) -> None:
    line = f'{{"id": "{damage}", "text": "{damage}", "title": "{damage}", "m": "{damage}", "l": ["{damage}"], "{damage}": 1}}\n'
    corpus = Corpus.read(write(tmp_path / "x.jsonl", line))
    (document,) = corpus
    assert document.id == document.text == document.title == document.metadata["m"] == "a\ufffdb"
    assert document.metadata["a\ufffdb"] == 1
    for value in (document.text, *document.metadata, *map(str, document.metadata.values())):
        assert "\0" not in value
        value.encode()
    assert any("text:" in line for line in said(corpus))


def test_surrogates_that_belong_together_are_one_character(tmp_path: Path) -> None:
    corpus = Corpus.read(write(tmp_path / "x.jsonl", '{"text": "\\ud83d\\ude00"}'))
    assert [d.text for d in corpus] == ["\U0001f600"]
    assert not corpus.problems.total


def test_nuls_in_csv_are_replaced_and_listed(tmp_path: Path) -> None:
    corpus = Corpus.read(write(tmp_path / "x.csv", b"id,text\n1,a\0b\n"))
    assert [d.text for d in corpus] == ["a\ufffdb"]
    assert said(corpus) == ["x.csv:2: text: a NUL at character 1; such characters became U+FFFD"]


@pytest.mark.parametrize(
    "text",
    [
        "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f44d\U0001f3fd",
        "\u05e9\u05dc\u05d5\u05dd \u202eabc",
        "e\u0301 \u4e2d\u6587",
    ],
)
@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.txt"])
def test_emoji_right_to_left_and_accents_come_through_unaltered(tmp_path: Path, name: str, text: str) -> None:
    content = {"x.csv": f"id,text\n1,{text}\n", "x.jsonl": f'{{"text": "{text}"}}', "x.txt": text}[name]
    corpus = Corpus.read(write(tmp_path / name, content))
    assert [d.text for d in corpus] == [text]
    assert not corpus.problems.total


def test_windows_line_ends_stay_in_a_text_and_vanish_between_rows(tmp_path: Path) -> None:
    assert next(iter(Corpus.read(write(tmp_path / "x.txt", "a\r\nb")))).text == "a\r\nb"
    assert [d.text for d in Corpus.read(write(tmp_path / "x.csv", "id,text\r\n1,a\r\n2,b\r\n"))] == ["a", "b"]
    assert [d.text for d in Corpus.read(write(tmp_path / "x.jsonl", '{"text":"a"}\r\n\r\n{"text":"b"}\r\n'))] == [
        "a",
        "b",
    ]


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl"])
def test_a_line_of_fifty_megabytes_is_passed_over_and_listed(tmp_path: Path, name: str) -> None:
    separator = "\t" if name == "x.tsv" else ","
    path = tmp_path / name
    with path.open("wb") as file:
        file.write(
            b'{"text": "before"}\n{"text": "'
            if name == "x.jsonl"
            else f"id{separator}text\n1{separator}before\n2{separator}".encode()
        )
        for _ in range(50):
            file.write(b"x" * 1_000_000)
        file.write(b'"}\n{"text": "after"}\n' if name == "x.jsonl" else f"\n3{separator}after\n".encode())
    corpus = Corpus.read(path)
    assert [d.text for d in corpus] == ["before", "after"]
    assert said(corpus) == [
        f"{name}:{2 if name == 'x.jsonl' else 3}: a line of more than 40,000,000 bytes; passed over (max_text raises the limit)"
    ]


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.txt"])
def test_a_text_over_the_limit_is_passed_over_and_one_at_the_limit_is_kept(tmp_path: Path, name: str) -> None:
    for length, kept in ((1000, True), (1001, False), (5000, False)):
        text = "y" * length
        content = {
            "x.csv": f"id,text\n1,a\n2,{text}\n",
            "x.jsonl": f'{{"text": "a"}}\n{{"text": "{text}"}}\n',
            "x.txt": text,
        }
        path = write(tmp_path / name, content[name])
        corpus = Corpus.read(path, max_text=1000)
        if name == "x.txt" and not kept:
            with pytest.raises(InputError, match="max_text"):
                list(corpus)
            continue
        assert (text in [d.text for d in corpus]) is kept
        assert bool(corpus.problems.total) is not kept


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("x.jsonl", b'{"text": "a"}\n{bad\n', "x.jsonl:2: not JSON"),
        ("x.jsonl", b'{"text": "a"}\n{"text": ""}\n', "x.jsonl:2: the text is empty"),
        ("x.jsonl", b'{"text": "a\xff"}\n', "x.jsonl:1: not utf-8"),
        ("x.csv", b"id,text\n1,a\n2\n", "x.csv:3: want 2 fields, got 1"),
        ("x.csv", b'id,text\n1,a\n2,"b\n', "x.csv:3: malformed"),
        ("x.txt", b"a\xff", "x.txt: not utf-8"),
    ],
)
def test_bad_input_can_be_made_an_error(tmp_path: Path, name: str, content: bytes, place: str) -> None:
    path = write(tmp_path / name, content)
    with pytest.raises(InputError, match=place):
        list(Corpus.read(path, on_bad="raise"))


def test_a_path_that_is_not_there_names_the_nearest(tmp_path: Path) -> None:
    write(tmp_path / "reviews.csv", "text\nhello\n")
    with pytest.raises(UnknownNameError, match=r"did you mean 'reviews.csv'"):
        Corpus.read(tmp_path / "review.csv")
    with pytest.raises(UnknownNameError, match="there is no folder"):
        Corpus.read(tmp_path / "nowhere" / "x.csv")


def test_a_file_of_unknown_kind_lists_the_formats_and_can_be_told(tmp_path: Path) -> None:
    path = write(tmp_path / "notes.xyz", "hello")
    with pytest.raises(InputError, match=r"got notes.xyz; say which it is with format="):
        Corpus.read(path)
    assert [d.text for d in Corpus.read(path, format="text")] == ["hello"]


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.csv")
    with pytest.raises(InputError, match=r"want an ordinary file, got x.csv"):
        Corpus.read(tmp_path / "x.csv")
    write(tmp_path / "y.txt", "hello")
    os.mkfifo(tmp_path / "z.txt")
    corpus = Corpus.read(tmp_path)
    assert [d.id for d in corpus] == ["y.txt"]
    assert "z.txt: not an ordinary file; passed over" in said(corpus)


AS_NOBODY = """
import os, sys
from semascope.corpus import Corpus
from semascope.errors import InputError
if os.geteuid() == 0:  # root may read everything
    os.setgid(65534)
    os.setuid(65534)
corpus = Corpus.read(sys.argv[1])
print([d.id for d in corpus], *corpus.problems, sep="|")
try:
    list(Corpus.read(sys.argv[1] + "/closed.txt"))
except InputError as error:
    print(error)
"""


def test_what_may_not_be_read_is_named() -> None:
    # Not pytest's own folder: that one is closed to the user nobody.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        write(folder / "open.txt", "hello")
        write(folder / "closed.txt", "secret").chmod(0)
        (folder / "locked").mkdir(0)
        done = subprocess.run([sys.executable, "-c", AS_NOBODY, name], capture_output=True, text=True, check=True)
        (folder / "locked").chmod(0o700)
    first, second = done.stdout.splitlines()
    assert first.startswith("['open.txt']|")
    assert "closed.txt: cannot be read: Permission denied" in first
    assert "locked/: cannot be listed: Permission denied; passed over" in first
    assert "got none in closed.txt; first of 1 problems: closed.txt: cannot be read: Permission denied" in second
