"""Running checks and keeping what they found, on cards made up for the purpose and on real ones."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semascope import checking, registry
from semascope.card import Claim, Evidence
from semascope.errors import CorruptError, InputError, OptionError, UnknownNameError
from semascope.lab import Lab
from semascope.testing.nulls import FirstToken, Identity

CARD = registry.card("truncate")
TEXTS = [
    f"Sentence {i} is about {('cats', 'dogs', 'rain', 'cheese', 'music', 'trains')[i % 6]} and number {i * 7}."
    for i in range(90)
]


def card(check: Any, **claim: Any) -> Any:
    return replace(CARD, claim=Claim("Something is so.", check, **claim))


def holds_for_real(_lab: Lab, method: Any) -> Evidence:
    return Evidence(not isinstance(method, Identity), {"one": 1.0})


def test_a_claim_that_every_seed_confirms_and_the_control_fails_holds() -> None:
    steps: list[tuple[int, int | None]] = []
    found = checking.run(card(holds_for_real), progress=lambda done, total: steps.append((done, total)))
    assert (found.verdict, found.reason, found.seeds) == ("holds", "", (0, 1, 2))
    assert [f.holds for f in found.control] == [False] * 3
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert found.scale == "3 seeds, no model"


def test_a_check_that_doing_nothing_satisfies_fails() -> None:
    found = checking.run(card(lambda *_: Evidence(True, {})))
    assert found.verdict == "fails"
    assert found.reason == "the do-nothing control satisfies the check too (seeds 0, 1, 2)"


def test_one_seed_that_disagrees_is_enough() -> None:
    def check(lab: Lab, method: Any) -> Evidence:
        return Evidence(lab.seed != 1 and not isinstance(method, Identity), {"seed": lab.seed})

    found = checking.run(card(check))
    assert (found.verdict, found.reason) == ("fails", "held at 2 of 3 seeds")
    assert [dict(f.numbers) for f in found.found] == [{"seed": 0.0}, {"seed": 1.0}, {"seed": 2.0}]


def test_a_claim_about_real_vectors_that_is_not_so_does_not_hold_at_this_scale() -> None:
    def check(lab: Lab, _method: Any) -> Evidence:
        return Evidence(False, {"width": lab.encoder("default").dim})

    found = checking.run(card(check))
    assert found.verdict == "does not hold at this scale"
    assert list(found.models) == ["default"]
    assert len(found.models["default"]) == 12
    assert found.models["default"] in found.scale


def test_what_is_missing_is_said_and_nothing_is_run() -> None:
    def never(*_: Any) -> Evidence:
        raise AssertionError("the check ran")

    found = checking.run(card(never, needs=("no_such_package", "encoder:no-such-encoder")))
    assert found.verdict == "not run"
    assert found.reason == "needs package no_such_package, encoder no-such-encoder"
    assert (found.found, found.control) == ((), ())


def test_texts_too_few_for_the_check_are_a_reason_not_a_crash() -> None:
    found = checking.run(registry.card("int8"), data=TEXTS[:20])
    assert found.verdict == "not run"
    assert "texts: want at least" in found.reason


def test_a_mistake_in_a_check_is_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        checking.run(card(lambda *_: Evidence(1 / 0 > 1, {})))


def test_the_control_is_the_claims_own_where_it_has_one_and_has_to_exist() -> None:
    def check(_lab: Lab, method: Any) -> Evidence:
        return Evidence(not isinstance(method, FirstToken), {})

    assert checking.run(card(check)).verdict == "fails"
    assert checking.run(card(check, null=FirstToken)).verdict == "holds"
    with pytest.raises(OptionError, match="no do-nothing method"):
        checking.run(replace(card(check), family="static"))
    with pytest.raises(OptionError, match="seeds: want at least 1"):
        checking.run(card(check), seeds=())


def test_the_method_under_test_is_the_claims_spec() -> None:
    def check(_lab: Lab, method: Any) -> Evidence:
        return Evidence(getattr(method, "n_components", None) == 3, {})

    found = checking.run(card(check, spec="truncate(n_components=3)"))
    assert (found.verdict, found.method) == ("holds", "truncate(n_components=3)")


def test_somebodys_texts_and_encoder_take_the_place_of_ours(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("\n\n".join(TEXTS), "utf-8")
    seen: dict[str, Any] = {}

    def check(lab: Lab, method: Any) -> Evidence:
        seen["sentences"] = lab.sentences(30)
        seen["dim"] = lab.encoder("default").dim
        return Evidence(not isinstance(method, Identity), {})

    def count(texts: list[str]) -> np.ndarray:
        return np.array([[len(t), t.count("a"), 1.0] for t in texts])

    from semascope.encoders import as_encoder

    found = checking.run(card(check), data=tmp_path / "mine.txt", model=as_encoder(count, name="counts"))
    assert found.verdict == "holds"
    assert found.texts == "mine.txt"
    assert set(seen["sentences"]) <= set(TEXTS)
    assert seen["dim"] == 3
    assert list(found.models) == ["counts"]


def test_sentences_end_where_sentences_end() -> None:
    text = "One is here. Two,  too!\nThree? 四在这里。五也在\n\nA title\n\n  \n"
    assert list(checking.material.sentences(text)) == [
        "One is here.",
        "Two, too!",
        "Three?",
        "四在这里。",
        "五也在",
        "A title",
    ]


def test_pythons_docstrings_give_thousands_of_different_sentences() -> None:
    found = checking.material.python_sentences()
    assert len(found) > 3000
    assert len(set(found)) == len(found)
    assert all(one == " ".join(one.split()) for one in found)


# ---- keeping verdicts ---------------------------------------------------------------------------


def test_a_verdict_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    found = checking.run(card(holds_for_real))
    path = checking.save(found, tmp_path)
    assert path.name == "truncate.json"
    assert checking.load("truncate", tmp_path) == found
    assert [p.name for p in tmp_path.iterdir()] == ["truncate.json"]
    assert checking.load("whiten", tmp_path) is None


@pytest.mark.parametrize("change", [{"format": 9}, {"verdict": "maybe"}, {"found": [{"x": 1}]}, {"more": 1}], ids=str)
def test_a_verdict_that_cannot_be_read_is_corrupt(change: dict[str, Any], tmp_path: Path) -> None:
    path = checking.save(checking.run(card(holds_for_real)), tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **change}), "utf-8")
    with pytest.raises(CorruptError, match=r"truncate\.json"):
        checking.load("truncate", tmp_path)
    path.write_text("{", "utf-8")
    with pytest.raises(CorruptError, match=r"truncate\.json"):
        checking.load("truncate", tmp_path)


def made_from(path: Path, text: str) -> Any:
    """A card whose class was read from a file of that text."""
    import importlib.util

    path.write_text(text, "utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return replace(CARD, make=module.Method)


def test_the_source_hash_sees_code_and_not_comments_blank_lines_or_line_ends(tmp_path: Path) -> None:
    place = tmp_path / "semascope_made_up.py"
    code = "class Method:\n    x = 1\n"
    first = checking.source_hash(made_from(place, code))
    for same in ("# why\nclass Method:\n\n    # because\n    x = 1   \n", code.replace("\n", "\r\n"), code.rstrip()):
        place.write_bytes(same.encode())
        assert checking.source_hash(made_from(place, same)) == first
    assert checking.source_hash(made_from(place, code.replace("1", "2"))) != first


def test_what_changed_is_what_has_no_verdict_or_another_source(tmp_path: Path) -> None:
    assert checking.changed(tmp_path) == list(registry.names())
    found = replace(checking.run(card(holds_for_real)), source=checking.source_hash(CARD))
    checking.save(found, tmp_path)
    assert not checking.stale(CARD, tmp_path)
    assert "truncate" not in checking.changed(tmp_path)
    checking.save(replace(found, source="0" * 12), tmp_path)
    assert checking.stale(CARD, tmp_path)
    assert "truncate" in checking.changed(tmp_path)


@pytest.mark.parametrize("n", [1, 3, 10])
def test_every_method_has_its_turn_within_n_days_and_a_day_always_the_same(n: int) -> None:
    days = [checking.rotating(n, day) for day in range(700_000, 700_000 + n)]
    assert sorted(name for day in days for name in day) == list(registry.names())
    assert checking.rotating(n, 700_000) == checking.rotating(n, 700_000 + n)
    with pytest.raises(OptionError, match="n: want at least 1"):
        checking.rotating(0)


# ---- lists --------------------------------------------------------------------------------------


def test_the_list_has_a_row_a_method_of_plain_values(tmp_path: Path) -> None:
    rows = checking.methods()
    assert [row["name"] for row in rows] == sorted(registry.names(), key=lambda n: (registry.card(n).family, n))
    assert json.loads(json.dumps(rows)) == rows
    for row in rows:
        assert {"name", "family", "does", "keys", "claim", "needs", "verdict", "stale", "papers"} <= set(row)
        assert row["verdict"] in checking.VERDICTS
        assert row["does"].endswith(".") or ":" in row["does"]
    assert {row["verdict"] for row in checking.methods(folder=tmp_path)} == {"not run"}
    assert [row["name"] for row in checking.methods(["whiten"])] == ["whiten"]


def test_each_paper_is_cited_once_and_no_two_under_one_key() -> None:
    every = checking.cite(registry.names())
    assert every == checking.cite([*registry.names(), "whiten", "mean"])
    keys = [line for line in every.splitlines() if line.startswith("@misc{")]
    assert len(keys) == len(set(keys)) == len({p for c in registry.cards().values() for p in c.papers})
    assert checking.cite(["mean"]).count("@misc{") == 1
    assert "Reimers" in checking.cite(["mean"])
    assert checking.cite([]) == ""
    with pytest.raises(UnknownNameError):
        checking.cite(["nothing-of-that-name"])


def test_two_papers_that_would_share_a_key_get_letters() -> None:
    assert checking.listing._free("a2020x", set()) == "a2020x"
    assert checking.listing._free("a2020x", {"a2020x"}) == "a2020xb"
    assert checking.listing._free("a2020x", {"a2020x", "a2020xb"}) == "a2020xc"


def test_the_lab_for_checks_can_be_had_to_look_at_their_material() -> None:
    lab = checking.lab_for(1, data=TEXTS)
    assert set(lab.sentences(50)) <= set(TEXTS)
    with pytest.raises(InputError, match="texts: want at least 500"):
        lab.sentences(500)
