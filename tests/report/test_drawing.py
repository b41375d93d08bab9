"""Pictures: what is larger is drawn farther, what is unknown is said, and nothing covers anything else."""

from __future__ import annotations

import json
import math
import re
from xml.etree import ElementTree as ET

import pytest

from semascope.report import Curve, Forest, Heat, Points, Report, Spread, draw

FOREST = Forest(
    "Gains", "gain", [("whitening <b>", 0.02, 0.01, 0.03), ("max", -0.02, -0.03, -0.01), ("none", 0.0, -0.01, 0.01)]
)
POINTS = Points(
    "Quality and size",
    "bytes",
    "nDCG@10",
    {
        "all": [(f"recipe {i}", 2.0 ** (i % 8), 0.2 + i / 500) for i in range(60)],
        "front": [("small", 2.0, 0.3), ("middle", 16.0, 0.32), ("large", 128.0, 0.33)],
        "plain": [("plain", 128.0, 0.31)],
        "chosen": [("middle", 16.0, 0.32)],
    },
    log=True,
)
HEAT = Heat("Layers", ["mean", "first"], ["0", "1"], [[0.1, None], [0.3, 0.2]])
SPREAD = Spread("Scores", "cosine", [0.0, 0.5, 1.0], {"matches": [0.2, 0.8], "others": [0.9, 0.1]}, {"threshold": 0.5})
ALL = (FOREST, POINTS, HEAT, SPREAD, Curve("Line", "x", "y", {"a": [(1.0, 2.0, 1.0, 3.0)]}))


def circles(svg: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', svg)]


@pytest.mark.parametrize("picture", ALL, ids=lambda p: type(p).__name__)
def test_a_picture_is_one_well_formed_element_with_a_name(picture: object) -> None:
    root = ET.fromstring(draw(picture))
    assert root.get("role") == "img"
    assert root.get("aria-label") == picture.title


@pytest.mark.parametrize("picture", ALL, ids=lambda p: type(p).__name__)
def test_a_picture_survives_json(picture: object) -> None:
    where = {"curves": [picture]} if isinstance(picture, Curve) else {"pictures": [picture]}
    report = Report("v", "s", "verdict", **where)
    again = Report.from_json(json.loads(json.dumps(report.to_json(), allow_nan=False)))
    assert again.drawn() == report.drawn()
    assert len(report.drawn()) == 1
    assert report.drawn()[0] in report.html()


def test_larger_gains_stand_farther_right_and_colours_tell_the_side_of_zero() -> None:
    svg = draw(FOREST)
    (gain, _), (loss, _), (none, _) = circles(svg)
    assert loss < none < gain
    colours = re.findall(r'r="4" fill="([^"]+)"', svg)
    assert len(set(colours)) == 3
    assert "<b>" not in svg


def test_what_is_not_known_is_said_and_has_no_mark() -> None:
    svg = draw(Forest("t", "x", [("known", 1.0, 0.5, 1.5), ("unknown", math.nan, math.nan, math.nan)]))
    assert len(circles(svg)) == 1
    assert "not known" in svg
    report = Report(
        "v", "s", "t", pictures=[Forest("t", "x", [("known", 1.0, 0.5, 1.5), ("u", math.nan, math.nan, math.nan)])]
    )
    assert Report.from_json(json.loads(json.dumps(report.to_json(), allow_nan=False))).drawn() == report.drawn()


def test_higher_quality_is_higher_and_more_bytes_are_farther_right_on_a_logarithmic_axis() -> None:
    svg = draw(POINTS)
    marks = circles(svg)
    assert len(marks) == 65
    (x0, y0), (x1, y1), (x2, y2) = marks[60:63]
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.3)  # 2, 16, 128: equal steps
    assert y0 > y1 > y2


def test_names_cover_neither_each_other_nor_the_key() -> None:
    crowd = Points("t", "x", "y", {"front": [(f"a rather long name {i}", 1 + i / 50, 1 + i / 50) for i in range(12)]})
    svg = draw(crowd)
    boxes = [
        (float(x), float(y) - 10, float(x) + 6 * len(name), float(y) + 2, name)
        for x, y, name in re.findall(r'<text x="([\d.]+)" y="([\d.]+)" font-size="11"[^>]*>([^<]+)</text>', svg)
    ]
    assert boxes
    assert len({box[-1] for box in boxes}) == len(boxes)
    for at, one in enumerate(boxes):
        assert one[2] <= 540
        for other in boxes[at + 1 :]:
            assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def test_the_largest_cell_of_a_column_is_the_strongest() -> None:
    svg = draw(HEAT)
    inks = [float(ink) for ink in re.findall(r'<rect [^>]*opacity="([\d.]+)"', svg)]
    assert len(inks) == 3  # the fourth is not known
    assert inks[1] > inks[0]
    assert svg.count('font-weight="700"') == 1
    assert ">·</text>" in svg


def test_a_mark_stands_at_its_place_between_the_ends() -> None:
    svg = draw(SPREAD)
    at = float(re.search(r'<line x1="([\d.]+)"[^>]*stroke-dasharray="5 3"', svg)[1])
    assert at == pytest.approx((56 + 530) / 2, abs=1)


@pytest.mark.parametrize(
    "empty",
    [
        Forest("t", "x", []),
        Points("t", "x", "y", {}),
        Heat("t", [], [], []),
        Spread("t", "x", [], {}, {}),
        Curve("t", "x", "y", {}),
    ],
    ids=lambda p: type(p).__name__,
)
def test_nothing_to_show_is_no_picture(empty: object) -> None:
    assert draw(empty) == ""
    assert "<figure" not in Report("v", "s", "t", pictures=[] if isinstance(empty, Curve) else [empty]).html()
