"""The verdict is the one that is true, its figures are those of the scores, and nothing is called better without a test."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from questions import BAD, GOOD, Turned, alike, asked

from semascope import Corpus, Space, as_encoder
from semascope.compare import Contender, How, compare, compared, open_contender
from semascope.compare.examples import examples
from semascope.compare.groups import kinds
from semascope.compare.verdict import sentence
from semascope.errors import InputError, OptionError
from semascope.metrics import Scores, holm, paired, score, task_rows
from semascope.metrics.saved import save_scores
from semascope.tasks import Clustering
from semascope.testing.asking import WordSums

TWO = {"four columns": BAD, "many columns": GOOD}


def test_the_better_one_is_named_first_with_its_gain_its_interval_its_p_and_n() -> None:
    task = asked()
    report = compared(TWO, [task], How(draws=2_000))
    want = paired(score(BAD, task), score(GOOD, task), draws=2_000)
    assert want.shown
    assert want.value > 0.2
    assert report.verdict.startswith(
        f"many columns is better than four columns: nDCG@10 +{want.value:.3f} [{want.low:.3f}, {want.high:.3f}], p"
    )
    assert report.verdict.endswith("60 queries.")
    turned = compared(dict(reversed(TWO.items())), [task], How(draws=2_000))
    assert turned.verdict == report.verdict
    figures = json.loads(json.dumps(report.to_json()))["numbers"]["tasks"][0]["pairs"][0]
    assert figures["better"] == "many columns"
    assert figures["difference"] == pytest.approx(want.value)
    assert figures["wins"] == want.wins


def test_no_difference_is_shown_where_there_is_none_and_what_could_have_been_seen_is_said() -> None:
    """The same encoder but for the seed of its directions: neither can be better."""
    report = compared({"one": WordSums(1, 24), "other": WordSums(2, 24)}, [asked()], How(draws=2_000))
    assert report.verdict.startswith("No difference shown between one and other: nDCG@10 ")
    assert "60 queries; with so many queries a difference of 0." in report.verdict
    assert "would have been seen four times in five" in report.verdict
    assert report.findings[0].level == "note"
    assert report.findings[0].numbers["shown"] is False


def test_turned_vectors_have_the_same_cosines_and_are_equal() -> None:
    report = compared({"one": GOOD, "turned": Turned()}, [asked()], How(draws=500))
    assert report.verdict.startswith("one and turned are equal on all 60 queries (nDCG@10)")


def _means(values: object) -> Scores:
    array = np.asarray(values, np.float64)
    return Scores("t", "accuracy", "mean", tuple(map(str, range(len(array)))), {"value": array})


def test_queries_on_which_both_are_equal_do_not_rule_out_a_difference() -> None:
    report = compared({"a": _means(np.ones(195)), "b": _means(np.ones(195))}, [])
    assert report.verdict == "a and b are equal on all 195 units (accuracy), which therefore cannot tell them apart."


def test_a_difference_on_too_few_queries_for_any_test_is_not_called_none() -> None:
    base, other = np.ones(195), np.ones(195)
    other[:5] = 0.0
    report = compared({"a": _means(base), "b": _means(other)}, [])
    assert report.verdict.startswith("No difference can be shown between a and b: accuracy -0.026 [")
    assert "of which they differ on 5, too few for any test" in report.verdict
    other[5] = 0.0  # one more, and all of them lost: p = 2 / 2^6
    assert compared({"a": _means(base), "b": _means(other)}, []).verdict.startswith("a is better than b")


def test_small_differences_are_told_with_more_digits() -> None:
    rng = np.random.default_rng(0)
    base = rng.random(200)
    report = compared({"a": _means(base), "b": _means(base + rng.normal(0, 1e-5, 200))}, [])
    assert "a difference of 0.00000" in report.verdict
    assert "0.000000 would" not in report.verdict


def test_fewer_queries_could_have_shown_only_a_larger_difference() -> None:
    task = asked(80)
    few = compare({"a": WordSums(1, 24), "b": WordSums(2, 24)}, [task.part(np.arange(20))], draws=500)[0].pairs[0]
    many = compare({"a": WordSums(1, 24), "b": WordSums(2, 24)}, [task], draws=500)[0].pairs[0]
    assert few.detectable > 1.4 * many.detectable > 0


def test_several_are_corrected_for_how_many_comparisons_there_are() -> None:
    three = {"a": WordSums(1, 6), "b": WordSums(2, 7), "c": GOOD}
    tasks = [asked(), alike()]
    found = compare(three, tasks, draws=500)
    pairs = [pair for one in found for pair in one.pairs]
    assert len(pairs) == 6
    assert [pair.difference.p for pair in pairs] == pytest.approx(holm([pair.alone for pair in pairs]))
    assert all(pair.comparisons == 6 for pair in pairs)
    first = compare(three, tasks, against="first", draws=500)
    assert [(pair.a, pair.b) for pair in first[0].pairs] == [("a", "b"), ("a", "c")]
    assert (
        pairs[0].detectable > compare({"a": three["a"], "b": three["b"]}, tasks[:1], draws=500)[0].pairs[0].detectable
    )
    verdict = compared(three, tasks[:1], How(draws=500)).verdict
    assert "made-up: c has the highest nDCG@10" in verdict
    assert verdict.endswith("(3 comparisons, corrected by Holm's procedure)")
    assert compared(three, tasks, How(draws=500)).verdict.startswith("Over 2 tasks, shown to be better: c over a +")


def test_wins_and_losses_are_told_with_query_ranks_and_texts() -> None:
    task = asked()
    found = compare(TWO, [task], draws=500)[0]
    wins, losses = examples(found, found.pairs[0], 3)
    a, b = score(BAD, task).columns["value"], score(GOOD, task).columns["value"]
    assert len(wins) == 3
    best = int(np.argmax(np.asarray(b) - np.asarray(a)))
    assert wins[0].unit == task.units[best]
    assert wins[0].gain == pytest.approx((np.asarray(b) - np.asarray(a)).max())
    lines = dict(wins[0].lines)
    assert lines["query"] == task.queries[task.units[best]]
    assert lines["relevant"] == task.documents[f"d{best}"]
    rows = task_rows(GOOD, task)
    order = np.argsort(-(rows["queries"][best] @ rows["documents"].T), kind="stable")
    rank = int(np.flatnonzero(order == best)[0]) + 1
    assert lines["many columns"].startswith(f"relevant (1) at {rank}; first: {list(task.documents.values())[order[0]]}")
    assert all(one.gain < 0 for one in losses)
    assert len(losses) <= int((np.asarray(b) < np.asarray(a)).sum())


def test_a_pair_is_won_by_who_puts_it_nearer_to_where_people_do() -> None:
    found = compare(TWO, [alike()], draws=500)[0]
    assert found.pairs[0].better == "many columns"
    wins, _ = examples(found, found.pairs[0], 1)
    assert [what for what, _ in wins[0].lines] == ["text", "text", "people", "four columns", "many columns"]
    assert wins[0].gain > 0


def test_kinds_of_queries_are_halves_of_all_and_corrected() -> None:
    task = asked()
    longer = {
        name: query + (" and what else" if at % 2 else "") for at, (name, query) in enumerate(task.queries.items())
    }
    task = replace(task, queries=longer)
    found = compare(TWO, [task], draws=500)[0]
    told = {one.name: one.difference for one in kinds(found, found.pairs[0], draws=500)}
    short, long = told["at most 6 words"], told["more than 6 words"]
    assert (short.n, long.n) == (30, 30)
    every = paired(found.results[0].scores, found.results[1].scores)
    assert short.value + long.value == pytest.approx(2 * every.value)
    alone = paired(*(one.scores.part(np.arange(0, 60, 2)) for one in found.results), draws=500)
    assert short.value == pytest.approx(alone.value)
    assert short.p >= alone.p


def test_queries_of_one_kind_are_not_split() -> None:
    found = compare(TWO, [asked(12)], draws=500)[0]
    assert kinds(found, found.pairs[0], draws=500) == []


def test_a_task_without_a_value_for_each_unit_is_compared_too() -> None:
    texts = [
        f"{animal} {place} {n}" for animal in ("cat", "dog", "owl") for place in ("here", "there") for n in range(9)
    ]
    task = Clustering("animals", texts, [text.split()[0] for text in texts])
    report = compared({"a": BAD, "b": GOOD}, [task], How(draws=500))
    assert report.findings[0].numbers["test"] == "bootstrap"
    assert not any("wins most" in table.title for table in report.tables)


def test_vectors_in_files_a_space_and_kept_scores_give_what_their_encoder_gives(tmp_path: Path) -> None:
    task = asked(30)
    encoder = as_encoder("default")
    rows = task_rows(encoder, task)
    np.save(tmp_path / "rows.npy", np.concatenate([rows["documents"], rows["queries"]]))
    np.savez(tmp_path / "rows.npz", **rows)
    save_scores(tmp_path / "kept.json", [score(encoder, task)], encoder="kept")
    documents = [{"id": name, "text": text} for name, text in task.documents.items()]
    Space.build(Corpus(documents), encoder, tmp_path / "my.space").close()
    places = [tmp_path / name for name in ("rows.npy", "rows.npz", "kept.json", "my.space")]
    want = score(encoder, task)
    for place in places:
        one = compare([open_contender(place), "default | truncate(16)"], [task], draws=200)[0].results[0]
        assert np.array_equal(one.scores.columns["value"], want.columns["value"]), place.name
    space = compare([places[3], BAD], [task], draws=200)[0].results[0]
    assert space.rows is not None
    assert (space.rows.encoded, space.rows.kept) == (30, 60)


def test_kept_scores_are_compared_without_any_data(tmp_path: Path) -> None:
    task = asked(30)
    for name, encoder in TWO.items():
        save_scores(tmp_path / f"{name}.json", [score(encoder, task)], encoder=name)
    report = compared([tmp_path / f"{name}.json" for name in TWO], [])
    assert report.verdict.startswith("many columns is better than four columns: nDCG@10")
    with pytest.raises(InputError, match="--data"):
        compare([tmp_path / "many columns.json", GOOD], [])


def test_a_recipe_that_has_to_learn_learns_from_the_texts_and_this_is_said() -> None:
    report = compared(["default", "default | whiten(16)"], [asked(30)], How(draws=200))
    assert any("learned from the 60 texts of made-up, without their judgements" in one.note for one in report.tables)


def test_vectors_are_kept_and_looked_up(tmp_path: Path) -> None:
    pair = ["default", "default | truncate(64)"]
    first = compare(pair, [asked(30)], draws=200, folder=tmp_path)[0].results[0]
    again = compare(pair, [asked(30)], draws=200, folder=tmp_path)[0].results[0]
    assert first.rows is not None
    assert again.rows is not None
    assert (first.rows.encoded, again.rows.encoded, again.rows.seconds) == (90, 0, None)
    assert np.array_equal(first.scores.columns["value"], again.scores.columns["value"])


def test_costs_stand_beside_quality() -> None:
    found = compare(["default", "default | int8", "default | truncate(64)"], [asked(20)], draws=200)[0]
    assert [one.rows.bytes for one in found.results if one.rows] == [1024, 256, 256]


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    task = asked(20)
    with pytest.raises(InputError, match="at least 2"):
        compare([GOOD], [task])
    with pytest.raises(InputError, match="different ones"):
        compare(["default", "default"], [task])
    with pytest.raises(OptionError, match="against"):
        compare(TWO, [task], against="last")  # pyright: ignore[reportArgumentType]
    np.save(tmp_path / "few.npy", np.ones((3, 4), np.float32))
    with pytest.raises(InputError, match="40 documents and 20 queries of made-up, got 3 rows"):
        compare([tmp_path / "few.npy", GOOD], [task])
    whole = score(GOOD, task)
    fewer = Contender("fewer", None, {task.name: whole.part(np.arange(10))})
    with pytest.raises(InputError, match="fewer: want nDCG@10 of the 20 units"):
        compare([Contender("whole", None, {task.name: whole}), fewer], [])
    other = replace(whole, task="other")
    with pytest.raises(InputError, match="scores of one task in all files"):
        compare([whole, Contender("b", None, {"other": other})], [])
    (tmp_path / "no.json").write_text("{}")
    with pytest.raises(InputError, match=r"no\.json"):
        open_contender(tmp_path / "no.json")


def test_scores_alone_can_be_compared() -> None:
    one = Scores("t", "accuracy", "mean", ("a", "b", "c"), {"value": np.array([0.0, 1.0, 1.0])})
    report = compared({"x": one, "y": one}, [], How(draws=200))
    assert report.verdict.startswith("x and y are equal on all 3 units (accuracy)")


def test_a_difference_that_is_the_same_on_every_unit_is_not_called_equal() -> None:
    base = np.zeros(4)
    report = compared({"a": _means(base), "b": _means(base + 0.25)}, [])
    assert "equal on all" not in report.verdict
    assert report.verdict.startswith("No difference can be shown between a and b: accuracy +0.250 [")


def test_many_comparisons_have_draws_enough_to_show_a_difference() -> None:
    """Of 16 contenders there are 120 pairs: with 400 draws the least p, corrected, would be 0.3."""
    rng = np.random.default_rng(3)
    base = rng.normal(size=40)
    every = {f"m{n}": _means(base + n + rng.normal(size=40) / 10) for n in range(16)}
    (found,) = compare(every, [], draws=400)
    assert len(found.pairs) == 120
    assert all(pair.better == pair.b and pair.can_show for pair in found.pairs)


def test_a_test_that_can_show_nothing_is_said_to_show_nothing() -> None:
    one = compare({"a": _means(np.arange(40)), "b": _means(np.arange(40) + np.tile([1.0, -1.1], 20))}, [], draws=400)[0]
    pair = replace(one.pairs[0], comparisons=50)
    said = sentence(one, pair)
    assert said.startswith("No difference can be shown between a and b")
    assert "50 comparisons" in said
    assert "would have been seen" not in said


def test_a_task_that_one_cannot_be_judged_on_is_undecided_and_the_others_go_on() -> None:
    def constant(texts: list[str]) -> Any:
        return np.ones((len(texts), 4), np.float32)

    report = compared({"words": GOOD, "same": constant, "few": BAD}, [alike(), asked()], How(draws=500))
    undecided = [one for one in report.findings if one.says.startswith("undecided: Spearman")]
    assert [one.name for one in undecided] == ["alike: words and same", "alike: same and few"]
    assert "words" in report.verdict
    tasks = json.loads(json.dumps(report.to_json(), allow_nan=False))["numbers"]["tasks"]
    assert [len(one["pairs"]) for one in tasks] == [1, 3]
    with pytest.raises(InputError, match="defined for both"):
        compare({"words": GOOD, "same": constant}, [alike()], draws=500)


def test_kept_scores_of_one_encoder_are_called_by_their_files(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    for place in ("old.json", "new.json", "other/old.json"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        save_scores(tmp_path / place, [_means(rng.normal(size=30))], encoder="mine")
    found = compare([tmp_path / "old.json", tmp_path / "new.json"], [], draws=400)
    assert [one.name for one in found[0].results] == ["old", "new"]
    found = compare([tmp_path / "old.json", tmp_path / "other/old.json"], [], draws=400)
    assert [one.name for one in found[0].results] == [str(tmp_path / "old.json"), str(tmp_path / "other/old.json")]


def test_kept_scores_of_other_judgements_are_refused(tmp_path: Path) -> None:
    task = asked(20)
    judged = {**task.judged, "q0": {"d1": 1.0}}
    save_scores(tmp_path / "a.json", [score(GOOD, task)], encoder="a")
    save_scores(tmp_path / "b.json", [score(BAD, replace(task, judged=judged))], encoder="b")
    save_scores(tmp_path / "c.json", [score(BAD, replace(task, documents=dict(reversed(task.documents.items()))))])
    with pytest.raises(InputError, match="texts and judgements"):
        compare([tmp_path / "a.json", tmp_path / "b.json"], [], draws=400)
    with pytest.raises(InputError, match="texts and judgements"):
        compare({"a": GOOD, "b": tmp_path / "b.json"}, [task], draws=400)
    with pytest.raises(InputError, match="texts and judgements"):
        paired(score(GOOD, task), score(BAD, replace(task, judged=judged)))
    assert compare([tmp_path / "a.json", tmp_path / "c.json"], [], draws=400)[0].pairs
    assert compare({"a": GOOD, "b": tmp_path / "c.json"}, [task], draws=400)[0].pairs


def test_the_level_that_is_asked_for_is_that_of_every_interval_and_the_note_names_every_test() -> None:
    tasks = [alike(), asked()]
    report = compared(TWO, tasks, How(level=0.5, draws=500))
    want = score(GOOD, tasks[1]).interval(level=0.5)
    assert report.numbers["tasks"][1]["contenders"]["many columns"]["low"] == pytest.approx(want.low)
    said = " ".join(report.notes)
    assert "ranks of the two exchanged" in said
    assert "the gain of every unit" in said
    assert "narrower than it should be. 500 draws." in said
