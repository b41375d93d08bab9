"""Looking for the recipe that made rows: one choice after the other, the best few kept, until rows come out exactly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.doctor.naming.candidates import CUTS, LAYOUTS, PROMPTS, Reading
from semascope.doctor.naming.frames import Frame, compared, lengths, nines, standardised
from semascope.doctor.naming.reads import Reads, Way
from semascope.types import Array

ROUNDS = 3
KEPT = 2  # readings that are followed up in every round
Score = Callable[[Array, Frame, bool], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Trial:
    """One way to make the rows, and how near it came.

    Args:
        reading: How texts were read.
        way: Layers and pooling.
        frame: What was allowed for.
        unit: Whether its rows got length one before that.
        cosines: Of each row, float64 (n,).
        score: Their mean in nines.
    """

    reading: Reading
    way: Way
    frame: Frame
    unit: bool
    cosines: NDArray[np.float64]
    score: float


@dataclass(frozen=True, eq=False)
class Material:
    """Rows and their texts.

    Args:
        texts: Of each row.
        titles: Of each row, or None.
        score: Cosines (n, candidates) of the rows with candidates' rows (n, candidates, d), under a frame.
        frames: The frames to look in.
        columns: Columns of the rows.
        noise: 1 - cosine that their rounding takes.
    """

    texts: Sequence[str]
    titles: Sequence[str] | None
    score: Score
    frames: tuple[Frame, ...]
    columns: int
    noise: float


def beside(x: Array) -> Score:
    """Each row beside its own text."""

    def score(made: Array, frame: Frame, unit: bool) -> NDArray[np.float64]:
        return compared(x, made, frame, unit=unit)

    return score


def anywhere(x: Array) -> Score:
    """Each text beside the row, of all rows (m, d), that is nearest to it."""
    held = {"direct": _unit32(x), "bits": _unit32(x), "columns": _unit32(standardised(x))}

    def score(made: Array, frame: Frame, unit: bool) -> NDArray[np.float64]:
        c = np.asarray(made, dtype=np.float64)
        c = c / lengths(c)[..., None] if unit else c
        if frame == "bits":
            c = np.where(c > 0, 1.0, -1.0)
        if frame == "columns":
            c = standardised(c.swapaxes(0, 1)).swapaxes(0, 1)
        rows = _unit32(c.reshape(-1, c.shape[-1]))
        best = np.full(len(rows), -1.0, np.float32)
        for start in range(0, len(held[frame]), 2_048):
            np.maximum(best, (rows @ held[frame][start : start + 2_048].T).max(axis=1), out=best)
        return best.reshape(c.shape[:2]).astype(np.float64)

    return score


def _unit32(x: Array) -> NDArray[np.float32]:
    return (x / lengths(x)[:, None]).astype(np.float32)


class Search:
    """Every reading that was tried on some rows, and how near it came; what the model is shown twice is read once.

    Args:
        reads: The encoder.
        material: The rows.
        tick: Called when something was read.
    """

    def __init__(self, reads: Reads, material: Material, tick: Callable[[], None] | None = None) -> None:
        self.reads = reads
        self.material = material
        self.tick = tick
        self.trials: dict[Any, list[Trial]] = {}
        self.readings: dict[Any, list[Reading]] = {}

    def key(self, reading: Reading) -> Any:
        """What the model is shown of all rows' texts."""
        shown = reading.laid_out(self.material.texts, self.material.titles)
        return tuple(self.reads.keys(shown, reading))

    def tried(self, reading: Reading) -> list[Trial]:
        """Every way of pooling under a reading, the best first of each frame."""
        key = self.key(reading)
        self.readings.setdefault(key, [])
        if reading not in self.readings[key]:
            self.readings[key].append(reading)
        if key not in self.trials:
            self.trials[key] = self._try(reading)
        return self.trials[key]

    def _try(self, reading: Reading) -> list[Trial]:
        material = self.material
        shown = reading.laid_out(material.texts, material.titles)
        pooled = self.reads.pooled(shown, reading, self.tick)
        made: list[Trial] = []
        for frame in material.frames:
            cut = pooled if frame == "linear" else pooled[..., : material.columns]
            for unit in (False, True) if frame not in ("direct", "bits") else (False,):
                cosines = material.score(cut, frame, unit)
                scores = nines(cosines, material.noise).mean(axis=0)
                made += [
                    Trial(reading, way, frame, unit, cosines[:, i], float(scores[i]))
                    for i, way in enumerate(self.reads.ways)
                ]
        return made

    def best(self, frames: Sequence[Frame] | None = None) -> Trial:
        """The trial that came nearest."""
        return max(
            (one for trials in self.trials.values() for one in trials if frames is None or one.frame in frames),
            key=lambda one: one.score,
        )

    def top(self, count: int, frames: Sequence[Frame] | None = None) -> list[Reading]:
        """The readings that came nearest by their best trial."""
        scored = [
            (max(one.score for one in trials if frames is None or one.frame in frames), -place, trials[0].reading)
            for place, trials in enumerate(self.trials.values())
        ]
        return [reading for _, _, reading in sorted(scored, key=lambda one: one[:2], reverse=True)[:count]]

    def run(self, exact: Callable[[Trial], bool]) -> Trial:
        """Look until a trial is exact or nothing gets better; the best trial."""
        self._each(cuts(self.reads, self.reads.own))
        seen: set[Reading] = set()
        for _ in range(ROUNDS):
            if exact(self.best()):
                break
            before = self.best().score
            for reading in self.top(KEPT):
                if reading not in seen:
                    seen.add(reading)
                    self._each(variants(self.reads, reading, self.material.titles is not None))
            if exact(self.best()):
                break
            self._each(cuts(self.reads, self.top(1)[0]))
            if self.best().score <= before:
                break
        return self.best()

    def _each(self, readings: Sequence[Reading]) -> None:
        for reading in readings:
            self.tried(reading)


def cuts(reads: Reads, reading: Reading) -> list[Reading]:
    """A reading with every maximum length and side."""
    if not reads.cuttable:
        return [reading]
    longest = reads.longest
    own = reads.own.max_length
    known = [cut for cut in CUTS if longest is None or cut < longest]
    limits = list(dict.fromkeys([reading.max_length, own, *known, longest, None]))
    made = [replace(reading, max_length=limit, side=side) for side in ("right", "left") for limit in limits]
    return list(dict.fromkeys([reading, *made]))


def variants(reads: Reads, reading: Reading, titled: bool) -> list[Reading]:
    """A reading with one other choice than its length: prompt, layout of title and text, letters, special tokens."""
    prompts = dict.fromkeys([reads.own.prompt, *reads.prompts(), *PROMPTS])
    made = [replace(reading, prompt=prompt) for prompt in prompts]
    made += [replace(reading, layout=layout) for layout in LAYOUTS] if titled else []
    made.append(replace(reading, lower_case=not reading.lower_case))
    if reads.longest is not None:
        made.append(replace(reading, special=not reading.special))
    return [one for one in dict.fromkeys(made) if one != reading]
