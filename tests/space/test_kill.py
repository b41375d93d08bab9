"""A writer is killed at twenty random moments: the Space opens at a commit, and resuming ends where no kill would have."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hashing import HashingEncoder
from spaces import child, contents, corpus, kill

from semascope.errors import StoreError
from semascope.space import Space
from semascope.space.store import Ingest, ingests

KILLS, COUNT, BATCH = 20, 200, 6
ENCODER = HashingEncoder(16)


def _build(folder: Path, tick: Callable[[], None] = lambda: None) -> None:
    Space.build(corpus(COUNT), ENCODER, folder, batch=BATCH, passage_size=120, progress=lambda *_: tick()).close()


def _add(folder: Path, tick: Callable[[], None] = lambda: None, into: list[int] | None = None) -> None:
    seen = [] if into is None else into
    with Space.open(folder, ENCODER) as space:
        more = corpus(COUNT, start=COUNT - 20, name="more")
        space.add(more, on_duplicate="replace", batch=BATCH, progress=lambda done, _: (seen.append(done), tick()))


@pytest.fixture
def undisturbed(quick_path: Path) -> dict[str, dict]:
    folder = quick_path / "whole"
    boundaries: list[int] = []
    Space.build(
        corpus(COUNT), ENCODER, folder, batch=BATCH, passage_size=120, progress=lambda done, _: boundaries.append(done)
    ).close()
    built = contents(folder)
    added: list[int] = []
    _add(folder, into=added)
    boundaries = {"build": {0, *boundaries}, "add": {0, *added}}
    return {"build": built, "add": contents(folder), "boundaries": boundaries}


def _until_done(
    work: Callable[[Path, Callable[[], None]], None], folder: Path, rng: random.Random, check: Callable[[], bool]
) -> int:
    """Run `work` and kill it at a random moment, over and over until it is done; how often it was killed."""
    kills = 0
    while True:
        number, pipe = child(lambda tick: work(folder, tick))
        # Some moments before the first commit of this run, the others between two commits or in the midst of one.
        for _ in range(rng.choice([0, 1, 1, 2, 3])):
            if not os.read(pipe, 1):
                break
        time.sleep(rng.random() * rng.choice([0.003, 0.03]))
        code = kill(number, pipe)
        kills += code == -signal.SIGKILL
        if check():
            return kills
        assert code == -signal.SIGKILL


def _whole(folder: Path, boundaries: set[int], doing: str) -> bool:
    """See that the Space opens, is at a commit, and that all it holds is found; and say whether it is done."""
    if not (folder / "space.json").exists():
        with pytest.raises(StoreError, match="path: "):
            Space.open(folder)
        return False
    with Space.open(folder, ENCODER) as space:
        space.verify()
        unfinished = [one for one in space.info()["unfinished"] if one["doing"] == doing]
        if not unfinished:
            return doing in [one.doing for one in _ingests(folder)]
        position = unfinished[0]["position"]
        assert position in boundaries
        if doing == "build":
            assert len(space) == position
        last = [document.id for document in space.documents()][-1:]
        for name in last:
            text = f"number{name[1:]}"
            assert space.search(text, 1, mode="lexical")[0].id == name
            hit = space.search(space.get(name).text, 3, mode="exact")[0]
            assert hit.text[hit.span[0] : hit.span[1]] == hit.passage
    database = sqlite3.connect(folder / "corpus.sqlite")
    rows = database.execute(
        "SELECT (SELECT sum(rows) FROM segments), (SELECT seq FROM sqlite_sequence WHERE name = 'passages')"
    )
    vectors, passages = rows.fetchone()
    database.close()
    assert (vectors or 0) == (passages or 0)
    return False


def _ingests(folder: Path) -> list[Ingest]:
    database = sqlite3.connect(folder / "corpus.sqlite")
    try:
        return ingests(database)
    finally:
        database.close()


def test_a_build_killed_twenty_times_equals_one_that_was_not(quick_path: Path, undisturbed: dict) -> None:
    rng, kills, boundaries = random.Random(1), 0, undisturbed["boundaries"]["build"]
    while kills < KILLS:
        folder = quick_path / f"s{kills}"
        kills += _until_done(_build, folder, rng, lambda folder=folder: _whole(folder, boundaries, "build"))
        assert contents(folder) == undisturbed["build"]
        with pytest.raises(StoreError, match=r"path: .* is a Space already; add to it, or build with overwrite"):
            _build(folder)


def test_an_add_killed_twenty_times_equals_one_that_was_not(quick_path: Path, undisturbed: dict) -> None:
    rng, kills, boundaries = random.Random(2), 0, undisturbed["boundaries"]["add"]
    _build(quick_path / "built")
    while kills < KILLS:
        folder = Path(shutil.copytree(quick_path / "built", quick_path / f"s{kills}"))
        kills += _until_done(_add, folder, rng, lambda folder=folder: _whole(folder, boundaries, "add"))
        assert contents(folder) == undisturbed["add"]


def test_what_a_killed_writer_left_half_written_is_cleared_away_by_the_next(quick_path: Path) -> None:
    folder = quick_path / "s"
    _build(folder)
    before = contents(folder)
    place = next((folder / "encodings").iterdir())
    (place / "segments" / "000999.vectors.npy").write_bytes(b"never committed")
    (place / "segments" / "001000.codes.npy.part").write_bytes(b"half")
    (folder / "encodings" / "other").mkdir()
    with Space.open(folder) as space:
        assert space.delete([], missing_ok=True) == 0
    assert contents(folder)["files"] == before["files"]


def _begun(folder: Path) -> bool:
    """Whether the first documents are committed."""
    if not (folder / "space.json").exists():
        return False
    database = sqlite3.connect(f"file:{folder / 'corpus.sqlite'}?mode=ro", uri=True)
    try:
        return any(one.position for one in ingests(database))
    finally:
        database.close()


def test_resuming_with_a_source_that_changed_is_refused_and_says_what_to_do(quick_path: Path) -> None:
    folder = quick_path / "s"
    number, pipe = child(lambda tick: _build(folder, tick))
    while not _begun(folder):
        assert os.read(pipe, 1)
    assert kill(number, pipe) == -signal.SIGKILL
    with pytest.raises(StoreError, match=r"corpus: want the source .* changed since.*overwrite=True"):
        Space.build(corpus(COUNT, start=1), ENCODER, folder, batch=BATCH, passage_size=120)
    with pytest.raises(StoreError, match=r"corpus: want 'made up'.*got 'other'"):
        Space.build(corpus(COUNT, name="other"), ENCODER, folder, batch=BATCH, passage_size=120)
    with pytest.raises(StoreError, match=r"corpus: .* of which .* documents are in, got one of 1"):
        Space.build(corpus(1), ENCODER, folder, batch=BATCH, passage_size=120)
    with pytest.raises(StoreError, match=r"passage_size: want 120"):
        Space.build(corpus(COUNT), ENCODER, folder, batch=BATCH)
    with Space.build(corpus(5), ENCODER, folder, overwrite=True) as space:
        assert len(space) == 5
        assert space.info()["complete"]
