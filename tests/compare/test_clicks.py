"""Clicks as judgements: planted clicks tell encoders apart as the judgements do from which they were drawn."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from questions import BAD, GOOD, asked

from semascope.compare import Compared, How, click_task, compare, compared, read_click_file, read_clicks
from semascope.compare.verdict import makers
from semascope.errors import InputError, UnknownNameError
from semascope.metrics import score

DOCUMENTS = {"d1": "cats purr", "d2": "dogs bark", "d3": "owls hoot"}


def planted(seed: int = 0, noise: float = 0.1) -> list[dict[str, object]]:
    """People who click the relevant document, and now and then any other."""
    task, rng = asked(), np.random.default_rng(seed)
    names = list(task.documents)
    return [
        {
            "query": task.queries[unit],
            "clicked": str(rng.choice(names)) if rng.random() < noise else next(iter(task.judged[unit])),
            "position": int(rng.integers(1, 6)),
        }
        for unit in task.units
        for _ in range(3)
    ]


def _places(found: Compared) -> np.ndarray:
    assert found.results[0].places is not None
    return found.results[0].places


def test_planted_clicks_name_the_encoder_that_the_judgements_name() -> None:
    task = asked()
    clicks = click_task("clicks", task.documents, read_clicks(planted()))
    two = {"four columns": BAD, "many columns": GOOD}
    judged = compare(two, [task], draws=500)[0].pairs[0]
    clicked = compare(two, [clicks.task], draws=500)[0].pairs[0]
    assert judged.better == clicked.better == "many columns"
    report = compared(two, [clicks.task], How(draws=500), clicks=clicks)
    assert report.verdict.startswith("many columns is better than four columns")
    said = {one.name: one.says for one in report.findings}
    assert "only what was shown could be clicked" in said["clicks"]
    assert "% of the clicks were on what stood first" in said["clicks"]
    assert "weighed by the position" in said["clicks by position"]


def test_clicks_without_meaning_show_no_difference() -> None:
    task = asked()
    clicks = click_task("clicks", task.documents, read_clicks(planted(noise=1.0)))
    pair = compare({"four columns": BAD, "many columns": GOOD}, [clicks.task], draws=500)[0].pairs[0]
    assert not pair.better


def test_one_click_a_query_is_judged_by_where_it_stands() -> None:
    task = asked()
    rows = [{"query": task.queries[unit], "clicked": next(iter(task.judged[unit]))} for unit in task.units]
    clicks = click_task("clicks", task.documents, read_clicks(rows))
    found = score(GOOD, clicks.task)
    assert found.metric == "MRR@10"
    assert found.columns["value"] == pytest.approx(score(GOOD, task).more["MRR@10"])
    assert found.more["nDCG@10"] == pytest.approx(score(GOOD, task).columns["value"])
    assert any("MRR@10" in one for one in clicks.says)
    assert clicks.weighed is None
    assert score(GOOD, clicks.task.part(np.arange(5))).metric == "MRR@10"


def test_many_clicks_are_grades_and_not_three_times_as_relevant() -> None:
    rows = [
        {"query": "pets", "clicked": "d1", "count": 90},
        {"query": "pets", "clicked": "d2", "count": 31},
        {"query": "birds", "clicked": "d3", "count": 2},
        {"query": "birds", "clicked": "d1", "count": 2},
    ]
    task = click_task("clicks", DOCUMENTS, read_clicks(rows)).task
    assert task.judged == {"pets": {"d1": 3.0, "d2": 2.0}, "birds": {"d3": 3.0, "d1": 3.0}}
    assert score(GOOD, task).metric == "nDCG@10"


def test_ids_of_queries_stand_for_their_texts_and_unknown_documents_are_counted() -> None:
    rows = [{"query_id": "1", "doc_id": "d1"}, {"query_id": "1", "doc_id": "gone"}, {"query_id": "2", "doc_id": "gone"}]
    found = click_task("clicks", DOCUMENTS, read_clicks(rows), {"1": "which pet purrs?"})
    assert found.task.queries == {"1": "which pet purrs?"}
    assert "1 clicked documents of 1 queries; 2 more are not among the documents" in found.says[0]


def test_a_click_low_down_weighs_more_where_positions_are_known() -> None:
    rows = [{"query": "pets", "clicked": "d1", "position": 1}] * 4 + [{"query": "pets", "clicked": "d2", "position": 8}]
    found = click_task("clicks", DOCUMENTS, read_clicks(rows))
    assert found.task.judged["pets"] == {"d1": 3.0, "d2": 1.0}
    assert found.weighed is not None
    assert found.weighed.judged["pets"] == {"d1": 2.0, "d2": 3.0}
    assert "80% of the clicks were on what stood first" in found.says[2]


def test_whoever_made_the_lists_is_told_by_the_positions_and_named_in_the_first_line() -> None:
    """People click what they are shown: the worse encoder wins by clicks in its own lists, and this is said."""
    task = asked()
    two = {"four columns": BAD, "many columns": GOOD}
    whole = compare(two, [task], draws=200)[0]
    assert whole.pairs[0].better == "many columns"
    rng, names = np.random.default_rng(0), list(task.documents)
    rows = [
        {"query": unit, "clicked": names[int(place)], "position": position}
        for unit, places in zip(task.units, _places(whole), strict=True)
        for position, place in enumerate(places[:10], 1)
        if rng.random() < (0.9 if names[int(place)] in task.judged[unit] else 0.3) / position
    ]
    clicks = click_task("clicks", task.documents, read_clicks(rows), task.queries)
    report = compared(two, [clicks.task], How(draws=200), clicks=clicks)
    assert report.verdict.startswith("four columns is better")
    assert report.verdict.endswith("But people clicked in lists that four columns made, it seems, which favours it.")
    said = next(one for one in report.findings if one.name == "who made the lists")
    assert said.level == "warning"
    assert said.numbers["shares"]["four columns"] == 1.0


def test_lists_that_neither_made_are_not_said_to_be_of_one() -> None:
    task = asked()
    clicks = click_task("clicks", task.documents, read_clicks(planted()))
    report = compared({"a": BAD, "b": GOOD}, [clicks.task], How(draws=200), clicks=clicks)
    assert next(one for one in report.findings if one.name == "who made the lists").level == "note"


def test_files_are_read_as_tables_and_bad_rows_are_counted(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("Query,Clicked,Count\npets,d1,3\n,d2,1\nbirds,d3,none\nbirds,d3,2\n")
    found = read_click_file(tmp_path / "log.csv")
    assert found.counts == {"pets": {"d1": 3.0}, "birds": {"d3": 2.0}}
    assert found.passed == 2
    assert found.columns == {"query": "Query", "clicked": "Clicked", "count": "Count"}
    (tmp_path / "log.jsonl").write_text("".join(json.dumps({"q": "pets", "doc": "d1"}) + "\n" for _ in range(2)))
    assert read_click_file(tmp_path / "log.jsonl").counts == {"pets": {"d1": 2.0}}


def test_what_is_no_click_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="column 'clicked'"):
        read_clicks([{"query": "a", "time": 3}])
    with pytest.raises(InputError, match="column 'query'"):
        read_clicks([{"words": "a", "clicked": 3}])
    with pytest.raises(InputError, match="rows with a query"):
        read_clicks([])
    with pytest.raises(InputError, match=r"ids of the 3 documents of clicks \('d1', ...\), got 'x'"):
        click_task("clicks", DOCUMENTS, read_clicks([{"query": "a", "clicked": "x"}]))
    with pytest.raises(UnknownNameError, match="none"):
        read_click_file(tmp_path / "none.csv")
    (tmp_path / "plain.txt").write_text("query clicked\n")
    with pytest.raises(InputError, match="want a table"):
        read_click_file(tmp_path / "plain.txt")


def test_zero_is_an_id_and_a_position_below_one_is_said() -> None:
    found = read_clicks([{"query": "how", "clicked": 0, "position": 0}, {"query": "how", "clicked": 1, "position": 2}])
    assert found.counts == {"how": {"0": 1.0, "1": 1.0}}
    assert (found.passed, found.below, dict(found.positions)) == (0, 1, {2: 1.0})
    says = click_task("t", {"0": "a text", "1": "another"}, found).says
    assert any("1 rows have a position below 1" in one for one in says)


def test_one_contender_with_a_ranking_can_be_told_to_have_made_the_lists() -> None:
    assert makers({"alone": 0.9}).level == "warning"
