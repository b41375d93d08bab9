"""One small file per format, and the choice among them by path."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from semascope.corpus.columns import nearest
from semascope.corpus.problems import Meter, Problems
from semascope.corpus.readers.beir import find, is_beir
from semascope.corpus.readers.delimited import Delimited
from semascope.corpus.readers.folder import Folder
from semascope.corpus.readers.jsonl import JsonLines
from semascope.corpus.readers.lines import TextFile, codec, lines
from semascope.corpus.readers.parquet import Parquet
from semascope.corpus.readers.whole import Single, kind_of
from semascope.corpus.table import Documents, Rows, table
from semascope.errors import InputError, OptionError, UnknownNameError
from semascope.ops import integer, option

_SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_TABLES: dict[str, Callable[[TextFile], Rows]] = {
    "csv": Delimited,
    "tsv": lambda file: Delimited(file, tabs=True),
    "jsonl": JsonLines,
    "parquet": Parquet,
}
_SINGLE = ("text", "markdown", "rst", "html", "code")
_FOLDERS = ("folder", "beir")
FORMATS = (*_FOLDERS, *_SINGLE, *_TABLES)


@dataclass(frozen=True, slots=True)
class Options:
    """How a path is to be read."""

    format: str | None
    asked: Mapping[str, str | None]
    keep: Sequence[str] | None
    encoding: str
    max_text: int

    def file(self, path: Path) -> TextFile:
        """The file at `path`, called by its name."""
        return TextFile(path, path.name, self.encoding, self.max_text)


def open_path(path: Path, options: Options) -> tuple[Documents, str]:
    """The reader of a path and its format; columns are chosen, and what cannot work is refused, here and now."""
    codec(options.encoding)
    integer(options.max_text, name="max_text", least=1)
    if isinstance(options.keep, str):
        raise OptionError(f"metadata: want a list of column names, got one string {options.keep!r}")
    kind = options.format or _format(path, options)
    option(kind, FORMATS, name="format")
    _fits(path, kind)
    asked = [role for role, column in options.asked.items() if column]
    if (asked or options.keep) and kind not in (*_TABLES, "beir"):
        raise OptionError(f"{(asked or ['metadata'])[0]}: want no column for the format {kind}, which has none")
    if kind == "folder":
        return _folder(path, options), kind
    if kind in _SINGLE:
        return Single(options.file(path), kind), kind
    place = find(path, "corpus.jsonl") if kind == "beir" else path
    if place is None:
        raise InputError(f"source: want a corpus.jsonl in the BEIR folder {path.name}, got none")
    rows = _TABLES["jsonl" if kind == "beir" else kind](options.file(place))
    return table(rows, options.asked, keep=options.keep, max_text=options.max_text, name=place.name), kind


def open_rows(path: Path, options: Options) -> Rows | None:
    """The rows of a table in a file, before any column is chosen; None where the path is no such file."""
    if not path.is_file():
        return None
    kind = options.format or _format(path, options)
    return _TABLES[kind](options.file(path)) if kind in _TABLES and path.stat().st_size else None


def _format(path: Path, options: Options) -> str:
    _there(path)
    if path.is_dir():
        return "beir" if is_beir(path) else "folder"
    name = path.name.lower().removesuffix(".gz")
    suffix = Path(name).suffix
    if suffix == ".json":
        return _json(path, options)
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    kind = kind_of(name)
    if kind is None:
        raise InputError(
            f"source: want a file of a known kind, got {path.name}; say which it is with format=, one of: "
            + ", ".join(FORMATS)
        )
    return kind


def _json(path: Path, options: Options) -> str:
    """A .json file is read where it holds one object a line."""
    first = next((line for _, line in lines(options.file(path), Problems(), Meter()) if not line.isspace()), "")
    if first.lstrip().startswith("{") and first.rstrip().endswith("}"):
        return "jsonl"
    raise InputError(
        f"source: want JSON Lines, one object a line, got {path.name}, which is one JSON value over several lines;"
        " write each of its objects on a line of its own"
    )


def _there(path: Path) -> None:
    try:
        found = path.exists()
    except OSError as error:
        raise InputError(f"source: {path} cannot be read: {error.strerror}") from error
    if found:
        return
    parent = path.parent
    if not parent.is_dir():
        raise UnknownNameError(f"source: nothing at {path}; there is no folder {parent}")
    try:
        names = sorted(entry.name for entry in parent.iterdir())
    except PermissionError:
        names = []  # a folder one may pass through but not list has no nearest name to offer
    raise UnknownNameError(f"source: nothing at {path}{nearest(path.name, names)}")


def _fits(path: Path, kind: str) -> None:
    _there(path)
    if path.is_dir() != (kind in _FOLDERS):
        wanted = "a folder" if kind in _FOLDERS else "a file"
        raise InputError(f"source: want {wanted} for the format {kind}, got {path.name}")
    if not path.is_dir() and not path.is_file():
        raise InputError(f"source: want an ordinary file, got {path.name}")
    if path.is_file() and path.stat().st_size == 0:
        raise InputError(f"source: want a file with something in it, got {path.name}, which is empty")


def _folder(path: Path, options: Options) -> Folder:
    folder = Folder(path, options.encoding, options.max_text)
    log = Problems()
    if next(folder.files(log), None) is None:
        said = f"; passed over {log.total:,}, the first: {log[0]}" if log.total else ""
        raise InputError(f"source: want a folder with texts in it, got none to read in {path.name}{said}")
    return folder
