"""Confident learning over the linear model's probabilities and the votes of the nearest rows; the time holds the model's too."""

# /// script
# dependencies = ["semascope"]
# ///

from __future__ import annotations

from typing import Any

from labels._measure import measure

import semascope
from semascope.evaluation.confident_learning import ConfidentLearning


def rank(x: Any, labels: Any, probabilities: Any) -> tuple[Any, float]:
    del probabilities  # made anew inside, of the same model and parts; its time counts
    judged = ConfidentLearning().fit(x, labels)
    return judged.chance_, float(judged.wrong_.sum())


if __name__ == "__main__":
    measure("semascope", rank, {"semascope": semascope.__version__})
