"""The verb `compare`: is B better than A on a person's own data?"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from semascope.cli import say, subjects
from semascope.cli.evaluate import evaluate, folder_of, tasks_of
from semascope.cli.make import json_option
from semascope.cli.verb import Verb
from semascope.errors import InputError, OptionError

if TYPE_CHECKING:
    from semascope.compare import ClickTask
    from semascope.types import Progress, Task


@click.command(
    cls=Verb,
    about="A, B and more are encoders (names, recipes, folders, URLs), Spaces, files of vectors, or scores kept as JSON; the first is what is "
    "there today. Differences are paired unit by unit: a bootstrap interval, a test that exchanges the two, a correction where several are "
    'compared. "No difference shown" comes with the difference that so many queries would have shown.',
    examples=[
        ("semascope compare default minilm --data beir-folder/", "queries and judgements of your own"),
        (
            'semascope compare minilm "minilm[5] | mean" --data pairs.csv --report compare.html',
            "another layer, as a page",
        ),
        ("semascope compare default minilm --data docs.jsonl --clicks log.csv", "clicks, where nobody judged"),
        (
            "semascope compare old.space minilm --data beir-folder/ --trained-on train.jsonl",
            "and without training texts",
        ),
        ("semascope compare old.json new.json", "scores that were kept"),
    ],
)
@click.argument("contenders", nargs=-1, metavar="A B [C ...]")
@click.option(
    "--data",
    "--corpus",
    "data",
    metavar="FOLDER",
    help="What to be good at: a BEIR folder, a table of pairs with scores or labels, a folder of these; with --clicks any texts.",
)
@click.option("--clicks", metavar="FILE", help="Clicks as judgements: columns query, clicked; perhaps count, position.")
@click.option(
    "--trained-on", metavar="FILE", help="Texts a model learned from: near copies are looked for in the test."
)
@click.option("--against-first", is_flag=True, help="Compare the first with each other one, and not all pairs.")
@click.option("--level", type=float, default=0.95, show_default=True, help="Of the intervals; the test has the rest.")
@click.option("--draws", type=int, default=10_000, show_default=True, help="Of the bootstrap and the test.")
@click.option("--show", metavar="N", type=int, default=3, show_default=True, help="Wins and losses with their texts.")
@subjects.report_option
@json_option
def compare(contenders: Sequence[str], report: str | None, json_: bool, **how: Any) -> None:
    """Say whether B is better than A on your data, and whether the data can tell."""
    from semascope.compare import How, compared

    if len(contenders) < 2:
        raise OptionError(f"compare: want two contenders or more, got {len(contenders)}")
    if how["data"] is None and (how["clicks"] or how["trained_on"]):
        raise OptionError(f"--data: want the texts that --{'clicks' if how['clicks'] else 'trained-on'} is about")
    clicks = _clicks(how, quiet=json_) if how["clicks"] else None
    tasks: Sequence[Task] = [clicks.task] if clicks else []
    notes: list[str] = []
    if how["data"] and not clicks:
        tasks, notes = tasks_of(how["data"], how, quiet=json_)
    trained = _texts(how["trained_on"]) if how["trained_on"] else None
    against = "first" if how["against_first"] else "all"
    with _telling(quiet=json_) as telling, say.resumable():
        found = compared(
            contenders,
            tasks,
            How(against, how["level"], how["draws"], how["seed"], how["show"], folder_of(how)),
            source=_name(how["data"]) if how["data"] else "scores",
            clicks=clicks,
            trained=trained,
            notes=notes,
            telling=telling,
        )
    subjects.answer(replace(found, next=_next(contenders, how, report)), json_=json_, page=report)


# What the data are read by is said as evaluate says it.
_SHARED = ("columns", "kinds", "split", "qrels", "no_titles", "label_free", "sample", "seed", "cache", "no_cache")
compare.params[-3:-3] = [option for option in evaluate.params if option.name in _SHARED]


@contextmanager
def _telling(*, quiet: bool) -> Generator[Callable[[str], Progress | None]]:
    """One bar for everything, which says what is being done."""
    with say.Bar("Comparing", "texts", quiet=quiet) as bar:

        def telling(what: str) -> Progress:
            bar.what = what
            return bar

        yield telling


def _clicks(how: dict[str, Any], *, quiet: bool) -> ClickTask:
    from semascope.compare import click_task, read_click_file
    from semascope.corpus import Corpus
    from semascope.subject import open_subject

    source = str(how["data"])
    with say.Bar("Reading", "rows", quiet=quiet) as bar:
        subject = open_subject(source, progress=bar)
    if subject.texts is None:
        raise InputError(f"--data: want texts, got vectors alone in {source}")
    documents = dict(zip(subject.ids, subject.texts, strict=True))
    folder = Path(source).is_dir() and not (Path(source) / "space.json").is_file()
    queries = Corpus.read(source).queries if folder else {}
    clicks = read_click_file(how["clicks"])
    say.aside(f"Clicks: {', '.join(f'{role} = {name}' for role, name in clicks.columns.items())}")
    return click_task(_name(source), documents, clicks, queries)


def _texts(source: str) -> list[str]:
    """All texts of a file: both of its pairs, queries and documents where it is judged; else as any verb reads it."""
    from semascope.subject import open_subject
    from semascope.subject.tasks import open_tasks

    try:
        tasks = open_tasks(source)
    except InputError:  # no judgements in it
        found = open_subject(source).texts
    else:
        found = [text for task in tasks for texts, _ in task.inputs().values() for text in texts]
    if not found:
        raise InputError(f"--trained-on: want texts, got none in {source}")
    return list(dict.fromkeys(found))


def _name(source: str) -> str:
    return Path(source).resolve().name if "://" not in source else source.rpartition("/")[2]


def _next(contenders: Sequence[str], how: dict[str, Any], report: str | None) -> str:
    names = " ".join(say.quoted(one) for one in contenders)
    data = f" --data {say.quoted(how['data'])}" if how["data"] else ""
    data += "".join(f" --column {say.quoted(one)}" for one in how["columns"])
    data += "".join(f" --kind {say.quoted(one)}" for one in how["kinds"])
    data += "".join(f" --{name} {say.quoted(str(how[name]))}" for name in ("split", "qrels") if how[name])
    clicks = f" --clicks {say.quoted(how['clicks'])}" if how["clicks"] else ""
    if report is None:
        return f"semascope compare {names}{data}{clicks} --report compare.html"
    # The page is handed to others: no address on this machine stands in it.
    tuned = next(
        (one for one in reversed(contenders) if not one.endswith((".json", ".npy", ".npz", ".safetensors"))), ""
    )
    if how["data"] and tuned and not Path(tuned, "space.json").is_file():
        return f"semascope tune {say.quoted(how['data'])} --encoder {say.quoted(tuned)}"
    return f"semascope compare {names}{data}{clicks} --json"
