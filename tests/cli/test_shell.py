"""In a real shell: pipes that close, Ctrl-C, terminals, debugging."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "semascope"]


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    script = f"{sys.executable} -m semascope methods --json; echo code $? >&2"
    # head leaves after one line; the list is longer than what a pipe holds back only if it is printed at once or not.
    done = subprocess.run(["sh", "-c", f"{{ {script}; }} | head -c 1"], capture_output=True, text=True, check=False)
    assert done.stdout == "["
    assert "Traceback" not in done.stderr
    assert "Broken" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_ctrl_c_is_answered_in_one_line_and_the_same_command_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "docs.space"
    command = [*COMMAND, "demo", "--out", str(out), "--limit", "6000", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        for _ in range(1200):
            if (out / "space.json").exists() or running.poll() is not None:
                break
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        said, wrong = running.communicate(timeout=120)
    assert running.returncode == 130
    assert said == ""
    assert wrong == "error: interrupted; what was committed is kept, and the same command goes on from there\n"
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert '"documents": ' in again.stdout


def test_an_error_shows_where_it_came_from_only_when_asked(shell) -> None:
    quiet = shell("cite", "no-such-method")
    assert quiet.code == 2
    assert "Traceback" not in quiet.err
    loud = shell("cite", "no-such-method", env={"SEMASCOPE_DEBUG": "1"})
    assert loud.code == 1
    assert "Traceback" in loud.err
    assert "UnknownNameError" in loud.err


def in_terminal(args: list[str], env: dict[str, str] | None = None) -> str:
    """What a command shows on a terminal."""
    master, slave = pty.openpty()
    try:
        with subprocess.Popen(
            [*COMMAND, *args],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, "TERM": "xterm", **(env or {})},
        ) as running:
            os.close(slave)
            shown = b""
            while True:
                try:
                    some = os.read(master, 65536)
                except OSError:  # the other end is closed: Linux says so with EIO
                    break
                if not some:
                    break
                shown += some
        assert running.returncode == 0
    finally:
        os.close(master)
    return shown.decode()


@pytest.fixture(scope="module")
def space(notes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from semascope import Corpus, Encoder, Space

    path = tmp_path_factory.mktemp("shell") / "notes.space"
    Space.build(Corpus.read(notes), Encoder("default"), path).close()
    return path


def test_on_a_terminal_words_that_match_are_bold_and_no_color_is_respected(space: Path) -> None:
    bold = in_terminal(["search", str(space), "night train", "-k", "1"])
    assert re.search(r"\x1b\[1mnight\x1b\[0m \x1b\[1mtrain\x1b\[0m", bold)
    plain = in_terminal(["search", str(space), "night train", "-k", "1"], {"NO_COLOR": "1"})
    assert "\x1b" not in plain
    assert "night train" in plain


def test_on_a_terminal_a_build_shows_how_far_it_is_and_clears_it_away(notes: Path, tmp_path: Path) -> None:
    shown = in_terminal(["build", str(notes), "--out", str(tmp_path / "s.space"), "--encoder", "default"])
    assert "documents" in shown.split("Built ")[0]
    assert shown.split("Built ")[0].endswith("\r\x1b[K")


def test_the_command_and_the_module_are_the_same(shell) -> None:
    command = Path(sys.executable).with_name("semascope")
    installed = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert installed.stdout == shell("--version").out


def test_what_comes_next_can_be_pasted_where_the_shell_does_not_find_the_command(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("semascope")
    without = {**os.environ, "PATH": "/usr/bin:/bin"}
    done = subprocess.run([command, "methods"], capture_output=True, text=True, check=True, cwd=tmp_path, env=without)
    assert done.stdout.splitlines()[-1].startswith(f"Next: {command} check ")
    within = {**os.environ, "PATH": f"{command.parent}:/usr/bin:/bin"}
    done = subprocess.run([command, "methods"], capture_output=True, text=True, check=True, cwd=tmp_path, env=within)
    assert done.stdout.splitlines()[-1].startswith("Next: semascope check ")


def test_a_terminal_without_the_letters_is_no_error(shell, space: Path) -> None:
    said = shell("search", space, "Zürich — 東京", "-k", "1", env={"PYTHONIOENCODING": "ascii"})
    assert said.code == 0
    assert "Traceback" not in said.err
    assert said.out.count("rich") == 1


def test_bytes_that_are_no_text_in_a_query_are_answered_like_any_query(space: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "search", str(space), b"cat \xff\xfe", "-k", "1"], capture_output=True, check=False
    )
    assert done.returncode in (0, 2)
    assert b"Traceback" not in done.stderr
