"""A Corpus streams: as often as wanted where it can, once where it cannot, never all at once."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from semascope.corpus import Corpus, Document, Estimate, as_corpus
from semascope.errors import InputError, OptionError, UnknownNameError


def test_texts_mappings_and_documents_may_be_mixed() -> None:
    items = ["one", {"name": "T", "body": "two", "n": 2}, Document("x", "three"), {"body": "four", "uid": 9, "n": None}]
    corpus = Corpus(items)
    assert list(corpus) == [
        Document("1", "one"),
        Document("2", "two", "T", metadata={"n": 2}),
        Document("x", "three"),
        Document("9", "four"),
    ]
    assert dict(corpus.columns) == {"text": "body", "id": "uid", "title": "name"}
    assert list(corpus) == list(corpus)


def test_columns_and_metadata_of_mappings_can_be_named() -> None:
    rows = [{"a": "short", "b": "a longer one", "c": 1, "d": 2}]
    (document,) = Corpus(rows, columns={"text": "a"}, metadata=["c"])
    assert (document.text, dict(document.metadata)) == ("short", {"c": 1})
    with pytest.raises(UnknownNameError, match="text: no column 'z' in documents"):
        list(Corpus(rows, columns={"text": "z"}))
    with pytest.raises(UnknownNameError, match="columns: no role 'body'"):
        Corpus(rows, columns={"body": "a"})


def test_a_one_shot_iterator_is_streamed_once() -> None:
    drawn = []

    def texts() -> Iterator[str]:
        for number in range(1_000_000):
            drawn.append(number)
            yield f"text {number}"

    corpus = Corpus(texts())
    assert not corpus.repeatable
    assert corpus.estimate() == Estimate(None, None, False)
    assert corpus.columns == {}
    assert drawn == []
    passing = iter(corpus)
    assert next(passing).text == "text 0"
    assert len(drawn) < 1000
    with pytest.raises(InputError, match="came from a one-shot iterator, which has been read"):
        list(corpus)


def test_a_function_gives_a_fresh_pass_each_time() -> None:
    corpus = Corpus(lambda: (f"text {n}" for n in range(3)), name="generated")
    assert corpus.repeatable
    assert [d.text for d in corpus] == [d.text for d in corpus] == ["text 0", "text 1", "text 2"]


def test_passes_may_be_interleaved() -> None:
    corpus = Corpus.of(["a", "b"])
    assert [(x.id, y.id) for x, y in zip(corpus, corpus, strict=True)] == [("1", "1"), ("2", "2")]


@pytest.mark.parametrize("wrong", ["one text", b"bytes", Path("x"), {"a": 1}, 5, None])
def test_what_is_no_iterable_of_texts_is_refused(wrong) -> None:
    with pytest.raises(InputError, match="documents: want an iterable of texts"):
        Corpus(wrong)
    with pytest.raises(InputError, match="documents: want an iterable of texts"):
        list(Corpus(lambda: wrong))


def test_items_of_another_type_are_listed_by_place_or_refused() -> None:
    corpus = Corpus(["a", None, 3, "", "b\0", "c"], name="mine")
    assert [(d.id, d.text) for d in corpus] == [("1", "a"), ("5", "b\ufffd"), ("6", "c")]
    assert [problem.place for problem in corpus.problems] == ["mine:2", "mine:3", "mine:4", "mine:5"]
    with pytest.raises(InputError, match="mine:2: want a str, a mapping or a Document, got NoneType"):
        list(Corpus(["a", None], name="mine", on_bad="raise"))


def test_an_empty_list_is_an_empty_corpus() -> None:
    assert list(Corpus([])) == []


def test_problems_are_counted_in_full_and_kept_in_part_for_the_last_pass_only() -> None:
    corpus = Corpus(["a", *[""] * 1000])
    for _ in range(2):
        list(corpus)
        assert corpus.problems.total == 1000
        assert len(corpus.problems) == 100
        assert str(corpus.problems).endswith("... and 900 more")


def test_duplicate_ids_are_left_to_the_space() -> None:
    assert [d.id for d in Corpus([{"id": "a", "text": "x"}, {"id": "a", "text": "y"}], columns={"id": "id"})] == [
        "a",
        "a",
    ]


def test_anything_with_texts_becomes_a_corpus(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("hello")
    corpus = Corpus.of(["a"])
    assert as_corpus(corpus) is corpus
    assert [d.text for d in as_corpus(str(tmp_path / "x.txt"))] == ["hello"]
    assert [d.text for d in as_corpus(tmp_path)] == ["hello"]
    assert [d.text for d in as_corpus(["a", "b"])] == ["a", "b"]


def test_a_source_survives_json_and_reads_the_same_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.csv").write_text("k,words,n\na,one,1\nb,two,2\n")
    monkeypatch.chdir(tmp_path)
    corpus = Corpus.read("x.csv", text="words", id="k", metadata=["n"], max_text=50, encoding="latin-1")
    source = json.loads(json.dumps(corpus.source))
    monkeypatch.chdir("/")
    again = Corpus.from_source(source)
    assert list(again) == list(corpus)
    assert again.source == corpus.source
    assert Corpus.of(["a"]).source is None
    with pytest.raises(OptionError, match=r"source: want what Corpus\.source gives"):
        Corpus.from_source({"read": "x.csv", "colour": "red"})


def test_an_estimate_of_something_small_is_exact(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("h\u00e9llo", encoding="utf-8")
    (tmp_path / "y.txt").write_text("you")
    assert Corpus.read(tmp_path).estimate() == Estimate(2, 9, True)
    assert Corpus.of(["a", "bc", ""]).estimate() == Estimate(2, 3, True)


@pytest.mark.parametrize("name", ["x.jsonl", "x.csv", "x.parquet"])
def test_an_estimate_of_something_large_is_near(tmp_path: Path, name: str) -> None:
    rows = [{"id": f"{n:06}", "text": "some words " * (n * 7919 % 11)} for n in range(1, 5001)]
    if name == "x.parquet":
        arrow = pytest.importorskip("pyarrow")
        pytest.importorskip("pyarrow.parquet").write_table(arrow.Table.from_pylist(rows), tmp_path / name)
    elif name == "x.csv":
        (tmp_path / name).write_text("id,text\n" + "".join(f"{row['id']},{row['text']}\n" for row in rows))
    else:
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    corpus = Corpus.read(tmp_path / name)
    texts = [d.text for d in corpus]
    said = corpus.estimate()
    assert not said.exact
    assert said.documents == pytest.approx(len(texts), rel=0.1)
    assert said.bytes == pytest.approx(sum(map(len, texts)), rel=0.1)


def test_an_estimate_of_a_list_or_a_folder_counts_it(tmp_path: Path) -> None:
    assert Corpus.of(["abc"] * 5000).estimate() == Estimate(5000, 15000, False)
    assert Corpus(lambda: (str(n) for n in range(5000))).estimate() == Estimate(None, None, False)
    for number in range(600):
        (tmp_path / f"{number}.txt").write_text("abc")
    assert Corpus.read(tmp_path).estimate() == Estimate(600, 1800, False)


def rows(path: Path, count: int) -> Path:
    with path.open("w") as file:
        for number in range(count):
            file.write(f'{{"id": {number}, "text": "short text number {number}"}}\n')
    return path


def test_a_pass_holds_less_than_two_megabytes(tmp_path: Path) -> None:
    corpus = Corpus.read(rows(tmp_path / "x.jsonl", 20_000))
    tracemalloc.start()
    try:
        assert sum(1 for _ in corpus) == 20_000
        assert tracemalloc.get_traced_memory()[1] < 2_000_000  # the documents together take some ten
    finally:
        tracemalloc.stop()


def test_two_hundred_thousand_rows_take_no_more_memory_than_a_thousand(tmp_path: Path) -> None:
    script = (
        "import sys, resource\n"
        "from semascope.corpus import Corpus\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for count, _ in enumerate(Corpus.read(sys.argv[1]), 1):\n"
        "    if count == 1000:\n        before = peak()\n"
        "print(count, peak() - before)\n"
    )
    path = rows(tmp_path / "x.jsonl", 200_000)
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    count, kilobytes = map(int, done.stdout.split())
    assert count == 200_000
    assert kilobytes < 4000
