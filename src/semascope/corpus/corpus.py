"""A corpus: texts with ids, streamed as often as needed and never held all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import cached_property
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from semascope.corpus.columns import KNOWN, Columns
from semascope.corpus.document import Document, clean
from semascope.corpus.problems import Meter, OnBad, Problems
from semascope.corpus.pydocs import PythonDocs
from semascope.corpus.readers import Options, open_path
from semascope.corpus.readers.beir import Beside
from semascope.corpus.readers.folder import Folder
from semascope.corpus.table import Documents, Item, Items, Table
from semascope.errors import InputError, OptionError, UnknownNameError
from semascope.ops import integer, option

_SAMPLE = 500
_READ_OPTIONS = ("format", *KNOWN, "metadata", "on_bad", "encoding", "max_text")


class Estimate(NamedTuple):
    """How large a corpus is, before all of it is read; None where nothing can be said.

    `bytes` counts the texts as UTF-8. `exact` says that every document was read for it.
    """

    documents: int | None
    bytes: int | None
    exact: bool


class Corpus:
    """Documents to iterate over, as often as wanted; each pass reads the source again, one document at a time.

    `Corpus.read(path)` reads a file or folder, `Corpus.python_docs()` the Python documentation of this machine, and
    `Corpus(items)` takes any iterable of texts, of mappings (their keys are columns) and of `Document`s, or a function
    that returns a fresh one. A one-shot iterator is streamed once. Texts without an id are numbered from 1.
    Ids are not compared with each other here, since that would hold them all in memory; a Space refuses duplicates.

    Args:
        documents: The iterable, or the function.
        name: What the corpus is called.
        columns: Columns of mappings by role, such as {"text": "body"}; the others are guessed.
        metadata: Names of columns to keep as metadata; None keeps all others.
        on_bad: "report" passes over what cannot be used and lists it in `problems`; "raise" makes it an `InputError`.
        max_text: The most characters a text may have; longer ones are bad.
    """

    def __init__(
        self,
        documents: Iterable[Item] | Callable[[], Iterable[Item]],
        *,
        name: str = "documents",
        columns: Mapping[str, str | None] | None = None,
        metadata: Sequence[str] | None = None,
        on_bad: OnBad = "report",
        max_text: int = 10_000_000,
    ) -> None:
        if isinstance(documents, PathLike):
            raise InputError("documents: want an iterable of texts, got a path; use Corpus.read(path)")
        if isinstance(documents, str | bytes):
            raise InputError("documents: want an iterable of texts, got one string; use Corpus.read(path) for a path")
        if isinstance(documents, Mapping) or not (callable(documents) or hasattr(documents, "__iter__")):
            raise InputError(f"documents: want an iterable of texts, got {type(documents).__name__}")
        if isinstance(metadata, str):
            raise OptionError(f"metadata: want a list of column names, got one string {metadata!r}")
        integer(max_text, name="max_text", least=1)
        for role in columns or ():
            if role not in KNOWN:
                raise UnknownNameError(f"columns: no role {role!r}; there are: {', '.join(KNOWN)}")
        self._set(Items(documents, name, columns or {}, metadata, max_text), name=name, on_bad=on_bad)

    def _set(
        self,
        reader: Documents,
        *,
        name: str,
        on_bad: OnBad,
        source: dict[str, Any] | None = None,
        beside: Beside | None = None,
    ) -> None:
        option(on_bad, ("report", "raise"), name="on_bad")
        self.name = clean(name)
        self.source = source
        self._reader = reader
        self._on_bad: OnBad = on_bad
        self._beside = beside
        self._aside = Problems(on_bad)
        self._last = Problems(on_bad)

    @classmethod
    def _made(cls, reader: Documents, **how: Any) -> Corpus:
        corpus = cls.__new__(cls)
        cls._set(corpus, reader, **how)
        return corpus

    @staticmethod
    def read(
        source: str | PathLike[str],
        *,
        format: str | None = None,  # noqa: A002
        text: str | None = None,
        title: str | None = None,
        id: str | None = None,  # noqa: A002
        label: str | None = None,
        time: str | None = None,
        lang: str | None = None,
        metadata: Sequence[str] | None = None,
        on_bad: OnBad = "report",
        encoding: str = "utf-8",
        max_text: int = 10_000_000,
    ) -> Corpus:
        """A corpus of what lies at a path.

        Formats: "folder" (text, Markdown, reStructuredText, HTML and source code below it, one document a file),
        "text", "markdown", "rst", "html", "code" (a file that is one document), "csv", "tsv", "jsonl" (each may be
        gzipped), "parquet", "beir".

        In tables the columns of text, id, title, label, time and lang are guessed unless named here, and said in
        `columns`; an empty name switches a role off. Other columns with scalar values become metadata: numbers and
        booleans as they are (in CSV what reads as a number and has no leading zero), dates as ISO text, nested values as JSON
        text; nulls, empty CSV fields, NaN, bytes and lists of 64 numbers or more (vectors) are left out. Ids and labels
        lose white space around them. A blank text gives way to its title.

        Bad input is passed over or mended, and listed in `problems` with its place: blank texts, malformed rows, texts
        of more than `max_text` characters and lines of more than four times as many bytes are passed over; bytes that
        cannot be decoded, NULs and lone surrogates become U+FFFD. A pass that yields no document raises `InputError`.

        Args:
            source: A file or folder.
            format: One of the formats above; None decides by name and content.
            text: Column of the text.
            title: Column of the title.
            id: Column of the id; without one the row's number is its id.
            label: Column of the label.
            time: Column of the time.
            lang: Column of the language.
            metadata: Names of columns to keep as metadata; None keeps all others.
            on_bad: "report" lists bad input; "raise" makes the first of it an `InputError` with its place.
            encoding: Encoding of the files; byte order marks overrule "utf-8".
            max_text: The most characters a text may have.

        Raises:
            UnknownNameError: nothing at that path, or no column of that name; the nearest is named.
            InputError: it cannot be read, or there is nothing to read in it.
            OptionError: an option that is unknown or does not fit the format.
            MissingExtraError: Parquet without pyarrow.
        """
        path = Path(source).absolute()  # a later pass must not depend on the working folder
        asked = {"text": text, "id": id, "title": title, "label": label, "time": time, "lang": lang}
        options = Options(format, asked, metadata, encoding, max_text)
        option(on_bad, ("report", "raise"), name="on_bad")
        reader, kind = open_path(path, options)
        said = {
            **{role: column for role, column in asked.items() if column is not None},
            **({"metadata": list(metadata)} if metadata is not None else {}),
        }
        where = {"read": str(path.resolve()), "format": kind, **said, "encoding": encoding}
        return Corpus._made(
            reader,
            name=path.resolve().name,
            on_bad=on_bad,
            source={**where, "max_text": max_text, "on_bad": on_bad},
            beside=Beside(path, options.file(path)) if kind == "beir" else None,
        )

    @staticmethod
    def of(texts: Iterable[Item]) -> Corpus:
        """A corpus of the texts at hand, with ids "1", "2", ..."""
        return Corpus(texts, name="texts")

    @staticmethod
    def python_docs(packages: Sequence[str] | None = None, *, stdlib: bool = True, limit: int | None = None) -> Corpus:
        """A corpus of the docstrings of the Python installed here, parsed and never imported.

        Args:
            packages: Top-level names of installed packages; None takes all there are, an empty list none.
            stdlib: Whether to read the standard library, which comes first.
            limit: The most documents; None for no limit.

        Raises:
            UnknownNameError: a package that is not installed; the nearest is named.
        """
        reader = PythonDocs.installed(packages, stdlib=stdlib, limit=limit)
        listed = None if packages is None else list(packages)
        source = {"python_docs": listed, "stdlib": stdlib, "limit": limit}
        return Corpus._made(reader, name="python-docs", on_bad="report", source=source)

    @staticmethod
    def from_source(source: Mapping[str, Any]) -> Corpus:
        """The corpus that a `source` of another one describes, read anew."""
        options = dict(source)
        if "read" in options:
            path = options.pop("read")
            unknown = [name for name in options if name not in _READ_OPTIONS]
            if not unknown:
                return Corpus.read(path, **options)
        elif "python_docs" in options and options.keys() <= {"python_docs", "stdlib", "limit"}:
            return Corpus.python_docs(options.pop("python_docs"), **options)
        raise OptionError(f"source: want what Corpus.source gives, got keys {', '.join(map(str, source))}")

    def __iter__(self) -> Iterator[Document]:
        log = self._last = Problems(self._on_bad)
        count = 0
        for document in self._reader.documents(log, Meter()):
            count += 1
            yield document
        if not count and self.source is not None:
            said = f"; first of {log.total:,} problems: {log[0]}" if log.total else ""
            raise InputError(f"source: want at least one document, got none in {self.name}{said}")

    def __repr__(self) -> str:
        return f"Corpus({self.name!r}{f', {self.columns}' if self.columns else ''})"

    @property
    def columns(self) -> Columns:
        """Role -> column of a table, and what was guessed; empty where there are no columns."""
        if isinstance(self._reader, Table):
            return self._reader.mapper.columns
        if isinstance(self._reader, Items):
            return self._reader.peek()
        return Columns({})

    @property
    def problems(self) -> Problems:
        """What the last pass (and reading queries and judgements) met: the first hundred, and `total`."""
        return self._aside.joined(self._last)

    @property
    def repeatable(self) -> bool:
        """Whether there is more than one pass in it."""
        return not (isinstance(self._reader, Items) and self._reader.once)

    @cached_property
    def queries(self) -> dict[str, str]:
        """Query id -> text of a BEIR folder; empty elsewhere. Read at first use."""
        return self._beside.queries(self._aside) if self._beside else {}

    @cached_property
    def judgements(self) -> dict[str, dict[str, int]]:
        """Query id -> document id -> grade of a BEIR folder; empty elsewhere. Read at first use.

        Where there are several files of them, qrels/test.tsv alone counts if it is there.
        """
        return self._beside.judgements(self._aside) if self._beside else {}

    def estimate(self) -> Estimate:
        """How many documents and bytes of text there are, from a sample of the first documents and the sizes of files.

        Exact where the sample reached the end. Nothing is said of a one-shot iterator, which must not be used up.
        """
        if not self.repeatable:
            return Estimate(None, None, False)
        meter = Meter()
        limit: int | None = None
        if isinstance(self._reader, Folder):
            meter.total, size = self._reader.measure()
        elif isinstance(self._reader, Items):
            meter.total, size = self._reader.length(), 0
        elif isinstance(self._reader, PythonDocs):
            meter.total, size = self._reader.measure(), 0
            limit = self._reader.limit
        else:
            size = 0
        count = taken = 0
        with closing(self._reader.documents(Problems(), meter)) as passing:
            for document in islice(passing, _SAMPLE):
                count += 1
                taken += len(document.text.encode())
            more = next(passing, None)
            if more is None:
                return Estimate(count, taken, True)
            taken += len(more.text.encode())
        return _scaled(count + 1, taken, meter, size, limit)


def _scaled(count: int, taken: int, meter: Meter, size: int, limit: int | None) -> Estimate:
    if not meter.total or not meter.done:
        return Estimate(None, None, False)
    share = meter.total / meter.done
    if limit is not None:
        share = min(share, limit / count)
    return Estimate(round(count * share), size or round(taken * share), False)


def as_corpus(source: Corpus | str | PathLike[str] | Iterable[Item]) -> Corpus:
    """Anything with texts as a Corpus: one as it is, a path read, an iterable wrapped."""
    if isinstance(source, Corpus):
        return source
    return Corpus.read(source) if isinstance(source, str | PathLike) else Corpus(source)
