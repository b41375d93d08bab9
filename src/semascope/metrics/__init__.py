"""Measures and what is said with them: rankings, correlations, groups, pairs; intervals and paired tests. numpy alone."""

from semascope.metrics.corrections import benjamini_hochberg, holm
from semascope.metrics.paired import Difference, detectable, paired
from semascope.metrics.ranking import (
    Judgements,
    average_precision_at,
    ndcg,
    ranked,
    recall_within,
    reciprocal_rank,
)
from semascope.metrics.resampling import by_counts, resamples
from semascope.metrics.scores import COLUMNS, STATISTICS, Scores, score, task_rows
from semascope.metrics.summaries import average_precision, mean, v_measure

__all__ = [
    "COLUMNS",
    "STATISTICS",
    "Difference",
    "Judgements",
    "Scores",
    "average_precision",
    "average_precision_at",
    "benjamini_hochberg",
    "by_counts",
    "detectable",
    "holm",
    "mean",
    "ndcg",
    "paired",
    "ranked",
    "recall_within",
    "reciprocal_rank",
    "resamples",
    "score",
    "task_rows",
    "v_measure",
]
