"""What encoders do with texts of somebody's own, asked without judgements or beyond a score: position bias, probes, thresholds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from semascope.evaluation.dwell_in_the_beginning import DwellInTheBeginning
from semascope.evaluation.senteval_study import SentevalStudy
from semascope.evaluation.telecom_compass import TelecomCompass
from semascope.metrics import task_rows
from semascope.ops import Interval
from semascope.ops.english import reads, sentences
from semascope.report import Curve, Finding, Forest, Heat, Report, Spread, Table
from semascope.tasks import Retrieval
from semascope.types import Encoder, Kind, Progress, Vectors

_MANY = 20_000  # sentences read
_MOVED = "relocated: begins - ends"


def position(
    encoders: Mapping[str, Encoder],
    documents: Sequence[str],
    *,
    source: str,
    method: DwellInTheBeginning | None = None,
    follows: str = "",
    progress: Progress | None = None,
) -> Report:
    """Do vectors of these documents say more of their beginnings? See `DwellInTheBeginning`.

    Args:
        encoders: By name.
        documents: Their texts, some of them of thirty words or more.
        source: What they were read from.
        method: With its options.
        follows: The command that follows.
        progress: Told after every batch.

    Raises:
        InputError: too few documents are long enough.
    """
    how = method or DwellInTheBeginning()
    findings: list[Finding] = []
    rows: list[tuple[str, ...]] = []
    curves: list[Curve] = []
    numbers: dict[str, Any] = {}
    moved: list[tuple[str, float, float, float]] = []
    lines: dict[str, Sequence[tuple[float, float, float, float]]] = {}
    for name, encoder in encoders.items():
        values = how.values(_Told(encoder, progress), documents)
        found = how.summary(values)
        by_slot = how.by_slot(values)
        lines[name] = by_slot["relocated"]
        moved.append((name, *found[_MOVED][:3]))
        numbers[name] = {one: value._asdict() for one, value in found.items()}
        findings.append(_bias(name, found, by_slot))
        if "unread" in found and found["unread"].value > 0:
            said = f"{name} cuts off {found['unread'].value:.0%} of a document's tokens on average: that is no bias, and not counted as one"
            level = "warning" if found["unread"].value >= 0.05 else "note"
            findings.append(Finding("cut off", level, said, {"share": found["unread"].value}))
        rows += [(name, one, _cell(value)) for one, value in found.items()]
        curves.append(
            Curve(
                f"{name}: a document and its parts",
                "slot",
                "cosine",
                {one: by_slot[one] for one in ("own order", "reversed")},
            )
        )
    verdict = "; ".join(finding.says for finding in findings if finding.name == "position")
    return Report(
        "evaluate",
        source,
        verdict,
        findings,
        [
            Table(
                "Position",
                ["encoder", "figure", "95 % interval"],
                rows,
                "Intervals over texts; see semascope check dwell_in_the_beginning.",
            )
        ],
        [Curve("A passage in each slot of a text", "slot", "cosine with the text", lines), *curves],
        pictures=[Forest("First slot less last, the same passages in both", "cosine", moved)],
        next=follows,
        numbers=numbers,
    )


def _bias(name: str, found: Mapping[str, Interval], by_slot: Mapping[str, Sequence[Sequence[float]]]) -> Finding:
    one, line = found[_MOVED], by_slot["relocated"]
    small = abs(one.value) < 0.005
    if small or one.low <= 0 <= one.high:
        return Finding(
            "position", "fine", f"{name}: no bias found (first slot less last {_cell(one)})", {"value": one.value}
        )
    where = "beginning" if one.value > 0 else "end"
    said = (
        f"{name} favours the {where}: a passage has cosine {line[0][1]:.3f} with its text in the first slot and {line[-1][1]:.3f} in the "
        f"last, {_cell(one)} apart (n={one.n})"
    )
    return Finding("position", "warning", said, {"value": one.value, "low": one.low, "high": one.high})


def probes(
    encoders: Mapping[str, Encoder],
    texts: Sequence[str],
    *,
    source: str,
    method: SentevalStudy | None = None,
    follows: str = "",
    progress: Progress | None = None,
) -> Report:
    """What do vectors hold of the sentences of these texts? See `SentevalStudy`.

    Args:
        encoders: By name.
        texts: Of any length; their sentences are taken.
        source: What they were read from.
        method: With its options.
        follows: The command that follows.
        progress: Told after every batch.

    Raises:
        InputError: too few sentences for any question.
    """
    how = method or SentevalStudy()
    said = list(dict.fromkeys(one for text in texts for one in sentences(text) if reads(one, least=5, most=28)))[:_MANY]
    every = {name: how.measure(_Told(encoder, progress), said) for name, encoder in encoders.items()}
    first = next(iter(every.values()))
    asked = [name.removesuffix(": right") for name in first if name.endswith(": right")]
    findings: list[Finding] = []
    for name, found in every.items():
        knows = [one for one in asked if found[f"{one}: right"].low > found[f"{one}: majority"].value]
        selects = [one for one in knows if found[f"{one}: selectivity"].low > 0]
        said_ = f"{name} holds more than guessing of {', '.join(knows) or 'nothing asked'}; beyond what a memory of words explains, of {', '.join(selects) or 'none of it'}"
        findings.append(Finding("probes", "note", said_, {"knows": knows, "selective": selects}))
    rows = [
        (one, name, *(_cell(found[f"{one}: {figure}"]) for figure in ("right", "majority", "control", "selectivity")))
        for one in asked
        for name, found in every.items()
    ]
    wide = ", ".join(f"{name} {found['dimension'].value:.0f}" for name, found in every.items())
    return Report(
        "evaluate",
        source,
        "; ".join(finding.says for finding in findings),
        findings,
        [
            Table(
                "Probes",
                ["question", "encoder", "right", "commonest label", "control", "selectivity"],
                rows,
                f"Columns: {wide}. A wide vector helps a probe.",
            )
        ],
        pictures=[
            Heat(
                "Right more often than the commonest label",
                asked,
                list(every),
                [
                    [found[f"{one}: right"].value - found[f"{one}: majority"].value for one in asked]
                    for found in every.values()
                ],
                each=False,
            )
        ],
        next=follows,
        numbers={name: {one: value._asdict() for one, value in found.items()} for name, found in every.items()},
        notes=[f"{first['dimension'].n:,} texts made of {len(said):,} sentences."],
    )


def thresholds(
    encoders: Mapping[str, Encoder],
    task: Retrieval,
    *,
    source: str,
    method: TelecomCompass | None = None,
    follows: str = "",
    progress: Progress | None = None,
) -> Report:
    """Where to cut the scores of a retrieval task, and how well right and random pairs part. See `TelecomCompass`.

    Args:
        encoders: By name.
        task: With judgements.
        source: What it was read from.
        method: With its options.
        follows: The command that follows.
        progress: Told after every batch.
    """
    how = method or TelecomCompass()
    findings: list[Finding] = []
    table: list[tuple[str, ...]] = []
    spreads: list[Spread] = []
    numbers: dict[str, Any] = {}
    for name, encoder in encoders.items():
        rows = task_rows(encoder, task, progress=progress)
        found = how.judge(task, rows)
        numbers[name] = {one: value._asdict() for one, value in found.items()}
        table += [(name, one, _cell(value)) for one, value in found.items()]
        cut, kept = found["threshold"], found["recall"]
        said = (
            f"{name}: cosine {cut.value:.3f} [{cut.low:.3f}, {cut.high:.3f}] lets {kept.value:.0%} of right pairs through that it was not "
            f"found on, and {found['random above'].value:.1%} of random ones"
        )
        findings.append(Finding("threshold", "note", said, {"threshold": cut.value, "recall": kept.value}))
        spreads.append(Spread(f"{name}: cosines of pairs", "cosine", **how.spread(task, rows)))
    note = "Intervals over queries; recall, precision and random pairs are judged by a threshold found on the other half of the queries."
    return Report(
        "evaluate",
        source,
        "; ".join(finding.says for finding in findings),
        findings,
        [Table(f"Thresholds on {task.name}", ["encoder", "figure", "95 % interval"], table, note)],
        pictures=spreads,
        next=follows,
        numbers=numbers,
    )


class _Told:
    """An encoder that tells how far it is, and what it can say of lengths."""

    def __init__(self, encoder: Encoder, progress: Progress | None) -> None:
        self._encoder, self._progress = encoder, progress
        self.passport = encoder.passport
        longest = getattr(encoder, "max_length", None)
        counts: Callable[..., Any] | None = getattr(encoder, "count_tokens", None)
        if longest is not None and counts is not None:
            self.max_length, self.count_tokens = longest, counts

    @property
    def dim(self) -> int:
        """Columns of a vector."""
        return self._encoder.dim

    def encode(self, texts: Sequence[str], *, kind: Kind = "document") -> Vectors:
        """As the encoder does."""
        return self._encoder.encode(texts, kind=kind, progress=self._progress)


def _cell(one: Interval) -> str:
    return f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]"
