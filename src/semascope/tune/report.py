"""What tune found, as every verb says it: the verdict, the front, what was confirmed, what papers say, pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from semascope.metrics import Difference
from semascope.report import Finding, Report, Table
from semascope.tune.confirming import Confirmed
from semascope.tune.halving import SAYS
from semascope.tune.pictures import pictures
from semascope.tune.recipes import Candidate
from semascope.tune.run import Tuned
from semascope.tune.saving import provenance
from semascope.tune.tricks import MARGIN

_FRONT = 20  # rows of the table


def report(found: Tuned, source: str, *, next_: str = "", out: str = "") -> Report:
    """The report of a tuning.

    Args:
        found: What was found.
        source: What it was asked about.
        next_: The command that follows.
        out: Folder the winner was saved to, or "".
    """
    return Report(
        verb="tune",
        source=source,
        verdict=verdict(found),
        findings=_findings(found, out),
        tables=[_confirmed(found), *([_by_task(found)] if len(found.tasks) > 1 else []), _front(found), _tricks(found)],
        next=next_,
        numbers=_numbers(found),
        notes=_notes(found),
        pictures=pictures(found),
    )


def verdict(found: Tuned) -> str:
    """One line."""
    name, one = _name(found, found.chosen), found.winner
    before = found.searched.plain.bytes
    cost = f"{found.chosen.bytes:,} bytes a vector" + (
        "" if found.chosen.bytes == before else f" instead of {before:,}"
    )
    time = f"{_time(found.latency.of(found.chosen))} a query"
    best = max(found.finalists, key=lambda it: found.searched.quality(it.recipe), default=None)
    lost = _lost(found, one) if one.worse else "gains" if one.better else "no difference is shown"
    if found.outcome == "better":
        return f"{name} beats {_plain(found)}: {_gains(found, one)} on units that chose nothing; {cost}, {time}."
    if found.outcome == "cheaper":
        return (
            f"{_plain(found)} as it is, {found.searched.plain.bytes:,} bytes and {_time(found.latency.of(found.searched.plain))}, is "
            f"beyond {found.budget}; the best within is {name}: {lost}, {_gains(found, one)}; {cost}, {time}."
        )
    if found.outcome == "too dear":
        none = f"No recipe of {_plain(found)} is within {found.budget}; the nearest is {name}"
        worth = "" if one.recipe == found.plain.recipe else f": {lost}, {_gains(found, one)}"
        return f"{none}{worth}; {cost}, {time}."
    nothing = f"Nothing is shown to beat {_plain(found)} as it is"
    if not found.budget.open:
        nothing += f" within {found.budget}"
    if best is not None:
        nothing += f" (best of {len(found.searched.values):,} recipes on the choosing units: {_gains(found, best)} on the others)"
    if found.outcome == "kept":
        return f"{nothing}. {name} loses less than {MARGIN:g} ({_gains(found, one)}; {_surely(found)}), with {cost}, {time}."
    return f"{nothing}. Keep it as it is."


def _lost(found: Tuned, one: Confirmed) -> str:
    """Where it loses: over all tasks, or in which of several."""
    if len(found.tasks) == 1 or (one.overall.shown and one.overall.value < 0):
        return "loses"
    where = [name for (name, *_), gain in zip(found.tasks, one.gains, strict=True) if gain.shown and gain.value < 0]
    return f"loses on {' and '.join(where)}"


def _plain(found: Tuned) -> str:
    return found.searched.plain.text(found.head)


def _name(found: Tuned, one: Candidate) -> str:
    return found.text(one)


def _gains(found: Tuned, one: Confirmed) -> str:
    gain = one.overall
    what = found.tasks[0][2] if len(found.tasks) == 1 else f"mean over {len(found.tasks)} tasks"
    return f"{what} {gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}], n={gain.n:,}, p={gain.p:.2g}"


def _surely(found: Tuned) -> str:
    """The level at which a loss was ruled out, once corrected for how many smaller recipes could have been named."""
    many = sum(one.recipe.bytes < found.plain.recipe.bytes for one in found.finalists)
    return f"lower end {min(found.winner.lows):+.3f} once corrected for {many}"


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def _findings(found: Tuned, out: str) -> list[Finding]:
    winner, plain = found.winner, found.plain
    said: list[Finding] = []
    for place, (name, _, metric, labelled, _, confirmed) in enumerate(found.tasks):
        on = f" of {name}" if len(found.tasks) > 1 else ""
        here = winner.scores[place].interval()
        there = plain.scores[place].interval()
        said.append(
            Finding(
                f"quality{on}",
                "fine" if winner.gains[place].shown and winner.gains[place].value > 0 else "note",
                f"{metric} {here} against {there} of the plain recipe, on {confirmed:,} units that chose nothing"
                + ("." if labelled else ", made of the texts themselves."),
                {"chosen": here._asdict(), "plain": there._asdict()},
            )
        )
    if winner.recipe != plain.recipe and winner.chose:
        said.append(_optimism(winner, plain))
    helped = [one.trick.name for one in found.tried if one.verdict == "holds"]
    hurt = [one.trick.name for one in found.tried if one.verdict == "hurts"]
    said.append(
        Finding(
            "tricks of papers",
            "note",
            f"Of {len(found.tried)}, {len(helped)} hold here{_list(helped)}; {len(hurt)} hurt{_list(hurt)}.",
            {"hold": helped, "hurt": hurt},
        )
    )
    wall, cpu = (sum(one[at] for one in found.seconds.values()) for at in (0, 1))
    read = found.seconds["reading"][0]
    said.append(
        Finding(
            "cost",
            "note",
            f"{len(found.searched.values):,} recipes of {len(found.rows):,} texts in {wall:.0f} s ({cpu:.0f} s of processor time), "
            f"{read:.0f} s of it to read {found.rows.fresh:,} texts"
            + ("." if found.rows.fresh == len(found.rows) else "; the others were in the cache."),
            {"wall": wall, "cpu": cpu, "steps": found.seconds},
        )
    )
    if found.rows.cut:
        said.append(
            Finding(
                "cut texts",
                "warning",
                f"{found.rows.cut:,} of {len(found.rows):,} texts are longer than the model reads; what follows was not seen.",
            )
        )
    if out:
        said.append(
            Finding(
                "saved",
                "fine",
                f"{out} holds the encoder, and tune.json in it what chose it{_in_words(found)}.",
                {"folder": out},
            )
        )
    return said


def _in_words(found: Tuned) -> str:
    """What the folder alone does not give."""
    weight = found.chosen.weight
    if not weight:
        return ""
    plain = "; it is the encoder as it comes: the gain is in the weight of words" if found.chosen.vectors.plain else ""
    return f"{plain}; a search has to be told --weight {weight:g}"


def _optimism(winner: Confirmed, plain: Confirmed) -> Finding:
    first = float(np.mean([one - other for one, other in zip(winner.chose, plain.chose, strict=True)]))
    later = winner.overall.value
    mean = "mean gain over tasks" if len(winner.chose) > 1 else "gain"
    luck = ": what chooses flatters what it chose" if first > later else ""
    says = f"On the units that chose it the {mean} was {first:+.3f}, on the others {later:+.3f}{luck}."
    return Finding("optimism", "note", says, {"choosing": first, "confirming": later})


def _list(names: Sequence[str]) -> str:
    return f" ({', '.join(names)})" if names else ""


def _confirmed(found: Tuned) -> Table:
    rows = [_line(found, one) for one in [found.plain, *found.finalists]]
    if len(found.tasks) > 1:
        head = ["mean gain over tasks", "p"]
    else:
        metric = found.tasks[0][2]
        head = [f"{metric}, chose", "confirmed", "gain", "p"]
    return Table(
        "Confirmed on units that chose nothing",
        ["bytes", "ms", *head, "recipe"],
        rows,
        f"Gains over the plain recipe with 95 % intervals; p of a paired test, corrected by Holm over {len(found.finalists)} recipes. "
        f"That a smaller recipe loses less than {MARGIN:g} is said by intervals corrected by Bonferroni over all smaller ones here.",
    )


def _line(found: Tuned, one: Confirmed) -> list[str]:
    cells = [f"{one.recipe.bytes:,}", f"{found.latency.of(one.recipe) * 1000:.1f}"]
    if len(found.tasks) == 1:
        cells += [f"{one.chose[0]:.3f}", f"{one.values[0]:.3f}"]
    plain = one.recipe == found.plain.recipe
    cells += ["", ""] if plain else [_interval(one.overall), f"{one.overall.p:.2g}"]
    return [*cells, _name(found, one.recipe)]


def _interval(gain: Difference) -> str:
    return f"{gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"


def _by_task(found: Tuned) -> Table:
    """The chosen recipe and the plain one, task by task."""
    rows: list[list[str]] = []
    for place, (name, _, metric, _, _, confirmed) in enumerate(found.tasks):
        gain = found.winner.gains[place]
        same = found.winner.recipe == found.plain.recipe
        cells = ["", ""] if same else [_interval(gain), f"{gain.p:.2g}"]
        values = [f"{one.values[place]:.3f}" for one in (found.plain, found.winner)]
        rows.append([name, metric, f"{confirmed:,}", *values, *cells])
    return Table(
        f"{_name(found, found.chosen)}, task by task",
        ["task", "figure", "units", "plain", "chosen", "gain", "p"],
        rows,
        "On units that chose nothing; p is corrected by Holm over all tasks and confirmed recipes.",
    )


def _front(found: Tuned) -> Table:
    many = [
        found.front[int(at)]
        for at in np.unique(np.linspace(0, len(found.front) - 1, min(_FRONT, len(found.front))).astype(int))
    ]
    return Table(
        "The front: none is as good, as small and as fast",
        ["quality", "bytes", "ms", "recipe"],
        [
            [
                f"{found.searched.quality(one):.3f}",
                f"{one.bytes:,}",
                f"{found.latency.of(one) * 1000:.1f}",
                _name(found, one),
            ]
            for one in many
        ],
        f"{_quality(found)}, on the units that chose: the best of many, so too high."
        + (f" {len(found.front) - len(many)} more are left out." if len(found.front) > len(many) else ""),
    )


def _quality(found: Tuned) -> str:
    if len(found.tasks) == 1:
        return f"Quality is {found.tasks[0][2]}"
    return "Quality is the mean gain over tasks, each in standard deviations of its headline over the first recipes"


def _tricks(found: Tuned) -> Table:
    return Table(
        "Tricks of papers, each alone against the plain recipe, on the units that confirm",
        ["verdict", "gain", "p", "card", "trick"],
        [
            [
                one.verdict,
                _interval(one.found.overall),
                f"{one.found.overall.p:.2g}",
                one.trick.card,
                one.trick.name,
            ]
            for one in found.tried
        ],
        ("Gains are means over tasks; one that loses in a task hurts. " if len(found.tasks) > 1 else "")
        + f"p corrected by Holm over all of them. What saves bytes holds where a loss of more than {MARGIN:g} is ruled out, by an interval "
        "corrected by Bonferroni over the smaller ones; what is to gain, where a gain is shown. semascope cite CARD says where it is from.",
    )


def _notes(found: Tuned) -> list[str]:
    many, whole = found.searched.units[0]
    notes = [
        f"{len(found.searched.values):,} recipes were scored from one pass over the model, on {many:,} of {whole:,} units that choose"
        + (f", the best {len(found.searched.whole):,} on all of them" if many < whole else "")
        + (f". The other half of the units confirms. {SAYS[found.split]}" if found.split else ". Other tasks confirm."),
        f"Latency is measured on this machine: the median of single queries through as many blocks as the recipe reads, and a comparison with "
        f"{found.latency.rows:,} vectors as codes: bytes by products, bits by counting those that differ; words by SQLite's index where they count. "
        "Quality is by cosines of what codes decode to.",
        f"Transforms and codecs learn from {len(found.learn):,} texts, without labels. Texts are read whole, as encode reads them; build cuts long "
        "ones into passages and puts titles in front.",
    ]
    if len(found.tasks) > 1:
        notes.append(
            "Over several tasks: the mean of their gains, each counting alike, p corrected by Holm over recipes; tasks made of the same texts "
            "err together, which makes that interval narrower than it should be. Recipes are chosen by the mean gain in standard "
            "deviations of each task over the first recipes."
        )
    if not all(labelled for _, _, _, labelled, _, _ in found.tasks):
        notes.append(
            "Nobody judged these units: they were made of the texts themselves. A recipe that is better at them need not be better at what "
            "people ask; docs/label-free.md has how far the two agree."
        )
    if found.outcome == "cheaper" and len(found.finalists) > 1:
        notes.append(
            "Of the confirmed recipes within the budget the first, by the units that chose, that is not shown to lose is taken: a choice that "
            "the confirming units had a say in."
        )
    if found.chosen.weight:
        notes.append(
            (
                "The encoder is the plain one: what is gained is in the weight of words. "
                if found.chosen.vectors.plain
                else ""
            )
            + f"Words count {found.chosen.weight:g} beside meaning: semascope search SPACE QUERY --weight {found.chosen.weight:g}, or "
            f"Space.search(..., weight={found.chosen.weight:g}); left out, they count 0.5."
        )
    return notes


def _numbers(found: Tuned) -> dict[str, Any]:
    return {
        "chosen": provenance(found),
        "plain": {"bytes": found.searched.plain.bytes, "seconds": found.latency.of(found.searched.plain)},
        "recipes": len(found.searched.values),
        "finalists": [
            {
                "recipe": _name(found, one.recipe),
                "bytes": one.recipe.bytes,
                "seconds": found.latency.of(one.recipe),
                "chose": one.chose,
                "confirmed": one.values,
                "overall": vars(one.overall),
                "gains": [vars(gain) for gain in one.gains],
                "better": one.better,
            }
            for one in found.finalists
        ],
        "front": [
            {
                "recipe": _name(found, one),
                "bytes": one.bytes,
                "seconds": found.latency.of(one),
                "quality": found.searched.quality(one),
            }
            for one in found.front
        ],
        "tricks": [
            {
                "trick": one.trick.name,
                "card": one.trick.card,
                "verdict": one.verdict,
                "overall": vars(one.found.overall),
                "gains": [vars(gain) for gain in one.found.gains],
            }
            for one in found.tried
        ],
        "seconds": {"encode_by_layer": found.latency.blocks, "words": found.latency.words, "steps": found.seconds},
    }
