"""Labels: how many rows each has, how well the vectors tell them, and which look wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.evaluation.confident_learning import ConfidentLearning
from semascope.look.found import Labels, Suspect
from semascope.ops import Interval, bootstrap, vectors
from semascope.ops.graph import Graph, nearest
from semascope.types import Array

_LEAST = 5  # rows of a label, for it to be judged
_MOST = 20_000  # rows that are judged; of more, an even draw
_NEAREST = 30  # rows that vote
_SHOWN = 5  # of them beside a suspect
_SUSPECTS = 1000  # listed at most


def check_labels(x: Array, labels: Sequence[str | None], *, graph: Graph | None = None, seed: int = 0) -> Labels | None:
    """Which labels look wrong, the likeliest to be wrong first, with the nearest rows that have another one.

    Every label is judged by a linear model and by neighbours, neither of which saw it. Rows without a label are left out, and so
    are labels of fewer than five rows; of more than 20,000 rows an even draw is judged.

    Args:
        x: Rows (n, d).
        labels: One a row; None or "" where it has none.
        graph: The nearest others of each row, where they are known; 30 are asked.
        seed: Of the parts that are held out.

    Returns:
        None where fewer than two labels have five rows.

    Raises:
        InputError: not one label for each row.
    """
    x = vectors(x, name="x", least=0)
    if len(labels) != len(x):
        raise InputError(f"labels: want one for each of {len(x):,} rows, got {len(labels):,}")
    given = ["" if label is None else str(label) for label in labels]
    counts = dict(sorted(Counter(label for label in given if label).items(), key=lambda item: (-item[1], item[0])))
    judged = [label for label, count in counts.items() if count >= _LEAST]
    if len(judged) < 2:
        return None
    known = set(judged)
    rows = np.flatnonzero(np.fromiter((label in known for label in given), bool, len(given)))
    labelled = len(rows)
    if labelled > _MOST:
        rows = _drawn(rows, given, np.random.default_rng(seed))
    graph = _among(graph, rows, len(x)) or nearest(x[rows], _NEAREST)
    mine = np.asarray([given[int(row)] for row in rows], dtype=object)
    method = ConfidentLearning(n_neighbors=_NEAREST, random_state=seed)
    method.fit(x[rows], mine.astype(str), neighbours=graph.indices, cosines=graph.cosines)
    likely = method.classes_[method.beliefs_.argmax(axis=1)]
    right = method.classes_[method.probabilities_.argmax(axis=1)] == mine
    accuracy = bootstrap(right, draws=2000, seed=seed)
    # Every label counts alike: where one is rare, guessing the others is right nearly always and tells nothing.
    shares = Counter(mine.tolist())
    evenly = right / np.array([len(shares) * shares[label] / len(mine) for label in mine])
    balanced = bootstrap(evenly, draws=2000, seed=seed)
    if balanced.low <= 1 / len(shares):
        return Labels(counts, accuracy, (), 0, _untold(accuracy, balanced, len(shares)), told=False)
    doubted = np.flatnonzero(method.wrong_)
    order = doubted[np.argsort(method.chance_[doubted], kind="stable")]
    suspects = [_suspect(int(place), rows, mine, likely, method.chance_, graph) for place in order[:_SUSPECTS]]
    share = bootstrap(method.wrong_, draws=2000, seed=seed)
    return Labels(
        counts=counts,
        accuracy=accuracy,
        suspects=suspects,
        expected=round(share.value * labelled),
        says=_says(share, labelled, len(rows), len(given), len(counts) - len(judged), counts[judged[0]] / labelled),
    )


def _drawn(rows: NDArray[np.int64], given: Sequence[str], rng: np.random.Generator) -> NDArray[np.int64]:
    """An even draw, without labels that it leaves too few rows."""
    mixed = rng.permutation(rows)
    kept = [int(row) for row in mixed[:_MOST]]
    counts = Counter(given[row] for row in kept)
    return np.sort(np.asarray([row for row in kept if counts[given[row]] >= _LEAST], np.int64))


def _among(graph: Graph | None, rows: NDArray[np.int64], n: int) -> Graph | None:
    """The graph of these rows alone, where it is that of all."""
    return graph if graph is not None and len(rows) == n and graph.indices.shape[1] >= _NEAREST // 2 else None


def _suspect(
    place: int, rows: NDArray[np.int64], mine: Array, likely: Array, chance: NDArray[np.float64], graph: Graph
) -> Suspect:
    near = graph.indices[place]
    saying = near[mine[near] == likely[place]][:_SHOWN]
    return Suspect(
        row=int(rows[place]),
        given=str(mine[place]),
        likely=str(likely[place]),
        chance=float(chance[place]),
        neighbours=[int(rows[one]) for one in saying],
    )


def _untold(accuracy: Interval, balanced: Interval, labels: int) -> str:
    return (
        f"Labels cannot be told from these vectors: a linear model gets {accuracy.value:.1%} (n={accuracy.n:,}) of unseen rows right, and with "
        f"every label counting alike {balanced.value:.1%} ({balanced.low:.1%} to {balanced.high:.1%}), where guessing gets {1 / labels:.1%}. So "
        "none is called wrong: they may all be right and say something that is not in the texts, or not in what the encoder makes of them."
    )


def _says(share: Interval, labelled: int, judged: int, n: int, small: int, commonest: float) -> str:
    low, high = (round(bound * labelled) for bound in (share.low, share.high))
    left = f" {n - labelled:,} rows have no label, or one of fewer than {_LEAST} rows." if n > labelled else ""
    drawn = f" Judged were {judged:,} rows, drawn evenly." if judged < labelled else ""
    few = f" {small:,} labels are too small to be judged." if small else ""
    return (
        f"About {share.value:.1%} of the labels contradict what rows like theirs are called: {low:,} to {high:,} of {labelled:,} "
        "(95 % of draws of rows). Where labels overlap that counts rows between two of them too, so it is rather too many than too "
        f"few. Always guessing the commonest label is right for {commonest:.1%}.{left}{drawn}{few}"
    )
