"""The nearest rows: exactly by comparison with a slow reference, approximately by the recall promised."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from semascope.errors import InputError, OptionError
from semascope.ops import unit
from semascope.space import scan
from semascope.space.scan import Codec, Scanner, calibrate


def clustered(n: int, dim: int, *, seed: int = 0, topics: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Rows and queries in overlapping topics, as sentences are."""
    rng = np.random.default_rng(seed)
    spectrum = (1 + np.arange(dim)) ** -0.4
    centres = rng.standard_normal((topics, dim)) * spectrum
    x = centres[rng.integers(0, topics, n + 100)] + 1.2 * rng.standard_normal((n + 100, dim)) * spectrum
    x = unit(x)
    return x[:n], x[n:]


def scanner(x: np.ndarray, *, cuts: tuple[int, ...] = (), depth: int | None = None, **options) -> Scanner:
    codec = Codec.learn(x)
    parts = np.split(x, cuts)
    return Scanner([(part, codec.encode(part)) for part in parts], codec, depth=depth, **options)


def brute(x: np.ndarray, query: np.ndarray, k: int, allowed: np.ndarray | None = None) -> list[int]:
    scores = np.array([np.dot(row.astype(np.float64), query) for row in x])
    places = np.arange(len(x)) if allowed is None else np.flatnonzero(allowed)
    return sorted(places.tolist(), key=lambda place: (-scores[place], place))[:k]


def recall(found: np.ndarray, truth: list[int]) -> float:
    return len(set(found.tolist()) & set(truth)) / len(truth)


@pytest.mark.parametrize("cuts", [(), (1, 2, 700), (0, 350)])
@pytest.mark.parametrize("queries", [3, 20])
def test_exact_search_equals_brute_force(cuts, queries):
    x, q = clustered(900, 32)
    places, scores = scanner(x, cuts=cuts).exact(q[:queries], 7)
    assert places.tolist() == [brute(x, query, 7) for query in q[:queries]]
    np.testing.assert_allclose(scores, np.take_along_axis(q[:queries] @ x.T, places, 1), atol=1e-6)


def test_exact_search_over_several_blocks_equals_brute_force(monkeypatch):
    monkeypatch.setattr(scan, "WIDE", 64)
    monkeypatch.setattr(scan, "SLAB", 16)
    x, q = clustered(1000, 16)
    places, _ = scanner(x, cuts=(30, 500)).exact(q[:40], 10)
    assert places.tolist() == [brute(x, query, 10) for query in q[:40]]


def test_equal_rows_have_equal_scores_and_stand_in_order_of_place():
    x, q = clustered(40, 48)
    many = np.tile(x, (60, 1))
    few, _ = scanner(many).exact(q[:2], 100)
    batch, scores = scanner(many, cuts=(7, 1001)).exact(q[:20], 100)
    for query, places, own in zip(q[:20], batch, scores, strict=True):
        best = brute(x, query, 2)
        assert places.tolist() == [best[0] + 40 * i for i in range(60)] + [best[1] + 40 * i for i in range(40)]
        assert len(set(own.tolist())) == 2
    assert few.tolist() == batch[:2].tolist()


def test_one_query_and_a_batch_give_the_same_bits():
    x, q = clustered(3000, 40)
    s = scanner(x, cuts=(1000,))
    batch = s.exact(q, 10)
    for at in range(0, 100, 9):
        single = s.exact(q[at : at + 1], 10)
        assert single[0][0].tolist() == batch[0][at].tolist()
        assert single[1].tobytes() == batch[1][at].tobytes()


def test_all_scores_negative_still_rank():
    x, _ = clustered(500, 24)
    x = unit(x - 3 * x.mean(0) * 20)
    query = -unit(x.mean(0)[None])[0]
    assert (x @ query).max() < 0.5
    assert scanner(x).search(query, 5)[0].tolist() == brute(x, query, 5)


def test_k_beyond_the_rows_gives_all_rows():
    x, q = clustered(9, 8)
    places, scores = scanner(x).search(q[0], 50)
    assert sorted(places.tolist()) == list(range(9))
    assert (np.diff(scores) <= 0).all()
    assert scanner(x).exact(q[:12], 50)[0].shape == (12, 9)


def test_one_row_no_rows_and_no_queries():
    x, q = clustered(1, 8)
    assert scanner(x).search(q[0], 3)[0].tolist() == [0]
    codec = Codec.learn(x)
    empty = Scanner([], codec)
    assert len(empty) == 0
    assert empty.search(q[0])[0].tolist() == []
    assert empty.exact(q[:20])[0].shape == (20, 0)
    assert scanner(x).exact(np.zeros((0, 8)), 3)[0].shape == (0, 1)


