"""How good a layer is, without labels: how many ways its states vary, how straight a text runs through it, how little slips move it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError, OptionError
from semascope.ops.arrays import unit
from semascope.ops.cloud.uncertain import from_influence, jackknife, random_groups, within
from semascope.ops.door import integer, option, vectors
from semascope.ops.statistics import Interval
from semascope.types import Array, Vectors

# Figure -> whether more of it is taken to be better. What it says of a model is for a check to find out, not for this table.
HIGHER_IS_BETTER: Mapping[str, bool] = {
    "prompt entropy": True,
    "dataset entropy": True,
    "curvature": False,
    "InfoNCE": True,
    "LiDAR": True,
    "DiME": True,
}
_NOTHING = 1e-12  # share of the trace below which an eigenvalue is rounding
_GROUPS = 8  # of the jackknife
_PERMUTED = 10  # permutations, as in the paper
_RIDGE = 1e-4  # added to the scatter within texts, as in the paper


@dataclass(frozen=True, eq=False)
class LayerProfile:
    """Figures of every layer of a model.

    Args:
        layers: Numbers of the layers, from 0, the token vectors before the first block.
        figures: Name -> one interval for each layer.
        rows: What texts' vectors are at each layer: the mean of their tokens, float32 (layers, n, d).
    """

    layers: tuple[int, ...]
    figures: Mapping[str, tuple[Interval, ...]]
    rows: NDArray[np.float32]

    def best(self, figure: str) -> int:
        """The layer that is best by a figure: see `HIGHER_IS_BETTER`. Of equal ones the first.

        Raises:
            OptionError: there is no such figure.
        """
        option(figure, tuple(self.figures), name="figure")
        values = np.array([one.value for one in self.figures[figure]])
        values = values if HIGHER_IS_BETTER.get(figure, True) else -values
        return self.layers[int(np.where(np.isnan(values), -np.inf, values).argmax())]


def matrix_entropy(z: Array, *, alpha: float = 1.0) -> float:
    """Renyi's entropy of order `alpha` of the shares of the trace of Z Z^T that its eigenvalues hold, in nats.

    0 where all rows lie on one line through the origin; log(min(n, d)) where they use all directions alike. Rows are taken as
    they are: neither centred nor scaled.

    Args:
        z: Rows (n, d).
        alpha: Order; 1 is Shannon's entropy (von Neumann's of the matrix).

    Raises:
        InputError: not rows of finite numbers.
        OptionError: `alpha` not above 0.

    Source: Giraldo, Rao, Principe (2012), "Measures of Entropy from Data Using Infinitely Divisible Kernels", equation 10;
    Skean et al. (2025), "Layer by Layer", equation 1.
    """
    return _entropy(_gram_values(vectors(z, name="z").astype(np.float64)), wanted_order(alpha))


def wanted_order(alpha: float) -> float:
    """`alpha` if it can be the order of an entropy.

    Raises:
        OptionError: it is not above 0.
    """
    if isinstance(alpha, bool | str) or not alpha > 0:
        raise OptionError(f"alpha: want more than 0, got {alpha!r}")
    return float(alpha)


def _gram_values(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.linalg.eigvalsh(z @ z.T if len(z) <= z.shape[1] else z.T @ z), np.float64)


def _shares(values: NDArray[np.float64]) -> NDArray[np.float64]:
    values = values.clip(0)
    total = float(values.sum())
    if not total > 0:
        return np.zeros(0)
    p = values / total
    p = p[p > _NOTHING]
    return p / p.sum()


def _entropy(values: NDArray[np.float64], alpha: float) -> float:
    p = _shares(values)
    if not len(p):
        return 0.0
    if abs(alpha - 1) < 1e-9:
        return float(max(0.0, -(p * np.log(p)).sum()))
    return float(max(0.0, np.log((p**alpha).sum()) / (1 - alpha)))


def prompt_entropy(z: Array, *, alpha: float = 1.0) -> float:
    """The entropy of one text's token states (t, d), centred and scaled to length one, by log(min(t, d)): 0 to 1; nan below 2 tokens.

    Source: as `matrix_entropy`; centred and scaled as in the paper's code. Its clamping of negative products is left out: a
    matrix of clamped products may have eigenvalues below zero, and is then none of which an entropy is defined.
    """
    rows = np.asarray(z, np.float64)
    if len(rows) < 2 or rows.shape[1] < 2:
        return float("nan")
    centred = unit(rows - rows.mean(axis=0)).astype(np.float64)
    return _entropy(_gram_values(centred), alpha) / float(np.log(min(rows.shape)))


def curvature(z: Array, *, signed: bool = True) -> float:
    """The mean angle between one step of a path (t, d) and the next, in radians; nan where there are fewer than two steps.

    0 on a straight line, pi / 2 on a random walk in many dimensions, 2 pi / 3 for points drawn independently, whose steps turn back.

    Args:
        z: Token states in order.
        signed: Whether turning back counts as such; without, the angle is that of two lines, at most pi / 2, and a path that goes
            back and forth counts as straight.

    Source: Hosseini and Fedorenko (2023), "Large language models implicitly learn to straighten neural sentence trajectories",
    equation 1; Skean et al. (2025), equation 5.
    """
    rows = np.asarray(z, np.float64)
    steps = np.diff(rows, axis=0)
    length = np.sqrt(np.einsum("ij,ij->i", steps, steps))
    moved = (length[:-1] > 0) & (length[1:] > 0)
    if len(rows) < 3 or not moved.any():
        return float("nan")
    cosines = np.einsum("ij,ij->i", steps[:-1], steps[1:])[moved] / (length[:-1] * length[1:])[moved]
    return float(np.arccos(np.clip(cosines if signed else np.abs(cosines), -1, 1)).mean())


def dataset_entropy(x: Array, *, alpha: float = 1.0) -> Interval:
    """The entropy of texts' vectors (n, d), scaled to length one, by log(min(n, d)): 0 where all point one way, 1 where evenly everywhere.

    Not centred: a cloud that lies to one side has little of it. Of few rows it is larger than of many, as they have to differ.

    Raises:
        InputError: fewer than 2 rows or columns, or no rows of finite numbers.
        OptionError: `alpha` not above 0.
    """
    rows = unit(vectors(x, least=2, name="X")).astype(np.float64)
    order = wanted_order(alpha)
    most = float(np.log(min(rows.shape))) if rows.shape[1] > 1 else 1.0
    values, parts = _spectrum(rows)
    entropy, influence = _entropy_by_row(values, parts, order)
    return within(from_influence(entropy / most, influence / most), 0.0, 1.0)


def _spectrum(rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Eigenvalues (m,) of the second moments of rows, and what each row adds to each of them (n, m)."""
    n, d = rows.shape
    if n < d:
        values, turned = np.linalg.eigh(rows @ rows.T)
        values = values.clip(0)
        return values / n, np.square(turned) * values
    values, turned = np.linalg.eigh(rows.T @ rows)
    return values.clip(0) / n, np.square(rows @ turned)


