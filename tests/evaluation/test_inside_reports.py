"""Position bias, probes and thresholds as reports: verdict first, intervals, pictures, nothing that is not shown called a bias."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from semascope.cli import app
from semascope.errors import InputError
from semascope.evaluate import inside
from semascope.evaluation.dwell_in_the_beginning import DwellInTheBeginning
from semascope.evaluation.senteval_study import SentevalStudy
from semascope.report import Report
from semascope.testing.asking import WordSums, documents, retrieval, sentences


class Fading(WordSums):
    """Words count less the later they come."""

    max_length = 400

    def count_tokens(self, texts: list[str]) -> np.ndarray:
        return np.array([len(text.split()) for text in texts])

    def encode(self, texts: Any, **how: Any) -> np.ndarray:  # noqa: ARG002 - kind and progress change nothing
        split = [text.split() for text in texts]
        rows = [np.sum([np.exp(-at / 15) * self._vector(word) for at, word in enumerate(own)], axis=0) for own in split]
        return np.array(rows, np.float32)


def whole(report: Report) -> None:
    assert Report.from_json(json.loads(json.dumps(report.to_json()))).verdict == report.verdict
    assert report.verdict in report.html()


def test_a_bias_is_named_with_its_interval_and_none_is_called_where_none_is_shown() -> None:
    encoders = {"fading": Fading(), "bag": WordSums()}
    found = inside.position(
        encoders, documents(12, 4), source="made up", method=DwellInTheBeginning(slots=3), follows="semascope methods"
    )
    assert "fading favours the beginning" in found.verdict
    assert "bag: no bias found" in found.verdict
    levels = {one.says.split()[0].rstrip(":"): one.level for one in found.findings if one.name == "position"}
    assert levels == {"fading": "warning", "bag": "fine"}
    assert found.numbers["fading"]["relocated: begins - ends"]["low"] > 0
    assert set(found.curves[0].lines) == {"fading", "bag"}
    assert found.next == "semascope methods"
    whole(found)


def test_what_is_cut_off_is_said_beside_the_bias() -> None:
    encoder = Fading()
    encoder.max_length = 60
    found = inside.position({"short": encoder}, documents(8, 12), source="made up", method=DwellInTheBeginning(slots=4))
    (cut,) = [one for one in found.findings if one.name == "cut off"]
    assert cut.level == "warning"
    assert "no bias" in cut.says


def test_probes_are_shown_beside_their_controls() -> None:
    found = inside.probes(
        {"bag": WordSums()}, [" ".join(sentences(120, 4))], source="made up", method=SentevalStudy(least=30)
    )
    names = [row[0] for row in found.tables[0].rows]
    assert "order" in names
    assert found.tables[0].head[2:] == ["right", "commonest label", "control", "selectivity"]
    assert "bag holds more than guessing of" in found.verdict
    assert "order" not in found.findings[0].numbers["knows"]
    whole(found)


def test_thresholds_say_what_they_let_through_on_the_other_half() -> None:
    found = inside.thresholds({"bag": WordSums(), "fading": Fading()}, retrieval(40), source="made up")
    assert found.verdict.count("that it was not found on") == 2
    assert len(found.pictures) == 2
    whole(found)


def test_texts_that_allow_nothing_are_refused() -> None:
    with pytest.raises(InputError, match="want at least"):
        inside.position({"bag": WordSums()}, ["short"], source="x")
    with pytest.raises(InputError, match="sentences: want"):
        inside.probes({"bag": WordSums()}, ["short"], source="x")


def run(*args: object) -> Any:
    done = CliRunner().invoke(app, ["evaluate", *map(str, args)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    lines = [json.dumps({"id": str(at), "text": text}) for at, text in enumerate(documents(16, 8))]
    path = tmp_path / "texts.jsonl"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def test_evaluate_answers_about_position_and_probes(texts: Path, tmp_path: Path) -> None:
    page = tmp_path / "position.html"
    done = run("default", "--data", texts, "--position", "--report", page)
    assert done.exit_code == 0, done.output
    assert "default: no bias found" in done.stdout.splitlines()[0]
    assert "Next: semascope evaluate default --data" in done.stdout
    assert "no bias found" in page.read_text("utf-8")
    told = json.loads(run("default", "--data", texts, "--probes", "--json").stdout)
    assert told["numbers"]["default"]["order: right"]["n"] >= 100


def test_evaluate_answers_about_thresholds(tmp_path: Path) -> None:
    task = retrieval(40)
    (tmp_path / "qrels").mkdir()
    for name, rows in {"corpus": task.documents, "queries": task.queries}.items():
        lines = [json.dumps({"_id": key, "text": text}) for key, text in rows.items()]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    judged = [f"{query}\t{key}\t1" for query, own in task.judged.items() for key in own]
    (tmp_path / "qrels" / "test.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *judged]) + "\n", "utf-8")
    done = run("default", "--data", tmp_path, "--thresholds")
    assert done.exit_code == 0, done.output
    assert "of right pairs through" in done.stdout


def test_evaluate_takes_one_such_question_at_a_time(texts: Path) -> None:
    assert "--probes: want at most one" in run("default", "--data", texts, "--position", "--probes").stderr
    assert "--save: want it without --position" in run("default", "--data", texts, "--position", "--save", "x").stderr