def test_zero_rows_and_a_zero_query_are_ranked_like_any_other():
    x, q = clustered(4000, 16)
    x[100:200] = 0
    s = scanner(x, depth=20)
    assert s.search(np.zeros(16), 4)[0].tolist() == [0, 1, 2, 3]
    assert s.search(q[0], 4)[0].tolist() == brute(x, q[0], 4)


@pytest.mark.parametrize("dim", [24, 96, 256, 384, 700])
def test_approximate_search_reaches_its_recall_on_clustered_rows(dim):
    x, q = clustered(6000, dim)
    s = scanner(x, cuts=(2500,))
    measured = calibrate(s, sample=100)
    s.depth = measured.depth
    assert measured.recall >= 0.98
    truth, _ = s.exact(q, 10)
    found = [recall(s.search(query, 10)[0], want.tolist()) for query, want in zip(q, truth, strict=True)]
    assert np.mean(found) >= 0.98


def test_a_collection_codes_cannot_tell_apart_is_read_deeper_never_less():
    rng = np.random.default_rng(1)
    x = unit(rng.standard_normal((6000, 128)))
    q = unit(rng.standard_normal((60, 128)))
    s = scanner(x)
    s.depth = calibrate(s, sample=100).depth
    assert s.depth > 4 * calibrate(scanner(clustered(6000, 128)[0]), sample=100).depth
    truth, _ = s.exact(q, 10)
    assert np.mean([recall(s.search(one, 10)[0], two.tolist()) for one, two in zip(q, truth, strict=True)]) >= 0.98
    same = scanner(np.tile(x[:1], (6000, 1)))
    assert calibrate(same, sample=20).recall == 1
    assert same.search(q[0], 10)[0].tolist() == list(range(10))


def test_calibration_of_a_few_rows_is_all_of_them():
    for n in (1, 2, 3, 15):
        x, _ = clustered(n, 8)
        assert calibrate(scanner(x)).recall == 1


def test_approximate_scores_are_the_exact_ones_and_never_rise():
    x, q = clustered(20_000, 64)
    s = scanner(x, cuts=(900, 12_000), depth=150)
    for query in q[:20]:
        places, scores = s.search(query, 30)
        assert len(places) == len(set(places.tolist())) == 30
        assert (np.diff(scores) <= 0).all()
        assert scores.tobytes() == np.vecdot(x[places], query).tobytes()


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.5, 0.99])
def test_a_filter_gives_k_allowed_rows_at_the_same_recall(share):
    x, q = clustered(20_000, 64)
    s = scanner(x, cuts=(5000,))
    s.depth = calibrate(s, sample=50).depth
    allowed = np.random.default_rng(3).random(len(x)) < share
    found = []
    for query in q[:40]:
        places, _ = s.search(query, 10, allowed=allowed)
        assert len(places) == min(10, allowed.sum())
        assert allowed[places].all()
        assert places.tolist() == s.search(query, 10, allowed=np.flatnonzero(allowed))[0].tolist()
        truth, _ = s.exact(query[None], 10, allowed=allowed)
        found.append(recall(places, truth[0].tolist()))
    assert np.mean(found) >= 0.98


def test_a_filter_that_cuts_off_everything_near_still_gives_k():
    x, q = clustered(20_000, 32)
    s = scanner(x, depth=50)
    order = s.exact(q[:1], len(x))[0][0]
    far = np.zeros(len(x), bool)
    far[order[9000:]] = True
    places, _ = s.search(q[0], 10, allowed=far)
    assert len(places) == 10
    assert far[places].all()


def test_dead_rows_are_never_returned():
    x, q = clustered(8000, 32)
    alive = np.random.default_rng(0).random(len(x)) < 0.7
    s = scanner(x, depth=100, alive=alive)
    allowed = np.arange(0, 8000, 2)
    for query in q[:10]:
        assert alive[s.search(query, 10)[0]].all()
        both = s.search(query, 10, allowed=allowed)[0]
        assert alive[both].all()
        assert (both % 2 == 0).all()
    assert s.exact(q[:1], 10)[0][0].tolist() == brute(x, q[0], 10, alive)


def test_nothing_allowed_gives_nothing():
    x, q = clustered(50, 8)
    s = scanner(x)
    assert s.search(q[0], 5, allowed=np.zeros(50, bool))[0].tolist() == []
    assert s.search(q[0], 5, allowed=[])[0].tolist() == []
    assert s.exact(q[:10], 5, allowed=[])[0].shape == (10, 0)


