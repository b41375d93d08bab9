"""Measures of a cloud against slow loops from the papers, scipy, scikit-learn and cases worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from semascope.errors import InputError, OptionError
from semascope.lab import Lab
from semascope.ops import unit
from semascope.ops.cloud import (
    cells,
    directions_for,
    distinct,
    effective_rank,
    gride,
    gride_scales,
    hubness,
    information_imbalance,
    intrinsic_dimension,
    iso_score,
    levina_bickel,
    linear_cka,
    mean_cosine,
    near,
    overlap,
    participation_ratio,
    partition_ratio,
    procrustes,
    procrustes_residual,
    rsa,
    share_of_first,
    spectrum,
    stable_rank,
    two_nn,
    two_nn_likelihood,
)
from semascope.registry import make

reference = pytest.mark.reference
LAB = Lab(21)


def cloud(n: int = 200, d: int = 12, salt: int = 0) -> np.ndarray:
    rng = LAB.rng(salt)
    return (rng.normal(size=(n, d)) * 0.8 ** np.arange(d) @ rng.normal(size=(d, d)) + 0.3).astype(np.float32)


def cube(n: int, dim: int, salt: int = 0, wide: int = 50) -> np.ndarray:
    rng = LAB.rng(100 + salt)
    return (rng.random((n, dim)) @ np.linalg.qr(rng.normal(size=(wide, dim)))[0].T).astype(np.float32)


def by_iso_score(x: np.ndarray) -> float:
    """The paper's algorithm 1, step by step."""
    d = x.shape[1]
    axes = np.linalg.eigh(np.cov(x.T.astype(np.float64)))[1]
    turned = (x - x.mean(axis=0, dtype=np.float64)) @ axes
    diagonal = np.array([np.var(turned[:, column]) for column in range(d)])
    scaled = math.sqrt(d) * diagonal / np.linalg.norm(diagonal)
    defect = np.linalg.norm(scaled - np.ones(d)) / math.sqrt(2 * (d - math.sqrt(d)))
    used = (d - defect**2 * (d - math.sqrt(d))) ** 2 / d**2
    return (d * used - 1) / (d - 1)


@reference("isotropy")
def test_isotropy_follows_the_papers_steps() -> None:
    for salt, n in ((0, 200), (1, 9)):
        x = cloud(n, salt=salt)
        found = make("isotropy(scaled=False)").measure(x)
        assert found["IsoScore"].value == pytest.approx(by_iso_score(x), rel=1e-6)
        z = [
            np.exp(sign * x.astype(float) @ a).sum()
            for a in np.linalg.eigh(x.T.astype(float) @ x)[1].T
            for sign in (1, -1)
        ]
        assert found["partition ratio"].value == pytest.approx(min(z) / max(z), rel=1e-5)
        u = x / np.linalg.norm(x, axis=1, keepdims=True)
        pairs = [float(u[i] @ u[j]) for i in range(n) for j in range(n) if i != j]
        assert found["mean cosine"].value == pytest.approx(np.mean(pairs), abs=1e-6)


def test_isotropy_is_one_where_all_directions_are_alike() -> None:
    both = np.concatenate([np.eye(8), -np.eye(8)])
    assert iso_score(spectrum(both)).value == pytest.approx(1)
    assert partition_ratio(both).value == pytest.approx(1)
    assert mean_cosine(both).value == pytest.approx(-1 / 15)
    line = np.outer(np.linspace(-1, 1, 50), np.arange(1.0, 9))
    assert iso_score(spectrum(line)).value == pytest.approx(0, abs=1e-9)


def test_long_rows_do_not_overflow_a_partition_function() -> None:
    found = partition_ratio(cloud() * 1e4)
    assert found.value == pytest.approx(0, abs=1e-12)
    assert np.isfinite(found).all()


