"""What a verb reads: a path, `-` for standard input, or `python:` for the documentation of this machine's Python."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from semascope.cli import say
from semascope.errors import InputError, OptionError

if TYPE_CHECKING:
    from semascope.corpus import Corpus

ROLES = ("text", "title", "id", "label", "time", "lang")
ABOUT = (
    "SOURCE is a folder (text, Markdown, HTML, reStructuredText, source code), a file, a CSV, TSV, JSONL or Parquet table, a BEIR "
    "folder, a database that is only read (postgresql://user@host/name, a SQLite or DuckDB file; --table or --query), - for "
    "lines or JSON objects on standard input, or python: for the documentation of the Python installed here "
    "(python:numpy,click for that of packages)."
)
_OPTIONS = [
    *(
        click.option(f"--{role}", metavar="COL", help=f"Column of the {what}.")
        for role, what in (
            ("text", "text; guessed, and said, unless given, like the others"),
            ("title", "title"),
            ("id", "id; the row's number where there is none"),
            ("label", "class or topic"),
            ("time", "time"),
            ("lang", "language"),
        )
    ),
    click.option("--table", metavar="NAME", help="Table or view of a database; the only one, unless given."),
    click.option("--query", metavar="SQL", help="One SELECT in place of a table."),
    click.option("--metadata", metavar="COL", multiple=True, help="Column to keep for --where; all, unless given."),
    click.option(
        "--format", metavar="NAME", help="folder, text, markdown, rst, html, code, csv, tsv, jsonl, parquet, beir."
    ),
    click.option("--encoding", metavar="NAME", default="utf-8", show_default=True, help="Encoding of the files."),
    click.option(
        "--on-bad",
        type=click.Choice(["report", "raise"]),
        default="report",
        show_default=True,
        help="A bad row: report it and go on, or stop there.",
    ),
]


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say how a source is read."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def read(source: str, how: dict[str, Any]) -> Corpus:
    """The corpus of a source, `how` as the options give it; what was guessed is said."""
    from semascope.corpus import Corpus

    asked = {role: how[role] for role in ROLES}
    kept = list(how["metadata"]) or None
    if source == "-":
        return Corpus(
            _lines(how["on_bad"]), name="stdin", columns=asked if any(asked.values()) else None, metadata=kept,
            on_bad=how["on_bad"],
        )  # fmt: skip
    if source.startswith("python:") and not Path(source).exists():
        return python(source.removeprefix("python:"))
    from semascope.subject import is_database

    if is_database(source):
        return _of_database(source, asked, kept, how)
    if how["table"] or how["query"]:
        raise OptionError(f"--{'query' if how['query'] else 'table'}: want it only of a database, got {source}")
    corpus = Corpus.read(
        source, **asked, metadata=kept, format=how["format"], encoding=how["encoding"], on_bad=how["on_bad"]
    )
    _say_columns(corpus)
    return corpus


def _of_database(source: str, asked: dict[str, Any], kept: list[str] | None, how: dict[str, Any]) -> Corpus:
    from semascope.subject import open_corpus

    corpus = open_corpus(
        source, query=how["query"], table=how["table"], columns=asked, metadata=kept, on_bad=how["on_bad"]
    )
    _say_columns(corpus)
    return corpus


def _say_columns(corpus: Corpus) -> None:
    if corpus.columns and corpus.columns.guessed:
        say.aside(f"Columns: {corpus.columns}. Others: --text COL, --title COL, --id COL")


def python(packages: str = "", limit: int | None = None) -> Corpus:
    """The Python documentation installed here, all of it or of packages named with commas between."""
    from semascope.corpus import Corpus

    names = [name.strip() for name in packages.split(",") if name.strip()]
    return Corpus.python_docs(names, stdlib=False) if names else Corpus.python_docs(limit=limit)


def _lines(on_bad: str) -> Iterator[str | dict[str, Any]]:
    """Standard input: JSON objects where the first line is one, else a text a line. Blank lines are passed over."""
    tabular: bool | None = None
    for number, raw in enumerate(sys.stdin.buffer, 1):
        text = raw.decode("utf-8", errors="replace").strip()
        if not text:
            continue
        if tabular is None:
            tabular = text.startswith("{") and isinstance(_value(text), dict)
        value = _value(text) if tabular else text
        if isinstance(value, str | dict):
            yield value
        elif on_bad == "raise":
            raise InputError(f"stdin:{number}: want a JSON object a line like the first, got {say.shorten(text, 60)}")
        else:
            say.aside(f"stdin:{number}: not a JSON object like the first line; passed over")


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def default_out(source: str) -> str:
    """Where the Space of a source goes unless something else is said."""
    if source == "-":
        raise click.UsageError("--out: want the folder of the new Space, since standard input has no name")
    if "://" in source:
        from semascope.subject import shown

        return f"{Path(Path(shown(source)).name or 'database').stem}.space"
    name = source.removeprefix("python:").replace(",", "-") or "python"
    path = Path(name).resolve()
    stem = path.name.removesuffix(".gz")
    return f"{Path(stem).stem if path.is_file() else stem}.space"
