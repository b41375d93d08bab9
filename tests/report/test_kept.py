"""Reports as JSON and back, and reports kept in a folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from semascope.errors import CorruptError, UnknownNameError
from semascope.report import Curve, Finding, Report, Table
from semascope.report.kept import keep_report, open_report, report_names


def full() -> Report:
    """A report with everything that one may hold, numpy's numbers, NaN and mark-up among it."""
    return Report(
        "doctor",
        "notes & <b>more</b>.space",
        "Two things are wrong (12 vectors).",
        [
            Finding(
                "zero rows", "fault", "3 rows are <zero>", {"rows": np.int64(3), "share": np.float32(0.25)},
                np.array([4, 7]), "semascope reencode"
            ),
            Finding("spread", "warning", "not known", {"value": float("nan"), "interval": (0.1, 0.2, np.float64(0.3))}),
            Finding("files", "note", "…"),
            Finding("words", "fine", "all of them"),
        ],
        [Table("Recall", ["k", "recall"], [["10", "0.98"], ["100", "0.99"]], "on 100 queries")],
        [
            Curve("Recall by depth", "depth", "recall", {
                "ours": [(1, 0.5, 0.4, 0.6), (np.float64(2), 0.7, 0.6, 0.8)],
                "theirs": [(1.0, 0.4, 0.3, 0.5)],
            }, {"ours": ["a", "b & c"]}),
            Curve("One line", "x", "y", {"line": [(0, 0, 0, 0), (1, 1, 1, 1)]}),
        ],
        "semascope leak notes.space",
        {"rows": 12, "matrix": np.eye(2), "nothing": None},
        ["Intervals are of 95 %."],
    )  # fmt: skip


def test_from_json_gives_the_same_json_the_same_page_and_the_same_lines() -> None:
    report = full()
    plain = json.loads(json.dumps(report.to_json()))
    again = Report.from_json(plain)
    assert again.to_json() == report.to_json() == plain
    assert again.html() == report.html()
    assert again.plot() == report.plot()
    assert str(again) == str(report)
    empty = Report("leak", "x", "nothing")
    assert Report.from_json(empty.to_json()).html() == empty.html()


@pytest.mark.parametrize(
    "change",
    [
        {"findings": [{"name": "a", "level": "<script>", "says": "b"}]},
        {"findings": [{"name": "a"}]},
        {"findings": 3},
        {"tables": [{"title": "a"}]},
        {"curves": [{"title": "a", "x": "", "y": "", "lines": {"b": [[1, 2]]}, "dots": None}]},
        {"verdict": ...},
    ],
)
def test_what_is_no_report_is_an_error(change: dict) -> None:
    plain = full().to_json() | change
    plain = {name: value for name, value in plain.items() if value is not ...}
    with pytest.raises((KeyError, TypeError, ValueError)):
        Report.from_json(plain)


def test_reports_are_kept_under_names_that_sort_and_come_back(tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    assert report_names(folder) == []
    first, second = keep_report(folder, full(), seconds=1.5), keep_report(folder, full())
    assert first.name != second.name
    assert {*report_names(folder)} == {first.name, second.name}
    found = open_report(folder, first.name)
    assert (found.made, found.seconds) == (first.made, 1.5)
    assert found.report.html() == full().html()
    assert found.levels() == {"fault": 1, "warning": 1, "note": 1, "fine": 1}
    assert open_report(folder, second.name).seconds is None


@pytest.mark.parametrize("name", ["../secret", "..", "", "/etc/passwd", "secret.json", "doctor-1/../../secret"])
def test_a_name_is_only_looked_up_among_those_that_are_there(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.json").write_text("{}")
    keep_report(tmp_path / "reports", full())
    with pytest.raises(UnknownNameError):
        open_report(tmp_path / "reports", name)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 2}', '{"format": 1, "made": "x", "seconds": null}'])
def test_a_damaged_report_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "doctor-1.json").write_text(text)
    with pytest.raises(CorruptError):
        open_report(tmp_path, "doctor-1")
