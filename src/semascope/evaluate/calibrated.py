"""What a calibrator is worth, as a report: the threshold first, then probabilities on pairs held out, or what random pairs score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from semascope.evaluate.calibrating import Calibrated, facts, threshold
from semascope.metrics import Bin, brier, calibration_error, calibration_interval, reliability
from semascope.ops import Interval, proportion
from semascope.report import Curve, Finding, Report, Table
from semascope.report.pictures import Spread

FEWEST = 1000  # labelled pairs held out below which a calibration error is said to be rough
_ERROR = 0.03  # an error up to which probabilities may be taken at their word
_BINS = 10


def report(found: Calibrated, *, source: str, next_: str = "") -> Report:
    """The answer: the threshold first, then what the probabilities are worth."""
    return _labelled(found, source, next_) if len(found.matches) else _unlabelled(found, source, next_)


def _percent(share: Interval) -> str:
    return f"{share.value:.0%} [{share.low:.0%}, {share.high:.0%}]"


def _labelled(found: Calibrated, source: str, next_: str) -> Report:
    calibrator, said, so = found.calibrator, found.held_out, found.matches
    reached = calibrator.threshold(found.precision)
    error = calibration_interval(said, so)
    raw = calibration_error(np.clip(found.scores, 0, 1), so)
    ours, base = brier(said, so), brier(np.full(len(so), so.mean()), so)
    bins = reliability(said, so, _BINS)
    if reached is None:
        first = f"No score of {found.encoder} means a match with precision {found.precision:.0%}: the likeliest pair has a probability of {said.max():.0%}"
    elif not reached.promised:
        first = (
            f"A score of {reached.score:.3f} or more would mean a match with precision {reached.precision.value:.0%} by the curve, "
            f"but that is not measured: of {len(so):,} pairs none that was held out reaches a threshold chosen on the others"
        )
    else:
        recall = reached.recall
        first = f"A score of {reached.score:.3f} or more means a match with precision {_percent(reached.precision)}" + (
            f" and finds {_percent(recall)} of the matches" if recall is not None else ""
        )
    fine = error.high <= _ERROR
    off = (
        f"probabilities are off by {error.value:.3f} [{error.low:.3f}, {error.high:.3f}] on {error.n:,} pairs held out"
    )
    findings = [
        Finding(
            "calibration",
            "fine" if fine else "note",
            f"{off}, in {len(bins)} bins of equal mass, less what chance adds; the bare cosine taken for a probability is off by "
            f"{raw:.3f}" + ("" if len(so) >= FEWEST else f". {len(so):,} pairs are few for such a figure"),
            {"error": error._asdict(), "raw": raw},
        ),
        Finding(
            "use",
            "fine" if ours < base else "warning",
            f"mean squared error {ours:.3f}, and {base:.3f} where all pairs are given the share of matches, "
            f"{so.mean():.0%}: "
            + ("the score tells pairs apart" if ours < base else "the score says nothing of these pairs"),
            {"brier": ours, "base": base},
        ),
        Finding(
            "curve",
            "note",
            f"{calibrator.method_}, chosen by log loss on pairs held out"
            + (
                ": " + ", ".join(f"{name} {loss:.4f}" for name, loss in calibrator.losses_.items())
                if calibrator.losses_
                else ""
            ),
            dict(calibrator.losses_),
        ),
    ]
    return Report(
        verb="calibrate",
        source=source,
        verdict=f"{first}; {off}.",
        findings=sorted(findings, key=lambda one: ("warning", "note", "fine").index(one.level)),
        tables=[_thresholds(found), _reliability_table(bins)],
        curves=[_curve(bins)],
        pictures=[_spread(found, reached)],
        next=next_,
        numbers={**facts(found), "error": error._asdict(), "raw": raw, "brier": ours, "brier_base": base},
        notes=[
            "Probabilities are those of pairs drawn as these were, with as many matches among them: where matches are rarer, as among "
            "all pairs of a corpus, the true probability of a score is lower. All figures are of pairs held out; pairs that share "
            "a text were not kept together.",
        ],
    )


def _thresholds(found: Calibrated) -> Table:
    rows: list[list[str]] = []
    for precision in sorted({0.5, 0.8, 0.9, 0.95, 0.99, found.precision}):
        one = found.calibrator.threshold(precision)
        if one is None:
            rows.append([f"{precision:.0%}", "none reaches it", "", ""])
        else:
            recall = "not known" if one.recall is None else _percent(one.recall)
            got = _percent(one.precision) if one.promised else f"{one.precision.value:.0%}, estimated"
            rows.append([f"{precision:.0%}", f"{one.score:.3f}", got, recall])
    return Table("Where matches begin", ["precision wanted", "score", "precision got", "matches found"], rows)


def _reliability_table(bins: Sequence[Bin]) -> Table:
    rows = [[f"{one.said:.3f}", f"{one.matched.value:.3f} [{one.matched.low:.3f}, {one.matched.high:.3f}]", f"{one.matched.n:,}"] for one in bins]  # fmt: skip
    return Table("What was said, and what was so", ["probability said", "share that matched", "pairs"], rows)


def _curve(bins: Sequence[Bin]) -> Curve:
    lines = {
        "pairs held out": [(one.said, one.matched.value, one.matched.low, one.matched.high) for one in bins],
        "as it should be": [(0.0, 0.0, 0.0, 0.0), (1.0, 1.0, 1.0, 1.0)],
    }
    return Curve("Reliability", "probability said", "share that matched", lines)


def _spread(found: Calibrated, reached: Any) -> Spread:
    groups = (
        {"match": found.scores[found.matches], "no match": found.scores[~found.matches]}
        if len(found.matches)
        else {
            name: values
            for name, values in (("pairs", found.scores), ("random pairs", found.background))
            if len(values)
        }
    )
    every = np.concatenate(list(groups.values()))
    edges = np.linspace(float(every.min()), float(every.max()) + 1e-9, 41)
    series = {name: (np.histogram(values, edges)[0] / max(len(values), 1)).tolist() for name, values in groups.items()}
    marks = {} if reached is None else {f"precision {found.precision:.0%}": reached.score}
    return Spread("Scores of pairs", "cosine", edges.tolist(), series, marks)


def _unlabelled(found: Calibrated, source: str, next_: str) -> Report:
    reached = threshold(found)
    pairs = len(found.scores) > 0
    if not pairs:
        rare = float(np.quantile(found.background, 0.999))
        said = (
            f"Without labels nothing is promised: 1 in 1,000 random pairs scores {rare:.3f} or more by {found.encoder}; "
            "how many of those that do are matches is not known"
        )
    elif reached is None:
        said = f"Without labels nothing is promised: no score is so rare among random pairs that {found.precision:.0%} of the pairs above it could be taken for matches"
    else:
        said = (
            f"Without labels nothing is promised: if pairs that are no matches scored as random ones do, {reached.precision.value:.0%} of "
            f"the {reached.precision.n:,} pairs that score {reached.score:.3f} or more would be matches"
        )
    return Report(
        verb="calibrate",
        source=source,
        verdict=said + ".",
        findings=_unlabelled_findings(found),
        tables=[_chance(found), *([_thresholds(found)] if pairs else [])],
        pictures=[_spread(found, reached)],
        next=next_,
        numbers=facts(found),
    )


def _unlabelled_findings(found: Calibrated) -> list[Finding]:
    none = Finding(
        "no promise",
        "warning",
        "there are no labels. Pairs that are no matches but were thought to be (the same topic, the same template) score higher than "
        "random pairs do, so that more of them lie above a score than stand here; how many more is not known. A hundred labelled "
        "pairs would tell",
        mend=f"semascope calibrate {found.encoder or 'ENCODER'} --data PAIRS.csv",
    )
    if not len(found.scores):
        return [none]
    share = found.calibrator.base_rate_
    return [
        none,
        Finding(
            "matches",
            "note",
            f"of {len(found.scores):,} pairs about {share:.0%} score as no random pair does (Storey's estimate, too high for the same "
            "reason)",
            {"share": share},
        ),
    ]


def _chance(found: Calibrated) -> Table:
    """Scores by how rare they are among random pairs, and how many pairs of so many texts chance alone gives."""
    n, every = len(found.background), found.texts * (found.texts - 1) // 2
    rows: list[list[str]] = []
    for odds in (2, 10, 100, 1000):
        score = float(np.quantile(found.background, 1 - 1 / odds))
        above = proportion(int((found.background >= score).sum()), n)
        rows.append(
            [f"{score:.3f}", f"{above.value:.2%} [{above.low:.2%}, {above.high:.2%}]", f"{above.value * every:,.0f}"]
        )
    return Table(
        f"What {n:,} random pairs score",
        ["score or more", "random pairs", f"so many of all {every:,} pairs of the {found.texts:,} texts"],
        rows,
    )
