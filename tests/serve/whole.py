"""A Space that has everything the web app can show: two encodings, a map, words, a report."""

from __future__ import annotations

from pathlib import Path

import pytest
from notes import documents

from semascope.corpus import Corpus
from semascope.encoders import Encoder
from semascope.report import Curve, Finding, Report, Table
from semascope.report.kept import REPORTS, keep_report
from semascope.space import Space

TEXTS = 60
REPORT = Report(
    verb="doctor",
    source="<b>notes</b>.space",
    verdict="1 fault and 1 warning among 300 vectors.",
    findings=[
        Finding(
            "zero rows", "fault", "2 rows are all zero <img src=x>", {"rows": 2}, [4, 17], "semascope add notes.space"
        ),
        Finding(
            "hubs", "warning", "one row is near to many", {"reach": {"value": 0.25, "low": 0.2, "high": 0.31, "n": 200}}
        ),
        Finding("lengths", "fine", "every row has length one"),
    ],
    tables=[
        Table(
            "Where rows are zero",
            ["row", "id", *"abcdefg"],
            [["4", "d4", *["some value"] * 7], ["17", "<i>d17</i>"]],
            "From 0.",
        ),
    ],
    curves=[Curve("Recall by depth", "depth", "recall", {"one & other": [(1, 0.5, 0.4, 0.6), (2, 0.9, 0.85, 0.95)]})],
    next="semascope doctor notes.space --mend",
    numbers={"rows": 300},
    notes=["Intervals are of 95 %."],
)
_made: list[tuple[Path, str]] = []


def whole_space(make: pytest.TempPathFactory) -> tuple[Path, str]:
    """Its folder and the name of its report; made once, only to be read. The current encoding has a map and words, the other neither."""
    from semascope.look.atlas import keep_atlas, make_atlas
    from semascope.look.vocabulary import keep_words, make_words

    pytest.importorskip("onnxruntime", reason="all-MiniLM runs on it")
    if not _made:
        place = make.mktemp("whole") / "notes.space"
        with Space.build(Corpus(documents(TEXTS), name="notes"), Encoder("minilm"), place) as space:
            space.reencode("default", name="words", keep_old=True)
        keep_atlas(place, make_atlas(place))
        keep_words(place, make_words(place))
        _made.append((place, keep_report(place / REPORTS, REPORT).name))
    return _made[0]
