"""What a server asks of a Space: vectors that are at hand, ids to keep to, fields counted, passages and rows."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from hashing import HashingEncoder
from spaces import WORDS, corpus, document

from semascope.corpus import Corpus, Document
from semascope.errors import InputError, OptionError, UnknownNameError
from semascope.space import Space

COUNT = 60
WIDE = HashingEncoder().dim


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """Sixty documents, of which two were deleted."""
    made = Space.build(corpus(COUNT), HashingEncoder(), tmp_path_factory.mktemp("asking") / "x.space")
    made.delete(["d4", "d17"])
    return made


def ids(hits: list) -> list[str]:
    return [hit.id for hit in hits]


@pytest.mark.parametrize("mode", ["hybrid", "dense", "exact"])
def test_a_vector_at_hand_gives_what_the_encoder_would_have_given(space: Space, mode: str) -> None:
    vector = HashingEncoder().encode(["granite violin"], kind="query")[0]
    other = HashingEncoder().encode(["lemon pocket"], kind="query")[0]
    want = space.search("granite violin", 20, mode=mode)
    assert space.search("granite violin", 20, mode=mode, vector=vector) == want
    assert ids(space.search("granite violin", 20, mode=mode, vector=other)) != ids(want)


def test_words_still_come_from_the_text_where_the_vector_is_another(space: Space) -> None:
    vector = HashingEncoder().encode(["lemon pocket"], kind="query")[0]
    only = space.search("number23", 3, mode="hybrid", vector=vector, weight=1.0)
    assert only[0].id == "d23"
    assert space.search("number23", 1, mode="lexical", vector=vector)[0].id == "d23"


def test_a_vector_beside_a_vector_and_a_zero_one_are_told_apart(space: Space) -> None:
    with pytest.raises(OptionError, match="vector: want it for a query that is a text"):
        space.search(np.ones(WIDE, np.float32), vector=np.ones(WIDE, np.float32))
    with pytest.raises(InputError, match="query"):
        space.search("river", vector=np.ones(3, np.float32))
    # Who brings a vector has seen that it is zero: no warning, k arbitrary documents.
    assert len(space.search("river", 5, mode="dense", vector=np.zeros(WIDE, np.float32))) == 5


@pytest.mark.parametrize("mode", ["hybrid", "dense", "exact", "lexical"])
def test_hits_keep_to_the_ids_that_are_given(space: Space, mode: str) -> None:
    within = (*(f"d{number}" for number in range(10, 30)), "nobody", "d4")
    want = [hit.id for hit in space.search("river stone", COUNT, mode=mode) if hit.id in within]
    assert ids(space.search("river stone", COUNT, mode=mode, within=within)) == want
    assert ids(space.search("river stone", COUNT, mode=mode, within=frozenset(within))) == want
    assert ids(space.search("river stone", COUNT, mode=mode, within=iter(within))) == want  # type: ignore[arg-type]
    assert "d17" not in want
    assert space.search("river stone", 5, mode=mode, within=()) == []


def test_ids_and_conditions_must_both_hold(space: Space) -> None:
    within = tuple(f"d{number}" for number in range(10, 30))
    found = ids(space.search("river", COUNT, mode="dense", where="size>=20", within=within))
    assert set(found) == {f"d{number}" for number in range(20, 30)}
    with pytest.raises(InputError, match="within: want a list of ids"):
        space.search("river", within="d1")


def test_the_same_ids_are_looked_up_anew_after_a_commit(tmp_path: Path) -> None:
    within = ("d1", "d2", "d70")
    with Space.build(corpus(5), HashingEncoder(), tmp_path / "x.space") as space:
        assert set(ids(space.search("river", 9, mode="dense", within=within))) == {"d1", "d2"}
        first = space.commit()
        space.add(corpus(1, start=70))
        assert space.commit() > first
        assert set(ids(space.search("river", 9, mode="dense", within=within))) == {"d1", "d2", "d70"}
        space.delete(["d2"])
        assert set(ids(space.search("river", 9, mode="dense", within=within))) == {"d1", "d70"}


def test_ids_with_half_characters_find_nothing_and_break_nothing(space: Space) -> None:
    assert space.search("river", 3, within=("\ud800", "d1"))[0].id == "d1"


def test_fields_are_counted_as_a_loop_counts_them(space: Space) -> None:
    documents = [document(number) for number in range(COUNT) if number not in (4, 17)]
    found = {one.name: one for one in space.fields()}
    assert list(found) == ["even", "label", "size", "time", "title"]
    label = found["label"]
    counts = {value: sum(one.label == value for one in documents) for value in "ab"}
    assert dict(label.values) == counts
    assert [n for _, n in label.values] == sorted(counts.values(), reverse=True)
    assert (label.kind, label.documents, label.distinct) == ("text", len(documents), 2)
    assert (label.least, label.most) == (None, None)
    size = found["size"]
    assert (size.kind, size.least, size.most, size.distinct) == ("number", 0.0, 59.0, 58)
    times = [one.time for one in documents if one.time]
    time = found["time"]
    assert (time.kind, time.documents, time.least, time.most) == ("time", len(times), min(times), max(times))
    assert found["even"].kind == "text"
    assert found["title"].documents == sum(bool(one.title) for one in documents)
    assert space.fields() is space.fields()


def test_values_that_say_nothing_of_a_field_with_many_are_not_named(tmp_path: Path) -> None:
    long = "x" * 300
    given = [
        Document(f"n{i}", "a text", metadata={"own": f"v{i}", "some": "same" if i < 3 else f"w{i}", "long": long})
        for i in range(80)
    ]
    with Space.build(Corpus(given, name="many"), HashingEncoder(), tmp_path / "x.space") as space:
        found = {one.name: one for one in space.fields()}
    assert (found["own"].distinct, found["own"].values) == (80, ())
    assert found["some"].values == (("same", 3),)
    assert (found["long"].documents, found["long"].values) == (80, ())


def test_times_that_are_numbers_end_where_conditions_end_them(tmp_path: Path) -> None:
    given = [Document(f"n{i}", "a text", time=time) for i, time in enumerate(("1000000000", "999999999", "1100000000"))]
    with Space.build(Corpus(given, name="seconds"), HashingEncoder(), tmp_path / "x.space") as space:
        (found,) = (one for one in space.fields() if one.name == "time")
        assert len(space.search("text", 3, mode="lexical", where=f"time>={found.least}")) == 3
    assert (found.kind, found.least, found.most) == ("time", "999999999", "1100000000")


def test_a_filter_that_lets_nothing_through_finds_nothing_by_words(space: Space) -> None:
    assert space.search("river", 3, mode="lexical", where="size>1000") == []
    assert space.search("river", 3, mode="lexical", within=()) == []


def test_a_number_is_a_time_only_where_it_is_called_so(tmp_path: Path) -> None:
    given = [Document(f"n{i}", "a text", time=str(2000 + i), metadata={"year": 2000 + i}) for i in range(5)]
    with Space.build(Corpus(given, name="years"), HashingEncoder(), tmp_path / "x.space") as space:
        kinds = {one.name: one.kind for one in space.fields()}
    assert kinds == {"time": "time", "year": "number"}


def test_passages_and_rows_are_those_of_all_vectors_in_order(space: Space) -> None:
    names, spans, rows = [], [], []
    for some, where, x in space.vectors():
        names += some
        spans += where.tolist()
        rows.append(x)
    everything = np.concatenate(rows)
    assert len(space.numbers()) == len(names)
    for name in ("d0", "d5", "d59"):
        found = space.passages(name)
        mine = [place for place, one in enumerate(names) if one == name]
        assert found.rows.tolist() == mine
        assert found.spans.tolist() == [spans[place] for place in mine]
        np.testing.assert_allclose(space.passage_vectors(name), everything[mine], atol=1e-6)
        np.testing.assert_allclose(space.vectors_at(found.rows), everything[mine], atol=1e-6)
    back = space.passages_at([7, 0, 7])
    assert back.ids == (names[7], names[0], names[7])
    assert back.spans.tolist() == [spans[7], spans[0], spans[7]]
    assert back.numbers.tolist() == space.numbers()[[7, 0, 7]].tolist()
    hit = space.search("river stone", 1, mode="dense")[0]
    assert hit.number in space.passages(hit.id).numbers
    assert "number" not in hit.to_json()


def test_a_span_takes_the_passages_that_share_characters_with_it(tmp_path: Path) -> None:
    text = " ".join(f"Sentence {i} of many words about rivers and stones." for i in range(60))
    made = Space.build(
        Corpus([Document("long", text)], name="l"), HashingEncoder(), tmp_path / "l.space", passage_size=400
    )
    with made as space:
        spans = space.passages("long").spans.tolist()
        assert len(spans) > 3
        assert len(space.passage_vectors("long", tuple(spans[1]))) == 1
        np.testing.assert_array_equal(
            space.passage_vectors("long", tuple(spans[1])), space.passage_vectors("long")[1:2]
        )
        assert len(space.passage_vectors("long", (spans[1][0], spans[2][0] + 1))) == 2
        with pytest.raises(InputError, match="span: want a part of the text"):
            space.passage_vectors("long", (len(text) + 5, len(text) + 9))


def test_what_is_not_there_is_named(space: Space) -> None:
    with pytest.raises(UnknownNameError, match="no document 'd4'"):
        space.passages("d4")
    with pytest.raises(InputError, match="rows: want numbers from 0 to"):
        space.passages_at([10_000])
    with pytest.raises(InputError, match="rows: want numbers from 0 to"):
        space.vectors_at([-1])
    assert space.present(["d1", "d4", "nobody"]) == {"d1"}
    assert [one.id for one in space.documents(["d9", "d4", "d1"])] == ["d9", "d1"]
    assert sum(1 for _ in space.documents()) == COUNT - 2


def test_the_sample_is_of_rows_that_are_there(space: Space) -> None:
    sample = space.sample()
    assert sample.shape == (len(space.numbers()), WIDE)
    np.testing.assert_allclose(sample, space.vectors_at(np.arange(len(sample))), atol=1e-6)


def test_the_encoder_of_an_encoding_is_the_one_given_or_on_record(tmp_path: Path) -> None:
    given = HashingEncoder()
    with Space.build(corpus(5), given, tmp_path / "x.space") as space:
        assert space.encoder() is given
        assert [one.name for one in space.encodings()] == [space.encoding().name]
    x = np.eye(4, dtype=np.float32)
    with Space.from_arrays(x, WORDS[:4]) as space, pytest.raises(ValueError, match="encoder: want the one that made"):
        space.encoder()


def test_an_encoding_that_takes_the_name_of_another_gets_its_own_encoder(tmp_path: Path) -> None:
    """Two open Spaces, as in two processes: what one has in memory must not meet vectors that the other made."""
    Space.build(corpus(9), "default", tmp_path / "x.space").close()
    with Space.open(tmp_path / "x.space") as first, Space.open(tmp_path / "x.space") as second:
        for width in (16, 24):
            first.reencode(f"default | truncate({width})", name="mine")
            assert second.encoder("mine").dim == width
            assert len(second.search("river", 3, encoding="mine")) == 3
            first.reencode("default", name="between")


def test_everything_can_be_asked_while_documents_come_and_go(quick_path: Path) -> None:
    """Readers see one commit each: spans, rows and vectors of a document always fit together."""
    space = Space.build(corpus(40), HashingEncoder(), quick_path / "x.space")
    stop = threading.Event()
    failed: list[BaseException] = []

    def read() -> None:
        try:
            while not stop.is_set():
                found = space.passages("d9")
                assert len(space.passage_vectors("d9")) == len(found)
                assert {one.name for one in space.fields()} >= {"label", "size"}
                assert all(hit.id != "d9" or hit.number in found.numbers for hit in space.search("river", 5))
        except BaseException as error:
            failed.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for turn in range(5):
            space.add(corpus(10, start=100 + 10 * turn))
            space.delete([f"d{number}" for number in range(100 + 10 * turn, 105 + 10 * turn)])
        space.compact()
    finally:
        stop.set()
        for reader in readers:
            reader.join()
        space.close()
    assert not failed
