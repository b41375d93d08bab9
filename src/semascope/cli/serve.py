"""The verb `serve`: a Space and models over HTTP, for programs and in the browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from semascope.cli import say
from semascope.cli.make import json_option
from semascope.cli.verb import Verb
from semascope.errors import InputError, OptionError

if TYPE_CHECKING:
    from semascope.serve.running import Started
    from semascope.space import Space
    from semascope.types import Encoder

# Of the extra `serve`.
PACKAGES = ("uvicorn", "httptools", "starlette", "msgspec", "prometheus_client")
_NAMED = re.compile(r"([\w.-]+)=(.+)", re.S)


@click.command(
    cls=Verb,
    about="Answers OpenAI's /v1/embeddings, TEI's /embed and /rerank, and shows the Space in the browser: search, map, what "
    "is inside vectors, reports. Before the first request it tests itself: the vectors that it would serve are compared with those "
    "that the models give, and where they differ it does not start (exit code 3). Ctrl-C or SIGTERM ends it when what it "
    "has accepted is answered; twice, at once. Requests are written to stderr, a line each, without texts or keys. "
    "It speaks no TLS: to be reached from elsewhere it wants a key and a proxy in front of it.",
    examples=[
        ("semascope serve notes.space", "search, map and the rest at http://127.0.0.1:8000/"),
        ("semascope serve --model minilm", "only vectors, as OpenAI's clients ask for them"),
        ("semascope serve notes.space --model small='default | truncate(128)'", "a recipe under a short name"),
        ("semascope serve notes.space --host 0.0.0.0 --key-file keys.txt --new-key", "for others, with a key"),
    ],
)
@click.argument("space", required=False)
@click.option(
    "--model",
    "models",
    metavar="[NAME=]ENCODER",
    multiple=True,
    help="An encoder for /v1/embeddings: a name, a recipe or a folder; may be repeated. The best at hand where nothing else is served.",
)
@click.option("--encoder", metavar="NAME", help="For vectors of unknown origin: what encodes the queries.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; others than this machine's own want a key.",
)
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8_000, show_default=True, help="Port; 0 takes a free one."
)
@click.option(
    "--key",
    "keys",
    metavar="KEY",
    multiple=True,
    envvar="SEMASCOPE_KEY",
    show_envvar=True,
    help="A key that is let in; may be repeated. Others on this machine can see it in the list of processes: better --key-file.",
)
@click.option("--key-file", metavar="FILE", help="A file with a key a line; # begins a remark.")
@click.option(
    "--new-key",
    is_flag=True,
    help="Make a key, print it, and let it in; kept in --key-file where that is not there yet.",
)
@click.option(
    "--truncate",
    is_flag=True,
    help="Cut texts that are too long, unless a request says otherwise, instead of refusing them.",
)
@click.option(
    "--batch-tokens",
    metavar="N",
    type=click.IntRange(min=1),
    help="Tokens of one batch; what suits the model unless given.",
)
@click.option(
    "--log-format", type=click.Choice(["json", "text"]), help="Of the lines on stderr; text on a terminal, else json."
)
@click.option("--name", default="", help="What the Space is called in the app; its folder's name unless given.")
@click.option("--open", "open_", is_flag=True, help="Show the app in the browser.")
@json_option
def serve(space: str | None, models: tuple[str, ...], encoder: str | None, **how: Any) -> None:
    """Serve a Space and models over HTTP: OpenAI's dialect, and a web app."""
    from semascope.ops import need

    for package in PACKAGES:
        need(package, extra="serve")
    from semascope.serve.running import Running, allow
    from semascope.serve.settings import Settings

    keys = [*how["keys"], *_kept(how["key_file"], new=how["new_key"])]
    made = _new(how["key_file"]) if how["new_key"] else None
    settings = Settings(
        host=how["host"],
        port=how["port"],
        keys=(*keys, *([made] if made else [])),
        name=how["name"],
        truncate=how["truncate"],
        batch_tokens=how["batch_tokens"],
    )
    allow(settings)
    if made and not how["json_"]:
        say.line(f"Key: {made}" + (f"  (kept in {how['key_file']})" if how["key_file"] else ""))
    opened = _space(space, encoder)
    running = Running(settings, _models(models, space), opened)

    def ready(started: Started) -> None:
        if how["json_"]:
            say.as_json(_json(started, opened, made))
        else:
            _say(started, opened, keyed=bool(settings.keys), far=settings.host)
        if how["open_"]:
            click.launch(started.address)

    running.run(ready, log=how["log_format"])


