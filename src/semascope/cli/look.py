"""The verb `look`: what is in a corpus, as one page and as lines on the terminal."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from semascope.cli import demo, say, sources, subjects
from semascope.cli.make import json_option
from semascope.cli.verb import Verb
from semascope.errors import OptionError

if TYPE_CHECKING:
    from semascope.look.charting import Saying
    from semascope.look.found import Found
    from semascope.subject import Subject
    from semascope.types import Progress


@click.command(
    cls=Verb,
    about=f"{subjects.ABOUT} Or python: for the documentation of the Python installed here. Writes ONE page that loads nothing from "
    "anywhere: a map with named groups, duplicates, outliers, labels that look wrong, languages, lengths, what rose and fell, "
    '"label 50, predict the rest", and search by meaning. The page holds the texts: whoever has it can read them.',
    examples=[
        ("semascope look tickets.csv", "writes tickets.look.html"),
        ("semascope look papers.jsonl --label topic --encoder default", "your label, the fastest encoder"),
        ("semascope look notes.space --out notes.html --open", "with the vectors of a Space"),
        ("semascope look notes.space --keep", "and the map is there when the Space is served"),
        ("semascope look vectors.npy --texts papers.jsonl", "vectors that you have already"),
    ],
)
@click.argument("source")
@subjects.options
@click.option(
    "--encoder",
    metavar="NAME",
    help="What makes the vectors: the best at hand that takes about a minute, unless given.",
)
@click.option("--out", metavar="FILE.html", help="Where the page goes; NAME.look.html in this folder unless given.")
@click.option("--overwrite", is_flag=True, help="Write over a file that is not such a page.")
@click.option("--keep", is_flag=True, help="Keep the map in the Space, where semascope serve finds it.")
@click.option("--open", "open_", is_flag=True, help="Show the page in the browser.")
@json_option
def look(
    source: str,
    encoder: str | None,
    out: str | None,
    overwrite: bool,
    keep: bool,
    open_: bool,
    json_: bool,
    **how: Any,
) -> None:
    """Say what is in a corpus: groups, duplicates, wrong labels, languages, changes; one page."""
    from semascope.look.page import look_page
    from semascope.look.verdict import report

    path = Path(out) if out else Path(default_out(source))
    _free(path, overwrite=overwrite)
    if keep and not (Path(source) / "space.json").is_file():
        raise OptionError(
            f"--keep: want a Space, where a map can be kept, got {source}; semascope build {say.quoted(source)} makes one"
        )
    subject = _subject(source, {**how, "json_": json_})
    with _told(quiet=json_) as told:
        from semascope.look.look import look as find

        found = find(subject, encoder, seed=how["seed"], progress=told)
        kept = _keep(Path(source), found, how["seed"], told) if keep else None
    subjects.write(path, look_page(found))
    if json_:
        say.as_json({**found.to_json(), "page": str(path), **({"kept": str(kept)} if kept else {})})
    else:
        subjects.answer(report(found), json_=False, page=None)
        say.line(f"\nPage: {path} ({say.size(path.stat().st_size)}, needs no network; it holds the texts)")
        if kept is not None:
            say.line(f"Map: kept in {source} ({say.size(kept.stat().st_size)})")
            say.next_step(f"semascope serve {say.quoted(source)}")
        else:
            say.next_step(f"python -m webbrowser {say.quoted(path.resolve().as_uri())}")
    if open_:
        click.launch(str(path.resolve()))


def _keep(space: Path, found: Found, seed: int, told: Saying) -> Path:
    from semascope.look.atlas import keep_atlas, make_atlas

    return keep_atlas(space, make_atlas(space, found=found, seed=seed, progress=told))


def default_out(source: str) -> str:
    """Where the page of a source goes unless something else is said: named after it, in the working folder."""
    from semascope.subject import shown

    bare = shown(source).partition("?")[0].rstrip("/") if "://" in source else source  # a file's name holds no password
    if bare.startswith("python:"):
        name = bare.removeprefix("python:").replace(",", "-") or "python"
    else:
        name = Path(bare).resolve().name if "://" not in bare else bare.rpartition("/")[2]
    stem = re.sub(
        r"(?:\.(?:gz|csv|tsv|jsonl|json|parquet|npy|npz|safetensors|space|txt|md|db|sqlite3?|duckdb))+$",
        "",
        name,
        flags=re.I,
    )
    plain = re.sub(r"[^\w.-]+", "-", stem).strip("-.")
    return f"{plain or 'corpus'}.look.html"


def _free(path: Path, *, overwrite: bool) -> None:
    """Nothing that is not a page of ours is written over, and this is said before the work begins."""
    from semascope.look.page import OURS

    if path.is_dir() or not path.parent.is_dir():
        raise OptionError(f"--out: want a file in a folder that is there, got {path}")
    if path.exists() and not overwrite:
        with path.open("rb") as file:
            if OURS.encode() not in file.read(60_000):
                raise OptionError(f"--out: {path} is there and is no page of look; --overwrite writes over it")


def _subject(source: str, how: dict[str, Any]) -> Subject:
    if source.startswith("python:") and not Path(source).exists():
        from semascope.subject import open_subject

        corpus = sources.python(source.removeprefix("python:"), limit=demo.DOCUMENTS)
        return open_subject(corpus, sample=how["sample"], seed=how["seed"])
    return subjects.opened(source, how)


@contextmanager
def _told(*, quiet: bool) -> Generator[Any]:
    with say.Bar("Looking", "rows", quiet=quiet) as bar:

        def step(name: str) -> Progress:
            bar.what = f"Looking: {name}"
            bar(0)
            return bar

        yield step
