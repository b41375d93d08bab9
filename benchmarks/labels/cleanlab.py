"""cleanlab with its defaults: label quality scores, and issues by pruning, of the given probabilities (whose time is not in its)."""

# /// script
# dependencies = ["cleanlab==2.9.0"]
# ///

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from labels._measure import measure


def rank(x: Any, labels: Any, probabilities: Any) -> tuple[Any, float]:
    del x
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    return get_label_quality_scores(labels, probabilities), float(
        find_label_issues(labels, probabilities, n_jobs=1).sum()
    )


if __name__ == "__main__":
    measure("cleanlab", rank, {"cleanlab": version("cleanlab")})
