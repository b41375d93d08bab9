"""CSV and TSV: rows of fields under a header, with the malformed ones found again by their line."""

from __future__ import annotations

import csv
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from semascope.corpus.columns import Row
from semascope.corpus.problems import Meter, Problems
from semascope.corpus.readers.lines import TextFile, lines
from semascope.errors import InputError

_SAMPLE_LINES = 100
_SAMPLE_CHARACTERS = 200_000


@dataclass(frozen=True, slots=True)
class Dialect:
    """How fields are told apart."""

    delimiter: str
    quotes: bool = True
    escape: str | None = None


# In files of tabs a quote often is just a quote, so that is tried as well.
_DIALECTS = (Dialect(","), Dialect("\t"), Dialect("\t", quotes=False), Dialect(";"), Dialect("|"))


@dataclass(frozen=True, slots=True)
class Delimited:
    """The rows of a CSV or TSV file whose first row names the columns.

    A row with another number of fields than the header, or with a quote that opens and never closes, is reported with
    the line it starts on; reading goes on at the line after that one, so that a stray quote costs one row.

    Args:
        file: The file.
        tabs: Whether fields are separated by tabs for certain; otherwise this is found out.
    """

    file: TextFile
    tabs: bool = False
    numerals = True

    def rows(self, log: Problems, meter: Meter) -> Generator[Row]:
        """One row per record as wide as the header; every other one is reported."""
        # The limit of the csv module is one for the whole process: it is only ever raised.
        csv.field_size_limit(max(csv.field_size_limit(), self.file.max_bytes))
        dialect = self.dialect()
        feed = _Feed(lines(self.file, log, meter), self.file.max_bytes)
        header: list[str] | None = None
        for count, (line, fields, wrong) in enumerate(_records(feed, dialect)):
            place = f"{self.file.name}:{line}"
            if header is None:
                if wrong:
                    raise InputError(f"{place}: want a header of column names, got a row that is {wrong}")
                header = _header(fields)
            elif wrong:
                log.bad(place, f"{wrong}; row passed over")
            elif len(fields) != len(header):
                log.bad(place, f"want {len(header)} fields, got {len(fields)}; row passed over")
            else:
                yield Row(place, count, dict(zip(header, fields, strict=True)))

    def dialect(self) -> Dialect:
        """The one that splits the first lines into rows as wide as the header, the widest where several do."""
        taken: list[str] = []
        size = 0
        for _, line in islice(lines(self.file, Problems(), Meter()), _SAMPLE_LINES):
            taken.append(line)
            size += len(line)
            if size > _SAMPLE_CHARACTERS:
                break
        text = "".join(taken)
        escape = "\\" if '\\"' in text and '""' not in text else None
        choices = [replace(choice, escape=escape) for choice in _DIALECTS if choice.delimiter == "\t" or not self.tabs]
        best = max(choices, key=lambda choice: _evenness(taken, choice))
        # One column: its texts may hold any of these characters, so the fields are parted by one that no text has.
        return best if _evenness(taken, best)[1] > 1 else Dialect("\x1f", escape=escape)


class _Feed:
    """Lines for the csv module, which can be taken back to the second line of the record being read."""

    def __init__(self, source: Iterator[tuple[int, str]], limit: int) -> None:
        self._source = source
        self._limit = limit
        self._again: list[tuple[int, str]] = []
        self._record: list[tuple[int, str]] = []
        self._size = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.pop() if self._again else next(self._source)
        self._record.append(line)
        self._size += len(line[1])
        if self._size > self._limit and len(self._record) > 1:
            raise csv.Error(f"longer than {self._limit:,} characters")
        return line[1]

    @property
    def line(self) -> int:
        """Number of the line the record starts on."""
        return self._record[0][0] if self._record else 0

    def begin(self) -> None:
        """Forget the lines of the record before."""
        self._record.clear()
        self._size = 0

    def back(self) -> None:
        """Take back every line of this record but the first."""
        self._again.extend(reversed(self._record[1:]))


def _records(feed: _Feed, dialect: Dialect) -> Iterator[tuple[int, list[str], str]]:
    """Line, fields and, where it cannot be read, what is wrong of each record that is not blank."""
    reader = _reader(feed, dialect)
    while True:
        feed.begin()
        try:
            fields = next(reader, None)
        except csv.Error as error:
            feed.back()
            yield feed.line, [], _wrong(error)
            continue
        if fields is None:
            return
        if fields:
            yield feed.line, fields, ""


def _reader(feed: Iterator[str], dialect: Dialect) -> Iterator[list[str]]:
    return csv.reader(
        feed,
        delimiter=dialect.delimiter,
        quoting=csv.QUOTE_MINIMAL if dialect.quotes else csv.QUOTE_NONE,
        doublequote=dialect.escape is None,
        escapechar=dialect.escape,
        strict=True,
    )


def _wrong(error: csv.Error) -> str:
    said = str(error)
    if "unexpected end of data" in said:
        return "malformed (a quote opens and never closes)"
    if "expected after" in said:
        return "malformed (a quoted field goes on after its closing quote)"
    if "new-line character" in said:
        return "malformed (a carriage return outside quotes; a file with old Mac line ends has to be converted)"
    return f"malformed ({said})"


def _header(fields: list[str]) -> list[str]:
    """Column names, made distinct: an empty one is called by its place, a repeated one gets its place added."""
    names: list[str] = []
    for place, field in enumerate(fields, 1):
        name = field.strip() or f"column {place}"
        names.append(name if name not in names else f"{name} {place}")
    return names


def _evenness(taken: list[str], dialect: Dialect) -> tuple[float, int]:
    """Share of records as wide as the first, and that width; (0, 1) where the first is one field wide."""
    feed = _Feed(enumerate(taken, 1), 1 << 30)
    widths = [len(fields) for _, fields, _ in _records(feed, dialect)]
    if not widths or widths[0] < 2:
        return 0.0, 1
    return widths.count(widths[0]) / len(widths), widths[0]
