"""Parquet: rows streamed batch by batch (needs the extra `parquet`)."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from semascope.corpus.columns import Row
from semascope.corpus.problems import Meter, Problems
from semascope.corpus.readers.lines import TextFile
from semascope.errors import InputError
from semascope.ops import need

_BATCH = 256


@dataclass(frozen=True, slots=True)
class Parquet:
    """The rows of a Parquet file; a row's number counts from 1."""

    file: TextFile
    numerals = False

    def rows(self, log: Problems, meter: Meter) -> Generator[Row]:  # noqa: ARG002 (every reader takes both)
        """Every row of the file, a few hundred in memory at a time.

        Raises:
            MissingExtraError: pyarrow is not installed.
            InputError: the file is no Parquet file or is damaged.
        """
        need("pyarrow", extra="parquet")
        arrow = need("pyarrow.parquet", extra="parquet")
        broken = need("pyarrow", extra="parquet").ArrowException
        number = 0
        try:
            with arrow.ParquetFile(self.file.path) as table:
                meter.total = table.metadata.num_rows
                for batch in table.iter_batches(batch_size=_BATCH):
                    for values in whole_microseconds(batch).to_pylist():
                        number += 1
                        meter.done = number
                        yield Row(f"{self.file.name}:{number}", number, values)
        except (broken, OSError) as error:
            raise InputError(f"{self.file.name}: cannot be read as Parquet after row {number}: {error}") from error


def whole_microseconds(batch: Any) -> Any:
    """The batch with times counted in nanoseconds as text: Python has no type for them."""
    for place, field in enumerate(batch.schema):
        if str(field.type).startswith(("timestamp[ns", "time64[ns")):
            batch = batch.set_column(place, field.name, batch.column(place).cast("string"))
        elif str(field.type) == "duration[ns]":
            batch = batch.set_column(place, field.name, batch.column(place).cast("int64"))
    return batch