@reference("effective_rank")
def test_effective_rank_is_that_of_numpys_covariance() -> None:
    for n in (200, 7):
        x = cloud(n)
        values = np.linalg.eigvalsh(np.cov(x.T.astype(np.float64))).clip(0)
        p = values / values.sum()
        found = make("effective_rank").measure(x)
        assert found["effective rank"].value == pytest.approx(
            math.exp(-sum(v * math.log(v) for v in p if v > 1e-13)), rel=1e-6
        )
        assert found["participation ratio"].value == pytest.approx(values.sum() ** 2 / (values**2).sum(), rel=1e-6)
        assert found["stable rank"].value == pytest.approx(values.sum() / values.max(), rel=1e-6)


def test_ranks_stand_in_the_order_of_renyis_entropies() -> None:
    for salt in range(5):
        of = spectrum(cloud(60, salt=salt))
        assert stable_rank(of).value <= participation_ratio(of).value <= effective_rank(of).value <= 12


@pytest.mark.parametrize("n", [300, 10])
def test_what_a_row_adds_to_a_figure_is_its_derivative_by_the_rows_weight(n: int) -> None:
    """The infinitesimal jackknife against figures computed anew with one row counted a little more."""
    x = cloud(n).astype(np.float64)
    weight, small = np.ones(n), 1e-5
    figures = {
        "effective": lambda v: math.exp(-float((v[v > 1e-13] * np.log(v[v > 1e-13])).sum())),
        "participation": lambda v: 1 / float((v**2).sum()),
        "stable": lambda v: 1 / float(v.max()),
    }

    def shares(w: np.ndarray) -> np.ndarray:
        mean = w @ x / w.sum()
        values = np.linalg.eigvalsh((x - mean).T @ ((x - mean) * w[:, None])).clip(0)
        return values / values.sum()

    of = spectrum(x)
    found = {"effective": effective_rank(of), "participation": participation_ratio(of), "stable": stable_rank(of)}
    for name, figure in figures.items():
        influence = []
        for row in range(n):
            more = weight.copy()
            more[row] += small
            influence.append(n * (figure(shares(more)) - figure(shares(weight))) / small)
        error = math.sqrt(np.square(influence).sum() / (n * (n - 1)))
        one = found[name]
        reach = {300: 1.968, 10: 2.262}[n]
        if one.high < 12:  # not cut at the number of columns
            assert math.log(one.high / one.value) == pytest.approx(reach * error / one.value, rel=0.02), name


def test_directions_are_counted_on_rows_they_were_not_found_on() -> None:
    """Normal rows alike in 40 directions: 60 rows' own 20 best directions hold most of these rows, and about half of new ones."""
    x = LAB.rng(3).normal(size=(60, 40)).astype(np.float32)
    assert share_of_first(spectrum(x), 20).value > 0.8
    found = directions_for(x, 0.9)
    assert found.cumulative[19] < 0.65
    assert found.share.value < 0.9 or found.directions > 20
    flat = LAB.rng(4).normal(size=(500, 5)) @ LAB.rng(5).normal(size=(5, 40))
    assert directions_for(flat, 0.999).directions == 5


def test_the_nearest_are_those_of_a_slow_loop() -> None:
    x = cloud(120, 5)
    x[7] = x[3]
    x[90] = x[3] + 1e-4  # so close that products in float32 could not tell how far
    graph = near(x, 15)
    assert graph.rows.tolist() == [row for row in range(120) if row != 7]
    rows = x[graph.rows].astype(np.float64)
    for place, row in enumerate(rows):
        far = np.array([math.dist(row, other) if at != place else np.inf for at, other in enumerate(rows)])
        assert graph.distances[place] == pytest.approx(np.sort(far)[:15], rel=2e-4)
        assert far[graph.indices[place]] == pytest.approx(np.sort(far)[:15], rel=2e-4)


