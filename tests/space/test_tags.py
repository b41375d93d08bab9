"""Tags of a Space: given, taken, counted, kept beside the corpus."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from semascope.errors import CorruptError, OptionError, ReadOnlyError, UnknownNameError
from semascope.space.tags import NAME, Tags


def test_tags_are_given_and_taken_and_outlive_the_process(tmp_path: Path) -> None:
    tags = Tags(tmp_path)
    assert tags.names() == []
    assert tags.of(["a"]) == {}
    assert not (tmp_path / NAME).exists()
    tags.change("to read", add=["a", "b", "b"])
    tags.change("fine", add=["b", "c"])
    tags.change("to read", remove=["a", "nobody"], add=["d"])
    again = Tags(tmp_path)
    assert again.names() == ["fine", "to read"]
    assert again.ids("to read") == {"b", "d"}
    assert again.of(["a", "b", "c", "x"]) == {"b": ["fine", "to read"], "c": ["fine"]}
    again.drop("fine")
    assert tags.names() == ["to read"]
    with pytest.raises(UnknownNameError, match="no tag 'fine'"):
        tags.ids("fine")
    with pytest.raises(UnknownNameError, match="no tag 'fine'"):
        tags.drop("fine")


def test_ids_are_the_same_object_until_the_tag_changes(tmp_path: Path) -> None:
    tags = Tags(tmp_path)
    tags.change("one", add=["a"])
    first, state = tags.ids("one"), tags.version()
    assert tags.ids("one") is first
    assert tags.version() == state
    tags.change("one", add=["b"])
    assert tags.ids("one") == {"a", "b"}
    assert tags.version() != state
    # Another process, here another object.
    Tags(tmp_path).change("one", add=["c" * 9000])
    assert len(tags.ids("one")) == 3


@pytest.mark.parametrize("name", ["", " a", "a ", "x" * 65, "two\nlines", "\ud800"])
def test_what_is_no_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OptionError, match="name: want 1 to 64 characters"):
        Tags(tmp_path).change(name, add=["a"])
    assert Tags(tmp_path).names() == []


def test_names_are_text_whatever_they_look_like(tmp_path: Path) -> None:
    tags = Tags(tmp_path)
    for name in ("'; DROP TABLE tags; --", "../up", "%", "日本語", "=1+1"):
        tags.change(name, add=["a'); --"])
        assert tags.ids(name) == {"a'); --"}
    assert len(tags.names()) == 5


def test_there_are_not_more_tags_than_there_may_be(tmp_path: Path) -> None:
    tags = Tags(tmp_path, most=2)
    tags.change("a", add=["x"])
    tags.change("b", add=["x"])
    with pytest.raises(OptionError, match="name: want one of the 2 tags that there may be"):
        tags.change("c", add=["x"])
    tags.change("a", add=["y"])
    assert tags.names() == ["a", "b"]
    assert tags.ids("a") == {"x", "y"}


def test_many_threads_may_tag_at_once(tmp_path: Path) -> None:
    tags = Tags(tmp_path)
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(10):
                tags.change("all", add=[f"{number}-{turn}"])
                tags.ids("all")
        except BaseException as error:
            failed.append(error)

    workers = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failed
    assert len(tags.ids("all")) == 40


def test_a_read_only_place_is_read_and_not_written(tmp_path: Path) -> None:
    if os.getuid() == 0:
        pytest.skip("the administrator may write everywhere")
    tags = Tags(tmp_path)
    tags.change("one", add=["a"])
    (tmp_path / NAME).chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        assert not tags.writable
        assert tags.ids("one") == {"a"}
        with pytest.raises(ReadOnlyError, match="read-only"):
            tags.change("one", add=["b"])
    finally:
        tmp_path.chmod(0o755)


def test_a_file_that_is_no_database_is_said_to_be_damaged(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"no database at all" * 100)
    with pytest.raises(CorruptError):
        Tags(tmp_path).ids("one")
    with pytest.raises(CorruptError):
        Tags(tmp_path).names()
    with pytest.raises(CorruptError):
        Tags(tmp_path).change("one", add=["a"])
