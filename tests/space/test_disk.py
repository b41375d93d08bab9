"""A disk that is full or cannot be written to, and files that are not what they were."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hashing import HashingEncoder
from spaces import child, contents, corpus, document, kill, wait

from semascope.errors import CorruptError, FullError, ReadOnlyError, SemascopeError, StoreError
from semascope.space import Space

ENCODER = HashingEncoder(16)
BUILD = {"batch": 6, "passage_size": 120}
NOT_PERMITTED = 77


@pytest.fixture
def built(quick_path: Path) -> Path:
    folder = quick_path / "s"
    Space.build(corpus(60), ENCODER, folder, **BUILD).close()
    return folder


def _run(work: Callable[[], None]) -> None:
    """Run in a process of its own, whose limits and rights end with it."""
    code = wait(*child(lambda _: work()))
    if code == NOT_PERMITTED:
        pytest.skip("this user may not do that here")
    assert code == 0


# Full


@pytest.mark.parametrize("limit", [500, 3_000, 40_000, 150_000])
def test_a_file_that_may_not_grow_is_a_full_disk_and_leaves_the_space_whole(quick_path: Path, limit: int) -> None:
    """The system refuses to let any file grow past a limit: at first a segment's, then SQLite's log or database."""
    folder = quick_path / "s"
    encoder = HashingEncoder(256 if limit == 500 else 16)

    def build() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        with pytest.raises(StoreError, match="cannot ") as error:
            Space.build(corpus(160), encoder, folder, **BUILD)
        assert isinstance(error.value, FullError) or "disk I/O error" in str(error.value)

    _run(build)
    _goes_on(folder, encoder)


def test_a_full_disk_is_said_and_the_build_goes_on_when_there_is_room(quick_path: Path) -> None:
    """A real one, of one megabyte."""
    folder, place = quick_path / "s", quick_path / "small"
    place.mkdir()

    def build() -> None:
        _mount(place, "size=1m")
        with pytest.raises(FullError, match=r"cannot .*What was committed before is whole"):
            Space.build(corpus(1500), ENCODER, place / "s", **{**BUILD, "batch": 60})
        with Space.open(place / "s", ENCODER) as space:
            assert 0 < len(space) < 1500
            assert len(space.search("river stone", 10)) == 10
            space.verify()
        with pytest.raises(FullError, match="cannot "):
            Space.build(corpus(1500), ENCODER, place / "s", **{**BUILD, "batch": 60})
        shutil.copytree(place / "s", folder)

    _run(build)
    with Space.build(corpus(1500), ENCODER, folder, **{**BUILD, "batch": 60}) as space:
        assert len(space) == 1500
        space.verify()


def _goes_on(folder: Path, encoder: HashingEncoder) -> None:
    if (folder / "space.json").exists():
        with Space.open(folder, encoder) as space:
            space.verify()
            assert len(space.search("river", 3, mode="exact") if len(space) else [1, 2, 3]) == 3
    with Space.build(corpus(160), encoder, folder, **BUILD) as space:
        assert len(space) == 160
        whole = folder.with_name("undisturbed")
        Space.build(corpus(160), encoder, whole, **BUILD).close()
        assert contents(folder) == contents(whole)


def _mount(place: Path, options: str) -> None:
    """A file system of our own, seen by this process only."""
    libc = ctypes.CDLL(None, use_errno=True)
    if (
        libc.unshare(0x00020000)
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "none", str(place)], capture_output=True, check=False
        ).returncode
    ):
        os._exit(NOT_PERMITTED)


# Read-only


def _unprivileged() -> None:
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)


def _read_only(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)


def _writable(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


def test_a_folder_that_may_not_be_written_to_is_searched_and_refuses_writers(quick_path: Path, built: Path) -> None:
    quick_path.chmod(0o755)
    _read_only(built)

    def use() -> None:
        _unprivileged()
        with Space.open(built, ENCODER) as space:
            assert len(space) == 60
            for mode in ("hybrid", "lexical", "dense", "exact"):
                assert space.search(document(7).text, 3, mode=mode)[0].id == "d7"
            with pytest.raises(ReadOnlyError, match=r"cannot write to .*/s: Permission denied\. Choose another place"):
                space.add(corpus(1, start=100))
            with pytest.raises(ReadOnlyError):
                space.delete(["d1"])
            with pytest.raises(ReadOnlyError):
                space.compact()
        with pytest.raises(ReadOnlyError, match="cannot make a Space of"):
            Space.build(corpus(1), ENCODER, built / "inside")
        with pytest.raises(ReadOnlyError):
            Space.build(corpus(1), ENCODER, built, overwrite=True)

    _run(use)
    _writable(built)
    with Space.open(built, ENCODER) as space:
        assert space.add(corpus(1, start=100)) == 1


def test_a_read_only_medium_is_searched_even_where_a_killed_writer_left_its_log(quick_path: Path) -> None:
    """The last commits then stand in SQLite's log, which cannot be applied there: they are read from a copy."""
    folder = quick_path / "s"
    number, pipe = child(
        lambda tick: Space.build(
            corpus(400), HashingEncoder(16, slow=0.002), folder, progress=lambda *_: tick(), **BUILD
        ).close()
    )
    for _ in range(60):
        assert os.read(pipe, 1)
    kill(number, pipe)
    assert (folder / "corpus.sqlite-wal").stat().st_size > 0
    (folder / "corpus.sqlite-shm").unlink()

    def use() -> None:
        place = quick_path / "medium"
        place.mkdir()
        _mount(place, "size=40m")
        shutil.copytree(folder, place / "s")
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        with Space.open(place / "s", ENCODER) as space:
            assert len(space) > 0
            last = list(space.documents())[-1]
            assert space.search(last.text, 1, mode="exact")[0].id == last.id
            assert not space.info()["complete"]
            space.verify()
            with pytest.raises(ReadOnlyError):
                space.delete([last.id])

    _run(use)