def test_the_nearest_of_many_rows_agree_with_scikit_learns() -> None:
    from sklearn.neighbors import NearestNeighbors

    x = LAB.rng(9).normal(size=(3000, 20)).astype(np.float32)
    graph = near(x, 40, asked=500)
    far, _ = NearestNeighbors(n_neighbors=41, algorithm="brute").fit(x).kneighbors(x[graph.asked])
    assert graph.distances == pytest.approx(far[:, 1:], rel=1e-4)


def test_equal_rows_count_once_and_zero_is_minus_zero() -> None:
    x = np.array([[0.0, 1], [-0.0, 1], [1, 1], [0, 1]], np.float32)
    assert distinct(x).tolist() == [0, 2]


@reference("hubness")
def test_hubness_counts_what_a_loop_counts() -> None:
    from scipy.stats import skew

    x = cloud(150, 8)
    counts = np.zeros(150, int)
    for place, row in enumerate(x.astype(np.float64)):
        order = sorted((math.dist(row, other), at) for at, other in enumerate(x.astype(np.float64)) if at != place)
        for _, at in order[:10]:
            counts[at] += 1
    found = make("hubness").measure(x)
    assert found["skewness"].value == pytest.approx(skew(counts), rel=1e-9)
    assert found["orphans"].value == (counts == 0).mean()
    assert found["reach"].value == counts.max() / 149
    assert hubness(near(x, 30)).counts.tolist() == counts.tolist()


def test_hubness_without_a_group_is_that_of_the_rest_alone() -> None:
    from semascope.ops.cloud.hubness import _counted_without

    x, gone = cloud(150, 8), LAB.rng(8).random(150) < 0.1
    less = _counted_without(near(x, 40).indices, 10, 150, gone)[~gone]
    alone = hubness(near(x[~gone], 40)).counts
    assert less.tolist() == alone.tolist()


def by_line(graph: object, discard: float = 0.1) -> float:
    """TwoNN's five steps with numpy's least squares."""
    mu = np.sort(graph.distances[:, 1] / graph.distances[:, 0])
    kept = int(len(mu) * (1 - discard))
    up = [-math.log(1 - (place + 1) / len(mu)) for place in range(kept)]
    return float(np.linalg.lstsq(np.log(mu[:kept])[:, None], np.array(up), rcond=None)[0][0])


@reference("intrinsic_dimension")
def test_intrinsic_dimension_is_what_scipy_finds_to_be_the_likeliest() -> None:
    from scipy.optimize import minimize_scalar
    from scipy.special import betaln

    x = cube(400, 5)
    graph = near(x, 64)
    of = cells(x, graph)
    found = make("intrinsic_dimension(most=32)").measure(x)
    assert found["TwoNN"].value == pytest.approx(by_line(graph), rel=1e-9)
    mu = graph.distances[:, 1] / graph.distances[:, 0]
    assert found["TwoNN, likelihood"].value == pytest.approx(399 / np.log(mu).sum(), rel=1e-9)
    inverses = [np.mean([math.log(row[19] / row[j]) for j in range(19)]) for row in graph.distances]
    assert found["MLE, 20 neighbours"].value == pytest.approx(1 / np.mean(inverses), rel=1e-9)
    for inner, outer in ((2, 4), (8, 16), (32, 64), (3, 7)):
        logs = np.log(graph.distances[:, outer - 1] / graph.distances[:, inner - 1])

        def unlikely(d: float, logs: np.ndarray = logs, a: int = inner, b: int = outer) -> float:
            terms = math.log(d) + (b - a - 1) * np.log(np.expm1(d * logs)) - ((b - 1) * d + 1) * logs - betaln(b - a, a)
            return -float(terms.sum())

        best = minimize_scalar(unlikely, bounds=(0.5, 40), method="bounded", options={"xatol": 1e-9}).x
        assert gride(graph, of, inner, outer).dimension.value == pytest.approx(best, rel=1e-5)
    assert gride(graph, of, 1, 2).dimension.value == pytest.approx(400 / np.log(mu).sum(), rel=1e-9)


