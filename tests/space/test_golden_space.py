"""Every format number that was ever written can be opened, searched and added to."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hashing import HashingEncoder

from semascope.corpus import Corpus, Document
from semascope.space import Space

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
FORMATS = sorted(GOLDEN.glob("space-*"))


@pytest.fixture(params=FORMATS, ids=lambda path: path.name)
def space(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Space]:
    # A copy: a reader may leave SQLite's own files beside the database.
    with Space.open(shutil.copytree(request.param, tmp_path / "s"), HashingEncoder(8)) as opened:
        yield opened


def _documents() -> list[Document]:
    sys.path.insert(0, str(GOLDEN))
    try:
        from make_space import DOCUMENTS
    finally:
        sys.path.remove(str(GOLDEN))
    return [one for one in DOCUMENTS if one.id != "gone"]


def test_there_is_a_golden_space_of_every_format() -> None:
    from semascope.space.store import FORMAT

    assert [path.name for path in FORMATS] == [f"space-{number}" for number in range(1, FORMAT + 1)]


def test_it_holds_what_was_put_in_and_every_byte_is_right(space: Space) -> None:
    assert list(space.documents()) == _documents()
    space.verify()
    said = space.info()
    assert (said["documents"], said["passages"], said["deleted_not_compacted"]) == (4, 6, 1)
    assert said["complete"]


@pytest.mark.parametrize("mode", ["hybrid", "dense", "exact", "lexical"])
def test_it_is_searched(space: Space, mode: str) -> None:
    assert space.search("a violin tuned in fifths", 4, mode=mode)[0].id == "violin"
    assert space.search("the river carries a stone", 4, mode=mode, where="label=nature")[0].id == "river"
    if mode != "lexical":
        assert len(space.search("violin", 10, mode=mode)) == 4
    else:
        assert [hit.id for hit in space.search("图书馆", mode=mode)] == ["zh"]
        assert space.search("deleted", mode=mode) == []


def test_it_is_added_to_and_compacted(space: Space) -> None:
    assert space.add(Corpus([Document("new", "A harbour in winter.")], name="third")) == 1
    space.delete(["plain"])
    space.compact()
    space.verify()
    assert space.search("harbour in winter", 1)[0].id == "new"
    assert len(space.search("violin", 10)) == 4
