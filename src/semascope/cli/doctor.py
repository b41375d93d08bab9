"""The verb `doctor`: what fits this machine."""

from __future__ import annotations

from typing import Any

import click

from semascope.cli import say
from semascope.cli.make import json_option
from semascope.cli.verb import Verb
from semascope.errors import OptionError


@click.command(
    cls=Verb,
    about="Runs a sample through every engine, precision and batch size that is installed, in processor time, and remembers the "
    "figures for this processor, number of threads and shape of model. Encoders then take the fastest; "
    "--precision auto takes bfloat16 where it is faster and gives the same vectors.",
    examples=[
        ("semascope doctor --machine", "measure all-MiniLM on this machine again"),
        ("semascope doctor --machine --encoder ./my-model", "a model of your own"),
    ],
)
@click.option("--machine", is_flag=True, help="Measure which engine, precision and batch size are fastest here.")
@click.option(
    "--encoder", metavar="ENCODER", default="minilm", show_default=True, help="A transformer, by name or folder."
)
@json_option
def doctor(machine: bool, encoder: str, json_: bool) -> None:
    """Measure what makes this machine fast, and remember it."""
    from semascope.encoders import Encoder
    from semascope.encoders import machine as here
    from semascope.encoders.transformer import TransformerEncoder

    if not machine:
        raise OptionError("doctor: want --machine, the one thing it looks at so far")
    found = Encoder(encoder)
    if not isinstance(found, TransformerEncoder) or found.origin.files is None:
        raise OptionError(f"--encoder: want a transformer with files on this disk, got {encoder!r}")
    with say.Bar("Measuring", "runs", quiet=json_) as bar:
        measured = here.measure(found.origin.files, progress=bar)
    facts: dict[str, Any] = {"processor": here.processor(), "model": here.shape(found.origin.files), **measured}
    if json_:
        say.as_json(facts)
        return
    _show(facts)
    say.next_step(f"semascope build FOLDER --encoder {say.quoted(encoder)} --out my.space")


def _show(facts: dict[str, Any]) -> None:
    same = [run for run in facts["runs"] if run["cosine"] >= 0.9999]
    best = same[0]
    say.line(
        f"Fastest with the vectors of float32: {best['engine']} in {best['precision']}, "
        f"{best['tokens_per_second']:,} tokens per second of processor time."
    )
    say.line(f"  {facts['processor']}; {facts['model']}\n")
    rows = [
        (
            run["engine"],
            run["precision"],
            f"{run['batch_tokens']:,}",
            f"{run['tokens_per_second']:,}",
            f"{run['cosine']:.5f}",
        )
        for run in facts["runs"]
    ]
    say.table(rows, head=("engine", "precision", "tokens a batch", "tokens/s", "lowest cosine to float32"))
