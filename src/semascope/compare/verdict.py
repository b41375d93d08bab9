"""What a comparison says: the verdict first, then figures, wins and losses with their texts, kinds of queries, costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from semascope.compare.comparing import Compared, Pair, Result
from semascope.compare.examples import Example, gains
from semascope.compare.groups import Kind
from semascope.compare.leaks import Leak
from semascope.metrics import Difference
from semascope.report import Finding, Report, Table
from semascope.report.pictures import Forest

_NOUNS = {"retrieval": "queries", "reranking": "queries", "analogy": "questions"}
_ONE = {"queries": "query", "questions": "question", "pairs": "pair", "texts": "text"}
_PAIRS = ("similarity", "pair matching", "word similarity")
_MADE = 0.5  # of the clicks at the very position of a ranking, for it to have made the lists
_LONGEST = 200  # characters of a text that are shown


def noun(found: Compared) -> str:
    """What a unit of a task is, in the plural."""
    kind = found.task.kind if found.task is not None else ""
    return "pairs" if kind in _PAIRS else _NOUNS.get(kind, "texts" if found.task is not None else "units")


def digits(one: Difference) -> int:
    """After the point: three, and more where these would all be zeros."""
    return 3 if one.most >= 0.002 or one.most == 0 else min(9, 3 - int(np.floor(np.log10(one.most))))


def signed(one: Difference) -> str:
    """A difference with its interval."""
    after = digits(one)
    value, low, high = (round(each, after) + 0.0 for each in (one.value, one.low, one.high))  # no "-0.000"
    return f"{value:+.{after}f} [{low:+.{after}f}, {high:+.{after}f}]"


def chance(p: float) -> str:
    """A p-value as people write it."""
    return f"p = {p:.2g}"


def sentence(found: Compared, pair: Pair) -> str:
    """The verdict on one pair."""
    one, units = pair.difference, noun(found)
    said = f"{found.metric} {signed(one)}, {chance(one.p)}, {one.n:,} {units}"
    after = digits(one)
    if pair.better:
        loser = pair.a if pair.better == pair.b else pair.b
        turned = one.value if pair.better == pair.b else -one.value
        low, high = (one.low, one.high) if pair.better == pair.b else (-one.high, -one.low)
        said = f"{found.metric} {turned:+.{after}f} [{low:.{after}f}, {high:.{after}f}], {chance(one.p)}, {one.n:,} {units}"
        return f"{pair.better} is better than {loser}: {said}"
    if _equal(one):
        return f"{pair.a} and {pair.b} are equal on all {one.n:,} {units} ({found.metric}), which therefore cannot tell them apart"
    if 0 < one.wins + one.losses < pair.fewest:
        return (
            f"No difference can be shown between {pair.a} and {pair.b}: {said}, of which they differ on {one.wins + one.losses:,}, too few for "
            f"any test; ask harder {units}, or more"
        )
    if not pair.can_show:
        return (
            f"No difference can be shown between {pair.a} and {pair.b}: {said}; the smallest p that this test can give, {one.least:.2g}, is more "
            f"than {1 - one.level:.2g} once it is corrected for {pair.comparisons:,} comparisons; ask fewer at once (--against-first, --kind)"
        )
    return (
        f"No difference shown between {pair.a} and {pair.b}: {said}; with so many {units} a difference of {pair.detectable:.{after}f} would have "
        f"been seen four times in five, and one of more than {one.most:.{after}f} is ruled out"
    )


def _equal(one: Difference) -> bool:
    """Whether the two have the same value on every unit: no difference, and none in any resample."""
    return one.value == 0 and one.error == 0 and one.wins + one.losses == 0


def headline(found: Sequence[Compared]) -> str:
    """The first line."""
    found = [one for one in found if one.pairs]
    pairs = [(one, pair) for one in found for pair in one.pairs]
    if len(pairs) == 1:
        return f"{sentence(*pairs[0])}."
    said = [_of_task(one) for one in found]
    return " ".join(said) + f" ({len(pairs)} comparisons, corrected by Holm's procedure)"


def _of_task(one: Compared) -> str:
    """Several pairs on one task: the highest, and what it is shown to be better than."""
    compared = {name for pair in one.pairs for name in (pair.a, pair.b)}
    best = max((each for each in one.results if each.name in compared), key=lambda each: each.interval.value).name
    mine = [pair for pair in one.pairs if best in (pair.a, pair.b)]
    beaten = [_other(pair, best) for pair in mine if pair.better == best]
    equal = [_other(pair, best) for pair in mine if not pair.better]
    value = one.result(best).interval.value
    said = f"{one.name}: {best} has the highest {one.metric}, {value:.3f}"
    if beaten:
        said += f", shown to be better than {_listed(beaten)}"
    if equal:
        said += f"{' but' if beaten else ';'} no difference shown to {_listed(equal)}"
    return f"{said}."


def _other(pair: Pair, name: str) -> str:
    return pair.a if pair.b == name else pair.b


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def shortened(text: str, most: int = _LONGEST) -> str:
    """A text on one line, cut where it is long."""
    flat = " ".join(text.split())
    return flat if len(flat) <= most else f"{flat[: most - 1].rstrip()}…"


def evidence(found: Sequence[Compared]) -> list[Finding]:
    """Every pair on every task."""
    several = len(found) > 1
    out: list[Finding] = []
    for one in found:
        for (a, b), why in one.undecided.items():
            name = f"{one.name}: {a} and {b}" if several else f"{a} and {b}"
            out.append(Finding(name, "warning", f"undecided: {why}", {"task": one.name, "a": a, "b": b, "why": why}))
        for pair in one.pairs:
            name = f"{one.name}: {pair.a} and {pair.b}" if several else f"{pair.a} and {pair.b}"
            said = [_counted(one, pair)]
            if pair.comparisons > 1:
                said = [sentence(one, pair), *said, f"p before correction {pair.alone:.2g}"]
            says = "; ".join(part for part in said if part)
            out.append(Finding(name, "fine" if pair.better else "note", says, _numbers(one, pair)))
    return out


def _counted(found: Compared, pair: Pair) -> str:
    """Wins and losses, and what the two cost where quality does not decide."""
    said: list[str] = []
    gain = gains(found, pair)
    if gain is not None:
        wins, losses = int((gain > 0).sum()), int((gain < 0).sum())
        mean = found.result(pair.a).scores.statistic == "mean"
        what = "" if mean else " (a pair is won by who puts it nearer to where people do)"
        even = len(gain) - wins - losses
        said.append(f"{pair.b} wins {wins:,} {noun(found)}, {pair.a} {losses:,}, {even:,} are even{what}")
    a, b = found.result(pair.a).rows, found.result(pair.b).rows
    if not pair.better and a is not None and b is not None and a.bytes != b.bytes:
        said.append(f"{pair.b} takes {b.bytes:,} bytes a vector, {pair.a} {a.bytes:,}")
    return "; ".join(said)


def _numbers(found: Compared, pair: Pair) -> dict[str, Any]:
    one = pair.difference
    return {
        "task": found.name,
        "metric": found.metric,
        "a": pair.a,
        "b": pair.b,
        "difference": one.value,
        "low": one.low,
        "high": one.high,
        "level": one.level,
        "p": one.p,
        "p_alone": pair.alone,
        "comparisons": pair.comparisons,
        "test": one.test,
        "n": one.n,
        "wins": one.wins,
        "losses": one.losses,
        "shown": one.shown,
        "better": pair.better,
        "detectable": pair.detectable,
        "ruled_out_above": one.most,
    }


def quality(found: Compared) -> Table:
    """Every contender: the headline, the other figures, what it costs."""
    names = list(found.results[0].scores.more)
    head = ["encoder", found.metric, *names, "bytes a vector", "texts a second"]
    rows = [
        [
            one.name,
            f"{one.interval.value:.3f} [{one.interval.low:.3f}, {one.interval.high:.3f}]"
            if np.isfinite(one.interval.value)
            else "not defined",
            *(f"{float(one.scores.more[name].mean()):.3f}" for name in names),
            *_costs(one),
        ]
        for one in found.results
    ]
    said = {one.name: one.rows.says for one in found.results if one.rows is not None and one.rows.says}
    note = " ".join(f"{name} {says}." for name, says in said.items())
    return Table(f"{found.name}, {found.results[0].interval.n:,} {noun(found)}", head, rows, note)


def _costs(one: Result) -> tuple[str, str]:
    if one.rows is None:
        return "", ""
    made = one.rows
    return (
        f"{made.bytes:,}",
        f"{made.encoded / made.seconds:,.0f}" if made.seconds and made.encoded > made.kept else "(kept)",
    )


def others(found: Compared, pair: Pair) -> Table | None:
    """The other figures of a pair."""
    if not pair.more:
        return None
    rows = [(name, signed(one), f"{one.p:.2g}", f"{one.wins:,}", f"{one.losses:,}") for name, one in pair.more.items()]
    return Table(
        f"Other figures: {pair.b} less {pair.a}",
        ("figure", "difference", "p", f"{pair.b} wins", f"{pair.a} wins"),
        rows,
        f"These p-values are not corrected for being looked at too; {found.metric} was asked.",
    )


def told(found: Compared, pair: Pair, wins: Sequence[Example], losses: Sequence[Example]) -> list[Table]:
    """Wins and losses with their texts."""
    out: list[Table] = []
    for name, some in ((pair.b, wins), (pair.a, losses)):
        rows = [
            (f"{one.gain:+.3f}" if place == 0 else "", what, shortened(text))
            for one in some
            for place, (what, text) in enumerate(one.lines)
        ]
        if rows:
            out.append(Table(f"{noun(found).capitalize()} that {name} wins most", ("gain", "what", "text"), rows))
    return out


def grouped(pair: Pair, kinds: Sequence[Kind]) -> Table:
    """Kinds of queries."""
    rows = [(one.name, f"{one.difference.n:,}", signed(one.difference), f"{one.difference.p:.2g}") for one in kinds]
    return Table(
        f"Kinds of queries: {pair.b} less {pair.a}",
        ("queries with", "n", "difference", "p"),
        rows,
        f"Words shared: with the relevant document that has most of the query's. p-values are corrected for {len(kinds)} kinds.",
    )


def leaked(found: Compared, pair: Pair, leak: Leak, without: Difference | None) -> list[Finding]:
    """What a test shares with training texts, and whether the verdict survives without it.

    Args:
        found: The task.
        pair: Two on it, its p corrected for all comparisons.
        leak: What of the task stands in training texts.
        without: The two on the units without copies, corrected for as many comparisons; None where too few are left.
    """
    shares = ", ".join(
        f"{leak.copied[name]:,} of {total:,} {name} ({leak.copied[name] / max(total, 1):.1%})"
        for name, total in leak.texts.items()
    )
    touched = int(leak.units.sum())
    numbers = {
        "copied": dict(leak.copied),
        "texts": dict(leak.texts),
        "units": touched,
        "examples": list(leak.examples),
        "trained": leak.trained,
    }
    if not any(leak.copied.values()):
        said = f"none of {', '.join(f'{total:,} {name}' for name, total in leak.texts.items())} has a near copy among {leak.trained:,} training texts"
        return [Finding("training texts", "fine", f"{said} (copies in other words are not seen)", numbers)]
    first = Finding(
        "training texts",
        "warning",
        f"{shares} have a near copy among {leak.trained:,} training texts; {touched:,} of {len(leak.units):,} {noun(found)} hang on one",
        numbers,
    )
    if not touched:
        said = f"no {_ONE.get(noun(found), 'unit')} hangs on a copy, and the verdict stands"
        return [replace(first, level="note"), Finding("without copies", "note", said, {"task": found.name})]
    if without is None:
        said = f"too few {noun(found)} are left to compare again without them"
        return [first, Finding("without copies", "warning", said)]
    # Where nothing was shown there is nothing that could fall.
    shown = pair.difference.shown
    same = without.shown == pair.difference.shown and (not without.shown or without.value * pair.difference.value > 0)
    said = f"{pair.b} less {pair.a} {signed(without)}, {chance(without.p)}, on the {without.n:,} {noun(found)} without copies: the verdict "
    said += "stays" if same else "DOES NOT STAY" if shown else "is another: a difference is shown there alone"
    figures: Mapping[str, Any] = {**vars(without), "stays": same, "task": found.name, "better": pair.better}
    return [first, Finding("without copies", "note" if same else "fault" if shown else "warning", said, figures)]


def makers(shares: Mapping[str, float]) -> Finding:
    """Whose lists people clicked in, as far as positions tell."""
    name = max(shares, key=lambda one: shares[one])
    told = ", ".join(f"{share:.0%} where {one} has it" for one, share in shares.items())
    others = [share for one, share in shares.items() if one != name]
    clear = shares[name] >= _MADE and shares[name] >= 1.5 * max(others, default=0.0)
    said = f"of the clicks with a position, made at the very position: {told}"
    if clear:
        said += (
            f"; {name}, or something like it, made the lists. What it did not show could not be clicked, so clicks favour it, by more than "
            "weighing positions can mend: only lists of both, mixed by chance, or judgements, can tell"
        )
    return Finding("who made the lists", "warning" if clear else "note", said, {"shares": dict(shares), "maker": name})


def forest(found: Sequence[Compared]) -> Forest:
    """All differences with their intervals."""
    several = len(found) > 1
    rows = [
        (
            f"{one.name}: {pair.b} less {pair.a}" if several else f"{pair.b} less {pair.a}",
            pair.difference.value,
            pair.difference.low,
            pair.difference.high,
        )
        for one in found
        for pair in one.pairs
    ]
    metrics = list(dict.fromkeys(one.metric for one in found))
    return Forest("Differences with their intervals", metrics[0] if len(metrics) == 1 else "difference", rows)


def kinds_forest(found: Compared, pair: Pair, kinds: Sequence[Kind]) -> Forest:
    """All queries, and each kind of them."""
    every = [("all", pair.difference), *((one.name, one.difference) for one in kinds)]
    rows = [(f"{name} ({one.n:,})", one.value, one.low, one.high) for name, one in every]
    return Forest(f"{pair.b} less {pair.a}, by kind of query", found.metric, rows)


def _number(value: float) -> float | None:
    """None for what is not defined, which JSON has no number for."""
    return value if np.isfinite(value) else None


def plain(found: Sequence[Compared]) -> dict[str, Any]:
    """Every figure, as plain values."""
    return {
        "tasks": [
            {
                "task": one.name,
                "metric": one.metric,
                "n": one.results[0].interval.n,
                "contenders": {
                    result.name: {
                        "value": _number(result.interval.value),
                        "low": _number(result.interval.low),
                        "high": _number(result.interval.high),
                        "more": {name: float(values.mean()) for name, values in result.scores.more.items()},
                        "bytes": result.rows.bytes if result.rows else None,
                        "seconds": result.rows.seconds if result.rows else None,
                        "encoded": result.rows.encoded if result.rows else None,
                    }
                    for result in one.results
                },
                "pairs": [
                    {**_numbers(one, pair), "more": {name: vars(other) for name, other in pair.more.items()}}
                    for pair in one.pairs
                ],
                "undecided": [{"a": a, "b": b, "why": why} for (a, b), why in one.undecided.items()],
            }
            for one in found
        ]
    }


def report(
    source: str, found: Sequence[Compared], said: str, *, whole: Sequence[Mapping[str, Any]] = (), **parts: Any
) -> Report:
    """The report of a comparison; `whole` has its pairs over all tasks, `parts` are further fields of it."""
    return Report("compare", source, said, numbers={**plain(found), "overall": list(whole)}, **parts)
