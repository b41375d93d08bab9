"""The Python documentation of this machine: parsed, never imported, each thing under the name where it is defined."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from semascope.corpus import Corpus, Document
from semascope.corpus.problems import Meter, Problems
from semascope.corpus.pydocs import PythonDocs
from semascope.errors import OptionError, UnknownNameError

MODULE = '''"""What this module is for, in a line."""
import typing
raise RuntimeError("imported")

class Shelf(list):
    """Holds books in the order they were put there."""

    def __init__(self, books=(), *, room: int = 10):
        """Never a document of its own, being private."""

    def take(self, title, /, *, default=None, **rest):
        """Take the book of that title off the shelf.

            Indented more.

        Then as before.
        """
        def inner():
            """Inside a function, so nobody can call it."""

    @property
    def full(self) -> bool:
        """Whether there is no room for another book."""

    @full.setter
    def full(self, value):
        """The setter comes second and so does not count."""

    @staticmethod
    def build(width, height=2.5):
        """Build a shelf of that width and height."""

    def short(self):
        """Too short."""

    class Label:
        """A label that is stuck to the front of a shelf."""

class _Hidden:
    """Private, and so is everything inside of it."""
    def method(self):
        """Public name in a private class, left out."""

if sys.platform == "never":
    async def lend(book, to="you", *args, how=lambda: 1 + 2 + 3 + 4 + 5 + 6 + 7 + 8 + 9 + 10 + 11):
        """Lend a book to somebody for a while."""
else:
    def lend(book):
        """The second of two definitions of one name."""

@typing.overload
def find(name: str) -> int: ...
def find(name, a_long_parameter_name_1=1, a_long_parameter_name_2=2, a_long_parameter_name_3=3, a_long_parameter_name_4=4):
    """Find a book by its name, wherever it stands."""
'''


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, content in {
        "library.py": MODULE,
        "package/__init__.py": '"""The package itself, with a docstring."""\n',
        "package/part.py": "'''A part of the package, in single quotes.'''\n",
        "package/_private.py": '"""A private module, left out of it all."""\n',
        "package/_vendor/other.py": '"""A copy of somebody else\'s code, left out."""\n',
        "package/tests/test_part.py": '"""A test of the package, left out here."""\n',
        "package/test_more.py": '"""A test beside the code, left out too."""\n',
        "broken.py": '"""Cannot be parsed, and that is reported."""\ndef (:\n',
        "nul.py": '"""Holds a NUL byte and so is no source."""\0',
        "escape.py": '"""An invalid escape \\d makes Python warn of it."""\nx = "\\d"\n',
        "surrogate.py": '"""A lone surrogate \\ud800 within a docstring."""\n',
        "latin.py": '# -*- coding: latin-1 -*-\n"""A caf\u00e9 in an encoding of its own."""\n',
        "_pydecimal.py": '"""The decimal module, known by its public name."""\n',
        "site-packages/installed.py": '"""Installed below, and not of this root."""\n',
        "no-name/x.py": '"""In a folder that cannot be a package."""\n',
        "deep.py": '"""Deeper than the parser goes, and reported."""\nx = ' + "(" * 5000 + ")" * 5000,
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("latin-1" if name == "latin.py" else "utf-8"))
    return tmp_path


def read(root: Path, *wanted: str, limit: int | None = None) -> tuple[dict[str, Document], Problems]:
    log = Problems()
    documents = list(PythonDocs(((root, wanted or None),), limit).documents(log, Meter()))
    assert len({d.id for d in documents}) == len(documents)
    return {d.id: d for d in documents}, log


def test_public_things_with_a_docstring_are_documents_and_nothing_else_is(root: Path) -> None:
    found, log = read(root)
    assert list(found) == [
        "decimal",
        "escape",
        "latin",
        "library",
        "library.Shelf",
        "library.Shelf.take",
        "library.Shelf.full",
        "library.Shelf.build",
        "library.Shelf.Label",
        "library.lend",
        "library.find",
        "surrogate",
        "package",
        "package.part",
    ]
    assert [problem.place for problem in log] == ["broken.py", "deep.py", "nul.py"]
    assert "library" not in sys.modules


def test_titles_are_signatures_without_annotations(root: Path) -> None:
    found, _ = read(root, "library")
    assert found["library"].title == "library"
    assert found["library.Shelf"].title == "library.Shelf(books=(), *, room=10)"
    assert found["library.Shelf.take"].title == "library.Shelf.take(title, /, *, default=None, **rest)"
    assert found["library.Shelf.full"].title == "library.Shelf.full"
    assert found["library.Shelf.build"].title == "library.Shelf.build(width, height=2.5)"
    assert found["library.lend"].title == "library.lend(book, to='you', *args, how=...)"
    assert found["library.find"].title.endswith(", a_long_parameter_name_3=3, ...)")


def test_text_and_metadata_say_what_and_where(root: Path) -> None:
    found, _ = read(root)
    take = found["library.Shelf.take"]
    assert take.text == "Take the book of that title off the shelf.\n\n    Indented more.\n\nThen as before."
    assert take.metadata == {
        "kind": "method",
        "package": "library",
        "module": "library",
        "path": "library.py",
        "line": 11,
    }
    assert found["package"].metadata["path"] == "package/__init__.py"
    assert [found[name].metadata["kind"] for name in ("library", "library.Shelf", "library.find")] == [
        "module",
        "class",
        "function",
    ]
    assert found["library.lend"].text.startswith("Lend a book")
    assert found["surrogate"].text == "A lone surrogate \ufffd within a docstring."
    assert "caf\u00e9" in found["latin"].text


def test_a_limit_stops_early(root: Path) -> None:
    assert list(read(root, limit=3)[0]) == ["decimal", "escape", "latin"]
    with pytest.raises(OptionError, match="limit: want at least 1"):
        Corpus.python_docs(limit=0)


def test_the_things_the_demo_asks_for_are_there_with_no_path_of_this_machine() -> None:
    questions = Path(__file__).parents[1] / "data" / "questions_python.jsonl"
    wanted = {json.loads(line)["wanted"] for line in questions.read_text(encoding="utf-8").splitlines()}
    corpus = Corpus.python_docs([])
    found = {d.id: d for d in corpus}
    assert wanted <= set(found)
    assert len(found) > 4000
    assert corpus.estimate().documents == pytest.approx(len(found), rel=0.5)
    assert Corpus.python_docs([], limit=700).estimate().documents == 700
    assert not any(str(d.metadata["path"]).startswith("/") for d in found.values())
    assert found["heapq.merge"].title == "heapq.merge(*iterables, key=None, reverse=False)"


def test_packages_are_chosen_by_name() -> None:
    corpus = Corpus.python_docs(["numpy"], stdlib=False, limit=50)
    documents = list(corpus)
    assert len(documents) == 50
    assert {d.metadata["package"] for d in documents} == {"numpy"}
    assert list(Corpus.from_source(json.loads(json.dumps(corpus.source)))) == documents
    with pytest.raises(UnknownNameError, match="no package 'nunpy' is installed; did you mean 'numpy'"):
        Corpus.python_docs(["nunpy"])
