"""Tables in files as feeds of rows: CSV, TSV and JSON Lines through the readers of corpora, Parquet by row groups."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from semascope.corpus.columns import Row, sample
from semascope.corpus.problems import Meter, Problems
from semascope.corpus.readers import Options, open_rows
from semascope.errors import InputError
from semascope.ops import need
from semascope.subject.sampling import Even, drawn, released
from semascope.subject.tables import vector_column
from semascope.types import Progress

_BATCH = 1024
_PARQUET = (".parquet", ".pq")


class TableFile:
    """The rows of a table in a file.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self.vectors: tuple[str, ...] = ()
        self.total = 0
        self.said = ""
        self._path = path
        self._parquet = path.suffix.lower() in _PARQUET
        self._source = None if self._parquet else open_rows(path, Options(None, {}, None, "utf-8", 10_000_000))
        self.numerals = self._source.numerals if self._source is not None else False

    @property
    def table(self) -> bool:
        """Whether the file is a table at all."""
        return self._parquet or self._source is not None

    def column(self, asked: str | None) -> str | None:
        """The column of the vectors, from the types of the columns or from the first rows; None where there is none."""
        if asked == "" or not self.table:
            return None
        if self._parquet and asked is None and not _vector_types(self._path):
            return None
        rows = self.rows(Problems(), None, 0, None)
        with closing(rows):
            return vector_column(sample(rows), self.vectors, asked, self.name)

    def rows(self, log: Problems, most: int | None, seed: int, progress: Progress | None) -> Generator[Row]:
        """At most so many rows, drawn evenly, in the file's order.

        Raises:
            InputError: the file cannot be read.
            MissingExtraError: Parquet without pyarrow.
        """
        if self._source is None:
            yield from self._of_parquet(most, seed, progress)
            return
        passing = _watched(self._source.rows(log, Meter()), progress)
        if most is None:
            yield from passing
            return
        even = Even(most, seed)
        kept = even.of(passing)
        self.total = even.seen
        self.said = _said(len(kept), even.seen)
        yield from released(kept)

    def _of_parquet(self, most: int | None, seed: int, progress: Progress | None) -> Generator[Row]:
        """Only row groups with a row of the sample are read, and of each only a batch is held."""
        arrow = need("pyarrow.parquet", extra="parquet")
        broken = need("pyarrow", extra="parquet").ArrowException
        try:
            with arrow.ParquetFile(self._path) as table:
                self.total = table.metadata.num_rows
                wanted = drawn(self.total, most, seed)
                self.said = _said(len(wanted), self.total)
                start = done = 0
                for group in range(table.metadata.num_row_groups):
                    size = table.metadata.row_group(group).num_rows
                    here = wanted[(wanted >= start) & (wanted < start + size)]
                    for row in _group(table, group, here - start, start, self.name) if len(here) else ():
                        done += 1
                        if progress is not None and done % 1000 == 0:
                            progress(done, len(wanted))
                        yield row
                    start += size
        except (broken, OSError) as error:
            raise InputError(f"{self.name}: cannot be read as Parquet: {error}") from error


def _said(kept: int, total: int) -> str:
    return f"{kept:,} of {total:,} rows, drawn evenly" if kept < total else ""


def _watched(rows: Generator[Row], progress: Progress | None) -> Generator[Row]:
    with closing(rows):
        for done, row in enumerate(rows, 1):
            if progress is not None and done % 1000 == 0:
                progress(done, None)
            yield row


def _group(table: Any, group: int, wanted: Any, start: int, name: str) -> Generator[Row]:
    """The wanted rows of a row group, places within it; lists of numbers as arrays."""
    from semascope.corpus.readers.parquet import whole_microseconds

    before = 0
    for batch in table.iter_batches(batch_size=_BATCH, row_groups=[group]):
        here = wanted[(wanted >= before) & (wanted < before + len(batch))] - before
        if len(here):
            numbers = start + before + here + 1
            taken = batch if len(here) == len(batch) else batch.take(need("pyarrow", extra="parquet").array(here))
            for number, values in zip(numbers.tolist(), _values(whole_microseconds(taken)), strict=True):
                yield Row(f"{name}:{number}", number, values)
        before += len(batch)


def _values(batch: Any) -> list[Mapping[str, Any]]:
    columns = {
        field.name: _lists(batch.column(place)) if _of_numbers(field.type) else batch.column(place).to_pylist()
        for place, field in enumerate(batch.schema)
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _lists(column: Any) -> list[Any]:
    """Each list of numbers as an array; a million Python floats are not made of them. None stays None."""
    flat = column.flatten().to_numpy(zero_copy_only=False)  # the values of null lists are left out
    sizes = [
        0 if one is None else one
        for one in need("pyarrow.compute", extra="parquet").list_value_length(column).to_pylist()
    ]
    ends = np.cumsum(sizes)
    valid = column.is_valid().to_pylist()
    return [flat[end - size : end] if there else None for size, end, there in zip(sizes, ends, valid, strict=True)]


def _of_numbers(kind: Any) -> bool:
    types = need("pyarrow", extra="parquet").types
    nested = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    return nested and (types.is_floating(kind.value_type) or types.is_integer(kind.value_type))


def _vector_types(path: Path) -> bool:
    """Whether some column could hold vectors by its type: lists of numbers, bytes or text."""
    pyarrow = need("pyarrow", extra="parquet")
    try:
        schema = need("pyarrow.parquet", extra="parquet").read_schema(path)
    except (pyarrow.ArrowException, OSError):
        return False  # reading it in earnest meets the same error and says it
    types = pyarrow.types
    return any(_of_numbers(one.type) or types.is_binary(one.type) or types.is_string(one.type) for one in schema)
