"""From a recipe that was scored fast to the encoder itself: the same estimators, on the same rows, as `Recipe.fit` uses."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.encoders.pipeline import Recipe
from semascope.metrics.ranking import ranked
from semascope.metrics.scores import Scores
from semascope.ops import unit
from semascope.recipe import Part
from semascope.registry import make
from semascope.tasks.retrieval import DEEP
from semascope.tune.lexical import blended
from semascope.tune.onepass import Rows
from semascope.tune.recipes import Candidate
from semascope.tune.scoring import Asked, in_parts
from semascope.types import Vectors


def built(encoder: Any, head: Part, one: Candidate, rows: Rows, learn: NDArray[np.int64]) -> Any:
    """The encoder of a recipe, fitted on the rows that are there; the encoder itself where nothing is to be done to it.

    Args:
        encoder: That the rows are of.
        head: What stands for it in recipe text.
        one: The recipe.
        rows: Of the one pass.
        learn: Places of the rows that its parts learn from.
    """
    parts = one.parts(head)
    if len(parts) == 1:
        return encoder
    pooling = None if one.reading.own else make(parts[1])
    start = 1 if one.reading.own else 2
    recipe = Recipe(encoder, parts, pooling, [make(part) for part in parts[start:]])
    return recipe.fit_rows(rows.base(one.reading)[learn])


def finished(made: Any, encoder: Any, one: Candidate, rows: Rows) -> Vectors:
    """What the built encoder makes of every text of the pass, without running the model; float32 (n, dim)."""
    x = rows.base(one.reading)
    return x if made is encoder else made.finish(x)


def judged(asked: Asked, x: Vectors, weight: float) -> Scores:
    """What a task finds of rows x (n, d) of all texts; words count beside the cosine where it ranks documents."""
    task: Any = asked.task
    if asked.words is None or not weight:
        return task.judge({name: x[at] for name, at in asked.rows.items()})
    queries, documents = unit(x[asked.rows["queries"]]), unit(x[asked.rows["documents"]])
    places = [
        ranked(blended(queries[some] @ documents.T, asked.words.shares[some], weight), DEEP)
        for some in in_parts(len(queries), len(documents))
    ]
    return task.judge_ranking(np.concatenate(places))
