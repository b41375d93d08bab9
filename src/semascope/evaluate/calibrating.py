"""From an encoder's cosines to probabilities of a match: pairs with labels or texts without, the answer, and the folder it is kept in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.errors import CorruptError, InputError, OptionError
from semascope.evaluation.calibrator import Calibrator
from semascope.learned import Monotone, load
from semascope.metrics import brier, calibration_error, calibration_interval, reliability
from semascope.ops import Interval, guarded, unit, write_text
from semascope.ops.graph import nearest
from semascope.report import Curve, Finding, Report, Table
from semascope.report.pictures import Spread
from semascope.tasks import PairMatching, Similarity
from semascope.types import Encoder, Progress, Task

FORMAT = 1
FEWEST = 1000  # labelled pairs held out below which a calibration error is said to be rough
_ERROR = 0.03  # an error up to which probabilities may be taken at their word
_BINS = 10
_RANDOM = 20_000  # random pairs for the background


@dataclass(frozen=True, eq=False)
class Calibrated:
    """What was learned and what it is worth.

    Args:
        calibrator: Fitted on all pairs.
        scores: Of the pairs, or of the nearest neighbours where there are no labels.
        matches: Whether each is one; empty without labels.
        held_out: Probability of each pair by a calibrator that has not seen it; empty without labels.
        background: Scores of random pairs; empty with labels.
        precision: That was asked for.
        encoder: What it is called.
        passport: Its id.
    """

    calibrator: Calibrator
    scores: NDArray[np.float64]
    matches: NDArray[np.bool_]
    held_out: NDArray[np.float64]
    background: NDArray[np.float64]
    precision: float
    encoder: str
    passport: str


@dataclass(frozen=True, eq=False)
class Kept:
    """A calibrator as it lies in its folder.

    Args:
        curve: Score -> probability.
        facts: What is known of it: kind, method, pairs, encoder, passport, precision, threshold.
    """

    curve: Monotone
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def probability(self, scores: Any) -> NDArray[np.float32]:
        """Probabilities (n,) of scores (n,)."""
        return self.curve(np.asarray(scores, np.float64).reshape(-1, 1))[:, 0]


def matching(task: Task, at: float | None) -> PairMatching:
    """Pairs that match or not: as they are, or those with a score of at least `at`.

    Raises:
        OptionError: pairs with scores and no `at`, or a task that is not about pairs.
    """
    if isinstance(task, PairMatching):
        return task
    if not isinstance(task, Similarity):
        raise OptionError(f"--data: want pairs with a yes or no, or with scores, got {task.kind}")
    if at is None:
        low, high = min(task.scores), max(task.scores)
        raise OptionError(f"--at: want the score from which on a pair is a match, these go from {low:g} to {high:g}")
    return PairMatching(task.name, task.pairs, [score >= at for score in task.scores], task.ids)


def from_pairs(
    encoder: Encoder,
    pairs: PairMatching,
    *,
    precision: float = 0.95,
    name: str = "",
    seed: int = 0,
    progress: Progress | None = None,
) -> Calibrated:
    """Learn from labelled pairs; every pair's probability is also told by a calibrator that has not seen it."""
    from semascope.metrics import task_rows

    columns = pairs.judge(task_rows(encoder, pairs, progress=progress)).columns
    scores, matches = np.asarray(columns["score"], np.float64), np.asarray(columns["match"]) > 0
    whole = Calibrator(random_state=seed).fit(scores, matches)
    return Calibrated(
        whole,
        scores,
        matches,
        held_out(scores, matches, seed=seed),
        np.zeros(0),
        precision,
        name or encoder.passport.name,
        encoder.passport.id,
    )


def held_out(
    scores: NDArray[np.float64], matches: NDArray[np.bool_], *, folds: int = 5, seed: int = 0
) -> NDArray[np.float64]:
    """The probability (n,) of each pair by a calibrator fitted on the other folds, matches spread evenly over them.

    Raises:
        InputError: fewer than four matches, or four others.
    """
    least = int(min(matches.sum(), (~matches).sum()))
    if least < 4:
        raise InputError(f"pairs: want at least 4 that match and 4 that do not, got {matches.sum()} of {len(matches)}")
    rng = np.random.default_rng((seed, 72))
    part = np.empty(len(scores), np.int64)
    for kind in (False, True):
        mine = rng.permutation(np.flatnonzero(matches == kind))
        part[mine] = np.arange(len(mine)) % min(folds, least)
    out = np.empty(len(scores))
    for number in range(min(folds, least)):
        away = part == number
        out[away] = Calibrator(random_state=seed).fit(scores[~away], matches[~away]).probability(scores[away])
    return out


