"""The verbs that write what an encoder gives to plain files: encode (vectors), states (token by token)."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from semascope.cli import say, sources
from semascope.cli.make import choose, encoder_option, json_option
from semascope.cli.verb import Verb
from semascope.errors import OptionError, StoreError

if TYPE_CHECKING:
    from semascope.corpus import Corpus, Document

resume_option = click.option(
    "--resume/--no-resume", default=True, help="Go on where an interrupted run stopped; on by default."
)
overwrite_option = click.option("--overwrite", is_flag=True, help="Replace what is there.")
_ROW = (
    "A document is one text, its title before it as in a Space (--title '' leaves it out). An interrupted run goes on with the "
    "same command, over the same source."
)


@click.command(
    cls=Verb,
    about=f"{_ROW} Beside the matrix NAME.passport.json says what made it. {sources.ABOUT}",
    examples=[
        ("semascope encode notes/ --encoder default --out notes.npy", "a row for each file"),
        ("semascope encode tickets.csv --text body --ids tickets.ids.jsonl", "and which document each row is"),
        (
            "semascope encode queries.jsonl --kind query --out queries.npy",
            "as questions, where the encoder treats them so",
        ),
    ],
)
@click.argument("source")
@click.option("--out", metavar="FILE.npy", help="The matrix; SOURCE's name with .npy unless given.")
@sources.options
@encoder_option
@click.option("--ids", metavar="FILE.jsonl", help="Write the id of each row's document to this file.")
@click.option(
    "--kind",
    type=click.Choice(["document", "query"]),
    default="document",
    show_default=True,
    help="What the texts are.",
)
@click.option(
    "--dtype", type=click.Choice(["float32", "float16"]), default="float32", show_default=True, help="Of the numbers."
)
@resume_option
@overwrite_option
@json_option
def encode(source: str, out: str | None, encoder_: str | None, **how: Any) -> None:
    """Write a vector for each text to a .npy file."""
    from semascope.encoders.jobs import encode_to

    path = Path(out or _name(source, ".npy"))
    corpus = sources.read(source, how)
    encoder = choose(encoder_, corpus)
    began = time.monotonic()
    with (
        say.resumable(),
        _ids_to(how["ids"], overwrite=how["overwrite"]) as ids,
        say.Bar("Encoding", "texts", quiet=how["json_"]) as bar,
    ):
        done = encode_to(
            encoder,
            _Texts(corpus, ids),
            path,
            progress=bar,
            total=corpus.estimate().documents,
            **{name: how[name] for name in ("kind", "dtype", "resume", "overwrite")},
        )
    spent = time.monotonic() - began
    say.problems(corpus.problems)
    size = path.stat().st_size
    if how["json_"]:
        say.as_json(
            {
                "file": str(path),
                "rows": done.rows,
                "dim": done.dim,
                "dtype": done.dtype,
                "kind": how["kind"],
                "bytes": size,
                "encoder": done.passport.name,
                "passport": done.passport.id,
                "ids": how["ids"],
                "zero_rows": done.zero_rows,
                "resumed": done.resumed,
                "seconds": round(spent, 3),
                "problems": corpus.problems.total,
            }
        )
        return
    before = f", after the {done.resumed:,} of an interrupted run" if done.resumed else ""
    say.line(
        f"Encoded {path}: {say.count(done.rows, 'row')} x {done.dim} by {done.passport.name}, {done.dtype}, {say.size(size)}, "
        f"in {say.seconds(spent)}{before}."
    )
    again = "SOURCE" if source == "-" else say.quoted(source)
    say.next_step(f"semascope build {again} --vectors {say.quoted(str(path))}")


@click.command(
    cls=Verb,
    about=f"{_ROW} The folder holds safetensors shards (hidden, offsets, ids, spans) and a manifest.json. {sources.ABOUT}",
    examples=[
        (
            "semascope states notes.jsonl --encoder minilm --layers 1,-1 --out notes.states",
            "the first and the last layer",
        ),
        ("semascope states notes.jsonl --encoder minilm --layers all --dtype float32", "every layer, in full"),
    ],
)
@click.argument("source")
@click.option("--out", metavar="FOLDER", help="The new folder; SOURCE's name with .states unless given.")
@sources.options
@encoder_option
@click.option(
    "--layers",
    metavar="L,L",
    default="-1",
    show_default=True,
    help="Layers: 0 the embeddings, 1 the first block's output, -1 the last one; or all.",
)
@click.option(
    "--dtype", type=click.Choice(["float16", "float32"]), default="float16", show_default=True, help="Of the numbers."
)
@resume_option
@overwrite_option
@json_option
def states(source: str, out: str | None, encoder_: str | None, layers: str, **how: Any) -> None:
    """Write what a model sees of each text, token by token, to a folder."""
    from semascope.encoders.jobs import states_to

    path, wanted = Path(out or _name(source, ".states")), _layers(layers)
    corpus = sources.read(source, how)
    encoder = choose(encoder_, corpus)
    began = time.monotonic()
    with say.resumable(), say.Bar("Reading", "texts", quiet=how["json_"]) as bar:
        stored = states_to(
            encoder,
            _Texts(corpus, None),
            path,
            layers=wanted,
            progress=bar,
            total=corpus.estimate().documents,
            **{name: how[name] for name in ("dtype", "resume", "overwrite")},
        )
    spent = time.monotonic() - began
    say.problems(corpus.problems)
    if how["json_"]:
        plain = {name: getattr(stored, name) for name in ("texts", "tokens", "layers", "dim", "dtype", "bytes")}
        say.as_json(
            {
                "folder": str(path),
                **plain,
                "shards": len(stored.shards),
                "encoder": stored.passport.name,
                "passport": stored.passport.id,
                "seconds": round(spent, 3),
                "problems": corpus.problems.total,
            }
        )
        return
    held = f"layer {stored.layers[0]}" if len(stored.layers) == 1 else f"layers {', '.join(map(str, stored.layers))}"
    say.line(
        f"Wrote {path}: {say.count(stored.texts, 'text')}, {say.count(stored.tokens, 'token')}, {held} of "
        f"{stored.passport.name} ({stored.dim} columns, {stored.dtype}), {say.size(stored.bytes)}, in {say.seconds(spent)}."
    )
    code = (
        f"from semascope.encoders.jobs import open_states; print([s.hidden.shape for s in open_states({str(path)!r})])"
    )
    say.next_step(f'python -c "{code}"')


def _name(source: str, suffix: str) -> str:
    if source == "-":
        raise click.UsageError("--out: want a name for what is written, since standard input has none")
    return str(Path(sources.default_out(source)).with_suffix(suffix))


def _layers(said: str) -> Any:
    if said.strip() == "all":
        return "all"
    try:
        return tuple(int(layer) for layer in said.split(","))
    except ValueError:
        raise OptionError(f"--layers: want numbers with commas between, such as 1,-1, or all; got {said!r}") from None


class _Texts:
    """The texts of a corpus as a Space encodes them; their ids are written on the way, where that is asked for."""

    def __init__(self, corpus: Corpus, ids: TextIO | None) -> None:
        self._corpus = corpus
        self._ids = ids

    def __iter__(self) -> Iterator[str]:
        from semascope.space.ingest import encoded_text

        for row, document in enumerate(self._corpus):
            if self._ids is not None:
                self._write(row, document, self._ids)
            yield encoded_text(document.title, document.text)

    def _write(self, row: int, document: Document, ids: TextIO) -> None:
        from semascope.ops import guarded

        with guarded(f"write {ids.name}"):
            ids.write(json.dumps({"row": row, "id": document.id}, ensure_ascii=False) + "\n")


@contextmanager
def _ids_to(name: str | None, *, overwrite: bool) -> Generator[TextIO | None]:
    """A file of ids that appears when everything went well."""
    from semascope.ops import guarded

    if name is None:
        yield None
        return
    path = Path(name)
    if path.exists() and not overwrite:
        raise StoreError(f"--ids: {path} is there already; give --overwrite, or another name")
    aside = path.with_name(path.name + ".part")
    with guarded(f"write {path}"):
        file = aside.open("w", encoding="utf-8")
    try:
        with file:
            yield file
        with guarded(f"write {path}"):
            aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
