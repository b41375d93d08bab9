"""Label a few rows, predict the rest: which rows to label, what that would give, and the predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.look.found import FewLabels
from semascope.ops import Interval, bootstrap, integer, unit, vectors
from semascope.ops.communities import settled
from semascope.types import Array, Vectors

_DRAWS = 20  # of as many rows at random
_MOST = 20_000  # rows that predictions are tried on; of more, an even draw


@dataclass(frozen=True, eq=False)
class Rest:
    """What the labels of a few rows say of all rows.

    Args:
        labels: One a row; those of the labelled rows are as they were given.
        chance: float64 (n,), how likely each is right, by the labelled rows: 1 for those.
        accuracy: Of the labelled rows, the share that the others get right, with its interval; rather too high where the rows
            were chosen for being typical (0.90 for 0.84 on news, 0.62 for 0.59 on questions). None for fewer than two labels.
    """

    labels: Sequence[str]
    chance: NDArray[np.float64]
    accuracy: Interval | None


def rows_to_label(x: Array, n: int = 50, *, seed: int = 0) -> NDArray[np.int64]:
    """Rows that stand for all others, int64 (n,): the middle one of each of n groups, that of the largest group first.

    Spherical k-means from centres drawn far apart. Fewer rows come back where there are fewer different ones.

    Args:
        x: Rows (m, d); angles about their mean count, lengths do not.
        n: Rows wanted.
        seed: Of the first centres.

    Source: Arthur and Vassilvitskii (2007), "k-means++"; taking what is typical, not what is doubtful, is what Hacohen, Dekel
    and Weinshall (2022), "Active Learning on a Budget", find best where labels are few.
    """
    x = _turned(vectors(x, name="x", least=1))
    n = min(integer(n, name="n", least=1), len(x))
    rng = np.random.default_rng(seed)
    centres = [int(rng.integers(len(x)))]
    far = np.maximum(1 - (x @ x[centres[0]]).astype(np.float64), 0)
    while len(centres) < n and far.sum() > 1e-6 * len(x):
        centres.append(int(rng.choice(len(x), p=far / far.sum())))
        far = np.minimum(far, np.maximum(1 - (x @ x[centres[-1]]).astype(np.float64), 0))
    first = np.concatenate([(x[at : at + 8192] @ x[centres].T).argmax(axis=1) for at in range(0, len(x), 8192)])
    labels, means = settled(x, first, passes=15)
    near = np.einsum("ij,ij->i", x, means[labels])
    sizes = np.bincount(labels)
    order = np.argsort(-sizes, kind="stable")
    # The nearest to its own mean, the first of equally near ones.
    best = np.lexsort((np.arange(len(x)), -near, labels))
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    return best[starts][order].astype(np.int64)


def label_few(x: Array, labels: Sequence[str | None] | None = None, n: int = 50, *, seed: int = 0) -> FewLabels:
    """Which rows to label, and what predicting the rest from them gives: measured where labels are known.

    Where rows have labels, the labels of n of those rows are taken and those of the others predicted; the same with n rows drawn
    at random, twenty times. The rows given back are among those that have no label yet, where there are n such rows.

    Args:
        x: Rows (m, d).
        labels: One a row, None or "" where it has none.
        n: Rows to label.
        seed: Of the choice and of the draws.

    Raises:
        InputError: not one label for each row.
    """
    x = vectors(x, name="x", least=1)
    given = ["" if label is None else str(label) for label in labels] if labels is not None else [""] * len(x)
    if len(given) != len(x):
        raise InputError(f"labels: want one for each of {len(x):,} rows, got {len(given):,}")
    known = np.flatnonzero(np.fromiter(map(bool, given), bool, len(given)))
    free = np.setdiff1d(np.arange(len(x)), known)
    pool = free if len(free) >= n else np.arange(len(x))
    chosen = pool[rows_to_label(x[pool], n, seed=seed)]
    if len(known) > _MOST:
        known = np.sort(np.random.default_rng(seed).permutation(known)[:_MOST])
    true = np.asarray([given[int(row)] for row in known], dtype=object)
    if len(known) < 2 * n or len(set(true)) < 2:
        return FewLabels(chosen, None, None, _unmeasured(len(chosen), len(known), n))
    mine = _turned(x[known])
    ours = chosen if len(known) == len(x) else None
    tried = rows_to_label(x[known], n, seed=seed) if ours is None else ours
    right = _right(mine, tried, true)
    rng = np.random.default_rng((seed, 1))
    by_chance = [_right(mine, rng.permutation(len(mine))[: len(tried)], true).mean() for _ in range(_DRAWS)]
    accuracy, random = bootstrap(right, draws=2000, seed=seed), bootstrap(np.array(by_chance), draws=2000, seed=seed)
    most = max(np.unique(true.astype(str), return_counts=True)[1]) / len(true)
    says = (
        f"With the labels of these {len(tried)} rows, {accuracy.value:.1%} of {accuracy.n:,} others are predicted right "
        f"({accuracy.low:.1%} to {accuracy.high:.1%}); with as many at random {random.value:.1%} (mean of {_DRAWS} draws); "
        f"guessing the commonest label {most:.1%}."
    )
    return FewLabels(chosen, accuracy, random, says)


def predict_rest(x: Array, rows: Sequence[int] | Array, labels: Sequence[str]) -> Rest:
    """What a few labelled rows say of all: each row gets the label whose labelled rows' mean is nearest.

    Chances are a softmax of the cosines, as peaked as the labelled rows bear out when each is left out in turn.

    Args:
        x: All rows (n, d).
        rows: The labelled ones.
        labels: Theirs.

    Raises:
        InputError: not one label for each labelled row, none at all, or a row that is not there.
    """
    x = vectors(x, name="x", least=1)
    at = np.asarray(rows, dtype=np.int64)
    named = [str(label) for label in labels]
    if len(at) != len(named) or not len(at):
        raise InputError(f"labels: want one for each of {len(at)} labelled rows, one or more, got {len(named)}")
    if at.min() < 0 or at.max() >= len(x) or len(np.unique(at)) < len(at):
        raise InputError(
            f"rows: want different rows from 0 to {len(x) - 1}, got {at.min()} to {at.max()}, perhaps repeated"
        )
    classes, given = np.unique(np.asarray(named), return_inverse=True)
    turned = _turned(x)
    scores = turned @ _means(turned[at], given, len(classes)).T
    left_out = _left_out(turned[at], given, len(classes))
    peak = _peak(left_out, given)
    chances = _softmax(scores, peak)
    found = chances.argmax(axis=1)
    chance = chances[np.arange(len(x)), found]
    found[at], chance[at] = given, 1.0
    told = bootstrap(left_out.argmax(axis=1) == given, draws=2000) if len(classes) > 1 else None
    return Rest([str(classes[one]) for one in found], chance, told)


def _turned(x: Vectors) -> Vectors:
    """Directions of rows about their mean: encoders whose rows all point one way tell no less."""
    return unit(x - x.mean(axis=0, dtype=np.float64)) if len(x) > 1 else unit(x)


def _means(x: Vectors, given: Array, count: int) -> Vectors:
    sums = np.zeros((count, x.shape[1]), np.float64)
    np.add.at(sums, given, x)
    return unit(sums)


def _right(x: Vectors, rows: Array, true: Array) -> NDArray[np.bool_]:
    """Which of the other rows get their label from those."""
    classes, given = np.unique(true[rows].astype(str), return_inverse=True)
    rest = np.setdiff1d(np.arange(len(x)), rows)
    return classes[(x[rest] @ _means(x[rows], given, len(classes)).T).argmax(axis=1)] == true[rest]


def _left_out(x: Vectors, given: Array, count: int) -> NDArray[np.float64]:
    """Cosines (m, classes) of labelled rows with the means, each without itself; -1 where nothing is left."""
    sums = np.zeros((count, x.shape[1]), np.float64)
    np.add.at(sums, given, x)
    found = x @ unit(sums).T
    rows = np.arange(len(x))
    rest = sums[given] - x
    size = np.linalg.norm(rest, axis=1)
    alone = np.bincount(given, minlength=count)[given] == 1
    found = found.astype(np.float64)
    found[rows, given] = np.where(alone, -1.0, np.einsum("ij,ij->i", x, rest) / np.maximum(size, 1e-12))
    return found


def _softmax(scores: Array, peak: float) -> NDArray[np.float64]:
    powers = np.exp(peak * (scores.astype(np.float64) - scores.max(axis=1, keepdims=True)))
    return powers / powers.sum(axis=1, keepdims=True)


def _peak(scores: Array, given: Array) -> float:
    """The smallest factor of cosines under which the labels are about as likely as they can be (half a nat from the best).

    The smallest, because rows that were chosen for being typical are easier than the rest.
    """
    rows = np.arange(len(given))
    held = scores[rows, given] > -1  # a label of one row cannot be told without it
    if not held.any():
        return 1.0
    tried = np.geomspace(0.5, 50, 41)
    likely = np.array(
        [np.log(_softmax(scores[held], one)[np.arange(held.sum()), given[held]] + 1e-12).sum() for one in tried]
    )
    return float(tried[int(np.argmax(likely >= likely.max() - 0.5))])


def _unmeasured(chosen: int, known: int, n: int) -> str:
    why = (
        "there are no labels"
        if not known
        else f"{known:,} rows with labels are too few (two of them, and {2 * n} rows, wanted)"
    )
    return (
        f"What {chosen} labels would give cannot be known beforehand: {why}. It depends on whether the labels that you have in mind "
        "lie apart in these vectors. Once these rows are labelled, leaving each out in turn tells."
    )
