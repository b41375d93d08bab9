"""The verbs about published methods: methods, check, cite."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from semascope.cli import say
from semascope.cli.make import json_option
from semascope.cli.verb import Verb
from semascope.errors import OptionError

if TYPE_CHECKING:
    from semascope.card import Card
    from semascope.checking import Finding, Verdict

# The claim did not stand; "not run" is neither.
FALLEN = ("fails", "does not hold at this scale")
SHORT = {"does not hold at this scale": "not at this scale"}

family_option = click.option("--family", metavar="NAME", help="Only methods of this family.")


@click.command(
    cls=Verb,
    about="Each method has a card: its paper, one claim that can fail, and the verdict of the last check. A star says that the "
    "code has changed since that check.",
    examples=[
        ("semascope methods", ""),
        ("semascope methods --family transforms", ""),
        ("semascope methods --json | jq -r '.[] | select(.verdict != \"holds\").name'", ""),
    ],
)
@family_option
@json_option
def methods(family: str | None, json_: bool) -> None:
    """List published methods, what each claims, and whether it holds."""
    from semascope import checking

    rows = checking.methods(_names(family))
    if json_:
        say.as_json(rows)
        return
    counts = [(word, sum(row["verdict"] == word for row in rows)) for word in checking.VERDICTS]
    said = ", ".join(f"{number} {SHORT.get(word, word)}" for word, number in counts if number)
    say.line(f"{say.count(len(rows), 'method')}{': ' + said if said else ''}.\n")
    say.table([_row(row) for row in rows], head=("name", "family", "key", "verdict", "claim"))
    say.next_step(f"semascope check {rows[0]['name']}" if rows else "semascope methods")


def _names(family: str | None) -> list[str]:
    """The methods of a family, or all."""
    from semascope.card import FAMILIES
    from semascope.ops import option
    from semascope.registry import names

    if family is None:
        return list(names())
    option(family, FAMILIES, name="--family")
    return [name for name, module in names().items() if f".{family}." in module]


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    verdict = SHORT.get(row["verdict"], row["verdict"]) + "*" * (row["stale"] and row["verdict"] != "not run")
    return row["name"], row["family"], ", ".join(row["keys"]) or "-", verdict, row["claim"]


@click.command(
    cls=Verb,
    about="A check measures what a claim says, once for each seed, with the method and with one that does nothing in its place. The "
    "claim holds where every seed agrees and the do-nothing control fails. A claim that does not is answered with exit code 1.",
    examples=[
        ("semascope check whiten", ""),
        ("semascope check whiten --data notes/ --model minilm", "on your own texts, with another encoder"),
        ("semascope check --family pooling --json", ""),
    ],
)
@click.argument("names", nargs=-1, metavar="[NAME-or-KEY]...")
@click.option("--all", "all_", is_flag=True, help="Every method.")
@family_option
@click.option("--changed", is_flag=True, help="Methods whose code differs from their verdict's.")
@click.option(
    "--seeds", metavar="N", type=click.IntRange(min=1), default=3, show_default=True, help="Runs that must agree."
)
@click.option("--data", metavar="SOURCE", help="Your own texts, where the check reads texts.")
@click.option("--model", metavar="ENCODER", help="Another encoder, where the check uses one.")
@click.option("--write", is_flag=True, help="Renew the verdict beside the code (in a source checkout).")
@json_option
def check(names: tuple[str, ...], seeds: int, data: str | None, model: str | None, write: bool, **how: Any) -> None:
    """Run the check of a method's claim on this machine."""
    from semascope import checking

    cards = _chosen(names, how)
    if write:
        _may_write(seeds, data, model)
    verdicts: list[Verdict] = []
    for card in cards:
        with say.Bar(card.name, "seeds", quiet=how["json_"]) as bar:
            verdict = checking.run(card, seeds=range(seeds), data=data, model=model, progress=bar)
        verdicts.append(verdict)
        if write:
            checking.save(verdict)
        if not how["json_"]:
            _show(verdict, first=len(verdicts) == 1)
    if how["json_"]:
        say.as_json([verdict.to_json() for verdict in verdicts])
    else:
        if len(verdicts) != 1:
            held = sum(verdict.verdict == "holds" for verdict in verdicts)
            say.line(f"\n{held} of {say.count(len(verdicts), 'claim')} held.")
        say.next_step(f"semascope cite {' '.join(card.name for card in cards[:3])}" if cards else "semascope methods")
    if any(verdict.verdict in FALLEN for verdict in verdicts):
        click.get_current_context().exit(1)


