"""What `shape` says of clouds whose shape is known, and how its verb answers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from semascope.cli import app
from semascope.errors import InputError, OptionError
from semascope.report import Report
from semascope.shape import alike, shape


def rows(n: int = 400, d: int = 24, seed: int = 0, used: int = 6) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, used)) @ rng.normal(size=(used, d)) + 0.01 * rng.normal(size=(n, d))).astype(np.float32)


def said(report: Report, name: str) -> str:
    return next(one.says for one in report.findings if one.name == name)


def level(report: Report, name: str) -> str:
    return next(one.level for one in report.findings if one.name == name)


def run(*args: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(one) for one in args], prog_name="semascope")
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_of_one_hot_rows_it_says_that_distances_tell_no_dimension(metric: str) -> None:
    report = shape(np.eye(64), metric=metric)
    assert "near by, along 10000" in report.verdict
    assert "all as far as each other" in said(report, "intrinsic dimension")
    assert level(report, "intrinsic dimension") == "note"
    assert "all as far as each other" not in said(shape(rows()), "intrinsic dimension")


def test_every_figure_lies_in_its_interval_and_stands_beside_two_plain_clouds() -> None:
    report = shape(rows())
    measures = report.numbers["measures"]
    assert len(measures) >= 15
    for name, one in measures.items():
        assert one["low"] <= one["value"] <= one["high"], name
        assert one["n"] > 0
        assert name in report.numbers["random"]["measures"]
        assert name in report.numbers["gaussian"]["measures"]
    assert report.verdict.startswith("400 rows of 24 columns vary along ")
    assert report.numbers["directions for 90 %"]["directions"] <= 6
    assert report.numbers["random"]["directions for 90 %"]["directions"] > 18


def test_a_bent_sheet_has_fewer_dimensions_than_a_gaussian_cloud_of_its_spread() -> None:
    rng = np.random.default_rng(1)
    flat = rng.random((800, 2))
    bent = np.concatenate([np.sin(3 * flat + phase) for phase in range(6)], axis=1)
    report = shape(bent, metric="euclidean")
    gap = (
        report.numbers["measures"]["MLE, 20 neighbours"]["high"],
        report.numbers["gaussian"]["measures"]["MLE, 20 neighbours"]["low"],
    )
    assert gap[0] < gap[1]
    assert "along far fewer directions" in said(report, "intrinsic dimension")
    plain = shape(rng.normal(size=(800, 12)), metric="euclidean")
    assert "along far fewer directions" not in said(plain, "intrinsic dimension")


def test_what_is_wrong_with_a_cloud_is_warned_of_first() -> None:
    narrow = shape(rows() * 0.01 + 1)
    assert narrow.findings[0].level == "warning"
    assert "everything is near everything" in said(narrow, "isotropy")
    ruled = rows(used=24)
    ruled[:, 5] += 40 * ruled.std()
    report = shape(ruled)
    assert "they rule every cosine" in said(report, "outlier dimensions")
    assert report.findings[0].level == "warning"
    assert [one.numbers["dimensions"] for one in report.findings if one.name == "outlier dimensions"] == [[5]]
    round_ = shape(np.random.default_rng(2).normal(size=(500, 16)))
    assert {one.level for one in round_.findings} == {"fine"}


def test_a_hub_is_named_by_its_row_in_the_source() -> None:
    x = np.random.default_rng(3).normal(size=(900, 60))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    x[123] = 0.05 * x[123] + x.mean(axis=0)
    report = shape(x, metric="euclidean", places=np.arange(900) + 1_000, total=5_000)
    hub = next(one for one in report.findings if one.name == "hubs")
    assert hub.rows == (1_123,)
    assert hub.level == "warning"
    assert report.verdict.startswith("900 of 5,000 rows")


def test_zero_rows_and_copies_are_said_and_left_out() -> None:
    x = rows()
    x[7] = 0
    x[20:40] = x[10]
    report = shape(x)
    assert "1 rows are zero" in said(report, "zero rows") or "1 row" in said(report, "zero rows")
    assert "20 of 399 rows are equal to one before them" in said(report, "copies")
    assert level(report, "copies") == "note"


def test_a_sample_is_drawn_and_said() -> None:
    report = shape(rows(1_000), sample=300)
    assert report.verdict.startswith("300 of 1,000 rows")
    assert any(note.startswith("Sample: ") for note in report.notes)
    assert shape(rows(1_000), sample=300).numbers == report.numbers


def test_a_turned_cloud_is_the_same_and_a_dealt_one_has_nothing_in_common() -> None:
    x = rows(used=24)
    turn = np.linalg.qr(np.random.default_rng(4).normal(size=(24, 24)))[0]
    same = alike(x, 3 * x @ turn)
    assert "turned and scaled" in same.findings[0].says
    assert same.numbers["measures"]["linear CKA, debiased"]["value"] == pytest.approx(1, abs=1e-4)
    dealt = alike(x, x[np.random.default_rng(5).permutation(len(x))])
    assert dealt.findings[0].level == "warning"
    assert "nothing shows that these rows are of the same items" in dealt.findings[0].says
    half = alike(x, x[:, :8])
    assert 0.1 < half.numbers["measures"]["neighbours shared of 10"]["value"] < 0.9
    assert half.numbers["columns"] == [24, 8]


def test_what_cannot_be_measured_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="X: want at least 3 rows that differ, got 1 among 60"):
        shape(np.ones((60, 4)))
    with pytest.raises(InputError, match="X: want at least 30 rows that differ, got 12"):
        shape(rows(12))
    with pytest.raises(InputError, match="X: want rows that have a direction, got 50 zero rows"):
        shape(np.zeros((50, 4)))
    with pytest.raises(InputError, match="X: want at least 2 columns"):
        shape(rows()[:, :1])
    with pytest.raises(OptionError, match="metric: want one of cosine, euclidean"):
        shape(rows(), metric="manhattan")
    with pytest.raises(InputError, match="Y: want one row for each of 400 rows of X, got 399"):
        alike(rows(), rows()[:399])


def test_the_verb_answers_with_lines_json_and_a_page(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", rows())
    page = tmp_path / "shape.html"
    code, out, err = run("shape", tmp_path / "a.npy", "--report", page)
    assert code == 0, err
    assert out.splitlines()[0].startswith("400 rows of 24 columns")
    assert out.strip().splitlines()[-1].startswith("Next: semascope doctor ")
    html = page.read_text("utf-8")
    assert html.count("<svg") >= 5
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")
    code, out, _ = run("shape", tmp_path / "a.npy", "--json")
    plain = json.loads(out)
    assert code == 0
    assert plain["numbers"]["rows"] == 400
    assert Report.from_json(plain).verdict == plain["verdict"]


def test_the_verb_compares_two_and_encodes_texts(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", rows())
    np.save(tmp_path / "b.npy", rows()[:, :9])
    np.save(tmp_path / "c.npy", rows(300))
    code, out, _ = run("shape", tmp_path / "a.npy", tmp_path / "b.npy", "--json")
    assert code == 0
    assert json.loads(out)["numbers"]["items"] == 400
    code, _, err = run("shape", tmp_path / "a.npy", tmp_path / "c.npy")
    assert code == 2
    assert "OTHER: want the rows of the same items, got 400 rows in a.npy and 300 in c.npy" in err
    texts = tmp_path / "texts.jsonl"
    texts.write_text(
        "".join(json.dumps({"text": f"the {n} cat and {n * n} mice in house {n % 7}"}) + "\n" for n in range(60))
    )
    code, _, err = run("shape", texts)
    assert code == 2
    assert "--encoder default" in err
    code, out, err = run("shape", texts, "--encoder", "default", "--json")
    assert code == 0, err
    assert json.loads(out)["numbers"]["columns"] == 256
