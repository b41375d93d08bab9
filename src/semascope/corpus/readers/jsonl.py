"""JSON Lines: one object a line."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from semascope.corpus.columns import Row
from semascope.corpus.problems import Meter, Problems
from semascope.corpus.readers.lines import TextFile, lines

# Not strict: a raw tab within a string is common and harmless. NaN and Infinity stand for "nothing known".
_DECODER = json.JSONDecoder(strict=False, parse_constant=lambda _: None)


@dataclass(frozen=True, slots=True)
class JsonLines:
    """The objects of a JSON Lines file. Blank lines are passed over; the number of a row is that of its line."""

    file: TextFile
    numerals = False

    def rows(self, log: Problems, meter: Meter) -> Generator[Row]:
        """One row per line that holds an object; every other line is reported."""
        for number, line in lines(self.file, log, meter):
            if line.isspace():
                continue
            place = f"{self.file.name}:{number}"
            values = _object(line, place, log)
            if values is not None:
                yield Row(place, number, values)


def _object(line: str, place: str, log: Problems) -> dict[str, Any] | None:
    try:
        values = _DECODER.decode(line)
    except json.JSONDecodeError as error:
        return log.bad(place, f"not JSON ({error.msg} at character {error.pos}); passed over")
    except (ValueError, RecursionError) as error:
        return log.bad(place, f"JSON that cannot be read ({error}); passed over")
    if not isinstance(values, dict):
        return log.bad(place, f"want a JSON object, got {type(values).__name__}; passed over")
    return values
