"""A BEIR folder as a retrieval task: which judgements, and what of its documents is read."""

from __future__ import annotations

from pathlib import Path

from semascope.corpus import Corpus
from semascope.corpus.columns import nearest
from semascope.corpus.problems import Problems
from semascope.corpus.readers.beir import Beside
from semascope.corpus.readers.lines import TextFile
from semascope.errors import InputError, UnknownNameError
from semascope.tasks import Retrieval
from semascope.types import Task

_FIRST = ("test", "dev", "validation", "train")


def beir_task(
    folder: Path,
    name: str,
    log: Problems,
    *,
    split: str | None = None,
    titles: bool = True,
    qrels: str | Path | None = None,
) -> tuple[Task, str]:
    """The task of a BEIR folder, and what it was read from.

    Raises:
        UnknownNameError: no judgements of that split.
        InputError: no queries or no judgements.
    """
    corpus = Corpus.read(folder, format="beir")
    beside = Beside(folder, TextFile(folder, folder.name))
    queries = beside.queries(log)
    if not queries:
        raise InputError(f"{name}: want queries.jsonl beside corpus.jsonl, got none that can be read")
    path = Path(qrels) if qrels is not None else _judgements(beside, name, split)
    judged = beside.read_judgements(path, log)
    documents: dict[str, str] = {}
    for document in corpus:
        # As BEIR itself joins them: with one space.
        text = f"{document.title} {document.text}".strip() if titles else document.text
        documents[document.id] = text
    for problem in corpus.problems:
        log.note(problem.place, problem.what)
    unknown = sum(one not in documents for graded in judged.values() for one in graded)
    if unknown:
        log.note(path.name, f"{unknown:,} judgements of documents that are not in corpus.jsonl; passed over")
    absent = sum(query not in queries for query in judged)
    if absent:
        log.note(path.name, f"judgements of {absent:,} queries that are not in queries.jsonl; passed over")
    wanted = {query: text for query, text in queries.items() if query in judged}
    if not wanted:
        raise InputError(f"{name}: want judgements of its queries, got none in {path.name}")
    task = Retrieval(name, documents, wanted, {query: judged[query] for query in wanted})
    others = [one for one in beside.splits() if beside.splits()[one] != path]
    also = f" (there are also {', '.join(others)}: --split)" if others else ""
    how = "title and text" if titles else "text alone"
    return task, f"retrieval: {path.name}{also}, {how} of {len(documents):,} documents"


def _judgements(beside: Beside, name: str, split: str | None) -> Path:
    there = beside.splits()
    if split is not None:
        if split not in there:
            raise UnknownNameError(f"split: no judgements {split!r} in {name}{nearest(split, list(there))}")
        return there[split]
    first = next((one for one in _FIRST if one in there), next(iter(there), None))
    if first is None:
        raise InputError(f"{name}: want judgements in qrels/*.tsv or qrels.tsv, got none")
    return there[first]


def read_qrels(path: str | Path) -> dict[str, dict[str, int]]:
    """Query id -> document id -> grade of a file in the shape of BEIR (three columns) or TREC (four).

    Raises:
        InputError: nothing in it can be read.
    """
    path, log = Path(path), Problems()
    found = Beside(path.parent, TextFile(path, path.name)).read_judgements(path, log)
    if not found:
        raise InputError(f"qrels: want judgements, got none in {path.name}{f'; {log[0]}' if len(log) else ''}")
    return found


def read_run(path: str | Path) -> dict[str, dict[str, float]]:
    """Query id -> document id -> score of a TREC run: lines of query id, Q0, document id, rank, score, name.

    Raises:
        InputError: a line of another shape; its place is named.
    """
    path = Path(path)
    out: dict[str, dict[str, float]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fields = line.split()
        if not fields:
            continue
        try:
            query, _, document, _, score, _ = fields
            out.setdefault(query, {})[document] = float(score)
        except ValueError as error:
            raise InputError(
                f"{path.name}:{number}: want query, Q0, document, rank, score, name, got {line[:60]!r}"
            ) from error
    if not out:
        raise InputError(f"run: want at least one line, got none in {path.name}")
    return out
