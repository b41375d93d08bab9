"""What an audit found, in words: a verdict, findings, a table and a curve of defences, and the sentence for a security review."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from semascope.leak.found import Figure, Found, Trade
from semascope.ops import Interval
from semascope.report import Curve, Finding, Report, Table

WORDS = "words"
WITHOUT, TURNED = "no known rows", "no known rows, clouds matched"
HELPS = 0.2  # of what is above guessing, that a defence takes off for it to be worth naming
TABLED = (
    WORDS,
    "names, found",
    "own text, encoder not known",
    "own text, encoder known",
    "membership, encoder known",
)
CHEAP = 0.9  # of the nearest neighbours kept: a defence that most searches would not notice
LOWER_BOUND = (
    "This is a lower bound. The attacks are linear and need seconds; a generator trained on millions of pairs (vec2text and "
    "those after it) may get more, whole sentences among it. Attacks on the encoder, on the search interface or through "
    "metadata were not tried. A figure that is no better than guessing says that these attacks failed, not that nothing is there."
)
STANDARD = (
    "On OWASP AISVS: the numbers 8.4.3 to 8.4.6 are those of a proposal of March 2026 (pull request 192: test membership "
    "inference, apply a defence against inversion, test attribute inference, keep a threat model for each sensitive "
    "collection) that was not taken over; drafts until June 2026 asked for leakage targets that are measured and gate "
    "changes of the encoder; version 1.0 asks for neither. Check the version your review goes by."
)


def percent(value: float) -> str:
    """`56 %`; with one or two places where it is small."""
    places = 0 if value == 0 or abs(value) >= 0.0995 else 1 if abs(value) >= 0.01 else 2
    return f"{100 * value:.{places}f} %"


def between(value: Interval, *, rate: bool = True) -> str:
    """`56 % [55, 57]`, or `0.98 [0.97, 0.99]`."""
    if not rate:
        return f"{value.value:.2f} [{value.low:.2f}, {value.high:.2f}]"
    places = 0 if abs(value.value) >= 0.0995 else 1 if abs(value.value) >= 0.01 else 2
    low, high = (f"{100 * end:.{places}f}" for end in (value.low, value.high))
    return f"{percent(value.value)} [{low}, {high}]"


def report(found: Found) -> Report:
    """The answer of the verb."""
    return Report(
        verb="leak",
        source=found.source,
        verdict=verdict(found),
        findings=[*_findings(found)],
        tables=[*_tables(found)],
        curves=[*_curves(found)],
        numbers=_numbers(found),
        notes=[review(found), STANDARD, LOWER_BOUND, *found.skipped],
    )


def verdict(found: Found) -> str:
    """One line: what an attacker gets beside what guessing gives, and what the best cheap defence leaves of it."""
    words = found.figure(WORDS)
    if words is None:
        return "Not known: every hidden text is a near copy of a known one"
    got = f"{percent(words.value.value)} of five guessed words right (guessing: {percent(words.guess.value)})"
    leaking = [one for one in found.figures if one.leaks]
    if not leaking:
        return f"Nothing that was tried reads these vectors better than guessing: {got}"
    start = f"An attacker with {found.known:,} known rows gets {got}"
    if not words.leaks:
        return f"{start}, and {_got(max(leaking, key=lambda one: one.gain.value))}"
    own = max(
        (one for one in leaking if one.name.startswith("own text")), key=lambda one: one.value.value, default=None
    )
    picked = "" if own is None else f", and {percent(own.value.value)} {own.says}"
    return start + picked + _best(found)


def _best(found: Found) -> str:
    """What the best of the defences that cost little does."""
    bare, cheap = _bare(found), _cheapest(found.trades)
    if bare is None or cheap is None:
        return ""
    left, off = cheap.figures[WORDS].value, bare.value.value - cheap.figures[WORDS].value.value
    if off < HELPS * bare.gain.value:
        points = max(round(100 * off), 0)
        most = f"{points} point{'s' * (points != 1)}" if points else "half a point"
        return f"; no defence tried that keeps nine in ten neighbours takes more than {most} off"
    return (
        f"; {cheap.name} leaves {percent(left.value)} and keeps {percent(cheap.kept.value)} of the nearest neighbours"
    )


def _bare(found: Found) -> Figure | None:
    """Words read off the undefended rows in the split in which the defended ones are attacked."""
    return next((one.figures.get(WORDS) for one in found.trades if one.name == "none"), None)


def review(found: Found) -> str:
    """The sentence for a security review: what was tested, with which attacker, what came of it; nothing else."""
    parts = [_got(one) for one in found.figures]
    tried = ", ".join(trade.name for trade in found.trades if trade.name != "none" and not trade.attacker)
    knows = f" and the encoder ({found.encoder})" if found.encoder else ""
    return (
        f"For a security review: {found.source} ({found.rows:,} rows of {found.columns} numbers) was tested for embedding "
        f"inversion, attribute inference and membership inference by an attacker who has the vectors, the texts of "
        f"{found.known:,} of them{knows}; on {found.hidden:,} rows hidden from him, in {found.splits} draw{'s' * (found.splits != 1)}, he got: "
        f"{'; '.join(parts)}. Defences measured beside it, at the cost shown: {tried or 'none'}. "
        "No threshold was set: what is acceptable is the review's to say."
    )


def _got(one: Figure) -> str:
    guess = percent(one.guess.value) if one.rate else f"{one.guess.value:.2f}"
    return f"{between(one.value, rate=one.rate)} {one.says} (guessing: {guess})"


def _findings(found: Found) -> Iterator[Finding]:
    if found.reproduces is not None and found.reproduces < 0.99:
        yield Finding(
            "encoder",
            "warning",
            f"the vectors that {found.encoder} gives for these texts have cosine {found.reproduces:.3f} to the rows: it did "
            "not make them, or not in this way, so an attacker who knows the right one gets more",
            {"cosine": found.reproduces},
            mend="semascope doctor names what made them",
        )
    order = {"warning": 0, "note": 1, "fine": 2}
    yield from sorted((_finding(one) for one in found.figures), key=lambda one: order[one.level])
    yield from _defences(found)
    if found.copied:
        words = found.figure(WORDS)
        also = (
            ""
            if words is None or words.with_copies is None
            else f"; with them {percent(words.with_copies)} of guessed words"
        )
        yield Finding(
            "near copies",
            "note",
            f"{found.copied:,} of {found.hidden * found.splits:,} hidden texts (all splits) were left out, since the attacker "
            f"has the same text or nearly{also}",
            {"left out": found.copied},
        )


def _finding(one: Figure) -> Finding:
    says = _got(one)
    if one.with_copies is not None and abs(one.with_copies - one.value.value) >= 0.01:
        says += f"; near copies counted in: {percent(one.with_copies)}"
    for name, value in one.more.items():
        says += f"; {name} {between(value) if isinstance(value, Interval) else value}"
    says += f"; n={one.value.n:,}"
    numbers = {"value": one.value._asdict(), "guessing": one.guess._asdict(), "gain": one.gain._asdict()}
    more = {name: value._asdict() if isinstance(value, Interval) else value for name, value in one.more.items()}
    return Finding(one.name, "warning" if one.leaks else "fine", says, {**numbers, **more})


def _defences(found: Found) -> Iterator[Finding]:
    bare, cheap = _bare(found), _cheapest(found.trades)
    if bare is not None and cheap is not None:
        left = cheap.figures[WORDS].value
        yield Finding(
            "defences",
            "note",
            f"of those that keep at least nine in ten neighbours, {cheap.name} leaves least: {between(left)} of guessed words "
            f"(undefended {between(bare.value)}), neighbours kept {between(cheap.kept)}",
            {"words": left._asdict(), "undefended": bare.value._asdict(), "kept": cheap.kept._asdict()},
        )
    secret = {one.attacker: one.figures[WORDS] for one in found.trades if one.family == "rotation"}
    if bare is not None and {"", WITHOUT, TURNED} <= secret.keys():
        yield Finding(
            "secret rotation",
            "warning" if secret[TURNED].leaks else "note",
            f"to an attacker with known rows it changes nothing: {percent(secret[''].value.value)} of guessed words (undefended "
            f"{percent(bare.value.value)}). One who knows the encoder and has texts of the same kind, but knows no row of this "
            f"store, gets {between(secret[WITHOUT].value)} if he takes the rows as they are and {between(secret[TURNED].value)} "
            f"once he has turned his cloud of rows onto theirs (guessing: {percent(bare.guess.value)})",
            {name or "known rows": one.value._asdict() for name, one in secret.items()},
        )


def _cheapest(trades: Sequence[Trade]) -> Trade | None:
    """Of the defences that hold against an attacker with known rows and cost little, the one that leaves least."""
    cheap = [
        one
        for one in trades
        if one.family not in ("none", "rotation")
        and not one.attacker
        and one.kept.value >= CHEAP
        and WORDS in one.figures
    ]
    return min(cheap, key=lambda one: one.figures[WORDS].value.value, default=None)


def _tables(found: Found) -> Iterator[Table]:
    measured = [one.name for one in found.figures if any(one.name in trade.figures for trade in found.trades)]
    attributes = [name for name in measured if name.startswith("attribute: ")][:1]
    names = [
        name
        for name in measured
        if (name in TABLED or name in attributes) and sum(name in trade.figures for trade in found.trades) > 1
    ]
    judged = any(trade.ndcg is not None for trade in found.trades)
    if found.trades and names:
        head = ["defence", *names, "neighbours kept", *(["nDCG@10"] if judged else []), "bytes a row"]
        rows = [_row(trade, names, judged=judged) for trade in found.trades]
        guesses = [one for name in names if (one := found.figure(name)) is not None]
        said = [percent(one.guess.value) if one.rate else f"{one.guess.value:.2f}" for one in guesses]
        rows.append(["(guessing)", *said, *[""] * (len(head) - len(names) - 1)])
        yield Table(
            "What still leaks after a defence, and what the defence costs",
            head,
            rows,
            "Attacks are learned anew from the defended rows of the known texts, in the first split alone. Neighbours kept: of a row's "
            "ten nearest, those that a clean query still finds among its ten nearest in the store.",
        )
    if found.examples:
        yield Table("Hidden texts beside what was guessed of them", ["guessed", "text"], found.examples)


def _row(trade: Trade, names: Sequence[str], *, judged: bool) -> list[str]:
    label = f"{trade.name} ({trade.attacker})" if trade.attacker else trade.name
    found = [trade.figures.get(name) for name in names]
    cells = ["" if one is None else between(one.value, rate=one.rate) for one in found]
    searched = [] if not judged else ["" if trade.ndcg is None else f"{trade.ndcg.value:.3f}"]
    return [label, *cells, between(trade.kept), *searched, f"{trade.bits / 8:,.0f}"]


def _curves(found: Found) -> Iterator[Curve]:
    trades = [one for one in found.trades if WORDS in one.figures and not one.attacker]
    if not any(one.family not in ("none", "rotation") for one in trades):
        return
    lines: dict[str, list[tuple[float, float, float, float]]] = {}
    dots: dict[str, list[str]] = {}
    bare = [one for one in trades if one.name == "none"]
    for trade in sorted(trades, key=lambda one: -one.kept.value):
        if trade.name == "none" or trade.family == "rotation":
            continue
        if trade.family not in lines:
            lines[trade.family] = [_point(one) for one in bare]
            dots[trade.family] = [""] * len(bare)
        lines[trade.family].append(_point(trade))
        dots[trade.family].append(_short(trade))
    guess = trades[0].figures[WORDS].guess
    ends = [0.0, max(1 - one.kept.value for one in trades)]
    lines["guessing"] = [(x, guess.value, guess.low, guess.high) for x in ends]
    yield Curve(
        "What leaks, against what a defence costs",
        "share of the ten nearest neighbours lost",
        "share of five guessed words that are right",
        lines,
        dots,
    )


def _short(trade: Trade) -> str:
    """What a point is called beside a legend that names its line."""
    return trade.name.replace("noise ", "").replace(" of the columns", "").replace("+ one bit", "+ bit")


def _point(trade: Trade) -> tuple[float, float, float, float]:
    words = trade.figures[WORDS].value
    return 1 - trade.kept.value, words.value, words.low, words.high


def _numbers(found: Found) -> dict[str, object]:
    def plain(one: Figure) -> dict[str, object]:
        return {
            "value": one.value._asdict(),
            "guessing": one.guess._asdict(),
            "gain": one.gain._asdict(),
            "with copies": one.with_copies,
            **{name: value._asdict() if isinstance(value, Interval) else value for name, value in one.more.items()},
        }

    return {
        "rows": found.rows,
        "columns": found.columns,
        "known": found.known,
        "hidden": found.hidden,
        "splits": found.splits,
        "near copies left out": found.copied,
        "encoder": found.encoder,
        "cosine of the encoder": found.reproduces,
        "seed": found.seed,
        "attacks": {one.name: plain(one) for one in found.figures},
        "defences": {
            f"{trade.name} ({trade.attacker})" if trade.attacker else trade.name: {
                **{name: plain(one) for name, one in trade.figures.items()},
                "neighbours kept": trade.kept._asdict(),
                "ndcg@10": None if trade.ndcg is None else trade.ndcg._asdict(),
                "ndcg@10 change": None if trade.ndcg_change is None else trade.ndcg_change._asdict(),
                "bits": trade.bits,
            }
            for trade in found.trades
        },
    }
