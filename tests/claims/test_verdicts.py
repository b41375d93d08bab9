"""The verdicts that ship: one a method, made by the code and the encoder that ship with them."""

from __future__ import annotations

import math

import pytest

from semascope import checking, registry
from semascope.encoders import Encoder

each = pytest.mark.parametrize("name", registry.names())


@each
def test_a_verdict_is_there_and_its_method_has_not_changed_since(name: str) -> None:
    card = registry.card(name)
    kept = checking.load(name)
    assert kept is not None, f"no verdict; make it with: semascope check {name} --write"
    assert not checking.stale(card), f"{name} has changed; renew its verdict with: semascope check {name} --write"
    assert kept.claim == card.claim.says
    assert kept.keys == card.keys


@each
def test_a_verdict_was_made_with_the_encoder_that_ships(name: str) -> None:
    kept = checking.load(name)
    assert kept is not None
    if "default" in kept.models:
        now = Encoder("default").passport.id
        assert kept.models["default"] == now, "the default encoder has changed: semascope check --all --write"


@each
def test_a_verdict_has_numbers_for_three_seeds_and_a_control_that_failed(name: str) -> None:
    kept = checking.load(name)
    assert kept is not None
    if kept.verdict == "not run":
        assert kept.reason
        return
    assert kept.seeds == (0, 1, 2)
    assert [c.seed for c in kept.control] == [0, 1, 2]
    assert not any(c.holds for c in kept.control)
    assert all(f.numbers and all(map(math.isfinite, f.numbers.values())) for f in (*kept.found, *kept.control))
    assert (kept.verdict == "holds") == all(f.holds for f in kept.found)
    assert kept.cpu_seconds <= 3 * 60


def test_no_verdict_is_left_of_a_method_that_is_gone() -> None:
    folder = checking.verdict._FOLDER
    assert {path.stem for path in folder.glob("*")} == set(registry.names())


def test_a_verdict_says_nothing_of_the_machine_it_was_made_on() -> None:
    for path in checking.verdict._FOLDER.glob("*.json"):
        assert "/" not in path.read_text("utf-8").replace("https://", "")
