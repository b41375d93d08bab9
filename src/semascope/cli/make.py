"""The verbs that make and change a Space: build, add, delete, reencode, export."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from semascope.cli import say, sources
from semascope.cli.verb import Verb
from semascope.errors import InputError, OptionError

if TYPE_CHECKING:
    from semascope.corpus import Corpus
    from semascope.passport import Passport
    from semascope.space import Space
    from semascope.types import Encoder

SAMPLED = 300  # documents that a dry run encodes

json_option = click.option("--json", "json_", is_flag=True, help="The answer as JSON.")
encoder_option = click.option(
    "--encoder",
    "encoder_",
    metavar="NAME",
    envvar="SEMASCOPE_ENCODER",
    show_envvar=True,
    help="A name (default, minilm), a recipe ('default | truncate(128)') or a folder. The best one installed unless given.",
)
duplicate_option = click.option(
    "--on-duplicate",
    type=click.Choice(["error", "skip", "replace"]),
    default="error",
    show_default=True,
    help="A document whose id is there already.",
)
resume_option = click.option(
    "--resume/--no-resume", default=True, help="Go on where an interrupted run stopped; on by default."
)


def choose(name: str | None, corpus: Corpus | None = None) -> Encoder:
    """The encoder of that name, or the best one here, which is said; a recipe that has to learn learns from `corpus`."""
    from semascope.encoders import Encoder, Recipe, best

    if name is None and (name := best()) != "default":
        say.aside(
            f"Encoder: {name}, which is installed here and better than the default (--encoder default is the fast one)"
        )
    found = Encoder(name)
    if not isinstance(found, Recipe):
        return found
    if corpus is None or not corpus.repeatable:
        raise OptionError(f"--encoder: {name!r} has to learn from texts that can be read twice; want a file or folder")
    say.aside(f"Encoder: {name}, fitted to {corpus.name}")
    fitted: Any = found.fit(corpus)
    return fitted


def opened(path: str, encoder: str | None = None) -> Space:
    """The Space at `path`; a place where none is, is the command's mistake and not the disk's."""
    from semascope.encoders import Encoder
    from semascope.space import Space

    folder = Path(path)
    if not (folder / "space.json").exists() and not (folder / "corpus.sqlite").exists():
        what = "which is no Space" if folder.exists() else "where nothing is"
        raise InputError(f"SPACE: want the folder of a Space, got {path}, {what} (semascope build makes one)")
    return Space.open(folder, encoder=Encoder(encoder) if encoder else None)


def summary(space: Space) -> dict[str, Any]:
    """What `--json` says of a Space after a verb has changed it."""
    return dict(space.info())


@click.command(
    cls=Verb,
    about=sources.ABOUT,
    examples=[
        ("semascope build notes/ --out notes.space", "every text, Markdown, HTML and source file below notes/"),
        (
            "semascope build tickets.csv --text body --id number",
            "columns by name; without them they are guessed and said",
        ),
        ("semascope build tickets.csv --dry-run", "how many documents, how long, how large"),
        ("journalctl -o cat | semascope build - --out log.space", "a text a line"),
        ("semascope build texts.jsonl --vectors mine.npy", "vectors you already have"),
    ],
)
@click.argument("source")
@click.option("--out", metavar="SPACE", help="Folder of the new Space; SOURCE's name with .space unless given.")
@sources.options
@encoder_option
@click.option(
    "--passage-size", metavar="N", type=int, default=None, help="The most characters of a passage.  [default: 1200]"
)
@duplicate_option
@resume_option
@click.option("--overwrite", is_flag=True, help="Replace a Space that is there.")
@click.option(
    "--vectors", metavar="FILE.npy", help="Vectors you already have, a row for each document of SOURCE, in order."
)
@click.option("--dry-run", is_flag=True, help="Estimate documents, time and bytes; write nothing.")
@json_option
def build(source: str, out: str | None, encoder_: str | None, **how: Any) -> None:
    """Make a Space of texts: read, cut into passages, encode, index."""
    corpus = sources.read(source, how)
    path = out or sources.default_out(source)
    if how["vectors"]:
        # What is usually used ($SEMASCOPE_ENCODER) says nothing about what made these vectors.
        asked = click.get_current_context().get_parameter_source("encoder_") is ParameterSource.COMMANDLINE
        _from_vectors(corpus, path, encoder_ if asked else None, how)
        return
    encoder = choose(encoder_, corpus)
    if how["dry_run"]:
        _estimate(corpus, path, encoder, how)
        return
    from semascope.space import Space

    began = time.monotonic()
    with say.resumable(), say.Bar("Building", "documents", quiet=how["json_"]) as bar:
        space = Space.build(corpus, encoder, path, progress=bar, **_plan(how, "resume", "overwrite"))
    say.problems(corpus.problems)
    _built(space, path, time.monotonic() - began, corpus.problems.total, how["json_"])


def _plan(how: dict[str, Any], *names: str) -> dict[str, Any]:
    size = {} if how.get("passage_size") is None else {"passage_size": how["passage_size"]}
    return {**size, "on_duplicate": how["on_duplicate"], **{name: how[name] for name in names}}


def _from_vectors(corpus: Corpus, path: str, encoder: str | None, how: dict[str, Any]) -> None:
    import numpy as np

    from semascope.space import Space

    file = Path(how["vectors"])
    if not file.is_file():
        raise InputError(f"--vectors: want a .npy file, got {file}, which is not there")
    try:
        matrix = np.load(file, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise InputError(f"--vectors: want a .npy file of numbers, got {file}: {error}") from None
    began = time.monotonic()
    documents = list(corpus)
    used, passport = _made_by(file, encoder)
    space = Space.from_arrays(
        matrix,
        [document.text for document in documents],
        ids=[document.id for document in documents],
        titles=[document.title for document in documents],
        metadata=[document.metadata for document in documents],
        encoder=used,
        passport=passport,
        path=path,
        overwrite=how["overwrite"],
    )
    say.problems(corpus.problems)
    _built(space, path, time.monotonic() - began, corpus.problems.total, how["json_"])


def _made_by(file: Path, name: str | None) -> tuple[Any, Passport | None]:
    """What made the vectors of a file: the encoder that is named, or the one that the passport beside the file tells of."""
    from semascope.encoders import Encoder, available
    from semascope.encoders.jobs.stored_rows import SIDE, passport_beside

    beside = passport_beside(file)
    encoder = Encoder(name) if name else None
    if beside is None:
        return encoder, None
    if encoder is not None:
        mend = f"name that encoder, or remove {file}{SIDE} if it is wrong"
        beside.require(encoder.passport, what=f"take {name!r} for what made {file}", mend=mend)
        return encoder, None
    if any(one.name == beside.name for one in available()) and Encoder(beside.name).passport.id == beside.id:
        say.aside(f"Encoder: {beside.name}, as {file}{SIDE} says")
        return Encoder(beside.name), None
    return None, beside


def _built(space: Space, path: str, spent: float, problems: int, json_: bool) -> None:
    with space:
        info = summary(space)
    if json_:
        say.as_json({"space": str(path), **info, "seconds": round(spent, 3), "problems": problems})
        return
    say.line(
        f"Built {path}: {say.count(info['documents'], 'document')}, {say.count(info['passages'], 'passage')}, "
        f"{say.size(info['bytes'])}, in {say.seconds(spent)}."
    )
    say.next_step(f'semascope search {say.quoted(path)} "what you want to find"')


def _estimate(corpus: Corpus, path: str, encoder: Encoder, how: dict[str, Any]) -> None:
    """What a build would take, from the first documents."""
    from itertools import islice

    from semascope.corpus import passages

    estimate = corpus.estimate()
    sample = list(islice(corpus, SAMPLED)) if corpus.repeatable else []
    size = how["passage_size"] or 1200
    texts = [document.text[start:stop] for document in sample for start, stop in passages(document.text, size)]
    encoder.encode(texts[:8])  # what is loaded once is not part of the rate
    began = time.monotonic()
    encoder.encode(texts)
    each = (time.monotonic() - began) / max(len(sample), 1)
    known = estimate.documents is not None and bool(sample)
    count = estimate.documents or 0
    rows = round(count * len(texts) / max(len(sample), 1))
    said: dict[str, Any] = {
        "space": str(path),
        "documents": estimate.documents,
        "exact": estimate.exact,
        "text_bytes": estimate.bytes,
        "passages": rows if known else None,
        "encoding_seconds": round(each * count, 3) if known else None,
        "space_bytes": _bytes(rows, encoder.dim, estimate.bytes or 0) if known else None,
        "encoder": encoder.passport.name,
        "dim": encoder.dim,
    }
    if how["json_"]:
        say.as_json(said)
        return
    if not known:
        say.line(f"Nothing can be said of {corpus.name} beforehand: it can be read once only. Nothing was written.")
        return
    about = "" if estimate.exact else "about "
    say.line(
        f"Would build {path}: {about}{say.count(count, 'document')}, {say.count(rows, 'passage')}, about "
        f"{say.size(said['space_bytes'])}, encoded in about {say.seconds(said['encoding_seconds'])}. Nothing was written."
    )
    facts = [("columns", str(corpus.columns)), ("encoder", f"{said['encoder']}, {said['dim']} dimensions")]
    say.pairs([*facts, ("first", f"{sample[0].id}: {say.shorten(sample[0].text, 70)}" if sample else "")])
    say.next_step("the same command without --dry-run")


def _bytes(rows: int, dim: int, text: int) -> int:
    """About what a Space takes."""
    # Float32 rows, their one-bit codes and numbers, the codec's rotation; the text and its word index, three times the
    # text as measured on documentation and on random words, above an empty database.
    return round(rows * (4 * dim + dim / 8 + 16) + 4 * dim * dim + 3 * text + 150_000)


@click.command(
    cls=Verb,
    about=sources.ABOUT,
    examples=[
        ("semascope add notes.space new-notes/", ""),
        ("semascope add notes.space notes.jsonl --on-duplicate replace", "documents whose ids are there are replaced"),
    ],
)
@click.argument("space")
@click.argument("source")
@sources.options
@duplicate_option
@resume_option
@json_option
def add(space: str, source: str, **how: Any) -> None:
    """Add documents to a Space, encoded as those that are in it."""
    corpus = sources.read(source, how)
    began = time.monotonic()
    with opened(space) as it:
        with say.resumable(), say.Bar("Adding", "documents", quiet=how["json_"]) as bar:
            came = it.add(corpus, progress=bar, **_plan(how, "resume"))
        total = len(it)
    say.problems(corpus.problems)
    if how["json_"]:
        spent = round(time.monotonic() - began, 3)
        say.as_json(
            {"space": space, "added": came, "documents": total, "seconds": spent, "problems": corpus.problems.total}
        )
        return
    say.line(f"Added {say.count(came, 'document')} to {space}, which has {total:,} now.")
    say.next_step(f'semascope search {say.quoted(space)} "what you want to find"')


@click.command(
    cls=Verb,
    examples=[
        ("semascope delete notes.space drafts/old.md", ""),
        ("semascope delete notes.space --compact", "give the room of what was deleted back"),
    ],
)
@click.argument("space")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--compact", is_flag=True, help="Then give the room of everything deleted so far back to the disk.")
@json_option
def delete(space: str, ids: tuple[str, ...], compact: bool, json_: bool) -> None:
    """Delete documents from a Space by their ids."""
    if not ids and not compact:
        raise click.UsageError("ID: want the ids of the documents to delete, got none", click.get_current_context())
    with opened(space) as it:
        gone = it.delete(ids) if ids else 0
        if compact:
            it.compact()
        info = summary(it)
    if json_:
        say.as_json({"space": space, "deleted": gone, **info})
        return
    say.line(f"Deleted {say.count(gone, 'document')} from {space}, which has {info['documents']:,} now.")
    say.next_step(f"semascope info {say.quoted(space)}")


@click.command(
    cls=Verb,
    examples=[
        ("semascope reencode notes.space --encoder minilm", ""),
        ("semascope reencode notes.space --encoder default --keep-old", "to compare two encoders on one corpus"),
    ],
    about="The old vectors serve until the new ones are complete, and go then unless they are kept.",
)
@click.argument("space")
@encoder_option
@click.option(
    "--keep-old", is_flag=True, help="Keep the old vectors too, for search --encoding and for maps side by side."
)
@click.option("--name", metavar="NAME", help="Name of the new encoding; made of its encoder unless given.")
@json_option
def reencode(space: str, encoder_: str | None, keep_old: bool, name: str | None, json_: bool) -> None:
    """Encode the texts of a Space anew, with another encoder."""
    began = time.monotonic()
    with opened(space) as it:
        encoder = choose(encoder_)
        with say.resumable(), say.Bar("Encoding", "passages", quiet=json_) as bar:
            it.reencode(encoder, name=name, keep_old=keep_old, progress=bar)
        info = summary(it)
    if json_:
        say.as_json({"space": space, **info, "seconds": round(time.monotonic() - began, 3)})
        return
    say.line(f"Encoded {say.count(info['passages'], 'passage')} of {space} anew with {info['encoder']}.")
    say.next_step(f'semascope search {say.quoted(space)} "what you want to find"')


@click.command(cls=Verb, examples=[("semascope export notes.space --out notes-plain/", "")])
@click.argument("space")
@click.option(
    "--out", metavar="FOLDER", required=True, help="Folder for vectors.npy and the JSONL files; made if missing."
)
@json_option
def export(space: str, out: str, json_: bool) -> None:
    """Write a Space as plain files: .npy and JSONL."""
    with opened(space) as it:
        it.export(out)
    files = sorted(path for path in Path(out).iterdir() if path.is_file())
    if json_:
        say.as_json({"space": space, "folder": out, "files": [path.name for path in files]})
        return
    said = ", ".join(f"{path.name} ({say.size(path.stat().st_size)})" for path in files)
    say.line(f"Exported {space} to {out}: {said}.")
    say.next_step(f"python -c \"import numpy; print(numpy.load('{out}/vectors.npy', mmap_mode='r').shape)\"")