@pytest.mark.parametrize(("dim", "n"), [(2, 2000), (5, 4000), (10, 20000)])
def test_cubes_have_their_dimension_within_15_percent(dim: int, n: int) -> None:
    found = intrinsic_dimension(cube(n, dim), most=4, asked=2000)
    for one in (found.two_nn, found.two_nn_likelihood, found.likelihood):
        assert one.value == pytest.approx(dim, rel=0.15)
    low, high = found.spread
    assert low < high


def test_a_rolled_sheet_a_sphere_and_a_noisy_plane() -> None:
    rng = LAB.rng(50)
    angle = 1.5 * np.pi * (1 + 2 * rng.random(3000))
    roll = np.stack([angle * np.cos(angle), 21 * rng.random(3000), angle * np.sin(angle)], axis=1)
    assert intrinsic_dimension(roll, most=4).likelihood.value == pytest.approx(2, rel=0.15)
    ball = rng.normal(size=(3000, 4))
    ball /= np.linalg.norm(ball, axis=1, keepdims=True)
    assert intrinsic_dimension(ball, most=4).likelihood.value == pytest.approx(3, rel=0.15)
    plane = np.zeros((6000, 10))
    plane[:, :2] = rng.random((6000, 2))
    plane += 0.01 * rng.normal(size=plane.shape)
    scales = intrinsic_dimension(plane, most=512, asked=1500).scales
    assert scales[0].dimension.value > 5
    assert scales[-1].dimension.value == pytest.approx(2, rel=0.15)
    assert np.diff([one.distance for one in scales]).min() > 0


def test_a_turn_a_scale_and_a_shift_change_no_dimension() -> None:
    x = cube(500, 4, wide=8)
    turn = np.linalg.qr(LAB.rng(6).normal(size=(8, 8)))[0]
    before, after = intrinsic_dimension(x, most=16), intrinsic_dimension(7 * x @ turn + 3, most=16)
    for name, one in before.estimates.items():
        assert after.estimates[name].value == pytest.approx(one.value, rel=1e-3)


def test_copies_of_rows_change_no_dimension() -> None:
    x = cube(300, 3)
    found = intrinsic_dimension(np.concatenate([x, x[:100]]), most=16)
    assert found.copies == 100
    assert found.two_nn.value == intrinsic_dimension(x, most=16).two_nn.value


@pytest.mark.parametrize("n", [24, 64, 150])
def test_rows_all_as_far_from_each_other_have_the_most_dimensions_there_can_be(n: int) -> None:
    found = intrinsic_dimension(np.eye(n), most=16)
    assert {one.value for one in found.estimates.values()} == {1e4}
    assert found.spread == (1e4, 1e4)
    assert all(0 < one.low <= one.value <= one.high < np.inf for one in found.estimates.values())


def test_two_clusters_of_rows_as_far_from_each_other_are_told_apart_from_one() -> None:
    """Beyond a row's own cluster the next are far: from there on the estimates are of the gap."""
    x = np.concatenate([np.eye(32), np.eye(32) + 5])
    found = intrinsic_dimension(x, most=16)
    assert found.two_nn.value == found.two_nn_likelihood.value == found.likelihood.value == 1e4
    assert found.scales[-1].dimension.value < 10
    assert all(0 < one.low <= one.value <= one.high < np.inf for one in found.estimates.values())


def test_two_clusters_of_the_same_rows_have_the_dimension_of_one() -> None:
    one = cube(300, 3)
    found = intrinsic_dimension(np.concatenate([one, one + 64]), most=16)
    alone = intrinsic_dimension(one, most=16)
    assert found.likelihood.value == pytest.approx(alone.likelihood.value, rel=0.02)
    assert found.two_nn.value == pytest.approx(alone.two_nn.value, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["cube", "ball"])
