"""What encoders do not see: a person's own sentences with one small edit, beside the same in other words, as a report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError, OptionError
from semascope.evaluation.minimal_pairs import MinimalPairs
from semascope.metrics import Difference, Scores, holm, paired
from semascope.ops import Interval, guarded, write_text
from semascope.ops.edits import Triplet
from semascope.report import Finding, Report, Table
from semascope.report.findings import Level
from semascope.report.pictures import Forest, Heat
from semascope.types import Encoder, Progress

ENOUGH = 20  # sentences with a rewording, for that to be what is judged by; else the typo is
_SHOWN = 2  # sentences shown of each kind and encoder
_WHAT = {
    "negation": "a negation put in or taken out",
    "numbers": "another number",
    "entities": "another name",
    "order": "the words in another order",
    "roles": "subject and object exchanged",
    "antonyms": "a word for its opposite",
}


@dataclass(frozen=True, eq=False)
class BlindSpots:
    """What was asked and what each encoder said.

    Args:
        triplets: The sentences and their edits.
        cosines: Encoder -> cosine of each sentence with it changed, reworded and misspelt, (n, 3); nan where there is none.
        figures: Encoder -> what `MinimalPairs.figures` says of those.
        sentences: How many texts were looked through.
    """

    triplets: Sequence[Triplet]
    cosines: Mapping[str, NDArray[np.float64]]
    figures: Mapping[str, Mapping[str, Interval]]
    sentences: int

    @property
    def kinds(self) -> list[str]:
        """The kinds of which there are sentences."""
        return list(dict.fromkeys(one.kind for one in self.triplets))

    def judged(self, name: str, kind: str) -> tuple[Interval, str]:
        """The share that an encoder is judged by, and what the change stood beside."""
        found = self.figures[name]
        if kind in found and found[kind].n >= ENOUGH:
            return found[kind], "rewording"
        return (found[f"{kind}, typo"], "typo") if f"{kind}, typo" in found else (found[kind], "rewording")

    def sight(self, name: str, kind: str) -> str:
        """How well it is seen: "blind", surely worse than guessing; "sees", surely better, beside a typo too; else "weak"."""
        share, _ = self.judged(name, kind)
        slip = self.figures[name].get(f"{kind}, typo", share)
        if share.high < 0.5 or (share.value < 0.5 and slip.high < 0.5):
            return "blind"
        return "sees" if share.low > 0.5 and slip.low > 0.5 else "weak"


def look(
    encoders: Mapping[str, Encoder],
    texts: Sequence[str],
    *,
    most: int = 200,
    seed: int = 0,
    progress: Progress | None = None,
) -> BlindSpots:
    """Edit sentences of the texts and ask every encoder about them.

    Args:
        encoders: By the name that the answer calls them.
        texts: Of any length.
        most: Sentences of each kind.
        seed: Of the draw and the edits.
        progress: Told of texts encoded.

    Raises:
        InputError: no encoder, or no sentence of the texts can be edited.
    """
    if not encoders:
        raise InputError("encoders: want at least one, got none")
    method = MinimalPairs(most=most, random_state=seed)
    flat = [one for found in method.triplets(texts).values() for one in found]
    if not flat:
        raise InputError(f"texts: want sentences that can be edited, got none among {len(texts):,} texts")
    cosines = {name: method.cosines(one, flat, progress=progress) for name, one in encoders.items()}
    return BlindSpots(flat, cosines, {name: method.figures(flat, rows) for name, rows in cosines.items()}, len(texts))


def report(found: BlindSpots, *, source: str, next_: str = "") -> Report:
    """What `look` found, the blind spots first."""
    names = list(found.figures)
    return Report(
        verb="blindspots",
        source=source,
        verdict=_verdict(found, names),
        findings=sorted(
            (_finding(found, name, kind) for name in names for kind in found.kinds),
            key=lambda one: ("warning", "note", "fine").index(one.level),
        ),
        tables=[*_shares(found, names), *_compared(found, names), *_examples(found, names)],
        pictures=_pictures(found, names),
        next=next_,
        numbers={
            "texts": found.sentences,
            "sentences": {kind: sum(one.kind == kind for one in found.triplets) for kind in found.kinds},
            **{name: {what: one._asdict() for what, one in found.figures[name].items()} for name in names},
        },
        notes=[
            "Right about a sentence: the cosine with it changed is below the cosine with it in other words (or misspelt). "
            "Guessing is right in half. Counts of words are the control: they know no order, so that they are right about "
            "order and roles in none.",
            "The edits are made by patterns, English first, and were read in samples; a few are clumsy, and a few change less than "
            "they seem to. Numbers and order are edited in any language, names in those that write them with capitals.",
        ],
    )


def free(path: Path) -> None:
    """Refuse a place where no file can be written: before long work.

    Raises:
        OptionError: a folder is there, or the one above is not.
    """
    if path.is_dir() or not path.parent.is_dir():
        raise OptionError(f"--save: want a file in a folder that is there, got {path}")


def save(found: BlindSpots, path: Path) -> int:
    """Write the triplets as JSON Lines: anchor, kept, changed, kind, and what "kept" is; how many there were.

    Every sentence with a rewording is one line, every sentence with a typo another. Trainers read them as
    anchor, positive and negative.

    Raises:
        OptionError: it is to be a folder, or lie in one that is not there.
    """
    free(path)
    rows = [
        {"anchor": one.anchor, "kept": kept, "changed": one.changed, "kind": one.kind, "how": how}
        for one in found.triplets
        for how, kept in (("rewording", one.reworded), ("typo", one.misspelt))
        if kept
    ]
    with guarded(f"write {path}"):
        write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return len(rows)


def _percent(share: Interval) -> str:
    return f"{share.value:.0%} [{share.low:.0%}, {share.high:.0%}]"


def _verdict(found: BlindSpots, names: Sequence[str]) -> str:
    said: list[str] = []
    for name in names:
        by = {sight: [k for k in found.kinds if found.sight(name, k) == sight] for sight in ("blind", "weak", "sees")}
        worst = sorted(by["blind"] or by["weak"], key=lambda kind: found.judged(name, kind)[0].value)[:3]
        told = [
            f"{kind} (right in {_percent(found.judged(name, kind)[0])} of {found.judged(name, kind)[0].n})"
            for kind in worst
        ]
        shares = " and ".join(filter(None, [", ".join(told[:-1]), *told[-1:]]))
        if by["blind"]:
            said.append(f"{name} is blind to {shares}; guessing is right in 50%")
        elif worst:
            said.append(f"{name} is blind to none of {len(found.kinds)} kinds of change, and weakest on {shares}")
        else:
            said.append(f"{name} sees all {len(found.kinds)} kinds of change")
    return ". ".join(said) + "."


def _finding(found: BlindSpots, name: str, kind: str) -> Finding:
    figures = found.figures[name]
    share, beside = found.judged(name, kind)
    sight = found.sight(name, kind)
    level: Level = "warning" if sight == "blind" else "fine" if sight == "sees" else "note"
    told = [f"{_WHAT[kind]}: {sight}; right in {_percent(share)} of {share.n} sentences beside a {beside}"]
    if beside == "rewording" and f"{kind}, typo" in figures:
        slip = figures[f"{kind}, typo"]
        told.append(f"in {_percent(slip)} of {slip.n} beside a typo")
    drop = figures[f"{kind}, drop"]
    told.append(f"the cosine drops by {drop.value:z.3f} [{drop.low:z.3f}, {drop.high:z.3f}]")
    if f"{kind}, words alone" in figures:
        told.append(f"counts of words are right in {_percent(figures[f'{kind}, words alone'])}")
    subject = kind if len(found.figures) == 1 else f"{name}, {kind}"
    return Finding(
        subject,
        level,
        "; ".join(told) + ".",
        {what: one._asdict() for what, one in figures.items() if what.startswith(kind)},
    )


def _shares(found: BlindSpots, names: Sequence[str]) -> list[Table]:
    def row(kind: str, suffix: str) -> list[str]:
        shares = [found.figures[name].get(kind + suffix) for name in names]
        known = next((one for one in shares if one is not None), None)
        return [kind, f"{known.n if known else 0:,}", *(_percent(one) if one else "not asked" for one in shares)]

    def control(kind: str) -> list[str]:
        alone = found.figures[names[0]].get(f"{kind}, words alone")
        return [_percent(alone) if alone else "not asked", "50%"]

    head = ["change", "sentences", *names]
    drops = [
        [what, *(f"{found.figures[name][f'{what}, drop'].value:z.3f}" for name in names)]
        for what in [*found.kinds, "rewording", "typo"]
        if f"{what}, drop" in found.figures[names[0]]
    ]
    return [
        Table(
            "Right beside the same in other words",
            [*head, "counts of words", "guessing"],
            [[*row(kind, ""), *control(kind)] for kind in found.kinds],
        ),
        Table("Right beside the same with a typo", head, [row(kind, ", typo") for kind in found.kinds]),
        Table(
            "How far the cosine drops, on average",
            ["edit", *names],
            drops,
            "The last lines are of edits that change nothing: a drop above theirs is what is wanted.",
        ),
    ]


def _compared(found: BlindSpots, names: Sequence[str]) -> list[Table]:
    """Later encoders against the first, kind by kind, on the same sentences; p corrected for all of them."""
    rows: list[tuple[str, str, Difference]] = []
    for other in names[1:]:
        for kind in found.kinds:
            gains = [_scores(found, name, kind) for name in (names[0], other)]
            if gains[0] is not None and gains[1] is not None:
                rows.append((kind, other, paired(gains[0], gains[1], draws=2_000)))
    if not rows:
        return []
    corrected = holm([one.p for _, _, one in rows])
    return [
        Table(
            f"More often right than {names[0]}",
            ["change", "encoder", "difference", "p (Holm)", "shown"],
            [
                [
                    kind,
                    other,
                    f"{one.value:+.0%} [{one.low:+.0%}, {one.high:+.0%}], n = {one.n}",
                    f"{p:.3g}",
                    "yes" if p <= 0.05 else "no difference shown",
                ]
                for (kind, other, one), p in zip(rows, corrected, strict=True)
            ],
        )
    ]


def _scores(found: BlindSpots, name: str, kind: str) -> Scores | None:
    column = 1 if found.judged(name, kind)[1] == "rewording" else 2
    table = found.cosines[name]
    rows = [r for r, one in enumerate(found.triplets) if one.kind == kind and not np.isnan(table[r, column])]
    if len(rows) < 2:
        return None
    right = (table[rows, 0] < table[rows, column] - 1e-6).astype(np.float64)
    return Scores(kind, "right", "mean", tuple(str(row) for row in rows), {"value": right})


def _examples(found: BlindSpots, names: Sequence[str]) -> list[Table]:
    """Of each encoder and the kinds it does not see: the sentences where what is changed lies nearest, against what is kept."""
    tables: list[Table] = []
    for name in names:
        table, rows = found.cosines[name], list[list[str]]()
        for kind in sorted(found.kinds, key=lambda one: found.judged(name, one)[0].value):
            if found.sight(name, kind) == "sees":
                continue
            column = 1 if found.judged(name, kind)[1] == "rewording" else 2
            wrong = [
                r
                for r, one in enumerate(found.triplets)
                if one.kind == kind and not np.isnan(table[r, column]) and table[r, 0] >= table[r, column] - 1e-6
            ]
            # Those of a usual rewording: where the two lie farthest apart, it is a rewording that has gone wrong.
            usual = float(np.nanmedian(table[:, column]))
            wrong.sort(key=lambda r: abs(table[r, column] - usual))
            for r in wrong[:_SHOWN]:
                one = found.triplets[r]
                kept = one.reworded if column == 1 else one.misspelt
                rows += [
                    [kind, "", one.anchor],
                    ["  changed", f"{table[r, 0]:.3f}", one.changed],
                    ["  kept", f"{table[r, column]:.3f}", kept],
                ]
        if rows:
            tables.append(Table(f"Taken for the same by {name}", ["change", "cosine", "text"], rows))
    return tables


def _pictures(found: BlindSpots, names: Sequence[str]) -> list[Any]:
    forests = [
        Forest(
            f"Right about what changes the meaning: {name}",
            "share of sentences",
            [(f"{kind} ({found.judged(name, kind)[1]})", *found.judged(name, kind)[0][:3]) for kind in found.kinds],
            zero=0.5,
        )
        for name in names
    ]
    if len(names) == 1:
        return forests
    values = [[found.judged(name, kind)[0].value for name in names] for kind in found.kinds]
    return [
        Heat("Right about what changes the meaning", list(names), found.kinds, values, digits=2, each=False),
        *forests,
    ]
