"""An audit finds what is there, and nothing where nothing is."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from hashing import HashingEncoder
from made_up_messages import messages

from semascope.errors import InputError, OptionError, UnknownNameError
from semascope.leak import Judged, audit

FEW = {"known": 260, "hidden": 140, "splits": 1}


def attacks(report) -> dict:
    return report.numbers["attacks"]


def alarms(x: np.ndarray, texts: list[str], labels: list[str], seed: int, encoder=None) -> list[bool]:
    report = audit(x, texts, labels=labels, defences=[], seed=seed, encoder=encoder, known=260, hidden=140, splits=2)
    return [one["gain"]["low"] > 0 for one in attacks(report).values()]


def test_vectors_that_have_nothing_to_do_with_the_texts_leak_nothing() -> None:
    # Each figure has an interval of 95 %: one in forty is above guessing by chance alone.
    found = []
    for seed in range(5):
        some = messages(420, seed)
        x = np.random.default_rng(seed).standard_normal((420, 24)).astype(np.float32)
        found += alarms(x, some.texts, some.topics, seed, encoder=HashingEncoder(24))
    assert len(found) >= 40
    assert np.mean(found) <= 0.1


def test_texts_in_the_wrong_order_leak_nothing(telling: np.ndarray, some) -> None:
    found = []
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(some.texts))
        found += alarms(telling[:, :32], [some.texts[i] for i in order], [some.topics[i] for i in order], seed)
    assert len(found) >= 20
    assert np.mean(found) <= 0.1


def test_vectors_that_hold_every_word_leak_nearly_all(telling: np.ndarray, some, telling_encoder) -> None:
    report = audit(telling, some.texts, labels=some.topics, defences=[], encoder=telling_encoder, **FEW)
    found = attacks(report)
    assert found["words"]["value"]["value"] > 0.85
    assert found["words"]["guessing"]["value"] < 0.3
    assert found["attribute: label"]["value"]["value"] > 0.95
    assert found["names, found"]["value"]["value"] > 0.6
    assert found["which of 20 words"]["gain"]["low"] > 0.3
    assert all(
        one["gain"]["low"] > 0 for name, one in found.items() if name.startswith(("words", "attribute", "names"))
    )


def test_more_noise_never_leaks_more(telling: np.ndarray, some) -> None:
    names = [f"noise {strength}" for strength in ("0.1", "0.5", "1", "2")]
    found = audit(telling, some.texts, defences=names, **FEW).numbers["defences"]
    words = [found[name]["words"]["value"] for name in ("none", *names)]
    assert all(after["value"] <= before["high"] for before, after in pairwise(words))
    assert words[-1]["value"] < words[0]["low"]


def test_a_secret_rotation_changes_nothing_for_who_has_known_rows_and_all_for_who_has_none(telling, some) -> None:
    found = audit(telling, some.texts, defences=["secret rotation"], **FEW).numbers["defences"]
    bare, turned = found["none"]["words"]["value"], found["secret rotation"]["words"]["value"]
    assert turned["value"] == pytest.approx(bare["value"], abs=0.02)
    without = found["secret rotation (no known rows)"]["words"]
    assert without["value"]["value"] < without["guessing"]["value"] + 0.1


def test_near_copies_of_known_texts_are_left_out_and_said(telling_encoder) -> None:
    some = messages(300)
    texts = [*some.texts, *some.texts[:100]]
    report = audit(telling_encoder.encode(texts), texts, defences=[], **FEW)
    assert report.numbers["near copies left out"] > 20
    assert attacks(report)["words"]["with copies"] is not None
    assert any(one.name == "near copies" for one in report.findings)


def test_no_hidden_text_and_no_guess_is_in_a_report_unless_asked_for(telling: np.ndarray, some) -> None:
    quiet = audit(telling, some.texts, labels=some.topics, **FEW)
    shown = audit(telling, some.texts, labels=some.topics, defences=[], show=2, **FEW)
    said = json.dumps(quiet.to_json()) + quiet.html() + str(quiet)
    assert not any(text in said for text in some.texts)
    assert sum(text in json.dumps(shown.to_json()) for text in some.texts) == 2


def test_the_rows_stay_as_they_were_and_the_same_seed_gives_the_same_report(telling: np.ndarray, some) -> None:
    rows = telling.copy()
    rows.flags.writeable = False
    first = audit(rows, some.texts, labels=some.topics, defences=["int8", "noise 1"], **FEW)
    assert (rows == telling).all()
    assert audit(rows, some.texts, labels=some.topics, defences=["int8", "noise 1"], **FEW).to_json() == first.to_json()


def test_the_report_says_what_it_is_not(telling: np.ndarray, some) -> None:
    said = " ".join(audit(telling, some.texts, defences=[], **FEW).notes)
    assert "lower bound" in said
    assert "AISVS" in said
    assert "For a security review" in said


def test_scripts_without_spaces_are_read_too() -> None:
    rng = np.random.default_rng(0)
    characters = [chr(code) for code in range(0x4E00, 0x4E28)]
    texts = ["".join(rng.permutation(characters)[:7]) for _ in range(420)]
    pairs = {pair: row for row, pair in enumerate(sorted({t[i : i + 2] for t in texts for i in range(6)}))}
    directions = rng.standard_normal((len(pairs), 1200)).astype(np.float32)
    x = np.stack([sum(directions[pairs[t[i : i + 2]]] for i in range(6)) for t in texts])
    found = attacks(audit(x, texts, defences=[], **FEW))["words"]
    assert found["gain"]["low"] > 0.1


def test_judged_queries_give_the_cost_in_ndcg(telling: np.ndarray, some, telling_encoder) -> None:
    queries = telling_encoder.encode([text.split(" with ")[0] for text in some.texts[:40]])
    judged = Judged(queries, telling, [{row: 1.0} for row in range(40)])
    found = audit(telling, some.texts, defences=["noise 2"], judged=judged, **FEW).numbers["defences"]
    assert found["none"]["ndcg@10"]["value"] > found["noise 2"]["ndcg@10"]["value"]
    assert found["noise 2"]["ndcg@10 change"]["high"] < 0


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"texts": ["one two"] * 419}, InputError, "texts: want one for each of the 420 rows, got 419"),
        ({"texts": [""] * 420}, InputError, "want at least 75 rows with words"),
        ({"known": 10}, OptionError, "known: want at least 50"),
        ({"hidden": 0}, OptionError, "hidden: want at least 25"),
        ({"splits": 0}, OptionError, "splits: want at least 1"),
        ({"show": -1}, OptionError, "show: want at least 0"),
        ({"defences": ["armour"]}, UnknownNameError, "defences: want some of"),
        ({"labels": ["a"] * 7}, InputError, "labels: want one for each of 420 rows, got 7"),
        ({"candidates": "one text"}, InputError, "candidates: want a list of texts"),
    ],
)
def test_wrong_input_is_answered_with_what_is_wanted(telling, some, change, error, says: str) -> None:
    with pytest.raises(error, match=says):
        audit(telling, **{"texts": some.texts, **change})


def test_labels_of_one_value_are_said_to_be_skipped(telling: np.ndarray, some) -> None:
    report = audit(telling, some.texts, labels={"kind": ["same"] * 420}, defences=[], **FEW)
    assert any("kind" in note for note in report.notes)
    assert not any(name.startswith("attribute") for name in attacks(report))


def test_a_sentence_is_known_to_stand_in_a_text_by_who_knows_the_encoder(telling_encoder) -> None:
    some = messages(900)
    texts = [f"{one} {other}" for one, other in zip(some.texts[:450], some.texts[450:], strict=True)]
    found = attacks(audit(telling_encoder.encode(texts), texts, defences=[], encoder=telling_encoder, **FEW))
    assert found["sentence in the text"]["value"]["low"] > 0.8
    without = attacks(audit(telling_encoder.encode(texts), texts, defences=[], **FEW))
    assert "sentence in the text" not in without
