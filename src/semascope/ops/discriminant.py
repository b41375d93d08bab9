"""Which named things a row is likely to have: a linear discriminant in closed form, for words, labels and probes.

For every thing c, with n_c of n rows having it, d_c their mean less the mean of all, and S a covariance:

    score_c(x) = a (s_c d_c' S^-1 (x - mean) - s_c^2 d_c' S^-1 d_c / 2) + log(p_c / (1 - p_c)),   p_c = n_c / n

which is Bayes' rule where rows with and without c spread alike (Fisher's discriminant), and, but for scale and constant,
ridge regression to a 0/1 column. Three numbers temper it: S is the covariance plus `penalty` times its mean variance;
s_c = n_c / (n_c + few) draws the mean of a thing seen few times towards the mean of all; a, `trust`, weighs what the row
says against how common the thing is, for the covariance of few rows makes every row look too telling.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.types import Array

# Rows spread less than this are all one to float32 arithmetic: nothing is learned from them but how common things are.
_FLAT = 1e-30


@dataclass(frozen=True)
class Tempering:
    """The three numbers of the formula above.

    Args:
        penalty: Added to the covariance, in units of its mean variance.
        few: Rows of a thing by which its mean is drawn halfway to the mean of all.
        trust: Weight of what a row says, against how common a thing is.
    """

    penalty: float
    few: float = 0.0
    trust: float = 1.0


class Discriminant:
    """Means and covariance of rows and of the things they have, from which a head follows for any tempering.

    Args:
        x: Rows (n, d).
        has: Which row has which thing, a scipy sparse matrix (n, m) of 0 and 1; every column has at least a 1.
        within: Whether S is the covariance about each thing's own mean, where every row has exactly one: labels. Else
            about the mean of all: words.
    """

    def __init__(self, x: Array, has: Any, *, within: bool) -> None:
        x = np.asarray(x, np.float64)
        self.mean: NDArray[np.float64] = x.mean(axis=0)
        centred = x - self.mean
        self.times: NDArray[np.float64] = np.asarray(has.sum(axis=0), np.float64).ravel()
        away = np.asarray(has.T @ centred) / self.times[:, None]
        covariance = centred.T @ centred / len(x)
        if within:
            covariance -= away.T @ (away * (self.times / len(x))[:, None])
        variance, self._axes = np.linalg.eigh(covariance)
        self._variance = variance.clip(0)
        self._away = away @ self._axes
        # One row more of each kind keeps the odds of what every row has, or none, finite.
        share = (self.times + 0.5) / (len(x) + 1)
        self.odds: NDArray[np.float64] = np.log(share / (1 - share))

    def head(self, how: Tempering) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weight (d, m) and bias (m,) such that (x - mean) @ weight + bias are the scores."""
        middle = self._variance.mean()
        if np.sqrt(middle) < _FLAT:
            return np.zeros((len(self.mean), len(self.odds))), self.odds.copy()
        inner = self._away / (self._variance + how.penalty * middle)
        known = self.times / (self.times + how.few)
        far = np.einsum("ij,ij->i", inner, self._away) * known**2
        weight = self._axes @ (inner * (how.trust * known)[:, None]).T
        return weight, self.odds - how.trust / 2 * far


def membership(rows: list[int], columns: list[int], shape: tuple[int, int]) -> Any:
    """A scipy sparse matrix (n, m) with 1 at these places."""
    from scipy import sparse

    return sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape)


def folds(n: int, k: int, rng: np.random.Generator) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """`k` splits of n rows into those to learn from and those held out; each row is held out once."""
    order = rng.permutation(n)
    parts = np.array_split(order, k)
    return [(np.concatenate([*parts[:i], *parts[i + 1 :]]), parts[i]) for i in range(k)]


def calibration(scores: Array, right: Array, *, rounds: int = 50) -> tuple[float, float]:
    """Slope and constant such that 1 / (1 + exp(-(slope score + constant))) is the share that is right.

    Logistic regression on one number by Newton's method, with two made-up cases (Platt, 1999) so that perfect scores give a
    finite slope. Where higher scores are not righter, slope 1 and constant 0.
    """
    z = np.concatenate([np.asarray(scores, np.float64).ravel(), [np.mean(scores)] * 2])
    t = np.concatenate([np.asarray(right, np.float64).ravel(), [0.0, 1.0]])
    middle, width = z.mean(), z.std()
    if not width > 0:
        return 1.0, 0.0
    design = np.stack([(z - middle) / width, np.ones(len(z))], axis=1)
    found = np.zeros(2)
    for _ in range(rounds):
        p = 1 / (1 + np.exp(-np.clip(design @ found, -30, 30)))
        slope = design.T @ (t - p) - 1e-3 * found
        bend = design.T @ (design * (p * (1 - p))[:, None]) + 1e-3 * np.eye(2)
        step = np.linalg.solve(bend, slope)
        found += np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-8:
            break
    slope, constant = float(found[0] / width), float(found[1] - found[0] * middle / width)
    return (slope, constant) if slope > 0 else (1.0, 0.0)


def label_head(
    x: Array, labels: list[str], *, seed: int, penalties: tuple[float, ...] = (0.001, 0.01, 0.1, 1.0, 10.0)
) -> tuple[Array, Array, Array, tuple[str, ...]]:
    """Mean, weight, bias and names of the discriminant between labels; the penalty is that of fewest errors on held-out thirds.

    Args:
        x: Rows (n, d).
        labels: Of each row.
        seed: Of the split.
        penalties: To choose from; with fewer than 12 rows the middle one is taken.
    """
    names = tuple(sorted(set(labels)))
    place = {name: i for i, name in enumerate(names)}
    own = np.array([place[label] for label in labels])
    best = penalties[len(penalties) // 2]
    if len(x) >= 12 and len(names) > 1:
        right = np.zeros(len(penalties))
        for learn, held in folds(len(x), 3, np.random.default_rng(seed)):
            there, codes = np.unique(own[learn], return_inverse=True)
            made = Discriminant(
                x[learn], membership(list(range(len(learn))), list(codes), (len(learn), len(there))), within=True
            )
            for i, penalty in enumerate(penalties):
                weight, bias = _labels(made, penalty)
                guess = ((x[held] - made.mean) @ weight + bias).argmax(axis=1)
                right[i] += (there[guess] == own[held]).sum()
        # Of penalties that do equally well the largest is taken.
        best = penalties[len(penalties) - 1 - int(right[::-1].argmax())]
    made = Discriminant(x, membership(list(range(len(x))), list(own), (len(x), len(names))), within=True)
    weight, bias = _labels(made, best)
    return made.mean, weight, bias, names


def told_labels(y: Any, n: int) -> list[str]:
    """The labels of n rows as `str` writes them, or what is wrong with `y`.

    Raises:
        InputError: `y` is None, or not one label for each row.
    """
    if y is None:
        raise InputError("y: want the label of each row, got None (requires y to be passed, but the target y is None)")
    labels = np.asarray(y)
    if labels.shape != (n,):
        raise InputError(f"y: want one label for each of {n} rows, got shape {labels.shape}")
    return [str(label) for label in labels.tolist()]


def _labels(made: Discriminant, penalty: float) -> tuple[Array, Array]:
    """The head with log p as a thing's odds: of labels each row has one, and the larger score wins."""
    weight, bias = made.head(Tempering(penalty))
    return weight, bias - made.odds + np.log(made.times / made.times.sum())