def test_intervals_hold_the_mean_of_many_draws(kind: str) -> None:
    """Of 120 draws at least 85 in 100 intervals of every figure hold what the estimate is on average."""
    found: list[dict[str, tuple[float, float, float]]] = []
    for draw in range(120):
        rng = np.random.default_rng((7, draw))
        x = rng.random((500, 5)) if kind == "cube" else rng.normal(size=(500, 60)) * 0.97 ** np.arange(60) + 0.1
        x = x.astype(np.float32)
        graph, of = near(x, 70), spectrum(x)
        parts = cells(x, graph)
        one = {
            "mean cosine": mean_cosine(x),
            "partition": partition_ratio(unit(x)),
            "effective rank": effective_rank(of),
            "participation": participation_ratio(of),
            "stable": stable_rank(of),
            "orphans": hubness(graph).orphans,
            "TwoNN": two_nn(graph, parts),
            "TwoNN likelihood": two_nn_likelihood(graph, parts),
            "MLE": levina_bickel(graph, parts),
            **{f"GRIDE {s.inner}": s.dimension for s in gride_scales(graph, parts, 32)},
        }
        found.append({name: (v.value, v.low, v.high) for name, v in one.items()})
    for name in found[0]:
        values = np.array([one[name] for one in found])
        mean = values[:, 0].mean()
        assert ((values[:, 1] <= mean) & (mean <= values[:, 2])).mean() >= 0.85, name


def hsic(x: np.ndarray, y: np.ndarray) -> float:
    """Song et al. (2012), equation 4, with both matrices in full."""
    n = len(x)
    k, m = x @ x.T, y @ y.T
    np.fill_diagonal(k, 0)
    np.fill_diagonal(m, 0)
    one = np.ones(n)
    return float(
        np.trace(k @ m) + one @ k @ one * (one @ m @ one) / ((n - 1) * (n - 2)) - 2 / (n - 2) * (one @ k @ m @ one)
    ) / (n * (n - 3))


def test_cka_is_that_of_full_gram_matrices() -> None:
    x, y = cloud(90, 6).astype(np.float64), cloud(90, 9, salt=4).astype(np.float64)
    y[:, :6] += x
    centre = np.eye(90) - 1 / 90
    k, m = centre @ x @ x.T @ centre, centre @ y @ y.T @ centre
    plain = np.trace(k @ m) / math.sqrt(np.trace(k @ k) * np.trace(m @ m))
    assert linear_cka(x, y, debiased=False).value == pytest.approx(plain, rel=1e-5)
    assert linear_cka(x, y).value == pytest.approx(hsic(x, y) / math.sqrt(hsic(x, x) * hsic(y, y)), rel=1e-4)


def test_cka_without_its_bias_is_nothing_for_nothing_in_common() -> None:
    x, y = LAB.rng(1).normal(size=(100, 80)), LAB.rng(2).normal(size=(100, 80))
    assert linear_cka(x, y, debiased=False).value > 0.4
    assert abs(linear_cka(x, y).value) < 0.05


def test_procrustes_is_scipys() -> None:
    from scipy.linalg import orthogonal_procrustes
    from scipy.spatial import procrustes as disparity

    x, y = cloud(300, 7), cloud(300, 7, salt=3)
    y[:, :4] += 2 * x[:, :4]
    turn, size = orthogonal_procrustes(x.astype(np.float64), y.astype(np.float64))
    fit = procrustes(x, y)
    assert fit.rotation == pytest.approx(turn, abs=1e-4)
    assert fit.similarity == pytest.approx(size, rel=1e-5)
    assert procrustes_residual(x, y).value == pytest.approx(disparity(x, y)[2], rel=1e-5)


