"""The verb about small language models: list them, make them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from semascope.cli import say
from semascope.cli.make import json_option
from semascope.cli.verb import Verb


@click.command(
    cls=Verb,
    about="Checks that need to look into a language model use four small ones (2 to 5 million parameters), which are trained here from "
    "the documentation of Python and, where it is installed, WordNet: minutes on two cores each. Made once, they are kept and found by "
    "their names; a run that was interrupted goes on. They are ordinary Hugging Face folders with a few checkpoints.",
    examples=[
        ("semascope models", "which there are"),
        ("semascope models --make tiny_gpt --make tiny_bert", ""),
        ("semascope models --make all --device cuda", ""),
        ("semascope models --make tiny_gpt --text notes/ --minutes 10 --out notes-gpt", "of your own text"),
    ],
)
@click.option("--make", "names", metavar="NAME", multiple=True, help="Make this one, or all; may be repeated.")
@click.option(
    "--text", "texts", metavar="PATH", multiple=True, help="Text to learn from in place of the usual; may be repeated."
)
@click.option("--out", metavar="FOLDER", help="Where it goes; in your cache folder unless given.")
@click.option(
    "--steps", metavar="N", type=click.IntRange(min=1), help="Steps of training; as many as are usual for it."
)
@click.option("--minutes", metavar="M", type=click.FloatRange(min=0, min_open=True), help="In place of --steps.")
@click.option(
    "--seed", metavar="N", type=click.IntRange(min=0), default=0, show_default=True, help="Of weights and order."
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where it is trained; auto takes a GPU if there is one.",
)
@click.option("--fresh", is_flag=True, help="Make it anew even if it is there.")
@json_option
def models(names: tuple[str, ...], out: str | None, json_: bool, **how: Any) -> None:
    """List the small language models that checks use, or make them."""
    from semascope import training

    if not names:
        given = [f"--{name}" for name in ("text", "out", "steps", "minutes") if {"out": out, **how}.get(_KEYS[name])]
        if given or how["fresh"]:
            raise click.UsageError(f"{(given or ['--fresh'])[0]}: want --make NAME beside it")
        _list(training.models(), json_)
        return
    wanted = list(training.PLANS) if "all" in names else list(dict.fromkeys(names))
    if out is not None and len(wanted) > 1:
        raise click.UsageError("--out: want one model beside it, since each is a folder of its own")
    for name in wanted:
        training.plan(name)  # an unknown name is said before anything is made
    made = [_make(name, out, quiet=json_, **how) for name in wanted]
    if json_:
        say.as_json(made)
    else:
        say.next_step("semascope models")


_KEYS = {"text": "texts", "out": "out", "steps": "steps", "minutes": "minutes"}


def _make(name: str, out: str | None, *, quiet: bool, texts: tuple[str, ...], **how: Any) -> dict[str, Any]:
    """Make one, and say what came of it."""
    from semascope import training

    with say.resumable(), say.Bar(name, "steps", quiet=quiet) as bar:

        def heard(_: int, loss: float) -> None:
            bar.what = f"{name}  loss {loss:.2f}"

        if not quiet:
            say.aside(
                f"{name}: unless it is there, its text is read and it is trained; after Ctrl-C the same command goes on"
            )
        sources = [Path(text) for text in texts] or None
        folder = training.make_model(name, sources, out=out, progress=bar, heard=heard, **how)
    row = training.describe(folder)
    if not quiet:
        _said(row)
    return row


def _said(row: dict[str, Any]) -> None:
    found = row["measured"]
    say.line(f"{row['name']}: {say.styled('made', fg='green', bold=True)}, {_quality(row)}")
    say.pairs(
        [
            ("folder", row["path"]),
            ("size", f"{say.count(row['parameters'], 'parameter')}, {say.size(row['bytes'])}"),
            ("text", f"{row['text']} ({say.size(row['characters'])})"),
            ("training", f"{say.count(row['steps'], 'step')}, seed {row['seed']}, {say.seconds(row['seconds'])}"),
            ("copies", f"{found['copied']:.0%} of tokens said again" if "copied" in found else ""),
        ]
    )


def _quality(row: dict[str, Any]) -> str:
    found = row["measured"]
    return (
        f"perplexity {found['perplexity']:.0f} on texts held out (counting tokens: {found['unigram_perplexity']:.0f})"
    )


def _list(rows: list[dict[str, Any]], json_: bool) -> None:
    if json_:
        say.as_json(rows)
        return
    there = sum(row["made"] for row in rows)
    say.line(f"{say.count(len(rows), 'model')}, {there} made.\n")
    table = [
        (
            row["name"],
            ("outdated" if row["outdated"] else "made") if row["made"] else "-",
            say.size(row["bytes"]) if row["made"] else "",
            f"{row['steps']:,}",
            f"{row['measured']['loss']:.2f}" if row["made"] else "",
            row["text"] if row["made"] else row["says"],
        )
        for row in rows
    ]
    say.table(table, head=("name", "state", "size", "steps", "loss", "text, or what it does"))
    missing = next((row["name"] for row in rows if not row["made"]), None)
    say.next_step(f"semascope models --make {missing}" if missing else "semascope methods")
