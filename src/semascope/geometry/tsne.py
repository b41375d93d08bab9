"""Lay rows out on a map: those near in the space pull each other together, all others push each other apart."""

from __future__ import annotations

from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from semascope.card import Card, Claim, Evidence, Paper
from semascope.errors import OptionError
from semascope.estimator import VectorTransform
from semascope.lab import Lab
from semascope.learned import Placed
from semascope.ops import Graph, integer, mapped, nearest, top_k, trustworthiness, unit
from semascope.ops.cells import centres, nearest_centre
from semascope.types import Array, Vectors

_EARLY, _LATE = 50, 150  # steps with the pull exaggerated twelvefold, and after that
_WIDTH = 64  # columns by which new rows find their neighbours
_FINEST, _MOST = 0.25, 300  # the finest grid for the push, in units of the map, and about its most points a side


class Tsne(VectorTransform):
    """t-distributed stochastic neighbour embedding, begun at the two principal axes, on the graph of nearest rows.

    Rows are compared by cosine; equal rows share a place. `transform` places new rows among those that were fitted;
    `embedding_` holds the places float32 (n, 2) of the fitted rows.

    Args:
        n_neighbors: How many of its nearest rows pull at each row.
        exaggeration: How much stronger than in the paper rows pull; above 1 groups are tighter, and neighbours less exact.
        random_state: Of the cells in which neighbours are looked up; the map itself starts at the principal axes.
    """

    embedding_: Vectors
    _least = 1
    _graph: Graph | None = None

    def __init__(self, n_neighbors: int = 15, exaggeration: float = 1.0, random_state: int = 0) -> None:
        self.n_neighbors = n_neighbors
        self.exaggeration = exaggeration
        self.random_state = random_state

    def fit(self, X: Array, y: Array | None = None, *, graph: Graph | None = None) -> Self:
        """Lay out rows X (n, d); `graph`, their nearest others where somebody has them already (`ops.nearest`)."""
        self._graph = graph
        try:
            return super().fit(X, y)
        finally:
            del self._graph

    def _learn(self, X: Vectors, y: Array | None) -> Placed:
        del y
        k = integer(self.n_neighbors, name="n_neighbors", least=1)
        seed = integer(self.random_state, name="random_state", least=0)
        if not 0.1 <= self.exaggeration <= 100:
            raise OptionError(f"exaggeration: want 0.1 to 100, got {self.exaggeration!r}")
        rows = unit(X)
        first, of = _different(rows)
        rows = rows[first]
        links = _links(rows, first, of, k, self._graph)
        mean, axes = _principal(rows)
        turned = mapped(rows, mean, axes)
        places = _laid_out(links, turned[:, :2], float(self.exaggeration))
        self.embedding_ = places[of]
        found = centres(turned, max(1, round(len(rows) ** 0.5)), seed=seed)
        cell = nearest_centre(turned, found)
        order = np.argsort(cell, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(cell, minlength=len(found)))]).astype(np.int64)
        return Placed(mean, axes, turned[order], places[order], found, starts, k)

    def fit_transform(self, X: Array, y: Array | None = None) -> Vectors:
        """The places of the rows X (n, d) themselves: float32 (n, 2)."""
        return self._shown(self.fit(X, y).embedding_, X)


def _different(rows: Vectors) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first of all rows that are equal, in order of place, and for each row which of those it equals."""
    seen: dict[bytes, int] = {}
    of = np.asarray([seen.setdefault(row.tobytes(), len(seen)) for row in rows + np.float32(0)], np.int64)
    first = np.full(len(seen), len(rows), np.int64)
    np.minimum.at(first, of, np.arange(len(rows)))
    return first, of


def _links(
    rows: Vectors, first: NDArray[np.int64], of: NDArray[np.int64], k: int, graph: Graph | None
) -> NDArray[np.int64]:
    """Pairs int64 (2, m) of different rows and their nearest others, from the graph of all rows where there is one."""
    everything = np.arange(len(rows))
    if graph is None or len(rows) == len(of):
        graph = nearest(rows, k) if graph is None else graph
        return np.stack([np.repeat(everything, graph.indices.shape[1]), graph.indices.ravel()]).astype(np.int64)
    to = of[graph.indices[first].astype(np.int64)]
    other = to != everything[:, None]
    found = [np.stack([np.repeat(everything, other.sum(axis=1)), to[other]])]
    # A row whose neighbours are nearly all copies of itself has to be compared anew.
    for row in np.flatnonzero(other.sum(axis=1) < min(k, len(rows) - 1) / 2):
        scores = rows @ rows[row]
        scores[row] = -np.inf
        near = top_k(scores, min(k, len(rows) - 1))
        found.append(np.stack([np.full(len(near), row), near]))
    return np.unique(np.concatenate(found, axis=1), axis=1)


def _principal(rows: Vectors) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean (d,) and leading principal axes (d, p) of rows, p at most 64; each points where the rows' third moment does.

    So that rows turned in the space give the same map, and not its mirror image.
    """
    mean = rows.mean(axis=0, dtype=np.float64)
    centred = rows - mean.astype(np.float32)
    _, axes = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    axes = axes[:, ::-1][:, :_WIDTH]
    if axes.shape[1] < 2:  # a map has two axes even where rows have one column
        axes = np.concatenate([axes, np.zeros((len(axes), 1))], axis=1)
    lean = np.power(centred @ axes, 3).sum(axis=0)
    return mean.astype(np.float32), (axes * np.where(lean < 0, -1, 1)).astype(np.float32)


