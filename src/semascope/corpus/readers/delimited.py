"""CSV and TSV: rows of fields under a header, with the malformed ones found again by their line."""

from __future__ import annotations

import csv
import re
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from semascope.corpus.columns import Row
from semascope.corpus.dates import moment
from semascope.corpus.guessing import KNOWN, words
from semascope.corpus.problems import Meter, Problems
from semascope.corpus.readers.lines import TextFile, codec, lines, opened
from semascope.errors import InputError

_SAMPLE_LINES = 100
_SAMPLE_CHARACTERS = 200_000
_ENCODING_BYTES = 1 << 20
_HIGH = bytes(range(128, 256))
_MULTIBYTE = re.compile(rb"[\xc3-\xdf][\x80-\xbf]|\xc2[\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_TYPOGRAPHIC = "\u2018\u2019\u201a\u201c\u201d\u201e\u2013\u2014\u2026\u2022\u20ac\u2122\xab\xbb\xa0\xa3\xa7\xa9\xae\xb0\xb2\xb3\xb4\xb7\xbd\xbf\xa1"
_SEPARATOR = re.compile(r'\ufeff?"?sep=(.)"?\r?\n?', re.IGNORECASE)
_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)?")


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
    """The rows of a CSV or TSV file whose first row names the columns; where it holds data, they are "column 1" and so on.

    A first line `sep=;`, as Excel writes it, says the separator. A file that is not UTF-8 but reads as Windows-1252, as
    Excel for Windows writes it, is read so, which is reported.

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
        file = _in_its_encoding(self.file, log)
        dialect = replace(self, file=file).dialect()
        feed = _Feed(_without_separator(lines(file, log, meter)), file.max_bytes)
        header: list[str] | None = None
        named = 1  # rows that are no data
        for place_of, (line, fields, wrong) in enumerate(_records(feed, dialect), 1):
            place = f"{self.file.name}:{line}"
            count = place_of - named
            if header is None:
                if wrong:
                    raise InputError(f"{place}: want a header of column names, got a row that is {wrong}")
                if not _is_data(fields):
                    header = _header(fields)
                    continue
                log.note(place, "the first row holds data and no names, so columns are called column 1, column 2, ...")
                header, named, count = _header([""] * len(fields)), 0, 1
            if wrong:
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
        said = _SEPARATOR.fullmatch(taken[0]) if taken else None
        if said:
            del taken[0]
        text = "".join(taken)
        escape = "\\" if '\\"' in text and '""' not in text else None
        choices = [replace(choice, escape=escape) for choice in _DIALECTS if choice.delimiter == "\t" or not self.tabs]
        if said and not self.tabs:
            return Dialect(said[1], escape=escape)
        best = max(choices, key=lambda choice: _evenness(taken, choice))
        # One column: its texts may hold any of these characters, so the fields are parted by one that no text has.
        return best if _evenness(taken, best)[1] > 1 else Dialect("\x1f", escape=escape)


def _without_separator(source: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """The lines of a file without a first one that says the separator."""
    first = next(source, None)
    if first is not None and not _SEPARATOR.fullmatch(first[1]):
        yield first
    yield from source


def _in_its_encoding(file: TextFile, log: Problems) -> TextFile:
    """The file, to be read as Windows-1252 where it is no UTF-8 and that gives words."""
    if codec(file.encoding) != "utf-8":
        return file
    with opened(file, Meter()) as (stream, _):
        try:
            start = stream.read(_ENCODING_BYTES)
        except (EOFError, OSError, zlib.error):
            return file  # reading it in earnest meets the same error and says it
    high = len(start) - len(start.translate(None, _HIGH))
    if not high or start[:2] in (b"\xff\xfe", b"\xfe\xff") or _MULTIBYTE.search(start) or high > len(start) / 8:
        return file
    text = start.decode("cp1252", errors="replace")
    words = sum(one.isalpha() or one in _TYPOGRAPHIC for one in text if ord(one) > 127)
    if words < 0.9 * high:
        return file
    log.bad(file.name, "not utf-8; read as windows-1252, as Excel writes it (--encoding NAME for another)")
    return replace(file, encoding="cp1252")


def _is_data(fields: list[str]) -> bool:
    """Whether a first row holds data: none of it is a name that columns have, and some of it is a number, a date or a sentence."""
    cells = [field.strip() for field in fields]
    if any(words(cell) in names for cell in cells for names in KNOWN.values()):
        return False
    numbers = [cell for cell in cells if _NUMBER.fullmatch(cell)]
    if numbers == [str(place) for place in range(len(numbers))]:
        numbers = []  # as pandas counts columns that have no names
    sentence = any(len(cell.split()) >= 5 and (cell[-1] in ".!" or len(cell) > 80) for cell in cells)
    dates = any(not _NUMBER.fullmatch(cell) and moment(cell) is not None for cell in cells)
    return sentence or ((bool(numbers) or dates) and any(len(cell.split()) >= 3 for cell in cells))


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
