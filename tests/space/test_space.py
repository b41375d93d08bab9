"""What a Space promises about what it finds, takes in, refuses and says of itself."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hashing import HashingEncoder
from spaces import corpus, document, lines

from semascope.corpus import Corpus, Document
from semascope.errors import InputError, OptionError, PassportError, StoreError, UnknownNameError
from semascope.ops import unit
from semascope.space import Hit, Space

ENCODER = HashingEncoder(16)


@pytest.fixture
def space(quick_path: Path) -> Iterator[Space]:
    with Space.build(corpus(50), ENCODER, quick_path / "s", passage_size=120) as built:
        yield built


def _ids(hits: list[Hit]) -> list[str]:
    return [hit.id for hit in hits]


# Finding


@pytest.mark.parametrize("mode", ["hybrid", "dense", "exact"])
@pytest.mark.parametrize("k", [1, 7, 49, 50, 51, 500])
def test_as_many_as_asked_for_come_wherever_there_are_so_many(space: Space, mode: str, k: int) -> None:
    hits = space.search("violin harbour number3", k, mode=mode)
    assert len(hits) == len(set(_ids(hits))) == min(k, 50)
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("mode", ["hybrid", "dense", "exact"])
def test_under_a_filter_as_many_come_as_fit_it(space: Space, mode: str) -> None:
    for where, fits in [
        ("even=true", lambda number: number % 2 == 0),
        ("size>=47", lambda number: number >= 47),
        (["size<30", "size>28"], lambda number: number == 29),
        ("time>=2020 and even=false", lambda number: number % 2 and number % 30 >= 20),
        ("id=d5", lambda number: number == 5),
        ("size>1000", lambda _: False),
    ]:
        wanted = {f"d{number}" for number in range(50) if fits(number)}
        assert set(_ids(space.search("violin harbour", 50, mode=mode, where=where))) == wanted
        some = _ids(space.search("violin harbour", 3, mode=mode, where=where))
        assert len(some) == min(3, len(wanted))
        assert set(some) <= wanted


def test_exact_search_is_the_order_of_the_best_passages(space: Space) -> None:
    query = ENCODER.encode(["river stone cloud"])[0]
    best: dict[str, float] = {}
    for ids, _, rows in space.vectors():
        for name, score in zip(ids, rows @ query, strict=True):
            best[name] = max(best.get(name, -2.0), float(score))
    hits = space.search(query, 50, mode="exact")
    assert _ids(hits) == sorted(best, key=lambda name: -best[name])
    assert [hit.score for hit in hits] == pytest.approx([best[hit.id] for hit in hits], abs=1e-6)


def test_a_hit_is_its_document_with_the_passage_that_fits_best(space: Space) -> None:
    for number in range(50):
        whole = document(number)
        hit = space.search(f"number{number}", 1, mode="lexical")[0]
        assert (hit.id, hit.text, hit.title) == (whole.id, whole.text, whole.title)
        assert hit.passage == whole.text[slice(*hit.span)]
        assert f"number{number}" in hit.passage
        own = {"label": whole.label, "time": whole.time}
        assert hit.metadata == {**whole.metadata, **{key: value for key, value in own.items() if value}}
        assert json.loads(json.dumps(hit.to_json()))["span"] == list(hit.span)


def test_hits_print_one_a_paragraph_and_as_a_table_in_a_notebook(space: Space) -> None:
    hits = space.search("violin", 3)
    assert str(hits).count("\n") == 5
    assert hits._repr_html_().count("<tr>") == 4
    assert str(space.search("zzz", 3, mode="lexical")) == "no hits"


def test_lexical_search_gives_what_matches_and_nothing_else(space: Space) -> None:
    assert space.search("absentword", mode="lexical") == []
    assert space.search('"', mode="lexical") == []
    assert _ids(space.search("number7 AND (", 10, mode="lexical")) == ["d7"]


@pytest.mark.parametrize(
    "query", ["c++ - what?", '"', "' OR 1=1 --", "NEAR(a b)", "*", "-", "日本", "🌋", "a" * 50_000]
)
def test_any_question_is_answered(space: Space, query: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert len(space.search(query, 5)) == 5


def test_words_with_diacritics_and_of_scripts_without_spaces_are_found(quick_path: Path) -> None:
    texts = [
        "Žluťoučký kůň pěl ďábelské ódy",
        "我们明天在图书馆门口见面",
        "東京の天気は晴れです",
        "แมวนอนบนโซฟา",
        "plain words",
    ]
    with Space.build(texts, ENCODER, quick_path / "s") as space:
        for query, wanted in [
            ("zlutoucky", "1"),
            ("ďábelské", "1"),
            ("明天", "2"),
            ("图书馆", "2"),
            ("天気", "3"),
            ("แมว", "4"),
        ]:
            assert _ids(space.search(query, 1, mode="lexical")) == [wanted]
            assert len(space.search(query, 5)) == 5


def test_the_weight_moves_a_hybrid_search_between_meaning_and_words(space: Space) -> None:
    query = "violin harbour number9"
    words = _ids(space.search(query, 5, mode="lexical"))
    near = _ids(space.search(query, 5, mode="dense"))
    assert _ids(space.search(query, 5, weight=1))[: len(words)] == words
    assert _ids(space.search(query, 5, weight=0)) == near
    assert words != near


def test_wrong_searches_name_the_argument(space: Space) -> None:
    wrong = [
        ("query", InputError, {"query": "  "}),
        ("query", InputError, {"query": np.ones((2, 16))}),
        ("query", InputError, {"query": np.ones(15)}),
        ("query", InputError, {"query": np.full(16, np.nan)}),
        ("query", InputError, {"query": ["a list"]}),
        ("k", OptionError, {"query": "a", "k": 0}),
        ("k", OptionError, {"query": "a", "k": 2.5}),
        ("mode", OptionError, {"query": "a", "mode": "fuzzy"}),
        ("mode", OptionError, {"query": np.ones(16), "mode": "hybrid"}),
        ("weight", OptionError, {"query": "a", "weight": 1.5}),
        ("where", OptionError, {"query": "a", "where": "nonsense"}),
        ("where", UnknownNameError, {"query": "a", "where": "siez=3"}),
        ("encoding", UnknownNameError, {"query": "a", "encoding": "other"}),
    ]
    for name, kind, arguments in wrong:
        with pytest.raises(kind, match=f"^{name}: "):
            space.search(**arguments)
    with pytest.raises(UnknownNameError, match="did you mean 'size'"):
        space.search("a", where="siez=3")


# Taking in and giving back


def test_what_went_in_comes_out(space: Space) -> None:
    assert list(space.documents()) == [document(number) for number in range(50)]
    assert space.get("d31") == document(31)
    with pytest.raises(UnknownNameError, match="id: no document 'x'"):
        space.get("x")
    spans: dict[str, list[str]] = {}
    for ids, places, rows in space.vectors():
        assert rows.dtype == np.float32
        assert places.shape == (len(ids), 2)
        for name, (start, stop) in zip(ids, places, strict=True):
            spans.setdefault(name, []).append(document(int(name[1:])).text[start:stop])
    for number in range(50):
        assert "".join("".join(spans[f"d{number}"]).split()) == "".join(document(number).text.split())


def test_the_title_is_encoded_before_each_passage(quick_path: Path) -> None:
    documents = [Document("a", "river stone", title="violin"), Document("b", "violin river", title="violin")]
    with Space.build(documents, ENCODER, quick_path / "s") as space:
        (_, _, rows), *_ = space.vectors()
    assert np.array_equal(rows, ENCODER.encode(["violin river stone", "violin violin river"]))


def test_ids_that_come_twice_are_refused_skipped_or_replaced(quick_path: Path) -> None:
    twice = [Document("a", "first"), Document("b", "other"), Document("a", "second")]
    with pytest.raises(
        InputError, match=r"corpus: want every id once, got 'a', which is in this source twice.*on_duplicate"
    ):
        Space.build(Corpus(twice), ENCODER, quick_path / "error")
    with Space.build(Corpus(twice), ENCODER, quick_path / "skip", on_duplicate="skip") as space:
        assert [one.text for one in space.documents()] == ["first", "other"]
        with pytest.raises(InputError, match="got 'b', which is in this Space already"):
            space.add(Corpus([Document("b", "again")], name="c"))
        assert space.add(Corpus([Document("b", "again")], name="d"), on_duplicate="replace") == 1
        assert [one.text for one in space.documents()] == ["first", "again"]
        assert _ids(space.search("other", 5, mode="lexical")) == []
        assert len(space.search("again", 5)) == 2
    for batch in (1, 100):
        with Space.build(twice, ENCODER, quick_path / f"{batch}", on_duplicate="replace", batch=batch) as space:
            assert sorted(one.text for one in space.documents()) == ["other", "second"]
            assert len(space) == 2
    with pytest.raises(OptionError, match="on_duplicate: want one of"):
        Space.build(twice, ENCODER, quick_path / "x", on_duplicate="merge")


def test_deleted_documents_are_gone_from_every_search_and_from_the_disk(space: Space) -> None:
    gone = ["d3", "d30", "d44"]
    assert space.delete(gone) == 3
    assert len(space) == 47
    for mode in ("hybrid", "dense", "exact"):
        assert not set(gone) & set(_ids(space.search("number3 violin", 50, mode=mode)))
    assert space.search("number44", mode="lexical") == []
    with pytest.raises(UnknownNameError, match=r"ids: no document 'd3' \(and 1 more\).*nothing was deleted"):
        space.delete(["d1", "d3", "d30"])
    assert space.delete(["d1", "d3"], missing_ok=True) == 1
    with pytest.raises(InputError, match="ids: want a list of ids, got one string"):
        space.delete("d2")
    before = space.info()
    assert before["deleted_not_compacted"] == 4
    found = [hit.to_json() for hit in space.search("violin number5", 46)]
    space.compact()
    after = space.info()
    assert after["deleted_not_compacted"] == 0
    assert after["bytes"] < before["bytes"]
    assert after["passages"] == next(iter(after["encodings"].values()))["passages"]
    assert [hit.to_json() for hit in space.search("violin number5", 46)] == found
    assert b"number44" not in (space.path / "corpus.sqlite").read_bytes()
    space.verify()
    assert space.add(corpus(1, start=44)) == 1
    assert space.search("number44", 1, mode="lexical")[0].id == "d44"


def test_texts_the_encoder_knows_nothing_of_are_kept_with_a_warning(quick_path: Path) -> None:
    documents = [Document("dots", "... ..."), Document("signs", "!!! ???"), Document("words", "river stone")]
    with pytest.warns(UserWarning, match="2 passages have a zero vector"):
        space = Space.build(documents, ENCODER, quick_path / "s")
    assert len(space) == 3
    assert _ids(space.search("river", 3))[0] == "words"
    assert set(_ids(space.search("river", 3))) == {"dots", "signs", "words"}
    assert next(iter(space.info()["encodings"].values()))["zero_vectors"] == 2
    with pytest.warns(UserWarning, match="the encoder knows nothing in '!!!'"):
        assert len(space.search("!!!", 2, mode="dense")) == 2
    space.close()


def test_a_long_document_is_found_by_the_passage_in_its_middle(quick_path: Path) -> None:
    filler = "river stone cloud. " * 30_000
    text = f"{filler}The volcano sings about cellos and income tax.{filler}"
    with Space.build([Document("long", text), *map(document, range(20))], ENCODER, quick_path / "s") as space:
        hit = space.search("volcano sings about cellos and income tax", 3, mode="lexical")[0]
        assert hit.id == "long"
        assert "volcano" in hit.passage
        assert len(hit.passage) <= 1200
        near = space.search(hit.passage, 3, mode="dense")[0]
        assert (near.id, near.span) == (hit.id, hit.span)
        assert len(space.search("river stone cloud", 21, mode="dense")) == 21


def test_an_empty_source_is_an_error_or_an_empty_space(quick_path: Path) -> None:
    (quick_path / "empty.jsonl").write_text("")
    with pytest.raises(InputError):
        Space.build(Corpus.read(quick_path / "empty.jsonl"), ENCODER, quick_path / "a")
    with Space.build([], ENCODER, quick_path / "b") as space:
        assert len(space) == 0
        for mode in ("hybrid", "lexical", "dense", "exact"):
            assert space.search("anything", mode=mode) == []
        assert space.add(corpus(3)) == 3
        assert len(space.search("anything", 5)) == 3


def test_an_encoder_that_gives_something_else_than_a_vector_a_text_is_named(quick_path: Path) -> None:
    class Odd(HashingEncoder):
        def encode(self, texts, **how):
            rows = super().encode(texts, **how)
            return self.change(rows) if "river" in texts[0] else rows

    for change, says in [
        (lambda rows: rows[:-1], "want one vector for each"),
        (lambda rows: rows * np.nan, "want finite numbers"),
        (lambda rows: rows[:, :-1], "want 16 columns, got 15"),
    ]:
        odd = Odd(16)
        odd.change = change
        with pytest.raises(InputError, match=f"^encoder: {says}"):
            Space.build(["river", "stone"], odd, quick_path / says.replace(" ", "-"))


def test_a_finished_space_is_not_built_over_unless_asked(space: Space) -> None:
    with pytest.raises(StoreError, match="is a Space already; add to it, or build with overwrite=True"):
        Space.build(corpus(2), ENCODER, space.path)
    with Space.build(corpus(2), ENCODER, space.path, overwrite=True) as new:
        assert len(new) == 2
    # Who has the old one open keeps it until it is closed, or at least gets no wrong answer.
    assert [path.name for path in space.path.parent.iterdir()] == ["s"]


def test_export_is_what_is_there_and_can_be_read_again(space: Space, quick_path: Path) -> None:
    space.delete(["d10"])
    out = space.export(quick_path / "plain")
    x = np.load(out / "vectors.npy", mmap_mode="r")
    rows = np.concatenate([rows for _, _, rows in space.vectors()])
    assert np.array_equal(x, rows)
    passages = lines(out / "passages.jsonl")
    assert len(passages) == len(x) == space.info()["passages"]
    assert sorted(path.name for path in out.iterdir()) == ["documents.jsonl", "passages.jsonl", "vectors.npy"]
    again = list(Corpus.read(out / "documents.jsonl", text="text", id="id", title="title", label="label", time="time"))
    assert again == [document(number) for number in range(50) if number != 10]
    for name, span in [(line["id"], line["span"]) for line in passages]:
        assert document(int(name[1:])).text[slice(*span)].strip()


def test_info_says_what_is_there_as_plain_values(space: Space) -> None:
    said = json.loads(json.dumps(space.info()))
    assert said["documents"] == 50
    assert said["complete"]
    assert said["unfinished"] == []
    ((name, encoding),) = said["encodings"].items()
    assert said["bytes_by_part"][name] == sum(encoding["bytes"].values())
    files = sum(path.stat().st_size for path in (space.path / "encodings").rglob("*.npy"))
    assert said["bytes_by_part"][name] == files
    assert encoding["measured"]["recall"] >= 0.98
    assert encoding["depth"] >= 1
    assert encoding["passport"]["kind"] == "hashing"


# Passports


def test_searching_with_another_encoder_names_the_field_and_what_mends_it(space: Space) -> None:
    for other, field in [(HashingEncoder(16, seed=1), "weights"), (HashingEncoder(24), "dim")]:
        with pytest.raises(PassportError, match=rf"cannot search .* {field} differs.*semascope reencode") as error:
            space.search("violin", encoder=other)
        assert error.value.field == field
        with pytest.raises(PassportError, match=f"cannot add to .* {field} differs"):
            space.add(corpus(1, start=99), encoder=other)
        with Space.open(space.path, other) as opened, pytest.raises(PassportError, match=field):
            opened.search("violin")
    assert len(space) == 50


def test_an_encoder_that_says_it_is_the_same_and_is_not_is_found_out_by_the_canaries(space: Space) -> None:
    with pytest.raises(PassportError, match="canaries differs") as error:
        space.search("violin", encoder=HashingEncoder(16, seed=5, lie=True))
    assert error.value.field == "canaries"


def test_opening_loads_no_encoder_and_the_canaries_are_encoded_once(quick_path: Path) -> None:
    Space.build(corpus(5), ENCODER, quick_path / "s").close()
    counted = HashingEncoder(16)
    with Space.open(quick_path / "s", counted) as space:
        assert counted.calls == 0
        space.search("violin", mode="lexical")
        assert counted.calls == 0
        space.search("violin")
        first = counted.calls
        space.search("violin")
        assert counted.calls == first + 1


def test_without_its_encoder_words_and_vectors_can_still_be_searched(space: Space) -> None:
    with Space.open(space.path) as opened:
        with pytest.raises(PassportError, match=r"encoder: want the one that made the vectors.*'hashing'.*lexical"):
            opened.search("violin")
        assert _ids(opened.search("number8", 1, mode="lexical")) == ["d8"]
        assert opened.search(ENCODER.encode([document(8).text])[0], 1)[0].id == "d8"
        assert len(opened.search("violin", 50, encoder=ENCODER)) == 50


def test_several_encodings_of_one_corpus_lie_side_by_side(space: Space) -> None:
    other = HashingEncoder(24, seed=3)
    first = next(iter(space.info()["encodings"]))
    space.reencode(other, name="second", keep_old=True, progress=lambda *_: None)
    said = space.info()["encodings"]
    assert {name: one["current"] for name, one in said.items()} == {first: False, "second": True}
    assert space.search(document(8).text, 1, encoder=other)[0].id == "d8"
    assert space.search(document(8).text, 1, encoder=ENCODER, encoding=first)[0].id == "d8"
    with pytest.raises(PassportError):
        space.search("violin", encoder=ENCODER)
    wanted = unit(other.encode([f"{one.title} {one.text}" for one in [document(1)]]))
    rows = {name: row for ids, _, block in space.vectors("second") for name, row in zip(ids, block, strict=True)}
    assert rows["d1"].shape == wanted[0].shape
    assert space.add(corpus(1, start=50), encoder=other) == 1
    with pytest.raises(StoreError, match=r"does not cover documents that were added after it; .*reencode"):
        space.search(np.ones(16), encoding=first)
    space.reencode(ENCODER, name=first)
    assert list(space.info()["encodings"]) == [first]
    assert space.search("number50", 1, encoder=ENCODER)[0].id == "d50"
    with pytest.raises(PassportError, match="cannot complete encoding"):
        space.reencode(other, name=first)


# Vectors somebody already has


def test_a_matrix_and_its_texts_become_a_space_that_is_gone_when_closed() -> None:
    texts = [document(number).text for number in range(30)]
    x = ENCODER.encode(texts) * np.linspace(0.5, 2, 30)[:, None]
    space = Space.from_arrays(x, texts, metadata=[{"odd": bool(number % 2)} for number in range(30)])
    assert len(space) == 30
    assert np.allclose(np.concatenate([rows for _, _, rows in space.vectors()]), x, rtol=1e-6)
    hits = space.search(x[7], 3)
    assert hits[0].id == "8"
    assert hits[0].score == pytest.approx(1, abs=1e-6)
    assert space.search(x[7], 3, where="odd=true")[0].id == "8"
    assert space.search("number7", 1, mode="lexical")[0].id == "8"
    with pytest.raises(PassportError, match=r"encoder: want the one that made the vectors.*not on record"):
        space.search("violin")
    assert space.search(texts[7], 1, encoder=ENCODER)[0].id == "8"
    with pytest.raises(PassportError, match="dim differs"):
        space.search(texts[7], encoder=HashingEncoder(8))
    assert space.add_vectors(x[:1], ["another"]) == 1
    assert space.get("31").text == "another"
    path = space.path
    space.close()
    assert not path.exists()


def test_unit_rows_come_back_to_the_bit(quick_path: Path) -> None:
    x = ENCODER.encode([document(number).text for number in range(9)])
    with Space.from_arrays(x, list("abcdefghi"), path=quick_path / "s") as space:
        assert np.array_equal(np.concatenate([rows for _, _, rows in space.vectors()]), x)


def test_vectors_of_another_passport_are_not_added(quick_path: Path) -> None:
    texts = ["river", "stone"]
    x = ENCODER.encode(texts)
    with Space.from_arrays(x, texts, ids=["r", "s"], encoder=ENCODER, path=quick_path / "s") as space:
        assert space.search("stone", 1)[0].id == "s"
        with pytest.raises(PassportError, match=r"cannot add these vectors.*kind differs.*encoder=") as error:
            space.add_vectors(x, texts, ids=["a", "b"])
        assert error.value.field == "kind"
        with pytest.raises(PassportError, match="weights differs"):
            space.add_vectors(x, texts, ids=["a", "b"], encoder=HashingEncoder(16, seed=9))
        assert space.add_vectors(x, texts, ids=["a", "b"], passport=ENCODER.passport) == 2
        assert len(space) == 4


def test_wrong_matrices_and_lists_are_named(quick_path: Path) -> None:
    x = ENCODER.encode(["river", "stone"])
    wrong = [
        ("X", InputError, {"X": x * np.nan, "texts": ["a", "b"]}),
        ("X", InputError, {"X": x[0], "texts": ["a"]}),
        ("texts", InputError, {"X": x, "texts": ["a"]}),
        ("texts", InputError, {"X": x, "texts": "ab"}),
        ("ids", InputError, {"X": x, "texts": ["a", "b"], "ids": ["1"]}),
        ("ids", InputError, {"X": x, "texts": ["a", "b"], "ids": ["1", "1"]}),
        ("metadata", InputError, {"X": x, "texts": ["a", "b"], "metadata": [{}]}),
        ("X", PassportError, {"X": x, "texts": ["a", "b"], "encoder": HashingEncoder(8)}),
    ]
    for name, kind, arguments in wrong:
        with pytest.raises(kind, match=f"^{name}: "):
            Space.from_arrays(**arguments, path=quick_path / "s")
    assert list(quick_path.iterdir()) == []
    with Space.from_arrays(x, ["a", "b"], path=quick_path / "s") as space:
        for name, rows, ids in [("X", np.ones((1, 5)), None), ("X", x[:1] * np.inf, None), ("ids", x[:1], ["1"])]:
            with pytest.raises(InputError, match=f"^{name}: "):
                space.add_vectors(rows, ["c"], ids)
        assert len(space) == 2
    with pytest.raises(StoreError, match=r"path: .* is a Space already"):
        Space.from_arrays(x, ["a", "b"], path=quick_path / "s")
    with Space.from_arrays(x[:1], ["a"], path=quick_path / "s", overwrite=True) as space:
        assert len(space) == 1
