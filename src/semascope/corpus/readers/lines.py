"""Files as bytes and lines: bounded, decoded, with every damage reported where it is."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from semascope.corpus.problems import Meter, Problems
from semascope.errors import InputError, OptionError

# UTF-8 needs at most four bytes a character, so a text within the limit of characters is within this many times it.
BYTES_PER_CHARACTER = 4
_WIDE = ("utf-16", "utf-32")


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file and how to read text from it.

    Args:
        path: Where it lies.
        name: What it is called in problems.
        encoding: Its encoding; a byte order mark in the file overrules "utf-8".
        max_text: The most characters a text may have.
    """

    path: Path
    name: str
    encoding: str = "utf-8"
    max_text: int = 10_000_000

    @property
    def max_bytes(self) -> int:
        """The longest line or file that is read."""
        return BYTES_PER_CHARACTER * self.max_text


def codec(encoding: str) -> str:
    """The standard name of an encoding, or `OptionError`."""
    try:
        return codecs.lookup(encoding).name
    except LookupError as error:
        raise OptionError(
            f"encoding: want one that Python knows, such as 'utf-8' or 'latin-1', got {encoding!r}"
        ) from error


def lines(file: TextFile, log: Problems, meter: Meter) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of each line with its line end, one in memory at a time.

    A line of more than `max_bytes` is reported and passed over; bytes that cannot be decoded are reported and become
    U+FFFD; a byte order mark is dropped.

    Raises:
        InputError: the file cannot be read, or is a damaged gzip file.
    """
    with opened(file, meter) as (stream, under):
        encoding = _encoding(file, stream)
        split = _wide_lines if encoding.startswith(_WIDE) else _narrow_lines
        number = 0
        with closing(split(file, stream, encoding, log)) as pieces:
            while True:
                try:
                    piece = next(pieces, None)
                except (EOFError, zlib.error, OSError) as error:
                    raise InputError(f"{file.name}: cannot be read on after line {number}: {_reason(error)}") from error
                if piece is None:
                    break
                number, text = piece
                meter.done = under.tell()
                yield number, text
        meter.done = meter.total


@contextmanager
def opened(file: TextFile, meter: Meter) -> Generator[tuple[BinaryIO, BinaryIO]]:
    """The bytes of a file, unpacked where its name ends in .gz, and the file under them."""
    try:
        under = file.path.open("rb")
    except OSError as error:
        raise InputError(f"{file.name}: cannot be read: {_reason(error)}") from error
    with under:
        meter.total = file.path.stat().st_size
        if file.path.suffix.lower() == ".gz":
            with gzip.GzipFile(fileobj=under) as unpacked:
                yield cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, unpacked))), under
        else:
            yield under, under


def whole(file: TextFile, log: Problems) -> str | None:
    """The text of a file, or None, reported, where it is no text, too long or cannot be read."""
    try:
        with opened(file, Meter()) as (stream, _):
            encoding = _encoding(file, stream)
            data = stream.read(file.max_bytes + 1)
    except InputError as error:
        log.bad(file.name, str(error).removeprefix(f"{file.name}: "))
        return None
    except (EOFError, zlib.error, OSError) as error:
        log.bad(file.name, f"cannot be read: {_reason(error)}; passed over")
        return None
    if len(data) > file.max_bytes:
        log.bad(file.name, f"more than {file.max_bytes:,} bytes; passed over (max_text raises the limit)")
        return None
    if b"\0" in data and not encoding.startswith(_WIDE):
        log.note(file.name, "not text (it holds NUL bytes); passed over")
        return None
    return decode(data, encoding, log, file.name)


def decode(data: bytes, encoding: str, log: Problems, place: str) -> str:
    """`data` as text without its byte order mark; what cannot be decoded is reported and becomes U+FFFD."""
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        log.bad(place, f"not {encoding} at byte {error.start}; what cannot be decoded became U+FFFD")
        text = data.decode(encoding, errors="replace")
    return text.removeprefix("\ufeff")


def _encoding(file: TextFile, stream: BinaryIO) -> str:
    encoding = codec(file.encoding)
    if encoding != "utf-8":
        return encoding
    try:
        start = cast(io.BufferedReader, stream).peek(4)[:4]
    except (EOFError, zlib.error, OSError) as error:
        raise InputError(f"{file.name}: cannot be read: {_reason(error)}") from error
    if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    return "utf-16" if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else encoding


def _narrow_lines(file: TextFile, stream: BinaryIO, encoding: str, log: Problems) -> Generator[tuple[int, str]]:
    """Lines of an encoding in which the byte 10 always is a line end."""
    limit = file.max_bytes
    number = 0
    while data := stream.readline(limit + 1):
        number += 1
        if len(data) > limit:
            _pass_over(stream, data, limit)
            _too_long(file, number, log)
            continue
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            text = decode(data, encoding, log, f"{file.name}:{number}")
        yield number, text.removeprefix("\ufeff") if number == 1 else text


def _wide_lines(file: TextFile, stream: BinaryIO, encoding: str, log: Problems) -> Generator[tuple[int, str]]:
    limit = file.max_bytes
    reader = io.TextIOWrapper(stream, encoding=encoding, errors="replace", newline="\n")
    number = 0
    try:
        while text := reader.readline(limit + 1):
            number += 1
            if len(text) > limit:
                while text and not text.endswith("\n"):
                    text = reader.readline(limit)
                _too_long(file, number, log)
                continue
            if "\ufffd" in text:
                log.bad(f"{file.name}:{number}", f"not {encoding}; what cannot be decoded became U+FFFD")
            yield number, text.removeprefix("\ufeff") if number == 1 else text
    finally:
        reader.detach()  # the file below is closed by whoever opened it


def _pass_over(stream: BinaryIO, data: bytes, limit: int) -> None:
    step = min(limit, 1 << 20)
    while data and not data.endswith(b"\n"):
        data = stream.readline(step)


def _too_long(file: TextFile, number: int, log: Problems) -> None:
    what = f"a line of more than {file.max_bytes:,} bytes; passed over (max_text raises the limit)"
    log.bad(f"{file.name}:{number}", what)


def _reason(error: Exception) -> str:
    if isinstance(error, EOFError):
        return "the gzip file is cut short"
    if isinstance(error, zlib.error | gzip.BadGzipFile):
        return f"the gzip file is damaged ({error})"
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