def _laid_out(links: NDArray[np.int64], begin: Vectors, exaggeration: float) -> Vectors:
    """Places float32 (n, 2) by gradient descent from `begin` (n, 2), which is made very small first.

    Steps with momentum and a gain for each number, as in van der Maaten and Hinton (2008), section 3.4; the rate is n over
    the exaggeration (Linderman and Steinerberger, 2019), and less where more than the usual number of rows pull: hubs, of
    which there are many among sentences, would else swing ever wider. The gradient's factor 4 is left out, as implementations do.
    """
    n = len(begin)
    spread = float(begin[:, 0].std())
    places = begin * np.float32(1e-4 / spread if spread > 0 else 0)
    pull, push = _Pull(links, n), _Push()
    speed, gain = np.zeros_like(places), np.ones_like(places)
    for step in range(_EARLY + _LATE if n > 1 else 0):
        early = step < _EARLY
        stronger = 12.0 if early else exaggeration
        force, total = push(places)
        slope = np.float32(stronger) * pull(places) - force / np.float32(max(total, 1e-12))
        gain = np.maximum(np.where((slope > 0) == (speed > 0), gain * np.float32(0.8), gain + np.float32(0.2)), 0.01)
        speed = np.float32(0.5 if early else 0.8) * speed - (pull.rate / np.float32(stronger)) * gain * slope
        places = places + speed
        places -= places.mean(axis=0)
    return np.ascontiguousarray(places, np.float32)


class _Pull:
    """sum_j p_ij w_ij (y_i - y_j) with w = 1 / (1 + |y_i - y_j|^2): the first sum of the gradient.

    p is the same for all neighbours, half of it where only one of two rows counts the other, all of it adding up to 1.
    """

    def __init__(self, links: NDArray[np.int64], n: int) -> None:
        from scipy.sparse import coo_array, triu

        share = np.full(links.shape[1], 0.5 / max(links.shape[1], 1), np.float32)
        one_way = coo_array((share, (links[0], links[1])), shape=(n, n)).tocsr()
        self._upper = triu(one_way + one_way.T, 1).tocsr()  # each pair once
        self._p = self._upper.data.copy()
        self._from = np.repeat(np.arange(n), np.diff(self._upper.indptr))
        self._to = self._upper.indices
        weight = (self._upper + self._upper.T).sum(axis=1)
        self.rate = (1 / np.maximum(weight, 1 / n)).astype(np.float32)[:, None]  # n where the usual number pull

    def __call__(self, places: Vectors) -> Vectors:
        # Two numbers in one complex one: half the gathers.
        at = np.ascontiguousarray(places).view(np.complex64).ravel()
        gap = at[self._from] - at[self._to]
        self._upper.data = self._p / (1 + gap.real * gap.real + gap.imag * gap.imag)
        known = np.concatenate([places, np.ones((len(places), 1), np.float32)], axis=1)
        sums = self._upper @ known + self._upper.T @ known
        return places * sums[:, 2:] - sums[:, :2]


