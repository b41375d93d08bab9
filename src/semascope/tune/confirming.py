"""On units that chose nothing: what the few best gain over the plain recipe, tested in pairs and corrected for how many there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.metrics import Difference, holm, paired, together
from semascope.metrics.scores import Scores
from semascope.recipe import Part
from semascope.tune.building import built, finished, judged
from semascope.tune.onepass import Rows
from semascope.tune.recipes import Candidate
from semascope.tune.scoring import Asked
from semascope.types import Progress

_DRAWS = 10_000


@dataclass(frozen=True, eq=False)
class Confirmed:
    """One recipe on the units that confirm.

    Args:
        recipe: Which.
        scores: What each task found.
        gains: Over the plain recipe, for each task; p is corrected by Holm over all recipes and tasks that were confirmed together.
        chose: Its headlines on the units that chose, by the encoder itself.
        overall: Gain over the plain recipe: of the one task, or the mean over several; p is corrected by Holm over all recipes that
            were confirmed together.
        lows: For each task the lower end of an interval of its gain that holds for all smaller recipes confirmed together
            (Bonferroni): so much is not lost by any of them, whichever is taken for it. Empty where it is not smaller than the plain recipe.
    """

    recipe: Candidate
    scores: tuple[Scores, ...]
    gains: tuple[Difference, ...]
    chose: tuple[float, ...]
    overall: Difference
    lows: tuple[float, ...] = ()

    @property
    def values(self) -> tuple[float, ...]:
        """Its headlines on the units that confirm."""
        return tuple(one.value() for one in self.scores)

    @property
    def better(self) -> bool:
        """Whether a gain over all tasks is shown, and a loss in none of them."""
        return self.overall.shown and self.overall.value > 0 and not self.worse

    @property
    def worse(self) -> bool:
        """Whether a loss is shown, over all tasks or in one of them."""
        return any(one.shown and one.value < 0 for one in (self.overall, *self.gains))

    def keeps(self, margin: float) -> bool:
        """Whether it is smaller, and a loss of more than `margin` is ruled out in every task and for all that were looked at."""
        return bool(self.lows) and all(low > -margin for low in self.lows)


def confirm(
    encoder: Any,
    head: Part,
    recipes: Sequence[Candidate],
    plain: Candidate,
    rows: Rows,
    learn: NDArray[np.int64],
    *,
    choosing: Sequence[Asked],
    confirming: Sequence[Asked],
    seed: int = 0,
    made: dict[Candidate, Any] | None = None,
    progress: Progress | None = None,
) -> tuple[Confirmed, list[Confirmed]]:
    """The plain recipe, and beside it each of the others that has a headline: one that gives all texts the same row has no correlation.

    Args:
        encoder: That the rows are of.
        head: What stands for it in recipe text.
        recipes: To be confirmed.
        plain: What they are compared with.
        rows: Of the one pass.
        learn: Places of the rows that their parts learn from.
        choosing: Tasks of the units that chose; empty where recipes were not chosen.
        confirming: Tasks of the others.
        seed: Of the tests.
        made: The encoders, by their vectors' recipe; filled in.
        progress: Told of recipes.
    """
    kept = {} if made is None else made
    scored: dict[Candidate, tuple[tuple[Scores, ...], tuple[float, ...]]] = {}
    every = list(dict.fromkeys([plain, *recipes]))
    for vectors in dict.fromkeys(one.vectors for one in every):  # rows of one at a time: those of all can be gigabytes
        kept[vectors] = kept.get(vectors) or built(encoder, head, vectors, rows, learn)
        x = finished(kept[vectors], encoder, vectors, rows)
        for one in every:
            if one.vectors == vectors:
                chose = tuple(judged(task, x, one.weight).value() for task in choosing)
                scored[one] = tuple(judged(task, x, one.weight) for task in confirming), chose
                if progress is not None:
                    progress(len(scored), len(every))
    base = scored[plain][0]
    recipes = [one for one in recipes if all(np.isfinite(each.value()) for each in scored[one][0])]
    gains = {one: [paired(a, b, seed=seed) for a, b in zip(base, scored[one][0], strict=True)] for one in recipes}
    corrected = _corrected(gains)
    overall = corrected
    if len(base) > 1:
        overall = _corrected({one: [together(base, scored[one][0], draws=_DRAWS, seed=seed)] for one in recipes})
    smaller = [one for one in recipes if one.bytes < plain.bytes]
    lows = {one: _lows(base, scored[one][0], len(smaller), seed) for one in smaller}
    nothing = tuple(_none(one) for one in base)
    return Confirmed(plain, base, nothing, scored[plain][1], nothing[0]), [
        Confirmed(one, scored[one][0], corrected[one], scored[one][1], overall[one][0], lows.get(one, ()))
        for one in recipes
    ]


def _lows(base: Sequence[Scores], scores: Sequence[Scores], looks: int, seed: int) -> tuple[float, ...]:
    """Lower ends of the gains' intervals at a level that holds for so many looks at once."""
    level = 1 - 0.05 / looks
    return tuple(paired(a, b, level=level, seed=seed).low for a, b in zip(base, scores, strict=True))


def _corrected(gains: Mapping[Candidate, Sequence[Difference]]) -> dict[Candidate, tuple[Difference, ...]]:
    flat = [one for some in gains.values() for one in some]
    p = iter(holm([one.p for one in flat]).tolist() if flat else [])
    return {name: tuple(replace(one, p=next(p)) for one in some) for name, some in gains.items()}


def _none(scores: Scores) -> Difference:
    return Difference(0.0, 0.0, 0.0, 1.0, len(scores), 0, 0)
