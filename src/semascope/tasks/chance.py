"""What guessing gives: a task judged on vectors that know nothing of the texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from semascope.metrics.scores import Scores
from semascope.ops.hashes import digest
from semascope.types import Task, Vectors


class Guesses:
    """A random vector for each text, the same one wherever the text stands; no two texts are alike.

    Args:
        seed: Of the vectors.
        dim: Columns.
    """

    def __init__(self, seed: int = 0, dim: int = 32) -> None:
        self.seed, self.dim = seed, dim

    def rows(self, texts: Sequence[str]) -> Vectors:
        """float32 (n, dim)."""
        keys = {text: np.random.default_rng(int(digest(str(self.seed), text)[:15], 16)) for text in texts}
        drawn = {text: rng.normal(size=self.dim) for text, rng in keys.items()}
        return np.array([drawn[text] for text in texts], np.float32).reshape(len(texts), self.dim)

    def judged(self, task: Task) -> Scores:
        """What a task finds of them."""
        return task.judge({name: self.rows(texts) for name, (texts, _) in task.inputs().items()})


def chance(task: Task, *, draws: int = 3, seed: int = 0) -> float:
    """The headline that guessing gives, the mean of several draws of random vectors.

    Texts that are the same keep the same vector, so that what can be had without knowing any meaning (a query that is its
    document, word for word) is counted as guessing, as it should be.
    """
    found = [Guesses(seed + draw).judged(task).value() for draw in range(draws)]
    finite = [value for value in found if np.isfinite(value)]
    return float(np.mean(finite)) if finite else float("nan")
