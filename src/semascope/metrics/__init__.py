"""Measures and what is said with them: rankings, correlations, groups, pairs; intervals and paired tests. numpy alone."""

from semascope.metrics.calibration import (
    Bin,
    brier,
    calibration_error,
    calibration_interval,
    reliability,
    sweep_error,
)
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
from semascope.metrics.scores import COLUMNS, STATISTICS, Scores, data_digest, score, task_rows
from semascope.metrics.summaries import average_precision, mean, v_measure
from semascope.metrics.together import together

__all__ = [
    "COLUMNS",
    "STATISTICS",
    "Bin",
    "Difference",
    "Judgements",
    "Scores",
    "average_precision",
    "average_precision_at",
    "benjamini_hochberg",
    "brier",
    "by_counts",
    "calibration_error",
    "calibration_interval",
    "data_digest",
    "detectable",
    "holm",
    "mean",
    "ndcg",
    "paired",
    "ranked",
    "recall_within",
    "reciprocal_rank",
    "reliability",
    "resamples",
    "score",
    "sweep_error",
    "task_rows",
    "together",
    "v_measure",
]