def _space(path: str | None, encoder: str | None) -> Space | None:
    from semascope.cli.make import opened

    if path is None:
        if encoder:
            raise OptionError("--encoder: want a SPACE whose queries it encodes, got none (--model serves an encoder)")
        return None
    return opened(path, encoder)


def _models(asked: tuple[str, ...], space: str | None) -> dict[str, Encoder]:
    """Encoders by name; the best at hand where nothing else would be served."""
    from semascope.cli.make import choose

    found: dict[str, Encoder] = {}
    for one in asked:
        named = _NAMED.fullmatch(one)
        name, what = (named[1], named[2]) if named else (one, one)
        if name in found:
            raise OptionError(f"--model: want different names, got {name!r} twice (--model NAME=ENCODER gives one)")
        found[name] = choose(what)
    if not found and space is None:
        from semascope.encoders import best

        found[best()] = choose(best())
    return found


def _kept(path: str | None, *, new: bool) -> list[str]:
    """The keys in a file."""
    if path is None:
        return []
    file = Path(path)
    if new and not file.exists():
        return []
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--key-file: want a file with a key a line, got {path} ({error})") from error
    keys = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not keys and not new:
        raise InputError(f"--key-file: want at least one key in {path}, got none (--new-key makes one)")
    if new:
        raise OptionError(f"--new-key: want a --key-file that is not there yet, got {path}, which holds keys")
    return keys


def _new(path: str | None) -> str:
    """A new key, kept in a file that only its owner can read, where one is named."""
    import os

    from semascope.serve.http.keys import new_key

    key = new_key()
    if path is not None:
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(f"{key}\n")
        except OSError as error:
            raise OptionError(f"--key-file: want a place for a new file, got {path} ({error.strerror})") from error
    return key


def _say(started: Started, space: Space | None, *, keyed: bool, far: str) -> None:
    """Where it listens, what it serves, what the self-test found, what does not work."""
    at = started.address
    say.line(f"Serving at {at}  (app: {at}  OpenAI: {at}v1  routes: {at}docs)")
    say.pairs(
        [
            ("space", "" if space is None else f"{space.path.name}, {say.count(len(space), 'document')}"),
            ("models", ", ".join(started.models) or "none: queries cannot be encoded"),
            ("parity", _parity(started)),
            ("key", "wanted: Authorization: Bearer KEY" if keyed else ""),
        ]
    )
    for warning in started.warnings:
        say.line(f"  warning: {warning}")
    if keyed and not far.startswith(("127.", "localhost", "::1")):
        say.line(
            f"  warning: it listens on {far} and speaks no TLS: keys and texts can be read on the way; put a proxy with "
            "TLS in front of it"
        )
    say.line("  Ctrl-C ends it.")


def _json(started: Started, space: Space | None, made: str | None) -> dict[str, Any]:
    """What `--json` says when it begins to answer."""
    from dataclasses import asdict

    found = asdict(started)
    for one in found["parity"]:
        if one["cosine"] != one["cosine"]:
            one["cosine"] = None  # JSON has no NaN
    known = (
        {"space": str(space.path), "documents": len(space)} if space is not None else {"space": None, "documents": None}
    )
    return {**found, **known, "key": made}


def _parity(started: Started) -> str:
    known = [one for one in started.parity if one.vectors]
    if not known:
        return ""
    lowest = min((one.cosine for one in known if one.cosine == one.cosine), default=float("nan"))
    largest = max(one.difference for one in known)
    total = sum(one.vectors for one in known)
    return (
        f"passed in {say.seconds(started.seconds)}: {total:,} served vectors are those of the models: lowest cosine "
        f"{lowest:.6f}, largest difference {largest:.1e}"
    )
