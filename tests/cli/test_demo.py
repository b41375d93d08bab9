"""The demo: real documents of this machine, questions that were fixed before any encoder existed, no network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from semascope.cli.demo import cache, questions

QUESTIONS = Path(__file__).parents[1] / "data" / "questions_python.jsonl"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def test_the_questions_shown_are_among_those_fixed_beforehand() -> None:
    fixed = {json.loads(line)["question"] for line in QUESTIONS.read_text().splitlines()}
    assert 3 <= len(questions()) <= 6
    assert set(questions()) <= fixed


def test_the_demo_reads_this_python_answers_and_says_where_it_is(run, home: Path) -> None:
    said = run("demo", "--limit", "400", env={"XDG_CACHE_HOME": str(home)})
    assert said.code == 0
    assert said.lines[0].startswith(
        "400 pieces of the Python documentation on this machine, read, encoded and indexed in "
    )
    assert (home / "semascope" / "demo.space" / "space.json").is_file()
    assert [line.removeprefix("? ") for line in said.lines if line.startswith("? ")] == questions()
    assert any(line.startswith("Ask it yourself: semascope search ") for line in said.lines)
    assert said.lines[-1].startswith("Next: semascope serve ")
    assert "\x1b" not in said.out + said.err


def test_the_second_time_it_uses_what_it_built(run, home: Path) -> None:
    said = run("demo", "--limit", "400", env={"XDG_CACHE_HOME": str(home)})
    assert "as built earlier" in said.lines[0]
    assert (
        run("demo", "--limit", "300", "--fresh", "--json", env={"XDG_CACHE_HOME": str(home)}).json["documents"] == 300
    )


def test_as_json_it_gives_every_question_with_its_hits(run, home: Path, tmp_path: Path) -> None:
    said = run("demo", "--limit", "200", "--out", tmp_path / "here.space", "--json").json
    assert said["built"] is True
    assert said["space"] == str(tmp_path / "here.space")
    assert [search["question"] for search in said["searches"]] == questions()
    assert all(len(search["hits"]) == 3 for search in said["searches"])


def test_a_demo_that_was_interrupted_goes_on(run, tmp_path: Path) -> None:
    from semascope import Corpus, Encoder, Space

    path = tmp_path / "demo.space"

    def stop(done: int, _: int | None) -> None:
        if done >= 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Space.build(Corpus.python_docs(limit=300), Encoder("default"), path, batch=4096, progress=stop)
    said = run("demo", "--limit", "300", "--out", path, "--json").json
    assert said["built"] is True
    assert said["documents"] == 300
    assert said["complete"] is True


def test_the_cache_is_where_the_desktop_standard_puts_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache() == tmp_path / "semascope"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache() == tmp_path / ".cache" / "semascope"


def old_space(path: Path) -> None:
    from semascope import Corpus, Encoder, Space

    path.parent.mkdir(parents=True, exist_ok=True)
    with Space.build(Corpus.of(["my own text"]), Encoder("default | truncate(8)"), path):
        pass


def test_a_demo_of_another_version_of_the_default_encoder_is_built_anew(run, tmp_path: Path) -> None:
    old_space(tmp_path / "semascope" / "demo.space")
    said = run("demo", "--limit", "30", "--json", env={"XDG_CACHE_HOME": str(tmp_path)})
    assert said.code == 0
    assert (said.json["documents"], said.json["dim"], said.json["built"]) == (30, 256, True)


def test_a_space_that_somebody_named_is_never_built_over(run, tmp_path: Path) -> None:
    old_space(tmp_path / "mine.space")
    said = run("demo", "--limit", "30", "--out", tmp_path / "mine.space", "--json")
    assert (said.json["documents"], said.json["built"]) == (1, False)


def test_it_ends_with_what_doctor_and_leak_say_of_its_own_space(run, tmp_path: Path) -> None:
    said = run("demo", "--limit", "400", "--out", tmp_path / "demo.space")
    assert said.code == 0
    doctor, leak = (said.out.index(f"$ semascope {verb} ") for verb in ("doctor", "leak"))
    assert said.out.index("? ") < doctor < leak < said.out.index("Next: ")
    assert "Nothing wrong was found (" in said.out[doctor:leak]
    assert "of five guessed words right (guessing: " in said.out[leak:]


def test_a_handful_of_documents_is_not_attacked(run, tmp_path: Path) -> None:
    said = run("demo", "--limit", "30", "--out", tmp_path / "demo.space", "--json").json
    assert said["doctor"]["verdict"]
    assert "leak" not in said
