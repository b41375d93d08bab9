"""The verb `doctor`: what made these vectors, what is wrong with them; encoders that should agree; folders, Spaces, this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from semascope.cli import say
from semascope.cli.make import json_option
from semascope.cli.subjects import ROLES, again, answer, opened, options, report_option
from semascope.cli.verb import Verb
from semascope.errors import OptionError

if TYPE_CHECKING:
    from semascope.report import Report

_PEER = "sentence-transformers:"


@click.command(
    cls=Verb,
    about="One SOURCE: a matrix of vectors (.npy, .npz, .safetensors, a table with a column of vectors), alone or with --texts; a Space; "
    "the folder of a model (--fix puts its small files right); or what else holds vectors, a database among it. "
    "With the texts of the rows it names the recipe that made them. "
    "Two: encoders, folders or URLs that should give the same vectors; sentence-transformers:FOLDER opens one with that "
    "library. Exit code 1 says that something is wrong, or that two do not agree.",
    examples=[
        ("semascope doctor vectors.npy", "what is wrong with these vectors"),
        ("semascope doctor vectors.npy --texts papers.jsonl", "what made them, and whether the texts go with them"),
        ("semascope doctor ./my-model http://127.0.0.1:8080/v1", "where a model and a server part"),
        ("semascope doctor ./my-model --fix", "what other programs read otherwise, put right"),
        ("semascope doctor notes.space", "files, encoder, vectors, index and words of a Space"),
        ("semascope doctor --machine", "measure all-MiniLM on this machine again"),
    ],
)
@click.argument("source", required=False)
@click.argument("other", required=False)
@options
@click.option(
    "--encoder",
    metavar="ENCODER",
    help="To name the recipe with, where there are texts: a name, recipe, folder or URL, or auto for all at hand (the "
    "default), or none. With --machine the transformer to measure [default: minilm]. Of a Space: what made it.",
)
@click.option(
    "--fix", is_flag=True, help="Put the small JSON files of a model's folder right; the old ones stay as *.before."
)
@click.option("--machine", is_flag=True, help="Measure which engine, precision and batch size are fastest here.")
@report_option
@json_option
@click.pass_context
def doctor(
    ctx: click.Context,
    source: str | None,
    other: str | None,
    encoder: str | None,
    fix: bool,
    machine: bool,
    report: str | None,
    json_: bool,
    **how: Any,
) -> None:
    """Say what made vectors, and what is wrong with them."""
    if machine:
        if source is not None:
            raise OptionError(f"--machine: want no SOURCE beside it, got {source!r}")
        _measure(encoder or "minilm", json_)
        return
    if source is None:
        raise OptionError(
            "doctor: want a SOURCE to look at (a matrix, a model's folder, a Space, two encoders), or --machine"
        )
    found = _looked(source, other, encoder, fix, {**how, "json_": json_})
    answer(found, json_=json_, page=report)
    if any(one.level == "fault" for one in found.findings):
        ctx.exit(1)


def _looked(source: str, other: str | None, encoder: str | None, fix: bool, how: dict[str, Any]) -> Report:
    path = Path(source)
    if other is not None:
        return _agree(source, other, how)
    if path.is_dir() and not (path / "space.json").is_file() and _model(path):
        from semascope.doctor import examine_folder

        return examine_folder(path, fix=fix)
    if fix:
        raise OptionError(f"--fix: want the folder of a model, got {source!r}")
    if path.is_dir():
        from semascope.doctor import examine_space

        with say.Bar("Reading", "rows", quiet=how["json_"]) as bar:
            known = None if encoder in (None, "auto") else _encoder(str(encoder))
            return examine_space(path, encoder=known, sample=how["sample"], seed=how["seed"], progress=bar)
    return _matrix(source, encoder, how)


def _model(path: Path) -> bool:
    return any((path / name).is_file() for name in ("config.json", "modules.json"))


def _matrix(source: str, encoder: str | None, how: dict[str, Any]) -> Report:
    from semascope.doctor import examine_matrix
    from semascope.doctor.matrix import Given, examine
    from semascope.subject.matrix import is_matrix

    asked: Any = None if encoder == "none" else "auto" if encoder in (None, "auto") else _encoder(str(encoder))
    with say.Bar("Reading", "rows", quiet=how["json_"]) as bar:
        if is_matrix(source) or how.get("texts"):
            return examine_matrix(
                source,
                texts=how.get("texts"),
                encoder=asked,
                columns={role: how[role] for role in ROLES if how.get(role) is not None},
                vector=how.get("vector"),
                sample=how["sample"],
                seed=how["seed"],
                progress=bar,
            )
        held = opened(source, how)
        if held.vectors is None:
            raise OptionError(
                f"SOURCE: want vectors to look at, got {held.name}, where there are texts alone; semascope look {again(source, how)} "
                "shows what is in them"
            )
        given = Given(held.name, held.vectors, held.texts, held.titles, held.passport)
        return examine(
            given, encoder=asked, sample=how["sample"], seed=how["seed"], progress=bar, again=again(source, how)
        )


def _encoder(text: str) -> Any:
    if text.startswith(_PEER):
        from semascope.encoders import SentenceTransformersEncoder
        from semascope.ops import need

        folder = text.removeprefix(_PEER)
        if not Path(folder).is_dir():
            raise OptionError(f"{_PEER}: want a folder behind it, got {folder!r}")
        peer = need("sentence_transformers", extra="hf")
        return SentenceTransformersEncoder(peer.SentenceTransformer(folder, device="cpu"), name=text)
    from semascope.encoders import as_encoder

    return as_encoder(text)


def _agree(source: str, other: str, how: dict[str, Any]) -> Report:
    from semascope.doctor import agree

    texts: list[str] | None = None
    if how.get("texts"):
        held = opened(str(how["texts"]), {**how, "texts": None, "vector": "", "sample": how["sample"] or 200})
        if held.texts is None:
            raise OptionError(f"--texts: want texts, got vectors alone in {how['texts']}")
        texts = list(held.texts)
    with say.Bar("Encoding", "texts", quiet=how["json_"]) as bar:
        return agree(
            _encoder(source), _encoder(other), texts=texts, names=(source, other), seed=how["seed"], progress=bar
        )


def _measure(encoder: str, json_: bool) -> None:
    from semascope.encoders import Encoder
    from semascope.encoders import machine as here
    from semascope.encoders.transformer import TransformerEncoder

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