def from_texts(
    encoder: Encoder,
    texts: Sequence[str],
    *,
    precision: float = 0.95,
    name: str = "",
    seed: int = 0,
    progress: Progress | None = None,
) -> Calibrated:
    """Without labels: the scores of random pairs of texts are the background, those of nearest neighbours are looked at.

    Raises:
        InputError: fewer than 20 different texts.
    """
    every = list(dict.fromkeys(texts))
    if len(every) < 20:
        raise InputError(f"texts: want at least 20 different ones to make random pairs of, got {len(every)}")
    x = unit(encoder.encode(every, progress=progress))
    rng = np.random.default_rng((seed, 73))
    one = rng.integers(0, len(x), _RANDOM)
    other = (one + rng.integers(1, len(x), _RANDOM)) % len(x)
    background = np.einsum("ij,ij->i", x[one], x[other]).astype(np.float64)
    near, cosines = nearest(x, 1)
    # A pair that is nearest both ways is one pair.
    first = (np.arange(len(x)) < near[:, 0]) | (near[near[:, 0], 0] != np.arange(len(x)))
    scores = cosines[first, 0].astype(np.float64)
    calibrator = Calibrator(random_state=seed).fit(scores, background=background)
    empty = np.zeros(0)
    called = name or encoder.passport.name
    return Calibrated(calibrator, scores, np.zeros(0, bool), empty, background, precision, called, encoder.passport.id)


def save(found: Calibrated, folder: Path) -> None:
    """Write `calibrator.safetensors` and `calibrator.json` into a folder, made if it is not there.

    Raises:
        OptionError: a file is in the way, or the folder above is not there.
    """
    if folder.is_file() or not folder.parent.is_dir():
        raise OptionError(f"--out: want a new folder in one that is there, got {folder}")
    with guarded(f"write {folder}"):
        folder.mkdir(exist_ok=True)
        found.calibrator.learned_.save(folder / "calibrator.safetensors")
        write_text(folder / "calibrator.json", json.dumps(_facts(found), indent=1, ensure_ascii=False) + "\n")


