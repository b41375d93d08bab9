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
    """

    recipe: Candidate
    scores: tuple[Scores, ...]
    gains: tuple[Difference, ...]
    chose: tuple[float, ...]
    overall: Difference

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
        """Whether a loss of more than `margin` is ruled out in every task."""
        return all(one.low > -margin for one in self.gains)


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
    vectors: dict[Candidate, Any] = {}
    every = [plain, *recipes]
    for done, one in enumerate(every, 1):
        if one.vectors not in vectors:
            kept[one.vectors] = kept.get(one.vectors) or built(encoder, head, one.vectors, rows, learn)
            vectors[one.vectors] = finished(kept[one.vectors], encoder, one, rows)
        x = vectors[one.vectors]
        chose = tuple(judged(task, x, one.weight).value() for task in choosing)
        scored[one] = tuple(judged(task, x, one.weight) for task in confirming), chose
        if progress is not None:
            progress(done, len(every))
    base = scored[plain][0]
    recipes = [one for one in recipes if all(np.isfinite(each.value()) for each in scored[one][0])]
    gains = {one: [paired(a, b, seed=seed) for a, b in zip(base, scored[one][0], strict=True)] for one in recipes}
    corrected = _corrected(gains)
    overall = corrected
    if len(base) > 1:
        overall = _corrected({one: [together(base, scored[one][0], draws=_DRAWS, seed=seed)] for one in recipes})
    nothing = tuple(_none(one) for one in base)
    return Confirmed(plain, base, nothing, scored[plain][1], nothing[0]), [
        Confirmed(one, scored[one][0], corrected[one], scored[one][1], overall[one][0]) for one in recipes
    ]


def _corrected(gains: Mapping[Candidate, Sequence[Difference]]) -> dict[Candidate, tuple[Difference, ...]]:
    flat = [one for some in gains.values() for one in some]
    p = iter(holm([one.p for one in flat]).tolist() if flat else [])
    return {name: tuple(replace(one, p=next(p)) for one in some) for name, some in gains.items()}


def _none(scores: Scores) -> Difference:
    return Difference(0.0, 0.0, 0.0, 1.0, len(scores), 0, 0)
