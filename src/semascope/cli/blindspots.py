"""The verb `blindspots`: what encoders do not see in somebody's own sentences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from semascope.cli import say
from semascope.cli.make import json_option
from semascope.cli.subjects import again, answer, opened, options, report_option
from semascope.cli.verb import Verb
from semascope.errors import OptionError

_DEFAULT = "python:"


@click.command(
    cls=Verb,
    about="Your own sentences are edited: a negation, a number, a name, the order of words, who does what to whom, a word for its "
    "opposite; and reworded or misspelt, which changes nothing. An encoder is right where what is changed lies farther off than what "
    "is kept; guessing is right in half. Each ENCODER is a name, a recipe, a folder or a URL. SOURCE is whatever holds texts, "
    "python: (the documentation of the Python here) unless given; the last word is taken for it where it is a file, a folder that is "
    "no encoder, a database or python:. English first; numbers, names and order in other languages too.",
    examples=[
        ("semascope blindspots minilm", "on this machine's Python documentation"),
        ("semascope blindspots minilm default notes.csv", "two encoders on your own texts"),
        ("semascope blindspots minilm notes/ --save triplets.jsonl", "keep the pairs to train with"),
    ],
)
@click.argument("encoders", metavar="ENCODER... [SOURCE]", nargs=-1, required=True)
@options
@click.option("--most", metavar="N", type=int, default=200, show_default=True, help="Sentences of each kind, at most.")
@click.option("--save", metavar="FILE.jsonl", help="Write the pairs: anchor, kept, changed, kind.")
@report_option
@json_option
def blindspots(
    encoders: tuple[str, ...], most: int, save: str | None, report: str | None, json_: bool, **how: Any
) -> None:
    """Ask encoders about sentences that differ in one thing."""
    from semascope.encoders import as_encoder
    from semascope.evaluate import blindspots as room

    if save:
        room.free(Path(save))
    names, source = _parted(encoders)
    held = opened(source, {**how, "json_": json_, "sample": how["sample"] or 20_000})
    if held.texts is None:
        raise OptionError(
            f"SOURCE: want texts, got vectors alone in {held.name}; --texts FILE gives the texts of its rows"
        )
    titles = held.titles or [""] * len(held)
    texts = [text.removeprefix(title).strip() or text for title, text in zip(titles, held.texts, strict=True)]
    models = {name: as_encoder(name) for name in names}
    with say.Bar("Encoding", "texts", quiet=json_) as bar:
        found = room.look(models, texts, most=most, seed=how["seed"], progress=bar)
    if save:
        count = room.save(found, Path(save))
        say.aside(f"Pairs: {save} ({say.count(count, 'line')} of anchor, kept, changed)")
    command = f"semascope blindspots {' '.join(say.quoted(name) for name in names)} {again(source, how)}"
    follows = f"{command} --save triplets.jsonl" if not save else f"{command} --report blindspots.html"
    answer(room.report(found, source=held.name, next_=follows), json_=json_, page=report)


def _parted(given: tuple[str, ...]) -> tuple[list[str], str]:
    """The encoders, each once, and the source: the last word where it is one."""
    names, source = list(dict.fromkeys(given)), _DEFAULT
    if len(names) > 1 and _holds_texts(names[-1]):
        source = names.pop()
    return names, source


def _holds_texts(word: str) -> bool:
    from semascope.subject import is_database

    path = Path(word)
    if word.startswith("python:") or is_database(word) or path.is_file() or (path / "space.json").is_file():
        return True
    encoder = any((path / name).is_file() for name in ("config.json", "modules.json", "encoder.json", "semascope.json"))
    return path.is_dir() and not encoder