def test_segments_do_not_change_the_answer():
    x, q = clustered(12_000, 48)
    codec = Codec.learn(x[:2000])
    whole = Scanner([(x, codec.encode(x))], codec, depth=120)
    parts = np.split(x, [1, 40, 3000, 3001, 9000])
    cut = Scanner([(part, codec.encode(part)) for part in parts], codec, depth=120)
    for query in q[:20]:
        one, two = whole.search(query, 10), cut.search(query, 10)
        assert one[0].tolist() == two[0].tolist()
        assert one[1].tobytes() == two[1].tobytes()


def test_codes_and_vectors_can_be_memory_mapped_and_a_codec_rebuilt(tmp_path):
    x, q = clustered(5000, 40)
    codec = Codec.learn(x)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "codes.npy", codec.encode(x))
    mapped = [np.load(tmp_path / name, mmap_mode="r") for name in ("x.npy", "codes.npy")]
    again = Scanner([(mapped[0], mapped[1])], Codec.from_arrays(codec.arrays()), depth=60)
    here = Scanner([(x, codec.encode(x))], codec, depth=60)
    assert again.search(q[0], 10)[0].tolist() == here.search(q[0], 10)[0].tolist()
    assert mapped[1].shape == (codec.words, 5000)


def test_the_same_seed_gives_the_same_codes():
    x, _ = clustered(300, 20)
    assert Codec.learn(x, seed=5).encode(x).tobytes() == Codec.learn(x, seed=5).encode(x).tobytes()
    assert Codec.learn(x, seed=5).encode(x).tobytes() != Codec.learn(x, seed=6).encode(x).tobytes()
    assert calibrate(scanner(x), seed=1) == calibrate(scanner(x), seed=1)


def test_the_length_of_a_query_scales_scores_and_moves_nothing():
    x, q = clustered(9000, 32)
    s = scanner(x, depth=80)
    one, two = s.search(q[0], 10), s.search(8 * q[0], 10)
    assert one[0].tolist() == two[0].tolist()
    np.testing.assert_allclose(8 * one[1], two[1], rtol=1e-6)


def test_threads_share_a_scanner():
    x, q = clustered(15_000, 32)
    s = scanner(x, depth=80)
    want = [s.search(query, 5)[0].tolist() for query in q]
    got: dict[int, list] = {}

    def work(at: int) -> None:
        got[at] = [s.search(query, 5)[0].tolist() for query in q]

    threads = [threading.Thread(target=work, args=(at,)) for at in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(got[at] == want for at in range(4))


def test_nothing_given_is_written_to():
    x, q = clustered(5000, 32)
    allowed = np.ones(5000, bool)
    for array in (x, q, allowed):
        array.flags.writeable = False
    s = scanner(x, depth=50, alive=allowed)
    s.search(q[0], 5, allowed=allowed)
    s.exact(q, 5, allowed=allowed)
    assert calibrate(s, sample=10).rows == 5000


def test_bad_arguments_are_named():
    x, q = clustered(50, 8)
    s = scanner(x)
    with pytest.raises(InputError, match="query: want a vector of shape"):
        s.search(q[0][:5])
    with pytest.raises(InputError, match="query: want finite"):
        s.search(np.full(8, np.nan))
    with pytest.raises(OptionError, match="k: want at least 1"):
        s.search(q[0], 0)
    with pytest.raises(OptionError, match="depth: want at least 1"):
        s.search(q[0], 5, depth=0)
    with pytest.raises(InputError, match="allowed: want a mask"):
        s.search(q[0], allowed=np.ones(3, bool))
    with pytest.raises(InputError, match="allowed: want places from 0 to 49"):
        s.search(q[0], allowed=[50])
    with pytest.raises(InputError, match="segments: want vectors"):
        Scanner([(x, np.zeros((1, 50), np.uint64))], s.codec)
    with pytest.raises(OptionError, match="bits: want a multiple of 64"):
        Codec.learn(x, bits=100)


def test_more_rows_asked_for_are_found_as_well_as_ten():
    x, q = clustered(20_000, 128)
    s = scanner(x)
    s.depth = calibrate(s, sample=60).depth
    for k in (30, 100):
        truth, _ = s.exact(q[:40], k)
        found = [recall(s.search(a, k)[0], b.tolist()) for a, b in zip(q[:40], truth, strict=True)]
        assert np.mean(found) >= 0.98
