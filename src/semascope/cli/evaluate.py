"""The verb `evaluate`: encoders on a person's own tasks, with intervals, and what guessing gives."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from semascope.cli import say
from semascope.cli.inside import answered, asked, inside_options
from semascope.cli.make import json_option
from semascope.cli.subjects import answer, report_option
from semascope.cli.verb import Verb
from semascope.errors import InputError, OptionError

if TYPE_CHECKING:
    from semascope.evaluate import Evaluation
    from semascope.types import Progress, Task

_DOCUMENTS = 1_000  # that label-free tasks are made of, unless more queries are asked for
ABOUT_DATA = (
    "DATA is a BEIR folder (corpus.jsonl, queries.jsonl, qrels), a table (CSV, TSV, JSON Lines, Parquet), or a folder of these. "
    "What a table is asked follows from its columns: two texts and a number (similarity; word similarity), two texts and a yes or "
    "no (pair matching), text and label (classification, clustering), query and text and maybe a grade (retrieval), query, "
    "positives and negatives (reranking), four words a, b, c, d (analogy)."
)


@click.command(
    cls=Verb,
    about=f"ENCODER is a name, recipe, folder or URL; several are scored beside each other. {ABOUT_DATA} Texts without judgements are "
    "asked what can be asked of texts alone (title to body, neighbouring passages, halves, rewordings). Vectors are kept, so that a "
    "run that was interrupted goes on and the next one starts with them.",
    examples=[
        ("semascope evaluate minilm default --data pairs.csv", "two texts and a score a row: similarity"),
        ("semascope evaluate minilm --data my-beir --split dev", "retrieval with the judgements of qrels/dev.tsv"),
        ("semascope evaluate minilm --data tickets.csv --column label=team", "another column for the labels"),
        ("semascope evaluate minilm --data evals/ --save minilm.json", "every task of a folder; scores kept"),
        ("semascope evaluate minilm default --data notes/", "nobody judged: the texts alone"),
        ("semascope evaluate minilm --data notes/ --position", "does it favour what stands first?"),
    ],
)
@click.argument("encoders", metavar="ENCODER...", nargs=-1, required=True)
@click.option("--data", required=True, metavar="DATA", help="What they are scored on.")
@click.option(
    "--column", "columns", metavar="ROLE=COL", multiple=True,
    help="Column of a role (a, b, score, match, text, label, query, document, grade, positives, negatives, id); guessed, and said, "
    "unless given.",
)  # fmt: skip
@click.option("--kind", "kinds", metavar="KIND", multiple=True, help="Only tasks of this kind, such as retrieval.")
@click.option("--split", metavar="NAME", help="Of a BEIR folder: test, dev or train; test where it is there.")
@click.option("--qrels", metavar="FILE", help="Other judgements for a BEIR folder, in the shape of BEIR or TREC.")
@click.option("--no-titles", is_flag=True, help="Do not put the titles of a BEIR folder before their texts.")
@click.option(
    "--label-free", is_flag=True, help="Ask what can be asked of the texts alone, though there are judgements."
)
@click.option(
    "--sample", type=int, default=10_000, show_default=True, metavar="N",
    help="At most so many queries, pairs or texts a task, drawn evenly.",
)  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="Of every random draw.")
@click.option(
    "--save", metavar="FILE", help="Keep the scores as JSON, for compare; one file an encoder where there are several."
)
@click.option("--cache", metavar="FOLDER", help="Where vectors are kept; semascope's own cache unless given.")
@click.option("--no-cache", is_flag=True, help="Keep no vectors.")
@inside_options
@report_option
@json_option
def evaluate(encoders: tuple[str, ...], data: str, report: str | None, json_: bool, **how: Any) -> None:
    """Score encoders on your own data, with intervals and what guessing gives."""
    from semascope.evaluate import evaluate as run
    from semascope.evaluate import report as reported

    further = asked(how)
    opened = {name: _encoder(name) for name in dict.fromkeys(encoders)}
    if further:
        answer(answered(further, opened, data, how, tasks_of, quiet=json_), json_=json_, page=report)
        return
    _free(how["save"], list(opened))
    tasks, notes = tasks_of(data, how, quiet=json_)
    with say.Bar("Encoding", "texts", quiet=json_) as bar, say.resumable():

        def told(what: str) -> Progress:
            bar.what = what
            return bar

        found = run(opened, tasks, folder=folder_of(how), seed=how["seed"], told=told)
    saved = _save(how["save"], found)
    answer(reported(found, source=data, notes=notes, follows=_next(found, data, how)), json_=json_, page=report)
    if saved and not json_:
        say.aside(f"Scores: {', '.join(map(str, saved))}")


def tasks_of(data: str, how: dict[str, Any], *, quiet: bool = False) -> tuple[Sequence[Task], list[str]]:
    """The tasks of DATA as the options have it, and what has to be said of them; what was guessed goes to stderr.

    Raises:
        InputError: neither judgements nor texts of which tasks can be made.
    """
    from semascope.subject.tasks import find_tasks

    if how.get("label_free"):
        return _label_free(data, how, "")
    with say.Bar("Reading", "rows", quiet=quiet) as bar:
        try:
            found = find_tasks(
                data,
                columns=_columns(how.get("columns") or ()),
                kinds=list(how.get("kinds") or ()) or None,
                split=how.get("split"),
                titles=not how.get("no_titles"),
                qrels=how.get("qrels"),
                sample=how.get("sample"),
                seed=how["seed"],
                progress=bar,
            )
        except InputError as error:
            if how.get("columns") or how.get("kinds") or how.get("split") or how.get("qrels"):
                raise
            return _label_free(data, how, str(error))
    for says in dict.fromkeys(f"{one.path.name}: {one.says}" for one in found.tasks[:8]):
        say.aside(says)
    if len(found.tasks) > 8:
        say.aside(f"... and {len(found.tasks) - 8} tasks more")
    for name, why in list(found.passed.items())[:5]:
        say.aside(f"Passed over: {name}: {why}")
    notes = [f"{one.task.name}: {one.drawn} (--sample N for more)" for one in found.tasks if one.drawn]
    if found.problems.total:
        say.aside(f"{say.count(found.problems.total, 'problem')} in the data; the first: {found.problems[0]}")
        notes.append(f"{found.problems.total:,} rows were passed over or mended; the first: {found.problems[0]}")
    return [one.task for one in found.tasks], notes


def _label_free(data: str, how: dict[str, Any], why: str) -> tuple[Sequence[Task], list[str]]:
    """Tasks of the texts alone, and why judgements are not used where that was not asked for."""
    from semascope.subject.derived import derived_tasks

    try:
        sizes: dict[str, Any] = (
            {} if (queries := _asked(how)) is None else {"queries": queries, "most": max(_DOCUMENTS, queries)}
        )
        found = derived_tasks(data, seed=how["seed"], **sizes)
    except InputError as error:
        raise InputError(
            f"{why or error}; nor can tasks be made of its texts alone: {error}" if why else str(error)
        ) from error
    if not found:
        missing = "; ".join(f"{name}: {what}" for name, what in found.missing.items())
        raise InputError(
            f"data: want judgements, or texts of which tasks can be made, got neither in {data} ({missing})"
        )
    if why:
        say.aside(f"No judgements could be read: {why}")
    say.aside(f"No judgements are used: tasks are made of the texts alone. {found.says}")
    note = "These tasks were made of the texts alone; nobody judged. They tell encoders apart, and are no promise for your users' questions."
    left = [f"Not asked: {name}: {what}" for name, what in found.missing.items()]
    unread = [f"No judgements could be read: {why}"] if why else []
    return list(found), [*unread, note, *left]


def _asked(how: dict[str, Any]) -> int | None:
    """The --sample that was given; None where none was, since label-free tasks have a size of their own."""
    from semascope.ops import integer

    context = click.get_current_context(silent=True)
    source = context.get_parameter_source("sample") if context is not None else None
    if how.get("sample") is None or source in (None, ParameterSource.DEFAULT):
        return None
    return integer(how["sample"], name="sample", least=2)


def _columns(given: Sequence[str]) -> dict[str, str | None]:
    out: dict[str, str | None] = {}
    for one in given:
        role, sign, column = one.partition("=")
        if not sign or not column:
            raise OptionError(f"--column: want ROLE=COL, such as label=team, got {one!r}")
        out[role.strip()] = column
    return out


def _encoder(text: str) -> Any:
    from semascope.encoders import as_encoder

    return as_encoder(text)


def folder_of(how: dict[str, Any]) -> Path | None:
    """Where vectors are kept, as the options have it; None for nowhere."""
    from semascope.encoders.jobs import kept_folder

    if how["no_cache"]:
        if how["cache"]:
            raise OptionError("--no-cache: want it or --cache FOLDER, got both")
        return None
    return Path(how["cache"]) if how["cache"] else kept_folder()


def _places(save: str, names: Sequence[str]) -> list[Path]:
    """Where the scores of each encoder go."""
    path = Path(save)
    if len(names) == 1:
        return [path]
    short = [re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-") or "encoder" for name in names]
    marks = [f"{one}-{at}" if short.count(one) > 1 else one for at, one in enumerate(short, 1)]
    return [path.with_name(f"{path.stem}.{mark}{path.suffix or '.json'}") for mark in marks]


def _free(save: str | None, names: Sequence[str]) -> None:
    for path in _places(save, names) if save else ():
        if path.is_dir() or not path.parent.is_dir():
            raise OptionError(f"--save: want a file in a folder that is there, got {path}")


def _save(save: str | None, found: Evaluation) -> list[Path]:
    from semascope.metrics.saved import save_scores

    if not save:
        return []
    places = _places(save, found.encoders)
    for path, name in zip(places, found.encoders, strict=True):
        save_scores(path, found.of(name), encoder=name, passport=found.passports[name])
    return places


def _next(found: Evaluation, data: str, how: dict[str, Any]) -> str:
    """Compare the first two; or the only one with the one that is always at hand."""
    names = found.encoders[:2]
    if len(names) == 1:
        from semascope.encoders import available

        names.append(next((one.name for one in available() if one.name != names[0]), "default"))
    given = [f"--column {say.quoted(one)}" for one in how["columns"]]
    given += [f"--{name} {say.quoted(str(how[name]))}" for name in ("split", "qrels") if how[name]]
    return " ".join(["semascope compare", *map(say.quoted, names), "--data", say.quoted(data), *given])