def _entropy_by_row(
    values: NDArray[np.float64], parts: NDArray[np.float64], alpha: float
) -> tuple[float, NDArray[np.float64]]:
    """The entropy of eigenvalues (m,), and its derivative by the weight of each row (n,)."""
    total = float(values.sum())
    if not total > 0:
        return 0.0, np.zeros(len(parts))
    p = values / total
    told = p > _NOTHING
    safe = np.where(told, p, 1.0)
    if abs(alpha - 1) < 1e-9:
        entropy = float(-(np.where(told, p * np.log(safe), 0.0)).sum())
        gradient = np.where(told, -np.log(safe) - entropy, 0.0) / total
    else:
        power = float((safe**alpha)[told].sum())
        entropy = float(np.log(power) / (1 - alpha))
        gradient = np.where(told, alpha / (1 - alpha) * (safe ** (alpha - 1) / power - 1), 0.0) / total
    return max(0.0, entropy), (parts - values) @ gradient


def two_views(one: Array, other: Array) -> tuple[Vectors, Vectors]:
    """Two sets of rows of one shape, scaled to length one.

    Raises:
        InputError: they are not, or there are fewer than 3 rows.
    """
    a, b = vectors(one, least=3, name="one"), vectors(other, least=3, name="other")
    if a.shape != b.shape:
        raise InputError(f"other: want rows {a.shape} as in the first view, got {b.shape}")
    return unit(a), unit(b)


