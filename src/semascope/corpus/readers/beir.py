"""A BEIR folder: corpus.jsonl, queries.jsonl and judgements (qrels) beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from semascope.corpus.columns import choose, sample
from semascope.corpus.document import clean
from semascope.corpus.problems import Meter, Problems
from semascope.corpus.readers.jsonl import JsonLines
from semascope.corpus.readers.lines import TextFile, lines

_HEADER = frozenset({"score", "relevance", "rel", "label", "judgement"})


def find(folder: Path, stem: str) -> Path | None:
    """`stem` or `stem`.gz in the folder, if it is there."""
    return next((path for path in (folder / stem, folder / f"{stem}.gz") if path.is_file()), None)


def is_beir(folder: Path) -> bool:
    """Whether the folder holds a corpus.jsonl."""
    return find(folder, "corpus.jsonl") is not None


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside the documents of a BEIR folder.

    Args:
        folder: The folder.
        options: How its files are read.
    """

    folder: Path
    options: TextFile

    def queries(self, log: Problems) -> dict[str, str]:
        """Query id -> text, in the order of queries.jsonl; empty where there is none."""
        path = find(self.folder, "queries.jsonl")
        if path is None:
            return {}
        source = JsonLines(replace(self.options, path=path, name=path.name))
        first = sample(source.rows(Problems(), Meter()))
        if not first:
            return {}
        columns = choose(first, {}, name=path.name)
        out: dict[str, str] = {}
        for row in source.rows(log, Meter()):
            text = row.values.get(columns["text"])
            name = row.values.get(columns["id"]) if "id" in columns else row.number
            if isinstance(text, str) and text.strip() and name is not None:
                out[clean(str(name))] = clean(text)
            else:
                log.bad(row.place, "no query text or no id; passed over")
        return out

    def splits(self) -> dict[str, Path]:
        """Name -> file of judgements: those of qrels by their stems; where there are none, qrels.tsv or qrels.txt as "qrels"."""
        found = {path.stem: path for path in sorted((self.folder / "qrels").glob("*.tsv"))}
        alone = [path for name in ("qrels.tsv", "qrels.txt") if (path := self.folder / name).is_file()]
        return found or {path.stem: path for path in reversed(alone)}

    def judgements(self, log: Problems) -> dict[str, dict[str, int]]:
        """Query id -> document id -> grade. qrels/test.tsv alone where it is there, else every .tsv of qrels."""
        there = self.splits()
        out: dict[str, dict[str, int]] = {}
        for path in [there["test"]] if "test" in there else there.values():
            for query, graded in self.read_judgements(path, log).items():
                out.setdefault(query, {}).update(graded)
        return out

    def read_judgements(self, path: Path, log: Problems) -> dict[str, dict[str, int]]:
        """Query id -> document id -> grade of one file, in the shape of BEIR or TREC."""
        name = path.relative_to(self.folder).as_posix() if path.is_relative_to(self.folder) else path.name
        out: dict[str, dict[str, int]] = {}
        self._read(replace(self.options, path=path, name=name), out, log)
        return out

    def _read(self, file: TextFile, out: dict[str, dict[str, int]], log: Problems) -> None:
        for number, line in lines(file, log, Meter()):
            fields = line.rstrip("\r\n").split("\t") if "\t" in line else line.split()
            # Three fields as BEIR has them, or four as TREC has them, with an unused second one.
            if len(fields) == 4:
                del fields[1]
            if not line.strip() or (number == 1 and fields[-1].strip().lower() in _HEADER):
                continue
            grade = _grade(fields[2]) if len(fields) == 3 else None
            if grade is None:
                log.bad(f"{file.name}:{number}", "want query id, document id and a whole number; passed over")
            else:
                out.setdefault(clean(fields[0].strip()), {})[clean(fields[1].strip())] = grade


def _grade(field: str) -> int | None:
    try:
        return int(field)
    except ValueError:
        return None
