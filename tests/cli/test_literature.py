"""methods, check and cite: what is claimed, whether it holds here, whom to cite."""

from __future__ import annotations

import re
import sys

import pytest

from semascope.card import FAMILIES
from semascope.registry import names
from semascope.testing import NULL


def test_methods_lists_every_method_with_its_verdict_and_claim(run) -> None:
    said = run("methods")
    assert said.code == 0
    assert said.lines[0].startswith(f"{len(names())} methods: ")
    listed = [line.split()[0] for line in said.lines[3:] if line and not line.startswith("Next:")]
    assert sorted(listed) == sorted(names())
    assert said.lines[2].split() == ["name", "family", "key", "verdict", "claim"]


def test_methods_as_json_is_a_list_of_objects(run) -> None:
    rows = run("methods", "--json").json
    assert {row["name"] for row in rows} == set(names())
    for row in rows:
        assert row["family"] in FAMILIES
        assert isinstance(row["keys"], list)
        assert isinstance(row["needs"], list)
        assert row["claim"].endswith(".")
        assert row["verdict"] in ("holds", "fails", "does not hold at this scale", "not run")


@pytest.mark.parametrize("family", FAMILIES)
def test_methods_of_one_family_are_those_of_that_family(run, family: str) -> None:
    rows = run("methods", "--family", family, "--json").json
    assert {row["family"] for row in rows} <= {family}
    assert run("methods", "--family", family).lines[0].startswith(f"{len(rows)} method")


def test_check_prints_the_verdict_the_numbers_and_the_control(run) -> None:
    said = run("check", "max", "--seeds", "2")
    assert said.code == 0
    assert said.lines[0] == "max: holds"
    assert re.search(r"\n +seed 0 +seed 1 +control seed 0 +control seed 1\n", said.out)
    assert any(line.split()[-4:] == ["yes", "yes", "no", "no"] for line in said.lines if "claim holds" in line)
    assert said.lines[-1] == "Next: semascope cite max"


def test_check_as_json_is_a_list_of_verdicts(run) -> None:
    said = run("check", "max", "first", "--seeds", "1", "--json").json
    assert [verdict["name"] for verdict in said] == ["max", "first"]
    assert said[0]["verdict"] == "holds"
    assert [finding["seed"] for finding in said[0]["found"]] == [0]
    assert said[0]["control"][0]["holds"] is False


def test_a_claim_that_does_not_hold_leaves_with_code_1(run, monkeypatch: pytest.MonkeyPatch) -> None:
    # The do-nothing method in the place of the real one: whatever the check is, it has to notice.
    monkeypatch.setattr(sys.modules["semascope.checking.run"], "_method", lambda card: NULL[card.family]())
    said = run("check", "max", "--seeds", "1")
    assert said.code == 1
    assert said.lines[0].startswith("max: fails")


@pytest.mark.parametrize(
    "args", [["--seeds", "1"], ["--data", "x.txt"], ["--model", "default"]], ids=lambda args: args[0]
)
def test_verdicts_of_other_conditions_are_not_written_beside_the_code(run, args: list[str]) -> None:
    said = run("check", "max", "--write", *args)
    assert said.code == 2
    assert said.err.startswith("error: --write: want three seeds")


def test_cite_prints_each_paper_once(run) -> None:
    said = run("cite", "whiten", "whiten", "max")
    assert said.code == 0
    assert said.out.count("@misc{") == len(run("cite", "whiten", "max", "--json").json)
    assert said.out.count("2103.15316") == 1


def test_an_unknown_method_is_answered_with_the_nearest(run) -> None:
    for verb in ("check", "cite"):
        said = run(verb, "whitn")
        assert said.code == 2
        assert "did you mean 'whiten'?" in said.err