class _Push:
    """sum_j w_ij^2 (y_i - y_j), and the sum of w over all pairs: the second sum of the gradient before and the divisor.

    Both follow from one potential, phi(y) = sum_j 1 / (1 + |y - y_j|^2): its slope is -2 times the first. The rows are spread
    onto a grid with cubic splines, the grid is convolved with the kernel by a fast Fourier transform, and the potential
    and its slope are read off with the same splines: two transforms a step, whatever the number of rows. (Linderman et
    al., 2019, interpolate by polynomials and need six; splines and slopes of one potential are particle-mesh Ewald's,
    Essmann et al., 1995.)
    """

    def __init__(self, finest: float = _FINEST) -> None:
        self._finest = finest
        self._made: tuple[int, float] = (0, 0.0)
        self._kernel: Array = np.zeros(0)

    def __call__(self, places: Vectors) -> tuple[Vectors, float]:
        from scipy import fft

        low = places.min(axis=0)
        size, step = self._grid(float((places - low).max()))
        wide = 2 * size  # as much again empty: the transform takes the grid for a torus
        at = (places - low) / np.float32(step) + 2
        corner = at.astype(np.int32)
        (wx, sx), (wy, sy) = (_spline(part) for part in (at - corner.astype(np.float32)).T)
        base = (corner[:, 0] - 1) * wide + corner[:, 1] - 1
        where = (np.arange(4)[:, None] * wide + np.arange(4))[..., None] + base
        weight = wx[:, None] * wy
        spread = np.bincount(where.ravel(), weights=weight.ravel(), minlength=wide * wide).astype(np.float32)
        field = cast("Array", fft.irfft2(fft.rfft2(spread.reshape(wide, wide)) * self._kernel, s=(wide, wide))).ravel()[
            where
        ]
        along = np.einsum("abn,bn->an", field, wy)
        potential = np.einsum("an,an->n", along, wx)
        slope = np.stack(
            [np.einsum("an,an->n", along, sx), np.einsum("an,an->n", np.einsum("abn,bn->an", field, sy), wx)], axis=1
        )
        # A row's potential on itself is 1, and it has no slope there.
        return slope * np.float32(-0.5 / step), float(potential.sum(dtype=np.float64)) - len(places)

    def _grid(self, span: float) -> tuple[int, float]:
        """Points a side and how far apart, for a map of that width; a kernel made for the same is used again."""
        from scipy import fft

        # Never finer: on a map much smaller than the kernel, float32 sums of equal potentials have no slope left.
        step = max(self._finest, span / _MOST)
        size = int(fft.next_fast_len(int(span / step) + 6, real=True) or 0)
        if self._made != (size, step):
            away = np.minimum(np.arange(2 * size), 2 * size - np.arange(2 * size)) * step
            kernel: Any = fft.rfft2((1 / (1 + away[:, None] ** 2 + away**2)).astype(np.float32))
            # Spreading and reading each blur by the spline's own spectrum.
            blur = (2 + np.cos(np.arange(2 * size) * (np.pi / size))) / 3
            self._kernel = (kernel.real / (blur[:, None] * blur[: size + 1]) ** 2).astype(np.float32)
            self._made = (size, step)
        return size, step


def _spline(part: Vectors) -> tuple[Vectors, Vectors]:
    """Weights (4, n) of the cubic B-spline at the four grid points about a place, and their slopes; `part` is 0 to 1."""
    rest = 1 - part
    inner, outer = part * part, rest * rest
    weight = np.stack(
        [outer * rest, 4 - 6 * inner + 3 * inner * part, 4 - 6 * outer + 3 * outer * rest, inner * part]
    ) / np.float32(6)
    slope = np.stack([-outer, 3 * inner - 4 * part, 4 * rest - 3 * outer, inner]) / np.float32(2)
    return weight, slope


def _keeps_neighbours(lab: Lab, method: Any) -> Evidence:
    """Baseline: the two principal axes. Margin: 0.15 of trustworthiness; new rows within 0.1 of the known, 0.05 above the axes."""
    x = lab.encoder("default").encode(lab.sentences(4000))
    known, new = x[:3000], x[3000:]
    mean, axes = _principal(unit(known))
    flat = mapped(unit(x), mean, axes[:, :2])
    places = method.fit_transform(known)
    found = {
        "trustworthiness@15 of the principal axes": trustworthiness(known, flat[:3000]).value,
        "trustworthiness@15": trustworthiness(known, places).value,
        "trustworthiness@15 of new rows, principal axes": trustworthiness(
            known, flat[:3000], new=(new, flat[3000:])
        ).value,
        "trustworthiness@15 of new rows": trustworthiness(known, places, new=(new, method.transform(new))).value,
    }
    axes_known, own, axes_new, own_new = found.values()
    return Evidence(own >= axes_known + 0.15 and own_new >= max(own - 0.1, axes_new + 0.05), found)


CARD = Card(
    make=Tsne,
    family="geometry",
    keys=(),
    papers=(
        Paper(
            "Visualizing Data using t-SNE",
            ("Laurens van der Maaten", "Geoffrey Hinton"),
            2008,
            "https://www.jmlr.org/papers/v9/vandermaaten08a.html",
        ),
        Paper(
            "Fast interpolation-based t-SNE for improved visualization of single-cell RNA-seq data",
            ("George C. Linderman", "Manas Rachh", "Jeremy G. Hoskins", "Stefan Steinerberger", "Yuval Kluger"),
            2019,
            "https://doi.org/10.1038/s41592-018-0308-4",
        ),
        Paper(
            "The art of using t-SNE for single-cell transcriptomics",
            ("Dmitry Kobak", "Philipp Berens"),
            2019,
            "https://doi.org/10.1038/s41467-019-13056-x",
        ),
    ),
    claim=Claim(
        "Neighbours on the map are neighbours in the space, for new rows too, far more than along the two principal axes.",
        _keeps_neighbours,
    ),
    example="tsne(n_neighbors=5)",
    notes="All of a row's nearest neighbours pull alike, in place of the paper's perplexity, which gives much the same map "
    "(Kobak and Berens); 200 steps in place of 750 or more; the push from one spline potential in place of polynomial "
    "interpolation.",
)
