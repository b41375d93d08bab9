"""A folder: every text in it and below, one document a file, in a fixed order."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from semascope.corpus.document import Document
from semascope.corpus.problems import Meter, Problems
from semascope.corpus.readers.lines import TextFile
from semascope.corpus.readers.whole import document, kind_of

_TABLES = frozenset({".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".json", ".gz"})
_SKIPPED_FOLDERS = frozenset({"__pycache__", "node_modules"})


@dataclass(frozen=True, slots=True)
class Folder:
    """The texts under a folder. The id of a document is its path from the folder, with forward slashes.

    Passed over and reported: what is hidden (a leading dot), `__pycache__` and `node_modules`, linked folders, links
    out of the folder, what is not an ordinary file, files of other kinds, files with NUL bytes, files too long.

    Args:
        root: The folder.
        encoding: The encoding of its files.
        max_text: The most characters a text may have.
    """

    root: Path
    encoding: str
    max_text: int

    def documents(self, log: Problems, meter: Meter) -> Generator[Document]:
        """Its documents: the files of a folder by name, then those of the folders in it by name."""
        for path, name, kind in self.files(log):
            found = document(TextFile(path, name, self.encoding, self.max_text), name, kind, log)
            meter.done += 1
            if found is not None:
                yield found

    def measure(self) -> tuple[int, int]:
        """How many files there are to read, and their bytes."""
        count = size = 0
        for path, _, _ in self.files(Problems()):
            try:
                size += path.stat().st_size
            except OSError:
                continue  # gone since it was listed: there is nothing to count
            count += 1
        return count, size

    def files(self, log: Problems) -> Iterator[tuple[Path, str, str]]:
        """Path, name and kind of each file there is a reader for; one folder's listing in memory at a time."""
        waiting = [(self.root, "")]
        while waiting:
            folder, prefix = waiting.pop()
            try:
                with os.scandir(folder) as listing:
                    entries = sorted(listing, key=lambda entry: entry.name)
            except OSError as error:
                log.bad(prefix or folder.name, f"cannot be listed: {error.strerror}; passed over")
                continue
            below: list[tuple[Path, str]] = []
            for entry in entries:
                name = f"{prefix}{entry.name}"
                if _is_folder(entry):
                    if self._enters(entry, name, log):
                        below.append((Path(entry.path), f"{name}/"))
                elif (kind := self._kind(entry, name, log)) is not None:
                    yield Path(entry.path), name, kind
            waiting.extend(reversed(below))

    def _enters(self, entry: os.DirEntry[str], name: str, log: Problems) -> bool:
        if entry.is_symlink():
            log.note(name, "a link to a folder; passed over")
        elif entry.name.startswith("."):
            log.note(name, "a hidden folder; passed over")
        elif entry.name in _SKIPPED_FOLDERS:
            log.note(name, "a folder of a tool; passed over")
        else:
            return True
        return False

    def _kind(self, entry: os.DirEntry[str], name: str, log: Problems) -> str | None:
        suffix = Path(entry.name).suffix.lower()
        if entry.name.startswith("."):
            return log.note(name, "a hidden file; passed over")
        if entry.is_symlink() and not self._within(entry):
            return log.note(name, "a link out of the folder, or to nothing; passed over")
        if not entry.is_file():
            return log.note(name, "not an ordinary file; passed over")
        if suffix in _TABLES:
            return log.note(name, "a table among texts; passed over (read it by itself)")
        kind = kind_of(entry.name)
        if kind is None:
            log.note(name, f"no reader for {suffix or 'files without a suffix'}; passed over")
        return kind

    def _within(self, entry: os.DirEntry[str]) -> bool:
        try:
            target = Path(entry.path).resolve(strict=True)
        except (OSError, RuntimeError):
            return False
        return target.is_relative_to(self.root.resolve())


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
