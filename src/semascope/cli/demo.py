"""The first thing somebody runs: a Space of this machine's Python documentation, and questions asked of it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from semascope.cli import find, say, sources
from semascope.cli.make import json_option, summary
from semascope.cli.verb import Verb

if TYPE_CHECKING:
    from semascope.report import Report
    from semascope.space import Space

# The standard library comes first, then installed packages by name; so many are read in well under a minute.
DOCUMENTS = 20_000
SHOWN = 3
FINDINGS = 4


@click.command(
    cls=Verb,
    about="Reads the docstrings of the standard library and of installed packages (parsed, never imported), builds a Space of "
    "them, asks a few questions, and says what doctor and leak find of its vectors. Run again, it uses that Space.",
    examples=[("semascope demo", ""), ("semascope demo --out pydocs.space", "keep the Space here")],
)
@click.option(
    "--out", metavar="SPACE", help="Where the Space goes; semascope/demo.space in your cache folder unless given."
)
@click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(min=1),
    default=DOCUMENTS,
    show_default=True,
    help="Pieces read at most.",
)
@click.option("--fresh", is_flag=True, help="Build it anew.")
@json_option
def demo(out: str | None, limit: int, fresh: bool, json_: bool) -> None:
    """Search this machine's Python documentation by meaning: no network, no set-up."""
    path = Path(out) if out else cache() / "demo.space"
    began = time.monotonic()
    space, built = _space(path, limit, fresh=fresh or (out is None and _outdated(path)), quiet=json_)
    spent = time.monotonic() - began
    with space:
        answers = [(question, space.search(question, SHOWN)) for question in questions()]
        info = summary(space)
    reports = _trust(path, info["passages"], quiet=json_)
    if json_:
        found = [{"question": question, "hits": [hit.to_json() for hit in hits]} for question, hits in answers]
        said = {report.verb: report.to_json() for report in reports}
        say.as_json({"space": str(path), **info, "built": built, "seconds": round(spent, 3), "searches": found, **said})
        return
    what = f"{say.count(info['documents'], 'piece')} of the Python documentation on this machine"
    how = f"read, encoded and indexed in {say.seconds(spent)}" if built else "as built earlier (--fresh builds it anew)"
    say.line(f"{what}, {how}: {tilde(path)}")
    for question, hits in answers:
        say.line(f"\n{say.styled('? ' + question, fg='cyan', bold=True)}")
        find.show(hits, question, brief=True)
    _show(reports, tilde(path))
    search = f'semascope search {tilde(path)} "ask it in your own words"'
    if not _serves():
        say.next_step(search)
        return
    say.line(f"\nAsk it yourself: {say.runnable(search)}")
    say.line("Or in the browser: results as you type, a map of all of it, what is inside a vector.")
    say.next_step(f"semascope serve {tilde(path)}")


def _trust(path: Path, passages: int, *, quiet: bool) -> list[Report]:
    """What doctor and leak say of the Space; leak where there are rows enough to play the attacker on."""
    from semascope.doctor import examine_space
    from semascope.leak.sampled import LEAST, audit_sample

    with say.Bar("Looking at the vectors", "rows", quiet=quiet) as bar:
        reports = [examine_space(path, progress=bar)]
    if passages < LEAST:
        return reports
    with say.Bar("Attacking", "runs", quiet=quiet) as bar:
        reports.append(audit_sample(path, progress=bar))
    return reports


def _show(reports: Sequence[Report], path: str) -> None:
    """The verdict and the first findings of each, under the command that says all of it."""
    from semascope.report.findings import SIGNS

    for report in reports:
        say.line(f"\n{say.styled(f'$ semascope {report.verb} {path}', fg='cyan', bold=True)}")
        say.line(report.verdict)
        for one in report.findings[:FINDINGS]:
            say.line("  " + say.shorten(f"{SIGNS[one.level]} {one.name}: {one.says}", say.width() - 2))


def _serves() -> bool:
    """Whether the web app can run: the packages of the extra `serve` are there."""
    from semascope.cli.serve import PACKAGES

    return all(find_spec(name) for name in PACKAGES)


def questions() -> list[str]:
    """A few questions in a newcomer's words, shipped with the package."""
    lines = files("semascope.cli").joinpath("questions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(text)["question"] for text in lines]


def _space(path: Path, limit: int, *, fresh: bool, quiet: bool) -> tuple[Space, bool]:
    """The demo's Space, and whether it had to be built or finished now."""
    from semascope.encoders import Encoder
    from semascope.space import Space

    if path.exists() and not fresh:
        space = Space.open(path)
        if space.info()["complete"]:
            return space, False
        space.close()
    path.parent.mkdir(parents=True, exist_ok=True)
    encoder = Encoder("default")
    corpus = sources.python(limit=limit)
    with say.resumable(), say.Bar("Reading the Python documentation here", "pieces", quiet=quiet) as bar:
        return Space.build(corpus, encoder, path, progress=bar, overwrite=fresh), True


def _outdated(path: Path) -> bool:
    """Whether the demo's own Space was made by the default encoder of another version; a Space that somebody named is theirs."""
    from semascope.encoders import Encoder
    from semascope.passport import Passport
    from semascope.space import Space

    if not path.exists():
        return False
    with Space.open(path) as space:
        made = [Passport.from_json({**one["passport"], "canaries": []}) for one in space.info()["encodings"].values()]
    return any(passport.differences(Encoder("default").passport) for passport in made)


def cache() -> Path:
    """The folder for what can be made again."""
    from semascope.ops import cache_folder

    return cache_folder()


def tilde(path: Path) -> str:
    """`path` as a person writes it in a shell."""
    home = Path.home()
    if path.is_absolute() and path.is_relative_to(home):
        return f"~/{say.quoted(str(path.relative_to(home)))}"
    return say.quoted(str(path))
