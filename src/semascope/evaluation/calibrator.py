"""From a score to the probability of a match: learned from labelled pairs, or, where there are none, from what random pairs score."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from semascope.card import Card, Claim, Evidence, Paper
from semascope.errors import InputError, OptionError
from semascope.estimator import VectorTransform
from semascope.lab import Lab
from semascope.learned import Monotone
from semascope.metrics.calibration import calibration_error
from semascope.ops import Interval, integer, option, proportion, unit, vectors
from semascope.ops.curves import Curve, above, at, beta, isotonic, mixture, platt, ranks, reached
from semascope.types import Array, Vectors

# From the stiffest to the most pliant.
_CURVES: Mapping[str, Callable[[Array, Array], Curve]] = {"platt": platt, "beta": beta, "isotonic": isotonic}
_METHODS = tuple(_CURVES)
# Matches, or others if they are fewer, below which a curve is not tried: of 30 pairs isotonic regression learns the noise.
_LEAST: Mapping[str, int] = {"platt": 0, "beta": 20, "isotonic": 50}


@dataclass(frozen=True)
class _Threshold:
    """Where matches begin.

    Args:
        score: Pairs of this score or more count as matches.
        precision: Share of them that are matches, on pairs that did not choose it. Where `promised` is False it is an
            estimate, and the interval from 0 to 1 says so.
        recall: Share of the matches that are found; None where `promised` is False.
        promised: Whether it was measured, on labelled pairs that did not choose it. Without labels it is not; nor where
            pairs are so few that no part of them, held out, reaches a threshold chosen on the others.
    """

    score: float
    precision: Interval
    recall: Interval | None
    promised: bool


class Calibrator(VectorTransform):
    """Learn what a score says: the probability that a pair of this score is a match, never falling as the score rises.

    With labels, `fit(scores, matches)`: a logistic curve (Platt's), a beta curve or isotonic regression, whichever has the
    least log loss on pairs held out; of those within one standard error of it the stiffest, and of few pairs the logistic curve alone. `kind_` is "labelled", and
    probabilities are calibrated for pairs drawn as these were: with as many matches among them.

    Without, `fit(scores, background=of_random_pairs)`: 1 less the local false discovery rate, if the pairs that are no matches score
    as random pairs do; `kind_` is "mixture". Nothing here is promised: harder non-matches than random ones score higher, and the
    true probability is then lower. With `fit(background)` alone, `kind_` is "background", and a score gives the share of random
    pairs that score less.

    Args:
        method: "auto", or "platt", "beta" or "isotonic" where the choice is made already; of use with labels alone.
        folds: Parts of the pairs, each held out once for that choice, and for measuring thresholds.
        random_state: Of the parts.
    """

    _least = 1

    def __init__(self, method: str = "auto", folds: int = 5, random_state: int = 0) -> None:
        self.method = method
        self.folds = folds
        self.random_state = random_state

    def fit(self, X: Array, y: Any = None, *, background: Array | None = None) -> Self:
        """Learn from scores.

        Args:
            X: Scores of pairs, (n,) or (n, 1); of random pairs where neither labels nor a background are given.
            y: Whether each pair is a match: two values, the greater of which says yes.
            background: Scores of pairs put together at random, (m,) or (m, 1).

        Raises:
            InputError: scores that are no column of numbers; labels that do not fit them, or are all alike; labels and a
                background.
            OptionError: the method is unknown.
        """
        if y is not None and background is not None:
            raise InputError("background: want none where there are labels, got both")
        self._background = None if background is None else _column(background, "background")[:, 0].astype(np.float64)
        super().fit(_column(X, "X"), y)
        return self

    def transform(self, X: Array) -> Vectors:
        """Probabilities float32 (n, 1) of scores (n,) or (n, 1)."""
        self._fitted()
        return super().transform(_column(X, "X", least=0))

    def probability(self, X: Array) -> NDArray[np.float32]:
        """The same as one row of numbers, (n,)."""
        return self.transform(X)[:, 0]

    def predict_proba(self, X: Array) -> NDArray[np.float32]:
        """As scikit-learn's classifiers give it: (n, 2), no match and match."""
        found = self.probability(X)
        return np.stack([1 - found, found], axis=1)

    def threshold(self, precision: float = 0.95) -> _Threshold | None:
        """The least score from which on pairs are matches with that precision; None where no score is so good.

        With labels it is where the probabilities of all pairs that score as much have that mean; what is said of it was
        measured on the folds, each with a threshold chosen on the others. Where no pair held out reaches one, nothing was
        measured: the precision is then what the curve says, and is not promised. Without labels the threshold is where the
        false discovery rate, estimated from the background, falls to 1 less that precision, and is not promised either.

        Raises:
            OptionError: the precision is not between 0 and 1, or there is neither a label nor anything to find.
        """
        if not 0 < precision < 1:
            raise OptionError(f"precision: want a number between 0 and 1, got {precision}")
        self._fitted()
        if self.kind_ == "labelled":
            return self._measured(precision)
        if self._background is None:
            raise OptionError(
                "precision: want labels, or scores to look for matches among beside the background, got neither"
            )
        return self._estimated(precision)

    def _measured(self, precision: float) -> _Threshold | None:
        scores, hits = self._seen
        said = self.probability(scores).astype(np.float64)
        chosen = reached(scores, said, precision)
        if chosen is None:
            return None
        taken = np.zeros(len(hits), bool)
        for learn, out in _parts(hits, self._parts_wanted(hits), self.random_state):
            curve = _curve(self.method_, scores[learn], hits[learn])
            least = reached(scores[learn], at(curve, scores[learn]), precision)
            taken[out] = least is not None and scores[out] >= least
        if not taken.any():
            # The pairs that chose it cannot tell how good it is: what is left is what the curve says of them.
            above_it = scores >= chosen
            return _Threshold(
                chosen, Interval(float(said[above_it].mean()), 0.0, 1.0, int(above_it.sum())), None, False
            )
        found = proportion(int(hits[taken].sum()), int(taken.sum()))
        return _Threshold(chosen, found, proportion(int(hits[taken].sum()), int(hits.sum())), True)

    def _estimated(self, precision: float) -> _Threshold | None:
        scores, background = self._seen[0], np.zeros(0) if self._background is None else self._background
        rising = np.unique(scores)
        false = (above(background, rising) + 1) / (len(background) + 1) * (1 - self.base_rate_)
        rate = np.minimum(false / (above(scores, rising) / len(scores)), 1.0)
        # Storey's q-value: the least rate of any threshold that lets the score pass.
        fits = np.flatnonzero(np.minimum.accumulate(rate) <= 1 - precision)
        if not len(fits):
            return None
        first = int(fits[0])
        taken = int(above(scores, rising[first : first + 1])[0])
        return _Threshold(float(rising[first]), Interval(float(1 - rate[first]), 0.0, 1.0, taken), None, False)

    def _parts_wanted(self, hits: Array) -> int:
        return max(2, min(integer(self.folds, name="folds", least=2), int(min(hits.sum(), (~hits).sum()))))

    def _learn(self, X: Vectors, y: Array | None) -> Monotone:
        option(self.method, ("auto", *_METHODS), name="method")
        integer(self.random_state, name="random_state", least=0)
        integer(self.folds, name="folds", least=2)
        scores = X[:, 0].astype(np.float64)
        self.n_ = len(scores)
        if y is not None:
            return self._from_labels(scores, _told(y, len(scores)))
        self._seen = (scores, np.zeros(len(scores), bool))
        self.losses_: dict[str, float] = {}
        if self._background is None:
            self.kind_, self.method_, self.base_rate_ = "background", "ranks", 0.0
            return _frozen(ranks(scores))
        self.kind_, self.method_ = "mixture", "density ratio"
        self.base_rate_, curve = mixture(scores, self._background)
        return _frozen(curve)

    def _from_labels(self, scores: NDArray[np.float64], hits: NDArray[np.bool_]) -> Monotone:
        self._seen = (scores, hits)
        self.kind_, self.base_rate_ = "labelled", float(hits.mean())
        self.method_, self.losses_ = self.method, {}
        if self.method == "auto":
            self.method_, self.losses_ = _chosen(scores, hits, self._parts_wanted(hits), self.random_state)
        return _frozen(_curve(self.method_, scores, hits))

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags

        tags = super().__sklearn_tags__()
        # As scikit-learn's own IsotonicRegression says it: one number a row.
        tags.input_tags.one_d_array, tags.input_tags.two_d_array = True, False
        tags.classifier_tags = ClassifierTags(multi_class=False)
        return tags


def _frozen(curve: Curve) -> Monotone:
    """The curve in float32, knots that become equal there taken once."""
    knots, values = (np.asarray(side, np.float32) for side in curve)
    last = np.append(np.diff(knots) > 0, True)
    return Monotone(knots[last], values[last])


def _column(x: Any, name: str, least: int = 1) -> Vectors:
    """Scores as one column, (n, 1), from (n,) or (n, 1)."""
    flat = x if isinstance(x, str) or hasattr(x, "toarray") else np.asarray(x)
    if isinstance(flat, np.ndarray) and flat.ndim == 1 and flat.dtype.kind in "fiub":
        flat = flat[:, None]
    return vectors(flat, least=least, dim=1, name=name)


def _told(y: Any, n: int) -> NDArray[np.bool_]:
    held = np.asarray(y).ravel()
    if len(held) != n:
        raise InputError(f"y: want one label for each of {n:,} scores, got {len(held):,}")
    values = np.unique(held)
    if held.dtype.kind not in "biuf" or len(values) != 2:
        raise InputError(f"y: want two values, such as 0 and 1, got {values[:5].tolist()}")
    return held == values[1]


def _parts(hits: Array, parts: int, seed: int) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """What is learned from and what is held out, with as many matches in each."""
    rng = np.random.default_rng((seed, 70))
    part = np.empty(len(hits), np.int64)
    for kind in (False, True):
        mine = rng.permutation(np.flatnonzero(hits == kind))
        part[mine] = np.arange(len(mine)) % parts
    for number in range(parts):
        yield part != number, part == number


def _chosen(scores: Array, hits: Array, parts: int, seed: int) -> tuple[str, dict[str, float]]:
    """The stiffest curve whose held-out log loss is within one standard error of the best, and the losses."""
    rarer = int(min(hits.sum(), (~hits).sum()))
    tried = [method for method in _METHODS if rarer >= _LEAST[method]]
    lost = {method: np.zeros(len(hits)) for method in tried}
    for learn, out in _parts(hits, parts, seed):
        if hits[learn].all() or not hits[learn].any():
            return "platt", {}
        for method in tried:
            p = np.clip(at(_curve(method, scores[learn], hits[learn]), scores[out]), 1e-6, 1 - 1e-6)
            lost[method][out] = -np.log(np.where(hits[out], p, 1 - p))
    means = {method: float(values.mean()) for method, values in lost.items()}
    best = min(tried, key=lambda method: means[method])
    for method in tried:
        behind = lost[method] - lost[best]
        if behind.mean() <= behind.std() / np.sqrt(len(behind)):
            return method, means
    return best, means


def _curve(method: str, scores: Array, hits: Array) -> Curve:
    return _CURVES[method](scores, hits)


class _Raw(Calibrator):
    """Does nothing: a score is taken for a probability, as far as it lies between 0 and 1."""

    def _learn(self, X: Vectors, y: Array | None) -> Monotone:
        super()._learn(X, y)
        return Monotone(np.array([0, 1], np.float32), np.array([0, 1], np.float32))


def _says_what_is_so(lab: Lab, method: Calibrator) -> Evidence:
    """Titles and their texts among titles and texts of others, by the default encoder's cosine; one in three is a match.

    Baseline: what is said of all pairs alike, the share of matches. Margin: on pairs held out, a calibration error of at most 0.03,
    and a Brier score below three quarters of the baseline's.
    """
    titles, bodies = lab.titled(
        min(2400, sum(1 for title, text in lab.documents() if title and len(text.split()) >= 20))
    )
    encoder = lab.encoder("default")
    x, z = unit(encoder.encode(titles)), unit(encoder.encode(bodies))
    rng = lab.rng(71)
    n = len(titles)
    others = [(np.arange(n) + 1 + rng.integers(0, n - 1, n)) % n for _ in range(2)]
    scores = np.concatenate([np.einsum("ij,ij->i", x, z), *(np.einsum("ij,ij->i", x, z[other]) for other in others)])
    hits = np.repeat([True, False, False], n)
    learn = rng.permutation(len(hits)) < len(hits) // 3
    said = method.fit(scores[learn], hits[learn]).probability(scores[~learn]).astype(np.float64)
    hit = hits[~learn]
    ours, base = float(np.square(said - hit).mean()), float(np.square(hits[learn].mean() - hit).mean())
    error = calibration_error(said, hit)
    numbers = {
        "calibration error": error,
        "Brier score": ours,
        "Brier score of the share of matches": base,
        "pairs held out": float(len(hit)),
    }
    return Evidence(error <= 0.03 and ours <= 0.75 * base, numbers)


CARD = Card(
    make=Calibrator,
    family="evaluation",
    keys=(),
    papers=(
        Paper(
            "Verified Uncertainty Calibration",
            ("Ananya Kumar", "Percy Liang", "Tengyu Ma"),
            2019,
            "https://arxiv.org/abs/1909.10155",
        ),
        Paper(
            "Mitigating Bias in Calibration Error Estimation",
            ("Rebecca Roelofs", "Nicholas Cain", "Jonathon Shlens", "Michael C. Mozer"),
            2020,
            "https://arxiv.org/abs/2012.08668",
        ),
        Paper(
            "Beta calibration: a well-founded and easily implemented improvement on logistic calibration for binary classifiers",
            ("Meelis Kull", "Telmo de Menezes e Silva Filho", "Peter Flach"),
            2017,
            "https://proceedings.mlr.press/v54/kull17a.html",
        ),
    ),
    claim=Claim(
        "Told which pairs of a third match, it says of the others with what probability they do, to 0.03 in bins of equal mass, and "
        "better than the share of matches does by a quarter; the score taken as it is does not.",
        _says_what_is_so,
        null=_Raw,
    ),
    notes="The first two papers say how the error is to be measured, the third what one of the three curves is; the others are Platt's "
    "and isotonic regression. What is chosen is the stiffest curve within one standard error of the best held-out log loss. Without labels "
    "it follows Storey's and Efron's false discovery rates, and promises nothing.",
)