def open_calibrator(folder: str | Path) -> Kept:
    """Read what `save` wrote.

    Raises:
        CorruptError: there is none, it is of another format, or it cannot be read.
    """
    path = Path(folder)
    try:
        facts = json.loads((path / "calibrator.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CorruptError(f"{path}: want a calibrator's folder (semascope calibrate --out), got {error}") from error
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:  # pyright: ignore[reportUnknownMemberType]
        raise CorruptError(f"{path}: want a calibrator of format {FORMAT}; a newer semascope may read it")
    curve = load(path / "calibrator.safetensors")
    if not isinstance(curve, Monotone):
        raise CorruptError(f"{path}: want a curve, got {type(curve).__name__}")
    return Kept(curve, facts)  # pyright: ignore[reportUnknownArgumentType]


def _facts(found: Calibrated) -> dict[str, Any]:
    threshold = found.calibrator.threshold(found.precision)
    return {
        "format": FORMAT,
        "kind": found.calibrator.kind_,
        "method": found.calibrator.method_,
        "pairs": len(found.scores),
        "matches": int(found.matches.sum()) if len(found.matches) else None,
        "encoder": found.encoder,
        "passport": found.passport,
        "precision": found.precision,
        "threshold": None if threshold is None else threshold.score,
        "achieved": None if threshold is None or not threshold.promised else threshold.precision._asdict(),
    }


def report(found: Calibrated, *, source: str, next_: str = "") -> Report:
    """The answer: the threshold first, then what the probabilities are worth."""
    return _labelled(found, source, next_) if len(found.matches) else _unlabelled(found, source, next_)


def _percent(share: Interval) -> str:
    return f"{share.value:.0%} [{share.low:.0%}, {share.high:.0%}]"


def _labelled(found: Calibrated, source: str, next_: str) -> Report:
    calibrator, said, so = found.calibrator, found.held_out, found.matches
    threshold = calibrator.threshold(found.precision)
    error = calibration_interval(said, so)
    raw = calibration_error(np.clip(found.scores, 0, 1), so)
    ours, base = brier(said, so), brier(np.full(len(so), so.mean()), so)
    bins = reliability(said, so, _BINS)
    if threshold is None:
        first = f"No score of {found.encoder} means a match with precision {found.precision:.0%}: the likeliest pair has a probability of {said.max():.0%}"
    else:
        recall = threshold.recall
        first = (
            f"A score of {threshold.score:.3f} or more means a match with precision {_percent(threshold.precision)}"
            + (f" and finds {_percent(recall)} of the matches" if recall is not None else "")
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
        pictures=[_spread(found, threshold)],
        next=next_,
        numbers={**_facts(found), "error": error._asdict(), "raw": raw, "brier": ours, "brier_base": base},
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


def _reliability_table(bins: Sequence[Any]) -> Table:
    rows = [[f"{one.said:.3f}", f"{one.matched.value:.3f} [{one.matched.low:.3f}, {one.matched.high:.3f}]", f"{one.matched.n:,}"] for one in bins]  # fmt: skip
    return Table("What was said, and what was so", ["probability said", "share that matched", "pairs"], rows)


def _curve(bins: Sequence[Any]) -> Curve:
    lines = {
        "pairs held out": [(one.said, one.matched.value, one.matched.low, one.matched.high) for one in bins],
        "as it should be": [(0.0, 0.0, 0.0, 0.0), (1.0, 1.0, 1.0, 1.0)],
    }
    return Curve("Reliability", "probability said", "share that matched", lines)


def _spread(found: Calibrated, threshold: Any) -> Spread:
    groups = (
        {"match": found.scores[found.matches], "no match": found.scores[~found.matches]}
        if len(found.matches)
        else {"nearest neighbours": found.scores, "random pairs": found.background}
    )
    every = np.concatenate(list(groups.values()))
    edges = np.linspace(float(every.min()), float(every.max()) + 1e-9, 41)
    series = {name: (np.histogram(values, edges)[0] / max(len(values), 1)).tolist() for name, values in groups.items()}
    marks = {} if threshold is None else {f"precision {found.precision:.0%}": threshold.score}
    return Spread("Scores of pairs", "cosine", edges.tolist(), series, marks)


def _unlabelled(found: Calibrated, source: str, next_: str) -> Report:
    threshold = found.calibrator.threshold(found.precision)
    highest = np.quantile(found.background, [0.5, 0.95, 0.99, 0.999])
    ranks = f"half of {len(found.background):,} random pairs score {highest[0]:.3f} or less, 1 in 20 {highest[1]:.3f} or more, 1 in 1,000 {highest[3]:.3f} or more"
    if threshold is None:
        said = f"Without labels nothing is promised: no score is so much rarer among random pairs that {found.precision:.0%} of the pairs above it could be taken for matches"
    else:
        said = (
            f"Without labels nothing is promised: if pairs that are no matches scored as random ones do, {threshold.precision.value:.0%} of the "
            f"{threshold.precision.n:,} nearest neighbours that score {threshold.score:.3f} or more would be matches"
        )
    return Report(
        verb="calibrate",
        source=source,
        verdict=said + ".",
        findings=[
            Finding(
                "no promise",
                "warning",
                "there are no labels. Nearest neighbours that are no matches are harder than random pairs and score higher, so that the true "
                "precision is lower than what stands here; how much lower is not known. A hundred labelled pairs would tell",
                mend=f"semascope calibrate {found.encoder or 'ENCODER'} --data PAIRS.csv",
            ),
            Finding(
                "background", "note", ranks, dict(zip(("50%", "95%", "99%", "99.9%"), highest.tolist(), strict=True))
            ),
            Finding(
                "matches",
                "note",
                f"of {len(found.scores):,} pairs of nearest neighbours about {found.calibrator.base_rate_:.0%} score as no random pair does "
                "(Storey's estimate; for the same reason too high)",
                {"share": found.calibrator.base_rate_},
            ),
        ],
        tables=[_thresholds(found)],
        pictures=[_spread(found, threshold)],
        next=next_,
        numbers=_facts(found),
    )
