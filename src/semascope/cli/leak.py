"""The verb `leak`: what vectors give away about the texts behind them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from semascope.cli import say, subjects
from semascope.cli.make import json_option
from semascope.cli.verb import Verb
from semascope.errors import InputError

if TYPE_CHECKING:
    from semascope.leak import Judged
    from semascope.subject import Subject
    from semascope.types import Encoder

MOST_ENCODED = 20_000  # texts of a judged corpus without vectors, for it to be encoded whole


@click.command(
    cls=Verb,
    about=subjects.ABOUT
    + " An attacker is played who has all vectors and the texts of some rows; what he reads off the others is counted, beside "
    "what guessing gives, before and after defences. No hidden text is shown or written unless --show asks for it.",
    examples=[
        ("semascope leak vectors.npy --texts rows.csv", "vectors you have, with the texts of their rows"),
        ("semascope leak notes.space --report leak.html", "a Space, and a page for the security review"),
        ("semascope leak tickets.csv --encoder minilm", "what would leak, were these texts encoded so"),
    ],
)
@click.argument("source")
@subjects.options
@click.option(
    "--encoder",
    "encoder_",
    metavar="NAME",
    help="What made the vectors, where that is not on record: an attacker may know it. Encodes the texts where there are no vectors.",
)
@click.option(
    "--known", metavar="N", type=int, default=4000, show_default=True, help="Rows whose text the attacker has."
)
@click.option("--hidden", metavar="N", type=int, default=2000, show_default=True, help="Rows that he wants to read.")
@click.option("--splits", metavar="N", type=int, default=3, show_default=True, help="Draws of known and hidden rows.")
@click.option("--candidates", metavar="FILE", help="Texts the attacker has, among which he looks for the hidden ones.")
@click.option(
    "--defence",
    "defences",
    metavar="NAME",
    multiple=True,
    help='A defence to try, such as "int8" or "noise 0.5"; "none" for none of them, all unless given.',
)
@click.option(
    "--show",
    metavar="N",
    type=int,
    default=0,
    show_default=True,
    help="Show so many hidden texts beside the guessed words.",
)
@subjects.report_option
@json_option
def leak(source: str, report: str | None, json_: bool, **how: Any) -> None:
    """Measure what vectors give away about their texts."""
    from semascope.leak import attributes, audit
    from semascope.ops import vectors

    subject = subjects.opened(source, {**how, "json_": json_})
    if subject.texts is None:
        raise InputError(f"--texts: want the texts of the rows of {subject.name}, known to you if not to the attacker")
    subject, encoder = _encoded(subject, how, whole=_beir(source), quiet=json_)
    judged = _judged(source, subject, encoder, quiet=json_)
    candidates = None if how["candidates"] is None else _texts(how["candidates"])
    with say.Bar("Attacking", "runs", quiet=json_) as bar:
        found = audit(
            vectors(subject.vectors),
            subject.texts or (),
            labels=attributes(subject),
            encoder=encoder,
            known=how["known"],
            hidden=how["hidden"],
            splits=how["splits"],
            candidates=candidates,
            defences=how["defences"] or None,
            judged=judged,
            show=how["show"],
            seed=how["seed"],
            name=subject.name,
            progress=bar,
        )
    subjects.answer(replace(found, next=_next(source, how, report)), json_=json_, page=report)


def _encoded(subject: Subject, how: dict[str, Any], *, whole: bool, quiet: bool) -> tuple[Subject, Encoder | None]:
    """The rows with their vectors, and the encoder that made them, where that is known or given."""
    from semascope.cli.make import choose
    from semascope.encoders import Encoder

    if subject.vectors is not None:
        name = how["encoder_"] or subject.encoder
        return subject, Encoder(name) if name else None
    encoder = choose(how["encoder_"])
    few = subject
    if not whole or len(subject) > MOST_ENCODED:
        few = subject.sample(max(how["known"], 0) + 2 * max(how["hidden"], 0), seed=how["seed"])
    with say.Bar("Encoding", "texts", quiet=quiet) as bar:
        return few.encoded(encoder, progress=bar), encoder


def _beir(source: str) -> bool:
    return (Path(source) / "queries.jsonl").is_file() and (Path(source) / "corpus.jsonl").is_file()


def _judged(source: str, subject: Subject, encoder: Encoder | None, *, quiet: bool) -> Judged | None:
    """The judged queries of a BEIR folder, encoded; None where there are none, or not all documents are here."""
    if encoder is None or not _beir(source) or subject.sampled or subject.vectors is None:
        return None
    from semascope.corpus import Corpus
    from semascope.leak import Judged

    corpus = Corpus.read(source)
    place = {name: row for row, name in enumerate(subject.ids)}
    gains = {
        name: {place[document]: float(worth) for document, worth in judged.items() if document in place}
        for name, judged in corpus.judgements.items()
        if name in corpus.queries
    }
    asked = [name for name, worth in gains.items() if any(gain > 0 for gain in worth.values())]
    if not asked:
        return None
    with say.Bar("Encoding", "queries", quiet=quiet) as bar:
        queries = encoder.encode([corpus.queries[name] for name in asked], kind="query", progress=bar)
    return Judged(queries, subject.vectors, [gains[name] for name in asked])


def _texts(source: str) -> list[str]:
    from semascope.subject import open_subject

    found = open_subject(source).texts
    if not found:
        raise InputError(f"--candidates: want texts, got none in {source}")
    return list(found)


def _next(source: str, how: dict[str, Any], report: str | None) -> str:
    verb, more = ("doctor", "") if report else ("leak", " --report leak.html")
    return f"semascope {verb} {subjects.again(source, how)}{more}"