# Not what it was


def _flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize("kind", ["vectors", "rows", "codes"])
def test_a_segment_cut_short_missing_or_with_another_header_is_named_at_opening(built: Path, kind: str) -> None:
    file = next(built.rglob(f"*.{kind}.npy"))
    whole = file.read_bytes()
    for damage in (whole[:-1], whole + b"\0", whole[:60], b"", b"\x93NUMPX" + whole[6:], None):
        if damage is None:
            file.unlink()
        else:
            file.write_bytes(damage)
        with pytest.raises(CorruptError, match=f"{file.name}: .*(Restore a copy|build it anew)"):
            Space.open(built)
    file.write_bytes(whole)
    with Space.open(built) as space:
        space.verify()


@pytest.mark.parametrize("pattern", ["*.vectors.npy", "*.codes.npy", "codec-*.npy"])
def test_a_changed_byte_is_found_by_verify(built: Path, pattern: str) -> None:
    file = next(built.rglob(pattern))
    _flip(file, -5)
    with Space.open(built, ENCODER) as space, pytest.raises(CorruptError, match=f"{file.name}: altered since"):
        space.verify()


def test_a_database_that_is_none_cut_short_or_missing_is_a_named_error(built: Path) -> None:
    path = built / "corpus.sqlite"
    whole = path.read_bytes()
    for damage in (b"this is no database at all" * 100, whole[: len(whole) // 2], b""):
        path.write_bytes(damage)
        with pytest.raises(StoreError, match=r"corpus\.sqlite"), Space.open(built, ENCODER) as space:
            space.verify()
    path.unlink()
    with pytest.raises(CorruptError, match=r"corpus\.sqlite: missing"):
        Space.open(built)


def test_any_byte_of_the_database_may_change_and_nothing_but_our_errors_comes_out(built: Path) -> None:
    path = built / "corpus.sqlite"
    whole = path.read_bytes()
    refused = 0
    for place in range(0, len(whole), max(1, len(whole) // 60)):
        _flip(path, place)
        try:
            with Space.open(built, ENCODER) as space:
                space.search("river stone", 5)
                space.verify()
        except SemascopeError:
            refused += 1
        path.write_bytes(whole)
    assert refused > 0


@pytest.mark.parametrize(
    ("mark", "says"),
    [
        ("", "cannot be read"),
        ("{", "cannot be read"),
        ("[1]", "cannot be read"),
        ('{"format": 2, "kind": "semascope-space"}', "want format 1, got 2.*pip install -U semascope"),
        ('{"format": 1, "kind": "other"}', "want a semascope-space, got 'other'"),
    ],
)
def test_a_mark_that_is_not_ours_or_newer_says_what_to_do(built: Path, mark: str, says: str) -> None:
    (built / "space.json").write_text(mark)
    with pytest.raises(StoreError, match=rf"space\.json: {says}"):
        Space.open(built)


def test_what_is_no_space_is_refused_by_name(quick_path: Path) -> None:
    (quick_path / "file").write_text("x")
    (quick_path / "folder").mkdir()
    (quick_path / "folder" / "notes.txt").write_text("mine")
    for path in ("absent", "file", "folder", "file/inside"):
        with pytest.raises(StoreError, match="path: want "):
            Space.open(quick_path / path)
    for path in ("file", "folder", "file/inside/deep"):
        with pytest.raises(StoreError, match="path: want "):
            Space.build(corpus(3), ENCODER, quick_path / path)
        with pytest.raises(StoreError, match="path: want "):
            Space.build(corpus(3), ENCODER, quick_path / path, overwrite=True)
    assert (quick_path / "folder" / "notes.txt").read_text() == "mine"
    assert (quick_path / "file").read_text() == "x"


def test_the_mark_says_the_format_and_nothing_that_changes(built: Path) -> None:
    before = (built / "space.json").stat().st_mtime_ns
    assert json.loads((built / "space.json").read_text()) == {"format": 1, "kind": "semascope-space"}
    with Space.open(built, ENCODER) as space:
        space.add(corpus(2, start=100))
        space.compact()
    assert (built / "space.json").stat().st_mtime_ns == before


def test_no_log_is_left_beside_a_closed_space(built: Path) -> None:
    assert sorted(path.name for path in built.iterdir()) == ["corpus.sqlite", "encodings", "space.json", "writer.lock"]
    database = sqlite3.connect(built / "corpus.sqlite")
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    database.close()