def test_procrustes_finds_a_turn_that_was_made_also_to_fewer_columns() -> None:
    x = cloud(200, 9)
    turn = np.linalg.qr(LAB.rng(5).normal(size=(9, 5)))[0]
    flat = (x @ turn) @ turn.T
    assert procrustes(flat, x @ turn).rotation @ np.eye(5) == pytest.approx(procrustes(flat, x @ turn).rotation)
    assert flat @ procrustes(flat, x @ turn).rotation == pytest.approx(x @ turn, abs=1e-3)
    assert procrustes_residual(x, 3 * x @ np.linalg.qr(LAB.rng(6).normal(size=(9, 9)))[0] + 1).value == pytest.approx(
        0, abs=1e-6
    )


def test_shared_neighbours_are_those_of_sorted_lists() -> None:
    x, y = cloud(80, 6).astype(np.float64), cloud(80, 6, salt=2).astype(np.float64)
    y += x
    shared = []
    for place in range(80):
        lists = [
            sorted((math.dist(rows[place], rows[at]), at) for at in range(80) if at != place)[:10] for rows in (x, y)
        ]
        shared.append(len({at for _, at in lists[0]} & {at for _, at in lists[1]}) / 10)
    found = overlap(x, y)
    assert found.value == pytest.approx(np.mean(shared))
    assert found.low < found.value < found.high
    assert overlap(x, x).value == 1


def test_rsa_is_scipys_rank_correlation_of_all_distances() -> None:
    from scipy.spatial.distance import pdist
    from scipy.stats import spearmanr

    x, y = cloud(90, 6), cloud(90, 4, salt=2)
    y[:, 0] += 3 * x[:, 0]
    assert rsa(x, y).value == pytest.approx(spearmanr(pdist(x), pdist(y)).statistic, abs=1e-6)
    assert rsa(x, 2 * x).value == pytest.approx(1)


def test_information_imbalance_is_the_mean_rank_by_a_loop_and_has_a_direction() -> None:
    x, y = cloud(100, 4).astype(np.float64), cloud(100, 4, salt=2).astype(np.float64)
    ranks = []
    for place in range(100):
        others = [at for at in range(100) if at != place]
        nearest = min(others, key=lambda at: math.dist(x[place], x[at]))
        order = sorted(others, key=lambda at: math.dist(y[place], y[at]))
        ranks.append(order.index(nearest) + 1)
    assert information_imbalance(x, y).value == pytest.approx(2 / 100 * np.mean(ranks))
    rng = LAB.rng(12)
    plane = rng.random((500, 2))
    line = plane[:, :1]
    assert information_imbalance(plane, line).value < 0.15
    assert information_imbalance(line, plane).value > 0.25
    assert information_imbalance(plane, rng.random((500, 2))).value == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("measure", [linear_cka, procrustes_residual, overlap, rsa, information_imbalance])
def test_likeness_refuses_rows_that_do_not_belong_together(measure: object) -> None:
    with pytest.raises(InputError, match="y: want one row for each of 20 rows of x, got 19"):
        measure(cloud(20), cloud(19))
    with pytest.raises(InputError, match="x: want at least 8 rows, got 7"):
        measure(cloud(7), cloud(7))


def test_too_little_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="X: want at least 20 rows that differ to tell a dimension, got 19"):
        intrinsic_dimension(cloud(19))
    with pytest.raises(InputError, match="X: want at least 3 rows that differ, got 1 among 30"):
        near(np.ones((30, 4)))
    with pytest.raises(InputError, match="X: want at least 20 rows that differ to count hubs, got 10"):
        hubness(near(cloud(10), 5), 3)
    with pytest.raises(InputError, match="want rows that differ from each other"):
        spectrum(np.ones((30, 4)))
    graph = near(cloud(40), 8)
    with pytest.raises(OptionError, match="outer: want at most 8, got 9"):
        gride(graph, cells(cloud(40), graph), 4, 9)
    with pytest.raises(InputError, match="graph: want the neighbours of all 40 rows, got those of 10"):
        hubness(near(cloud(40), 8, asked=10), 3)
