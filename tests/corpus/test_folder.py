"""A folder gives one document a file, in a fixed order, and says what it passed over."""

from __future__ import annotations

from pathlib import Path

import pytest

from semascope.corpus import Corpus
from semascope.errors import InputError

PAGE = """<!doctype html><html><head><title>The &amp; title</title><style>p {color: red}</style>
<script>document.write("<p>never</p>")</script></head>
<body><h1>Heading</h1><p>One <b>bold</b>   word &eacute;.<br>Next line</p><ul><li>a</li><li>b</li></ul>
<pre>  kept
    as is</pre><noscript>never</noscript><p>Last"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "docs"
    for name, content in {
        "b.md": "---\nlang: en\n---\n```\n# not this\n```\n\n# The *heading* #\n\ntext\n",
        "a.txt": "plain text",
        "README": "read me",
        "page.html": PAGE,
        "sub/deep/code.py": "def f():\n    return 1\n",
        "sub/guide.rst": "=====\nGuide\n=====\n\nwords\n",
        "sub/a.txt": "another",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return root


def test_every_text_is_a_document_called_by_its_path_in_a_fixed_order(folder: Path) -> None:
    corpus = Corpus.read(folder)
    first = list(corpus)
    assert [d.id for d in first] == [
        "README",
        "a.txt",
        "b.md",
        "page.html",
        "sub/a.txt",
        "sub/guide.rst",
        "sub/deep/code.py",
    ]
    assert list(corpus) == first
    assert not corpus.problems.total
    assert [d.title for d in first] == ["", "", "The *heading*", "The & title", "", "Guide", ""]
    assert first[6].metadata == {"suffix": ".py"}


def test_text_and_markdown_stay_as_they_are_so_that_spans_refer_to_the_file(folder: Path) -> None:
    texts = {d.id: d.text for d in Corpus.read(folder)}
    for name in ("a.txt", "b.md", "sub/deep/code.py"):
        assert texts[name] == (folder / name).read_text(encoding="utf-8")


def test_of_html_only_what_a_reader_sees_is_kept(folder: Path) -> None:
    page = next(d for d in Corpus.read(folder) if d.id == "page.html")
    assert page.text == "Heading\n\nOne bold word \u00e9.\nNext line\n\na\n\nb\n\n  kept\n    as is\n\nLast"


@pytest.mark.parametrize(
    ("page", "title", "text"),
    [
        ("<h1>Only <i>this</i></h1><p>x", "Only this", "Only this\n\nx"),
        ("<head><title>t</title><p>the head never closed", "t", "the head never closed"),
        ("<p>a<script>b</script>c</p><svg><title>no</title></svg>", "", "ac"),
        ("<td>1</td><td>2</td>", "", "1\n\n2"),
        ("no tags < at all", "", "no tags < at all"),
        ("a&nbsp;b&#0;&#xD800;", "", "a b\ufffd\ufffd"),
        ("<p>x</p></p></div></pre>", "", "x"),
    ],
)
def test_broken_pages_still_give_their_text(tmp_path: Path, page: str, title: str, text: str) -> None:
    (tmp_path / "x.html").write_text(page, encoding="utf-8")
    (document,) = Corpus.read(tmp_path / "x.html")
    assert (document.title, document.text) == (title, text)


def test_a_page_may_name_its_own_encoding(tmp_path: Path) -> None:
    page = '<html><head><meta charset="iso-8859-1"><title>caf\u00e9</title></head><body>d\u00e9j\u00e0'
    (tmp_path / "x.html").write_bytes(page.encode("latin-1"))
    (document,) = Corpus.read(tmp_path / "x.html")
    assert (document.title, document.text) == ("caf\u00e9", "d\u00e9j\u00e0")


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# One\n# Two", "One"),
        ("text\n\nUnder\n=====\n", "Under"),
        ("---\ntitle: 'From the front'\n---\n# One", "From the front"),
        ("~~~\n# code\n~~~\n## Two ##\n", "Two"),
        ("#no heading\n\n***\n", ""),
        ("---\nno end", ""),
        ("", ""),
    ],
)
def test_the_title_of_markdown_is_its_first_heading(text: str, title: str) -> None:
    from semascope.corpus.readers import markdown

    assert markdown.title(text) == title


def test_what_is_no_text_is_passed_over_and_listed(folder: Path, tmp_path: Path) -> None:
    (folder / ".git").mkdir()
    (folder / ".git" / "config.txt").write_text("hidden")
    (folder / ".hidden.txt").write_text("hidden")
    (folder / "__pycache__").mkdir()
    (folder / "picture.png").write_bytes(b"\x89PNG")
    (folder / "binary.txt").write_bytes(b"abc\0def")
    (folder / "blank.txt").write_text(" \n")
    (folder / "long.txt").write_text("x" * 2001)
    (folder / "longer.txt").write_text("x" * 9000)
    (folder / "table.csv").write_text("id,text\n")
    (tmp_path / "outside.txt").write_text("outside")
    (folder / "out.txt").symlink_to(tmp_path / "outside.txt")
    (folder / "gone.txt").symlink_to(tmp_path / "nothing.txt")
    (folder / "in.txt").symlink_to(folder / "a.txt")
    (folder / "loop").symlink_to(folder)
    corpus = Corpus.read(folder, max_text=2000)
    documents = {d.id: d.text for d in corpus}
    assert documents["in.txt"] == "plain text"
    assert len(documents) == 8
    assert {str(problem) for problem in corpus.problems} == {
        ".git: a hidden folder; passed over",
        ".hidden.txt: a hidden file; passed over",
        "__pycache__: a folder of a tool; passed over",
        "picture.png: no reader for .png; passed over",
        "binary.txt: not text (it holds NUL bytes); passed over",
        "blank.txt: the text is empty or only white space; passed over",
        "long.txt: 2,001 characters, more than max_text=2,000; passed over",
        "longer.txt: more than 8,000 bytes; passed over (max_text raises the limit)",
        "table.csv: a table among texts; passed over (read it by itself)",
        "out.txt: a link out of the folder, or to nothing; passed over",
        "gone.txt: a link out of the folder, or to nothing; passed over",
        "loop: a link to a folder; passed over",
    }


def test_a_file_name_that_is_no_text_gives_an_id_that_is(tmp_path: Path) -> None:
    import os

    try:
        for name in (b"caf\xe9.txt", b"\xff.png"):
            (tmp_path / os.fsdecode(name)).write_text("hello")
    except OSError:
        pytest.skip("this file system takes no such name")
    corpus = Corpus.read(tmp_path)
    assert [d.id for d in corpus] == ["caf\ufffd.txt"]
    assert str(corpus.problems).encode()


def test_a_folder_without_anything_to_read_is_an_error_that_says_why(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"")
    with pytest.raises(
        InputError, match=r"got none to read in .*; passed over 1, the first: x.png: no reader for .png"
    ):
        Corpus.read(tmp_path)
    (tmp_path / "y.txt").write_bytes(b"\0")
    with pytest.raises(InputError, match="want at least one document, got none"):
        list(Corpus.read(tmp_path))
