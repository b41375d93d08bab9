"""Finds the tasks in a person's files: a BEIR folder, a table, or a folder of these."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.corpus.columns import nearest
from semascope.corpus.problems import OnBad, Problems
from semascope.corpus.readers.beir import is_beir
from semascope.errors import InputError, OptionError, UnknownNameError
from semascope.ops import integer
from semascope.subject.tasks.beir import beir_task
from semascope.subject.tasks.guessing import KINDS
from semascope.subject.tasks.tables import table_tasks
from semascope.types import Progress, Task

_TABLES = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".json", ".parquet", ".pq")


@dataclass(frozen=True, eq=False)
class TaskFound:
    """A task and where it came from.

    Args:
        task: It.
        path: The file or folder.
        says: Which columns or files it was read from, and what of that was guessed.
        drawn: How its units were drawn from more of them, or "".
    """

    task: Task
    path: Path
    says: str
    drawn: str = ""


@dataclass(frozen=True, eq=False)
class Found:
    """The tasks of a source, and what was passed over.

    Args:
        tasks: What was found, in the order of names.
        problems: Rows that could not be used, with their places.
        passed: Files without a task, and why.
    """

    tasks: Sequence[TaskFound]
    problems: Problems
    passed: Mapping[str, str] = field(default_factory=dict[str, str])


def open_tasks(source: str | Path, **how: Any) -> list[Task]:
    """The tasks of a source; options and errors as for `find_tasks`."""
    return [one.task for one in find_tasks(source, **how).tasks]


def find_tasks(
    source: str | Path,
    *,
    columns: Mapping[str, str | None] | None = None,
    kinds: Sequence[str] | None = None,
    split: str | None = None,
    titles: bool = True,
    qrels: str | Path | None = None,
    sample: int | None = None,
    seed: int = 0,
    on_bad: OnBad = "report",
    progress: Progress | None = None,
) -> Found:
    """Read the tasks of a BEIR folder, a table (CSV, TSV, JSON Lines, Parquet), or of all of these in a folder and below it.

    What a table is asked follows from its columns: two texts and a number are similarity (word similarity where the texts
    are single words), two texts and a yes or no pair matching, a text and a label classification and clustering, a query and
    a text (and a grade) retrieval, a query with positives and negatives reranking, four words a, b, c, d analogy.

    Args:
        source: A file or folder.
        columns: Role -> column, where the guess is wrong: a, b, c, d, score, match, text, label, query, document, grade, positives,
            negatives, id.
        kinds: Only tasks of these kinds.
        split: Of a BEIR folder, which judgements: "train", "dev", "test"; where None test, else the only ones or all.
        titles: Whether a BEIR document's title goes before its text, as BEIR has it.
        qrels: Another file of judgements for a BEIR folder, in the shape of BEIR or TREC.
        sample: At most so many units a task, drawn evenly, but two at least of every label, of matches and of others, as far as they go;
            documents to rank all stay.
        seed: Of that draw.
        on_bad: "report" lists rows that cannot be used; "raise" makes the first an `InputError`.
        progress: Told while rows are read.

    Raises:
        UnknownNameError: nothing there, or no column, kind or split of a name asked for.
        InputError: it cannot be read, or holds no task; says what was looked at.
    """
    path = Path(source)
    _checked(path, kinds, sample)
    log, passed = Problems(on_bad), dict[str, str]()
    asked = {role: column for role, column in (columns or {}).items() if column}
    places = [path] if path.is_file() or is_beir(path) else sorted(_below(path))
    if qrels is not None and not (len(places) == 1 and places[0].is_dir()):
        raise OptionError(f"qrels: want one BEIR folder to judge, got {path}")

    def read(place: Path, name: str) -> list[tuple[Task, str]]:
        if place.is_dir():
            return [beir_task(place, name, log, split=split, titles=titles, qrels=qrels)]
        return table_tasks(place, name, asked, log, progress)

    found: list[TaskFound] = []
    for place, name in _names(places, path).items():
        try:
            made = read(place, name)
            wanted = [(task, says) for task, says in made if kinds is None or task.kind in kinds]
            drawn = [TaskFound(*_drawn(task, sample, seed, place, says)) for task, says in wanted]
        except (InputError, UnknownNameError) as error:
            if len(places) == 1 or on_bad == "raise":
                raise
            passed[name] = str(error)
            continue
        passed |= {} if made else {name: "no column of judgements"}
        found += drawn
    if not found:
        raise _nothing(path, passed)
    return Found(found, log, passed)


def _checked(path: Path, kinds: Sequence[str] | None, sample: int | None) -> None:
    for kind in kinds or ():
        if kind not in KINDS:
            raise UnknownNameError(f"kinds: no kind {kind!r}{nearest(kind, KINDS)}")
    if sample is not None:
        integer(sample, name="sample", least=2)
    if not path.exists():
        raise UnknownNameError(f"data: nothing at {path}")


def _nothing(path: Path, passed: Mapping[str, str]) -> InputError:
    why = "; ".join(f"{name}: {what}" for name, what in list(passed.items())[:5])
    return InputError(
        f"data: want texts with judgements, got none in {path.name}{f' ({why})' if why else ''}; name columns with columns= "
        "(--column ROLE=NAME), ROLE being one of a, b, score, match, text, label, query, document, grade, positives, negatives"
    )


def _below(folder: Path, seen: frozenset[Path] = frozenset()) -> list[Path]:
    """Tables and BEIR folders in a folder and those below it; a link back to a folder that it lies in is not followed."""
    out: list[Path] = []
    seen |= {folder.resolve()}
    for place in folder.iterdir():
        if place.name.startswith(".") or place.resolve() in seen:
            continue
        if place.is_dir():
            out += [place] if is_beir(place) else _below(place, seen)
        elif Path(place.name.lower().removesuffix(".gz")).suffix in _TABLES and place.is_file():
            out.append(place)
    return out


def _names(places: Sequence[Path], source: Path) -> dict[Path, str]:
    """What each is called: its path in the source without the ending, unless two would be called the same."""

    def named(place: Path) -> str:
        return (
            _stem(place.resolve()) if place == source else (place.relative_to(source).parent / _stem(place)).as_posix()
        )

    short = {place: named(place) for place in places}
    often = Counter(short.values())
    return {one: name if often[name] == 1 else one.relative_to(source).as_posix() for one, name in short.items()}


def _stem(path: Path) -> str:
    return path.name if path.is_dir() else Path(path.name.removesuffix(".gz")).stem


def _drawn(task: Task, sample: int | None, seed: int, place: Path, says: str) -> tuple[Task, Path, str, str]:
    n = len(task.units)
    if sample is None or n <= sample:
        return task, place, says, ""
    rng = np.random.default_rng(seed)
    drawn = rng.choice(n, sample, replace=False)
    kinds = getattr(task, "labels", None) or getattr(task, "matches", None) or ()
    chosen = _some_of_each(kinds, drawn, rng) if len(kinds) == n else drawn
    also = "" if set(chosen.tolist()) == set(drawn.tolist()) else ", but some of each"
    return task.part(np.sort(chosen)), place, says, f"{sample:,} of {n:,}, drawn evenly{also}"


def _some_of_each(kinds: Sequence[Any], drawn: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """As many places as were drawn, but two of every kind as far as there are so many: those that were drawn first, then others."""
    order = np.concatenate([drawn, rng.permutation(np.setdiff1d(np.arange(len(kinds)), drawn))])
    seen: Counter[Any] = Counter()
    wanted: list[int] = []
    for at in order.tolist():
        wanted.append(min(seen[kinds[at]], 2))
        seen[kinds[at]] += 1
    return order[np.argsort(wanted, kind="stable")[: len(drawn)]]
