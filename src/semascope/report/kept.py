"""Reports kept in a folder: one JSON file each, named after what found it and when."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from semascope.errors import CorruptError, UnknownNameError
from semascope.ops import guarded, write_text
from semascope.report.findings import SIGNS, Report

FORMAT = 1
REPORTS = "reports"  # the folder inside a Space
_LARGEST = 50_000_000  # bytes of a report that is read


@dataclass(frozen=True, eq=False)
class Kept:
    """A report that is kept, and what is known of how it came to be.

    Args:
        name: Of its file, without the ending.
        report: What was found.
        made: When, in UTC, as ISO 8601 has it.
        seconds: How long it took; None where that is not on record.
    """

    name: str
    report: Report
    made: str
    seconds: float | None = None

    def levels(self) -> dict[str, int]:
        """How many findings there are of each level."""
        counts = Counter(one.level for one in self.report.findings)
        return {level: counts[level] for level in SIGNS}


def keep_report(folder: str | Path, report: Report, *, seconds: float | None = None) -> Kept:
    """Write a report to `folder`, which is made where it is missing: VERB-DATE-TIME.json.

    Args:
        folder: Where reports are kept.
        report: What was found.
        seconds: How long it took, where that is known.

    Raises:
        ReadOnlyError, FullError: the disk.
    """
    folder, now = Path(folder), datetime.now(UTC)
    stem = name = f"{report.verb}-{now:%Y%m%d-%H%M%S}"
    with guarded(f"write to {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        number = 1
        while (folder / f"{name}.json").exists():  # two in one second
            number += 1
            name = f"{stem}-{number}"
    made = now.isoformat(timespec="seconds")
    plain = {"format": FORMAT, "made": made, "seconds": seconds, **report.to_json()}
    write_text(folder / f"{name}.json", json.dumps(plain, ensure_ascii=False, indent=1) + "\n")
    return Kept(name, report, made, seconds)


def report_names(folder: str | Path) -> list[str]:
    """Names of the reports in a folder, the latest first."""
    folder = Path(folder)
    with guarded(f"read {folder}"):
        found = [path for path in folder.glob("*.json") if path.is_file()] if folder.is_dir() else []
        return [
            path.stem for path in sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.stem), reverse=True)
        ]


def open_report(folder: str | Path, name: str) -> Kept:
    """A report that is kept. The name is only looked up among those that are there.

    Raises:
        UnknownNameError: there is none of that name.
        CorruptError: it is damaged, or of another format.
    """
    if name not in report_names(folder):
        raise UnknownNameError(f"name: no report {name!r} is kept here")
    path = Path(folder) / f"{name}.json"
    with guarded(f"read {path}"):
        if path.stat().st_size > _LARGEST:
            raise CorruptError(f"{path}: want at most {_LARGEST:,} bytes")
        text = path.read_bytes()
    try:
        held: Any = json.loads(text)
        number = held["format"]
        kept = _read(name, held) if number == FORMAT else None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptError(f"{path}: it cannot be read as a report ({error!r})") from error
    if kept is None:
        raise CorruptError(f"{path}: want format {FORMAT}, got {number!r}. A newer semascope wrote it")
    return kept


def _read(name: str, held: Mapping[str, Any]) -> Kept:
    seconds = held["seconds"]
    return Kept(name, Report.from_json(held), str(held["made"]), None if seconds is None else float(seconds))
