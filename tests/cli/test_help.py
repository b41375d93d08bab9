"""`--help` teaches, and every mistake is answered in one line with the right exit code."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from semascope.cli import app
from semascope.cli.app import QUESTIONS, SENTENCE

VERBS = sorted(app.commands)
ONE_LINE = re.compile(r"error: [^\n]+\n")


def test_help_opens_with_the_sentence_and_shows_every_verb_under_a_question(run) -> None:
    said = run("--help", env={"COLUMNS": "100"})
    assert said.code == 0
    flat = " ".join(said.out.split())
    assert flat.startswith(SENTENCE)
    listed = [verb for verbs in QUESTIONS.values() for verb in verbs]
    assert sorted(listed) == VERBS
    assert all(re.search(rf"(?m)^  {verb}  +\w", said.out) for verb in VERBS)
    assert (
        said.out.index("Make (")
        < said.out.index("  build")
        < said.out.index("Literature (")
        < said.out.index("  check")
    )


def test_help_shows_three_examples_and_the_exit_codes(run) -> None:
    out = run("--help").out
    assert len(re.findall(r"(?m)^  semascope (?:demo|build|search)", out)) == 3
    assert re.findall(r"(?m)^  (\d+)  +\w", out) == ["0", "1", "2", "3", "130"]


def test_a_narrow_terminal_gets_narrow_help(shell) -> None:
    said = shell("--help", env={"COLUMNS": "60"})
    assert said.code == 0
    assert max(len(line) for line in said.lines if not line.startswith("  semascope ")) <= 60


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_every_verb_says_what_it_does_and_explains_every_option(run, verb: str) -> None:
    said = run(verb, "--help")
    assert said.code == 0
    assert said.out.startswith(f"Usage: semascope {verb}")
    assert "Examples:" in said.out
    options = [param for param in app.commands[verb].params if isinstance(param, click.Option)]
    assert [option.name for option in options if not option.help] == []
    assert "--json" in said.out


@pytest.mark.parametrize(
    "args",
    [
        ["serch"],
        ["--helpp"],
        ["build"],
        ["build", "nowhere-at-all"],
        ["build", "notes.jsonl", "--on-bad", "perhaps"],
        ["search", "nowhere.space", "cat"],
        ["search", "nowhere.space", "cat", "-k", "0"],
        ["info", "nowhere.space"],
        ["add", "nowhere.space", "notes.jsonl"],
        ["delete", "nowhere.space", "x"],
        ["delete", "nowhere.space"],
        ["export", "nowhere.space", "--out", "plain"],
        ["reencode", "nowhere.space"],
        ["check", "no-such-method"],
        ["check"],
        ["cite", "no-such-method"],
        ["methods", "--family", "no-such-family"],
    ],
    ids=" ".join,
)
def test_a_wrong_command_is_answered_in_one_line_and_with_code_2(
    run, args: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = run(*args)
    assert said.code == 2
    assert said.out == ""
    assert ONE_LINE.fullmatch(said.err)
    assert sorted(tmp_path.iterdir()) == []


def test_an_unknown_verb_is_answered_with_the_nearest(run) -> None:
    assert "did you mean 'search'?" in run("serch").err


def test_without_a_verb_the_help_is_shown_and_the_code_is_2(run) -> None:
    said = run()
    assert said.code == 2
    assert "semascope VERB --help" in said.out + said.err
