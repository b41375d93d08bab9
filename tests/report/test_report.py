"""Reports: the same thing as text, JSON and a page that loads nothing."""

from __future__ import annotations

import json
import re

import numpy as np

from semascope.report import Curve, Finding, Report, Table, chart, page

REPORT = Report(
    verb="doctor",
    source="<b>x</b>.npy",
    verdict="Made by minilm & friends",
    findings=[
        Finding("zero rows", "fault", "3 of 10 <rows>", numbers={"zero": np.int64(3)}, rows=[1, 2], mend="a > b")
    ],
    tables=[Table("Candidates", ("recipe", "cosine"), [("mean", "1.0000")])],
    curves=[Curve("Leak", "cost", "share", {"noise": [(0.0, 0.5, 0.4, 0.6), (0.1, 0.2, 0.1, 0.3)]})],
    numbers={"cosine": float("nan"), "by": np.array([1.0, 2.0])},
    next="semascope look x",
)


def test_texts_are_escaped_wherever_they_stand() -> None:
    html = REPORT.html()
    assert "<b>x</b>.npy" not in html
    assert "&lt;b&gt;x&lt;/b&gt;.npy" in html
    assert "3 of 10 &lt;rows&gt;" in html


def test_a_page_loads_nothing() -> None:
    html = REPORT.html()
    assert "default-src 'none'" in html
    urls = set(re.findall(r"https?://[^\s\"'<]+", html))
    assert urls == {"http://www.w3.org/2000/svg"}  # a name, not a place
    assert not re.findall(r"<(?:link|img|iframe|script src)", html)


def test_json_has_every_figure_and_no_nan() -> None:
    plain = json.loads(json.dumps(REPORT.to_json(), allow_nan=False))
    assert plain["numbers"] == {"cosine": None, "by": [1.0, 2.0]}
    assert plain["findings"][0]["numbers"] == {"zero": 3}


def test_a_chart_puts_higher_values_higher() -> None:
    svg = chart(REPORT.curves[0])
    ys = [float(y) for y in re.findall(r'<circle cx="[\d.]+" cy="([\d.]+)"', svg)]
    assert len(ys) == 2
    assert ys[0] < ys[1]


def test_one_point_and_no_points_are_drawn_too() -> None:
    assert "<circle" in chart(Curve("t", "x", "y", {"a": [(1.0, 1.0, 1.0, 1.0)]}))
    assert chart(Curve("t", "x", "y", {})) == ""


def test_the_frame_has_a_row_for_every_finding() -> None:
    assert len(REPORT.frame()) == 1


def test_a_page_is_whole_html() -> None:
    html = page("t", "<p>b</p>", style="p{}", script="1")
    assert html.startswith("<!doctype html>")
    assert html.rstrip().endswith("</html>")
