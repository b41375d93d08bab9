"""How the units of a task make its headline: a mean, a rank correlation, average precision, V-measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from semascope.ops.arrays import spearman
from semascope.types import Array


def mean(value: Array) -> float:
    """The mean of values (n,)."""
    return float(np.asarray(value, np.float64).mean())


def average_precision(match: Array, score: Array) -> float:
    """Area under precision over recall for pairs that match or not (n,), by score (n,); nan where none matches.

    Equal scores are one step, as in scikit-learn: AP = sum over steps of (R_i - R_(i-1)) P_i.
    """
    match, score = np.asarray(match, np.float64) > 0, np.asarray(score, np.float64)
    if not match.any():
        return float("nan")
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(match[order])
    last = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    precision = hits[last] / (last + 1)
    recall = hits[last] / hits[-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def v_measure(label: Array, group: Array) -> float:
    """Harmonic mean of homogeneity and completeness of groups (n,) against labels (n,), both whole numbers from 0.

    Source: Rosenberg and Hirschberg (2007), "V-Measure: A Conditional Entropy-Based External Cluster Evaluation Measure".
    """
    label, group = np.asarray(label, np.int64), np.asarray(group, np.int64)
    table = np.zeros((int(label.max()) + 1, int(group.max()) + 1))
    np.add.at(table, (label, group), 1.0)
    joint = table / len(label)
    by_label, by_group = joint.sum(1), joint.sum(0)
    whole = joint[joint > 0] @ np.log(joint[joint > 0])
    apart = [-(p[p > 0] @ np.log(p[p > 0])) for p in (by_label, by_group)]
    shared = apart[0] + apart[1] + whole  # mutual information
    homogeneity = shared / apart[0] if apart[0] > 0 else 1.0
    completeness = shared / apart[1] if apart[1] > 0 else 1.0
    return 2 * homogeneity * completeness / (homogeneity + completeness) if homogeneity + completeness > 0 else 0.0


SUMMARIES: Mapping[str, Callable[..., float]] = {
    "mean": mean,
    "spearman": spearman,
    "average_precision": average_precision,
    "v_measure": v_measure,
}
