"""From an encoder's cosines to probabilities: the report, the folder it is kept in, and the verb."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from semascope.cli import app
from semascope.errors import CorruptError, InputError, OptionError
from semascope.evaluate.calibrated import report
from semascope.evaluate.calibrating import (
    Calibrated,
    from_pairs,
    from_texts,
    from_unlabelled,
    held_out,
    matching,
    open_calibrator,
    save,
)
from semascope.evaluation.calibrator import Calibrator
from semascope.tasks import PairMatching, Similarity
from semascope.testing.asking import WordSums, sentences


def made(n: int = 300) -> list[tuple[str, str, bool]]:
    """Sentences with themselves but for a word or two, which match, and with others, which do not."""
    every = sentences(n, 3)
    rng = np.random.default_rng(4)
    out: list[tuple[str, str, bool]] = []
    for at, text in enumerate(every):
        words = text.split()
        kept = [word for word in words if rng.random() > 0.25] or words
        match = bool(rng.random() < 0.4)
        out.append((text, " ".join(kept) if match else every[(at + 7) % n], match))
    return out


def pairs() -> PairMatching:
    found = made()
    return PairMatching("made up", [(a, b) for a, b, _ in found], [match for _, _, match in found])


def test_a_threshold_a_reliability_curve_and_an_error_are_reported() -> None:
    found = from_pairs(WordSums(), pairs(), precision=0.9, name="sums")
    said = report(found, source="made up")
    assert said.verdict.startswith("A score of ")
    assert "precision" in said.verdict
    assert said.numbers["error"]["value"] < said.numbers["raw"]
    assert said.numbers["brier"] < said.numbers["brier_base"]
    assert said.curves[0].title == "Reliability"
    assert "<svg" in said.plot()
    assert f"{said.numbers['threshold']:.3f}" in said.verdict


def test_held_out_probabilities_know_nothing_of_their_own_label() -> None:
    rng = np.random.default_rng(5)
    scores, hits = rng.normal(size=400), rng.random(400) < 0.5
    said = held_out(scores, hits)
    assert abs(np.corrcoef(said, hits)[0, 1]) < 0.15
    with pytest.raises(InputError, match="at least 4"):
        held_out(scores[:5], np.arange(5) == 0)


def test_a_threshold_that_no_pair_held_out_reaches_is_said_to_be_not_measured() -> None:
    wanted = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        scores = rng.normal(0.5, 0.2, 30)
        hits = rng.random(30) < 1 / (1 + np.exp(-10 * (scores - 0.6)))
        if min(hits.sum(), (~hits).sum()) < 4:
            continue
        whole = Calibrator().fit(scores, hits)
        one = whole.threshold(0.95)
        if one is None or one.promised:
            continue
        wanted += 1
        found = Calibrated(whole, scores, hits, held_out(scores, hits), np.zeros(0), 0.95, "made up", "none")
        said = report(found, source="made up")
        assert "not measured" in said.verdict
        assert "[0%, 100%]" not in said.verdict
        assert said.numbers["achieved"] is None
        row = next(row for row in said.tables[0].rows if row[0] == "95%")
        assert row[2].endswith("estimated")
        assert row[3] == "not known"
    assert wanted


def test_without_labels_nothing_is_promised_and_that_is_what_is_said() -> None:
    texts = [text for a, b, _ in made() for text in (a, b)]
    alone = report(from_texts(WordSums(), texts, name="sums"), source="made up")
    assert "nothing is promised" in alone.verdict
    assert alone.findings[0].level == "warning"
    assert alone.numbers["threshold"] is None
    beside = report(from_unlabelled(WordSums(), [(a, b) for a, b, _ in made()], name="sums"), source="made up")
    assert "nothing is promised" in beside.verdict
    assert beside.numbers["achieved"] is None
    with pytest.raises(InputError, match="at least 20"):
        from_texts(WordSums(), ["a", "b"])


def test_scores_become_matches_only_where_it_is_said_from_which_on() -> None:
    task = Similarity("made up", [("a", "b"), ("a", "c"), ("b", "c")], [1, 3, 5])
    assert list(matching(task, 3).matches) == [False, True, True]
    with pytest.raises(OptionError, match="--at"):
        matching(task, None)


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    found = from_pairs(WordSums(), pairs(), name="sums")
    save(found, tmp_path / "my.calibrator")
    kept = open_calibrator(tmp_path / "my.calibrator")
    scores = np.linspace(-1, 1, 50)
    np.testing.assert_array_equal(kept.probability(scores), found.calibrator.probability(scores))
    assert kept.facts["encoder"] == "sums"
    assert kept.facts["kind"] == "labelled"
    (tmp_path / "my.calibrator" / "calibrator.json").write_text('{"format": 99}', "utf-8")
    with pytest.raises(CorruptError, match="format 1"):
        open_calibrator(tmp_path / "my.calibrator")
    with pytest.raises(CorruptError, match="want a calibrator"):
        open_calibrator(tmp_path)


def test_the_verb_fits_keeps_and_applies(tmp_path: Path) -> None:
    data, folder = tmp_path / "pairs.csv", tmp_path / "my.calibrator"
    with data.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b", "match"])
        writer.writerows([a, b, int(match)] for a, b, match in made())
    run = CliRunner()
    done = run.invoke(
        app, ["calibrate", "default", "--data", str(data), "--precision", "0.9", "--out", str(folder), "--json"]
    )
    assert done.exit_code == 0, done.output
    threshold = json.loads(done.stdout)["numbers"]["threshold"]
    scores = tmp_path / "scores.csv"
    scores.write_text(f"id,score\na,{threshold + 0.001}\nb,-0.5\n", "utf-8")
    applied = run.invoke(app, ["calibrate", "--apply", str(folder), str(scores)])
    assert applied.exit_code == 0, applied.output
    rows = list(csv.DictReader(applied.stdout.splitlines()))
    assert [row["match"] for row in rows] == ["yes", "no"]
    assert float(rows[0]["probability"]) > float(rows[1]["probability"])
    unlabelled = run.invoke(app, ["calibrate", "default", "--data", str(data), "--no-labels"])
    assert unlabelled.exit_code == 0
    assert "nothing is promised" in unlabelled.stdout.splitlines()[0]


def test_bad_commands_are_refused_with_what_to_do(tmp_path: Path) -> None:
    run = CliRunner()
    for args, words in (
        ([], "want an ENCODER"),
        (["default", "--precision", "95"], "between 0 and 1"),
        (["--apply", str(tmp_path), "nothing.csv"], "CSV file"),
        (["default", "x.csv", "--data", "y.csv"], "got both"),
    ):
        done = run.invoke(app, ["calibrate", *args])
        assert done.exit_code != 0
        assert words in str(done.exception) or words in done.output
    scores = tmp_path / "scores.csv"
    scores.write_text("score\nhigh\n", "utf-8")
    save(from_pairs(WordSums(), pairs(), name="sums"), tmp_path / "c")
    done = run.invoke(app, ["calibrate", "--apply", str(tmp_path / "c"), str(scores)])
    assert "scores.csv:2: want a number" in str(done.exception) + done.output


class Unwritable(Calibrator):
    """Cannot be written."""

    @property
    def learned_(self) -> Any:
        raise KeyboardInterrupt

    @learned_.setter
    def learned_(self, value: Any) -> None:
        del value


def test_a_calibrator_is_kept_whole_or_not_at_all_and_takes_no_others_place(tmp_path: Path) -> None:
    found = from_pairs(WordSums(), pairs(), name="sums")
    with pytest.raises(KeyboardInterrupt):
        save(replace(found, calibrator=Unwritable()), tmp_path / "c")
    assert not list(tmp_path.iterdir())
    save(found, tmp_path / "c")
    before = (tmp_path / "c" / "calibrator.json").read_bytes()
    with pytest.raises(OptionError, match="--out: want a new folder"):
        save(found, tmp_path / "c")
    assert (tmp_path / "c" / "calibrator.json").read_bytes() == before


def test_where_nothing_can_be_kept_is_said_before_anything_is_read(tmp_path: Path) -> None:
    for args in (
        ["calibrate", "no-such-encoder", "--out", str(tmp_path)],
        ["calibrate", "--apply", "no-such-folder", "no.csv", "--out", str(tmp_path / "no" / "there.csv")],
        ["blindspots", "no-such-encoder", "--save", str(tmp_path / "no" / "there.jsonl")],
    ):
        done = CliRunner().invoke(app, args)
        assert done.exit_code == 2
        assert "in one that is there" in done.stderr or "in a folder that is there" in done.stderr
