"""The verb `tune`: which recipe should I ship?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from semascope.cli import say, sources
from semascope.cli.make import encoder_option, json_option
from semascope.cli.subjects import answer, report_option
from semascope.cli.verb import Verb
from semascope.errors import InputError, OptionError, SemascopeError

if TYPE_CHECKING:
    from semascope.tune import Tuned
    from semascope.types import Progress, Task

LEARN = 10_000  # texts of a corpus that transforms learn from, unless told


@click.command(
    cls=Verb,
    about="One pass over the model reads every layer; layers, poolings, whitening and its kin, fewer columns, fewer bits and the weight of words "
    "are scored from it, a thousand recipes and more for about the cost of one. Half of the judged units choose, the others say what "
    "the choice is worth, beside the encoder as it comes. It says so where nothing beats that. "
    "Without --data CORPUS is looked at for judgements (a BEIR folder, a table of pairs with scores); where it has none, tasks are made of its texts. "
    + sources.ABOUT.replace("SOURCE", "CORPUS", 1),
    examples=[
        (
            'semascope tune cranfield/ --encoder minilm --budget "64 bytes, 50 ms"',
            "a BEIR folder: the best that is so small and fast",
        ),
        (
            "semascope tune docs.jsonl --encoder minilm --data judged/ --out tuned",
            "and keep the encoder that was chosen",
        ),
        (
            "semascope tune train.jsonl --encoder minilm --confirm dev.jsonl",
            "pairs that choose, and others that confirm",
        ),
        (
            "semascope tune notes/ --encoder minilm --report tune.html",
            "no judgements: tasks made of the notes themselves",
        ),
        ("semascope tune judged/ --vectors docs.npy --query-vectors queries.npy", "vectors that are there already"),
    ],
)
@click.argument("corpus")
@sources.options
@encoder_option
@click.option(
    "--data",
    metavar="FOLDER",
    help="What to be good at: a BEIR folder, a table of pairs or labels, or a folder of these.",
)
@click.option(
    "--confirm", metavar="FOLDER", help="Other judgements of the same kind, which confirm; all of --data then choose."
)
@click.option("--task", "tasks", metavar="NAME", multiple=True, help="Only tasks of this name or kind.")
@click.option(
    "--budget", metavar="TEXT", help='The most a vector and a query may cost: "64 bytes, 5 ms", or one of the two.'
)
@click.option("--out", metavar="FOLDER", help="Write the chosen encoder there, with what chose it in tune.json.")
@click.option(
    "--vectors", metavar="FILE.npy", help="Vectors of the texts of --data in their order, in place of an encoder."
)
@click.option("--query-vectors", metavar="FILE.npy", help="And of its queries.")
@click.option(
    "--sample",
    metavar="N",
    type=click.IntRange(min=2),
    default=LEARN,
    show_default=True,
    help="Texts of CORPUS that transforms learn from.",
)
@click.option(
    "--cache",
    metavar="FOLDER",
    help="Where what was read is kept for the next run. [default: below ~/.cache/semascope]",
)
@click.option("--no-cache", is_flag=True, help="Keep nothing.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of every random draw.")
@report_option
@json_option
def tune(
    corpus: str, encoder_: str | None, budget: str | None, out: str | None, report: str | None, json_: bool, **how: Any
) -> None:
    """Find the recipe to ship: quality, bytes and latency on your data."""
    from semascope.encoders.saved import check_can_save
    from semascope.tune import Budget, save_tuned
    from semascope.tune import report as said
    from semascope.tune import tune as tuned

    wanted = Budget.of(budget)
    if out is not None and Path(out).exists() and any(Path(out).iterdir() if Path(out).is_dir() else [out]):
        raise OptionError(f"--out: want a folder that is not there yet, got {out}")
    if out is not None and how["vectors"]:
        raise OptionError(
            "--out: want an encoder to write (--encoder NAME), got --vectors, which say nothing of what made them"
        )
    tasks, others = _tasks(corpus, how, quiet=json_)
    used = _encoder(encoder_, tasks, how)
    if out is not None:
        check_can_save(used)
    texts = None if how["data"] is None or _same(corpus, how["data"]) else _texts(corpus, how)
    with say.Bar("Reading", "texts", quiet=json_) as bar, say.resumable():
        found = tuned(
            texts,
            used,
            tasks,
            confirm_on=others,
            budget=wanted,
            name=encoder_ or "",
            cache=None if how["no_cache"] else _cache(how["cache"]),
            seed=how["seed"],
            stages=_stages(bar),
        )
    failed = None
    if out is not None:
        try:
            save_tuned(found, out)
        except (SemascopeError, OSError) as error:  # what was found is said first, and then that it was not saved
            failed, out = error, None
    answer(said(found, corpus, next_=_next(corpus, found, tasks, out, how), out=out or ""), json_=json_, page=report)
    if failed is not None:
        raise failed


def _stages(bar: say.Bar) -> Any:
    def stage(what: str, noun: str) -> Progress:
        bar.begin(what, noun)
        return bar

    return stage


def _cache(folder: str | None) -> Path:
    from semascope.ops import cache_folder

    return Path(folder) if folder else cache_folder() / "tune"


def _tasks(corpus: str, how: dict[str, Any], *, quiet: bool) -> tuple[list[Task], list[Task]]:
    """What chooses, and what else confirms."""
    source = how["data"] or corpus
    if how["data"] or _judged(source):
        found = _named(source, how, quiet=quiet)
        return found, _named(how["confirm"], how, quiet=quiet) if how["confirm"] else []
    if how["confirm"]:
        raise OptionError("--confirm: want judgements that choose, too (--data)")
    from semascope.subject.derived import derived_tasks

    if not quiet:
        say.aside("No judgements: tasks are made of the texts themselves (--data FOLDER for judgements)")
    derived = derived_tasks(sources.read(corpus, how), seed=how["seed"])
    wanted: list[Task] = [task for task in derived if not how["tasks"] or {task.name, task.kind} & set(how["tasks"])]
    if not wanted and derived:
        there = ", ".join(f"{task.name} ({task.kind})" for task in derived)
        raise OptionError(f"--task: want one of {there}, got {', '.join(how['tasks'])}")
    if not wanted:
        why = "; ".join(f"{name}: {what}" for name, what in derived.missing.items())
        raise InputError(f"CORPUS: want texts that tasks can be made of, got none ({why})")
    return wanted, []


def _judged(source: str) -> bool:
    from semascope.subject.tasks import find_tasks

    path = Path(source)
    if not path.exists():
        return False
    try:
        return bool(find_tasks(path).tasks)
    except SemascopeError:
        return False


def _named(source: str, how: dict[str, Any], *, quiet: bool) -> list[Task]:
    from semascope.subject.tasks import find_tasks

    found = find_tasks(source)
    for one in () if quiet else found.tasks:
        say.aside(f"Found: {one.task.name}, {one.task.kind}, {len(one.task.units):,} units ({one.says})")
    wanted = [one.task for one in found.tasks if not how["tasks"] or {one.task.name, one.task.kind} & set(how["tasks"])]
    if not wanted:
        there = ", ".join(f"{one.task.name} ({one.task.kind})" for one in found.tasks)
        raise OptionError(f"--task: want one of {there}, got {', '.join(how['tasks'])}")
    return wanted


def _encoder(name: str | None, tasks: list[Task], how: dict[str, Any]) -> Any:
    if how["vectors"]:
        import numpy as np

        from semascope.tune.given import given_vectors

        if name is not None or len(tasks) != 1 or how["confirm"]:
            raise OptionError("--vectors: want one task, and neither --encoder nor --confirm beside it")
        queries = np.load(how["query_vectors"]) if how["query_vectors"] else None
        return given_vectors(tasks[0], np.load(how["vectors"]), queries)
    from semascope.cli.make import choose

    return choose(name)


def _same(one: str, other: str) -> bool:
    return Path(one).resolve() == Path(other).resolve()


def _texts(corpus: str, how: dict[str, Any]) -> list[str]:
    """What transforms learn from: texts with their titles in front, as tasks and Spaces have them."""
    from semascope.encoders.reading import sample

    return sample((f"{one.title} {one.text}".strip() for one in sources.read(corpus, how)), how["sample"], how["seed"])


def _next(corpus: str, found: Tuned, tasks: list[Task], out: str | None, how: dict[str, Any]) -> str:
    source = say.quoted(corpus)
    if how["vectors"]:
        return f"semascope doctor {say.quoted(how['vectors'])}"
    weight = found.chosen.weight
    if out is not None or (weight and found.chosen.vectors.plain):  # the plain encoder need not be saved to be used
        name = out if out is not None else str(found.head.name)
        build = f"semascope build {source} --encoder {say.quoted(name)} --out tuned.space"
        return f"{build} && semascope search tuned.space {_query(tasks)} --weight {weight:g}" if weight else build
    given = "".join(f" --{name} {say.quoted(how[name])}" for name in ("data", "confirm") if how[name])
    budget = "" if found.budget.open else f' --budget "{found.budget}"'
    return f"semascope tune {source} --encoder {say.quoted(str(found.head.name))}{given}{budget} --out tuned"


def _query(tasks: list[Task]) -> str:
    """The shortest query of a task, as an example."""
    every = (text for task in tasks for texts, kind in task.inputs().values() if kind == "query" for text in texts)
    return say.quoted(min((text for text in every if text.strip()), key=len, default="QUERY"))