def _chosen(names: tuple[str, ...], how: dict[str, Any]) -> list[Card]:
    """The cards asked for, each once."""
    from semascope import checking
    from semascope.registry import card, find
    from semascope.registry import names as every

    if not (names or how["all_"] or how["family"] or how["changed"]):
        raise click.UsageError("NAME: want a method, a key, --all, --family or --changed", click.get_current_context())
    asked = [found.name for name in names for found in find(name)]
    if not names:
        asked = _names(how["family"]) if how["family"] else list(every())
    if how["changed"]:
        differing = set(checking.changed())
        asked = [name for name in asked if name in differing]
    return [card(name) for name in dict.fromkeys(asked)]


def _may_write(seeds: int, data: str | None, model: str | None) -> None:
    import semascope

    if data is not None or model is not None or seeds < 3:
        raise OptionError("--write: want three seeds or more on the check's own material, got other conditions")
    if not (Path(semascope.__file__).resolve().parents[2] / "pyproject.toml").is_file():
        raise OptionError("--write: want a source checkout, got an installed package, whose verdicts came with it")


def _show(verdict: Verdict, *, first: bool) -> None:
    if not first:
        say.line()
    colour = {"holds": "green", "not run": "yellow"}.get(verdict.verdict, "red")
    why = f" ({verdict.reason})" if verdict.reason else ""
    say.line(f"{verdict.name}: {say.styled(verdict.verdict, fg=colour, bold=True)}{why}")
    facts = [("claim", verdict.claim), ("method", verdict.method), ("scale", verdict.scale), ("texts", verdict.texts)]
    say.pairs([*facts, ("took", f"{verdict.cpu_seconds:.1f} CPU-seconds")])
    if verdict.found:
        _numbers(verdict.found, verdict.control)


def _numbers(found: tuple[Finding, ...], control: tuple[Finding, ...]) -> None:
    """Every figure, a column for each seed, beside those of the control."""
    sides = [("", found), ("control ", control)]
    head = ["", *(f"{what}seed {finding.seed}" for what, side in sides for finding in side)]
    each = [finding for _, side in sides for finding in side]
    names = list(dict.fromkeys(name for finding in each for name in finding.numbers))
    rows = [[name, *(f"{f.numbers[name]:.4g}" if name in f.numbers else "-" for f in each)] for name in names]
    rows.append(["claim holds", *("yes" if finding.holds else "no" for finding in each)])
    say.table([[f"  {row[0]}", *row[1:]] for row in rows], head=head)


@click.command(cls=Verb, examples=[("semascope cite whiten int8 > papers.bib", "each paper once")])
@click.argument("names", nargs=-1, required=True, metavar="NAME-or-KEY...")
@json_option
def cite(names: tuple[str, ...], json_: bool) -> None:
    """Print BibTeX for the papers behind methods."""
    from semascope import checking
    from semascope.registry import find

    if json_:
        papers = {paper: None for name in names for card in find(name) for paper in card.papers}
        fields = [(p.title, list(p.authors), p.year, p.url, p.bibtex) for p in papers]
        say.as_json([dict(zip(("title", "authors", "year", "url", "bibtex"), paper, strict=True)) for paper in fields])
        return
    say.line(checking.cite(names))