def info_nce(one: Array, other: Array, *, temperature: float = 0.1) -> Interval:
    """How well a text's vector in one view finds that in the other among all others: 1 always and surely, 0 as by chance.

    1 less the contrastive loss by log(2 n - 1), what guessing evenly among the 2 n - 1 others costs.

    Args:
        one: Rows (n, d) of texts reworded in one way.
        other: The same texts reworded in another.
        temperature: By which cosines are divided.

    Raises:
        InputError: rows of different shapes, or fewer than 3.
        OptionError: `temperature` not above 0.

    Source: Chen et al. (2020), "A Simple Framework for Contrastive Learning of Visual Representations", equation 1; as in Skean et
    al. (2025), who give the loss itself.
    """
    if isinstance(temperature, bool | str) or not temperature > 0:
        raise OptionError(f"temperature: want more than 0, got {temperature!r}")
    a, b = two_views(one, other)
    n = len(a)
    z = np.concatenate([a, b]).astype(np.float64)
    scores = z @ z.T / temperature
    np.fill_diagonal(scores, -np.inf)
    top = scores.max(axis=1, keepdims=True)
    whole = (top + np.log(np.exp(scores - top).sum(axis=1, keepdims=True)))[:, 0]
    own = np.concatenate([np.arange(n, 2 * n), np.arange(n)])
    loss = whole - scores[np.arange(2 * n), own]
    score = 1 - (loss[:n] + loss[n:]) / 2 / np.log(2 * n - 1)
    return from_influence(float(score.mean()), score - score.mean())


def lidar(views: Sequence[Array] | Array) -> Interval:
    """How many directions tell texts apart beyond what rewording them moves: the effective rank of a discriminant's matrix.

    exp of the entropy of the eigenvalues of Sw^-1/2 Sb Sw^-1/2, Sb being the scatter of texts' means and Sw that of views about
    them plus 1e-4.

    Args:
        views: Rows (n, d) for each of at least 2 ways of rewording the same n texts.

    Raises:
        InputError: fewer than 2 views, of different shapes, or fewer than 8 texts.

    Source: Thilak et al. (2023), "LiDAR: Sensing Linear Probing Performance in Joint Embedding SSL Architectures", equations 1 to 4.
    """
    rows = [unit(vectors(view, least=_GROUPS, name="views")).astype(np.float64) for view in views]
    if len(rows) < 2 or len({one.shape for one in rows}) > 1:
        raise InputError(f"views: want at least 2 of one shape, got {[one.shape for one in rows]}")
    z = np.stack(rows, axis=1)
    group = random_groups(len(z), _GROUPS)
    without = np.array([_lidar(z[group != g]) for g in range(_GROUPS)])
    return within(jackknife(_lidar(z), without, len(z), ratio=True), 1.0, z.shape[2])


def _lidar(z: NDArray[np.float64]) -> float:
    """Of vectors (n, views, d). Any root of the scatter within texts gives the same eigenvalues; Cholesky's is the cheapest."""
    means = z.mean(axis=1)
    apart = (z - means[:, None]).reshape(-1, z.shape[2])
    root = np.linalg.cholesky(apart.T @ apart / len(apart) + _RIDGE * np.eye(z.shape[2]))
    turned = np.linalg.solve(root, (means - means.mean(axis=0)).T).T
    return float(np.exp(_entropy(_gram_values(turned), 1.0)))


def dime(one: Array, other: Array, *, alpha: float = 1.0, seed: int = 0) -> Interval:
    """How much less two views say together than views that do not belong together, by log n: the difference of matrix entropies.

    The joint entropy is that of the product, entry by entry, of the two matrices of cosines. 0 where the views have nothing to
    do with each other.

    Args:
        one: Rows (n, d) of texts reworded in one way.
        other: The same texts reworded in another.
        alpha: Order of the entropies.
        seed: Of the 10 permutations.

    Raises:
        InputError: rows of different shapes, or fewer than 3.
        OptionError: `alpha` not above 0.

    Source: Skean et al. (2023), "DiME: Maximizing Mutual Information by a Difference of Matrix-Based Entropies", equation 5.
    """
    order = wanted_order(alpha)
    a, b = (view.astype(np.float64) for view in two_views(one, other))
    left, right = a @ a.T, b @ b.T
    n = len(a)
    most = float(np.log(n))
    joint, pull = _joint_entropy(left, right, order)
    rng = np.random.default_rng(integer(seed, name="seed", least=0))
    apart = np.empty(_PERMUTED)
    influence = -pull
    for draw in range(_PERMUTED):
        places = rng.permutation(n)
        apart[draw], moved = _joint_entropy(left, right[np.ix_(places, places)], order)
        # A row counts twice here: with a partner that is not its own, and as one.
        influence += moved / _PERMUTED
        influence[places] += moved / _PERMUTED
    return from_influence((float(apart.mean()) - joint) / most, influence / most)


def _joint_entropy(
    left: NDArray[np.float64], right: NDArray[np.float64], alpha: float
) -> tuple[float, NDArray[np.float64]]:
    """Of the entry-by-entry product of two Gram matrices (n, n), which is the Gram matrix of the rows' tensor products."""
    values, turned = np.linalg.eigh(left * right)
    values = values.clip(0)
    return _entropy_by_row(values / len(left), np.square(turned) * values, alpha)
