"""The verbs that look into a Space: search, info."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import click

from semascope.cli import say
from semascope.cli.make import json_option, opened, summary
from semascope.cli.verb import Verb

if TYPE_CHECKING:
    from semascope.space import Hit
    from semascope.space.search import Mode

_WORD = re.compile(r"\w+")


@click.command(
    cls=Verb,
    about="Prints the best documents with the passage that fits, best first. Exit code 1 says that nothing was found. A score is "
    "comparable within one list only: meaning and words added up (--hybrid), a cosine (--dense, --exact) or BM25 (--lexical).",
    examples=[
        ('semascope search notes.space "how do we back up?"', ""),
        ('semascope search notes.space "error 0x80070057" --lexical', "exactly these words"),
        ('semascope search tickets.space "printer" --where status=open --where "year>=2024"', "only some documents"),
        ('semascope search notes.space "back up" --json | jq -r ".[].id"', "for a program"),
    ],
)
@click.argument("space")
@click.argument("query")
@click.option("-k", metavar="N", type=click.IntRange(min=1), default=10, show_default=True, help="How many results.")
@click.option(
    "--hybrid", "mode", flag_value="hybrid", default="hybrid", help="By meaning and by words, together; the default."
)
@click.option("--dense", "mode", flag_value="dense", help="By meaning only.")
@click.option("--lexical", "mode", flag_value="lexical", help="By words only (BM25).")
@click.option("--exact", "mode", flag_value="exact", help="By meaning only, every vector compared in full.")
@click.option(
    "--where",
    metavar="FIELD=VALUE",
    multiple=True,
    help="Only documents of which this is true; = != < <= > >=. May be repeated: all must hold.",
)
@click.option("--encoder", "encoder_", metavar="NAME", help="For vectors of unknown origin: what encodes the query.")
@click.option(
    "--weight",
    metavar="W",
    type=float,
    default=0.5,
    show_default=True,
    help="How much words count in --hybrid, 0 to 1.",
)
@click.option("--encoding", metavar="NAME", help="Which vectors, where the Space holds several (info names them).")
@click.option("--full", is_flag=True, help="Show whole passages.")
@json_option
def search(
    space: str, query: str, k: int, mode: Mode, where: tuple[str, ...], encoder_: str | None, **how: Any
) -> None:
    """Find the documents of a Space that answer a query."""
    with opened(space, encoder_) as it:
        began = time.monotonic()
        hits = it.search(query, k, mode=mode, where=list(where) or None, weight=how["weight"], encoding=how["encoding"])
        spent = time.monotonic() - began
        total = len(it)
    if how["json_"]:
        say.as_json([hit.to_json() for hit in hits])
    else:
        say.line(f"{say.count(len(hits), 'result')} of {say.count(total, 'document')} ({mode}, {say.seconds(spent)})")
        show(hits, query, full=how["full"])
        if hits:
            say.next_step(_next(space, query, mode))
    if not hits:
        click.get_current_context().exit(1)


def _next(space: str, query: str, mode: Mode) -> str:
    other = "--dense" if mode == "hybrid" else "--hybrid"
    return f"semascope search {say.quoted(space)} {say.quoted(query, always=True)} {other}"


def show(hits: list[Hit], query: str, *, full: bool = False, brief: bool = False) -> None:
    """Hits as a person reads them: rank, title or id and score, then the passage around the words that match.

    Args:
        hits: Best first.
        query: Whose words are marked.
        full: Whole passages.
        brief: The first line of each text only.
    """
    words = {word.lower() for word in _WORD.findall(query) if len(word) > 3}
    room = say.width() - 4
    for rank, hit in enumerate(hits, 1):
        score = f"{hit.score:.3f}"
        name = say.shorten(hit.title or hit.id, room - len(score) - 2)
        if not brief:
            say.line()
        say.line(f"{rank:>3} {say.styled(name, bold=True)}  {say.styled(score, dim=True)}")
        if hit.title and hit.id != hit.title and not hit.title.startswith(f"{hit.id}("):
            say.line(f"    {say.styled(hit.id, dim=True)}")
        for row in _rows(hit, words, room, full=full, brief=brief):
            say.line(f"    {_marked(row, words)}")


def _rows(hit: Hit, words: set[str], room: int, *, full: bool, brief: bool) -> list[str]:
    if full:
        return hit.passage.splitlines()
    if brief:
        return [say.shorten(hit.text.strip().partition("\n\n")[0], room)]
    return say.wrapped(snippet(hit.passage, words, room * 2), room)


def snippet(passage: str, words: set[str], room: int) -> str:
    """The beginning of a passage where it fits or where no word matches; else the stretch around the first match."""
    flat = " ".join(passage.split())
    if len(flat) <= room:
        return flat
    first = next((found.start() for found in _WORD.finditer(flat) if found[0].lower() in words), 0)
    if first < room * 2 // 3:
        return say.shorten(flat, room)
    start = flat.rfind(". ", 0, first) + 2 if flat.rfind(". ", first - room // 2, first) > 0 else first - room // 4
    start = flat.find(" ", start - 1) + 1 if flat[start - 1 : start] != " " else start
    return say.shorten(f"…{flat[start:]}", room)


def _marked(text: str, words: set[str]) -> str:
    if not say.colourful():
        return text
    return _WORD.sub(lambda found: say.styled(found[0], bold=True) if found[0].lower() in words else found[0], text)


@click.command(
    cls=Verb,
    examples=[
        ("semascope info notes.space", ""),
        ("semascope info notes.space --verify", "is every byte what it was?"),
    ],
)
@click.argument("space")
@click.option("--verify", is_flag=True, help="Read every file and compare it with its checksum first.")
@json_option
def info(space: str, verify: bool, json_: bool) -> None:
    """Say what a Space holds, what made its vectors, and how large it is."""
    with opened(space) as it:
        if verify:
            it.verify()
        facts = summary(it)
    if json_:
        say.as_json({"space": space, **facts, "verified": verify})
        return
    said = f"{say.count(facts['documents'], 'document')}, {say.count(facts['passages'], 'passage')}, {say.size(facts['bytes'])}"
    say.line(f"{space}: {said}{', every byte as it was written' if verify else ''}.")
    say.pairs(_facts(facts))
    unfinished = facts["unfinished"]
    say.next_step(
        f"the same {unfinished[0]['doing']} again, which goes on where it stopped"
        if unfinished
        else f'semascope search {say.quoted(space)} "what you want to find"'
    )


def _facts(info: dict[str, Any]) -> list[tuple[str, str]]:
    """What a person wants to know, in order; an empty value is left out."""
    facts: list[tuple[str, str]] = []
    for name, one in info["encodings"].items():
        passport = one["passport"]
        facts.append(("vectors" if one["current"] else "also", f"{one['passages']:,} x {passport['dim']}, {name}"))
        if one["current"]:
            facts.append(("encoder", f"{info['encoder']} ({passport['kind']})"))
            measured = one["measured"]
            if measured:
                facts.append(
                    ("recall", f"{measured['recall']:.3f} measured on {measured['rows']:,}, {one['depth']:,} rescored")
                )
        zero = one["zero_vectors"]
        facts.append(
            ("", "") if not zero else ("empty", f"{say.count(zero, 'passage')} of which the encoder knows nothing")
        )
    dead = info["deleted_not_compacted"]
    facts += [
        (
            "deleted",
            f"{say.count(dead, 'document')} still on the disk: semascope delete SPACE --compact" if dead else "",
        ),
        *(("unfinished", f"{one['doing']}, {one['position']:,} documents read") for one in info["unfinished"]),
        ("bytes", ", ".join(f"{name} {say.size(number)}" for name, number in info["bytes_by_part"].items())),
        ("created", f"{info['created'].replace('T', ' ')} by semascope {info['semascope']}"),
    ]
    return facts
