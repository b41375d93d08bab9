"""From an encoder's cosines to probabilities of a match: pairs with labels or texts without, and the folder they are kept in."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.errors import CorruptError, InputError, OptionError
from semascope.evaluation.calibrator import Calibrator
from semascope.learned import Monotone, load
from semascope.ops import guarded, settle, unit, write_text
from semascope.tasks import PairMatching, Similarity
from semascope.types import Encoder, Progress, Task

FORMAT = 1
_RANDOM = 20_000  # random pairs for the background


@dataclass(frozen=True, eq=False)
class Calibrated:
    """What was learned and what it is worth.

    Args:
        calibrator: Fitted on all pairs.
        scores: Of the pairs; empty where there were texts alone.
        matches: Whether each is one; empty without labels.
        held_out: Probability of each pair by a calibrator that has not seen it; empty without labels.
        background: Scores of random pairs; empty with labels.
        precision: That was asked for.
        encoder: What it is called.
        passport: Its id.
        texts: How many different ones there were, where there are no labels.
    """

    calibrator: Calibrator
    scores: NDArray[np.float64]
    matches: NDArray[np.bool_]
    held_out: NDArray[np.float64]
    background: NDArray[np.float64]
    precision: float
    encoder: str
    passport: str
    texts: int = 0


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
    """Without pairs: what random pairs of the texts score. No score of it is a probability of a match.

    The nearest neighbours of the texts are no pairs to compare that with: each is the best of many, and scores more than a random
    pair for that alone.

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
    calibrator = Calibrator(random_state=seed).fit(background)
    return _without_labels(encoder, calibrator, np.zeros(0), background, precision, name, len(every))


def from_unlabelled(
    encoder: Encoder,
    pairs: Sequence[tuple[str, str]],
    *,
    precision: float = 0.95,
    name: str = "",
    seed: int = 0,
    progress: Progress | None = None,
) -> Calibrated:
    """Without labels: scores of pairs, beside those of the same texts paired anew at random.

    Raises:
        InputError: fewer than 20 pairs.
    """
    if len(pairs) < 20:
        raise InputError(f"pairs: want at least 20 to pair anew at random, got {len(pairs)}")
    every = list(dict.fromkeys(text for pair in pairs for text in pair))
    place = {text: at for at, text in enumerate(every)}
    x = unit(encoder.encode(every, progress=progress))
    one, other = (np.array([place[pair[side]] for pair in pairs], np.int64) for side in (0, 1))
    rng = np.random.default_rng((seed, 74))
    first, second = rng.integers(0, len(pairs), (2, _RANDOM))
    apart = (first != second) & (one[first] != other[second]) & (other[first] != other[second])
    background = np.einsum("ij,ij->i", x[one[first[apart]]], x[other[second[apart]]]).astype(np.float64)
    scores = np.einsum("ij,ij->i", x[one], x[other]).astype(np.float64)
    calibrator = Calibrator(random_state=seed).fit(scores, background=background)
    return _without_labels(encoder, calibrator, scores, background, precision, name, len(every))


def _without_labels(
    encoder: Encoder,
    calibrator: Calibrator,
    scores: NDArray[np.float64],
    background: NDArray[np.float64],
    precision: float,
    name: str,
    texts: int,
) -> Calibrated:
    called = name or encoder.passport.name
    nobody, empty = np.zeros(0, bool), np.zeros(0)
    return Calibrated(calibrator, scores, nobody, empty, background, precision, called, encoder.passport.id, texts)


def save(found: Calibrated, folder: Path) -> None:
    """Write `calibrator.safetensors` and `calibrator.json` into a new folder, which is there whole or not at all.

    Raises:
        OptionError: as `free`.
    """
    free(folder)
    aside = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    with guarded(f"write {folder}"):
        try:
            aside.mkdir()
            found.calibrator.learned_.save(aside / "calibrator.safetensors")
            write_text(aside / "calibrator.json", json.dumps(facts(found), indent=1, ensure_ascii=False) + "\n")
            aside.rename(folder)
        except BaseException:
            rmtree(aside, ignore_errors=True)
            raise
    settle(folder.parent)


def free(folder: Path) -> None:
    """Refuse a place where no calibrator can be kept: before long work.

    Raises:
        OptionError: something is there already, or the folder above is not.
    """
    if folder.exists() or not folder.parent.is_dir():
        raise OptionError(f"--out: want a new folder in one that is there, got {folder}")


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


def threshold(found: Calibrated) -> Any:
    """Where matches begin; None where no score is so good, or there are no pairs to find any among."""
    return None if found.calibrator.kind_ == "background" else found.calibrator.threshold(found.precision)


def facts(found: Calibrated) -> dict[str, Any]:
    """What is kept beside the curve."""
    found_at = threshold(found)
    return {
        "format": FORMAT,
        "kind": found.calibrator.kind_,
        "method": found.calibrator.method_,
        "pairs": len(found.scores),
        "random_pairs": len(found.background),
        "matches": int(found.matches.sum()) if len(found.matches) else None,
        "encoder": found.encoder,
        "passport": found.passport,
        "precision": found.precision,
        "threshold": None if found_at is None else found_at.score,
        "achieved": None if found_at is None or not found_at.promised else found_at.precision._asdict(),
    }
