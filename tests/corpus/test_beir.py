"""A BEIR folder brings its queries and judgements."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from semascope.corpus import Corpus
from semascope.errors import InputError


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    (tmp_path / "corpus.jsonl").write_text(
        '{"_id": "d1", "title": "One", "text": "first", "metadata": {"url": "x"}}\n'
        '{"_id": "d2", "title": "", "text": "second", "metadata": {}}\n'
    )
    (tmp_path / "queries.jsonl").write_text('{"_id": "q1", "text": "what is first"}\n{"_id": "q2", "text": ""}\n')
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\nbad line\n")
    (tmp_path / "qrels" / "train.tsv").write_text("query-id\tcorpus-id\tscore\nq9\td1\t1\n")
    return tmp_path


def test_documents_queries_and_judgements_are_read(beir: Path) -> None:
    corpus = Corpus.read(beir)
    assert [(d.id, d.title, d.text, dict(d.metadata)) for d in corpus] == [
        ("d1", "One", "first", {"metadata": '{"url": "x"}'}),
        ("d2", "", "second", {}),
    ]
    assert corpus.queries == {"q1": "what is first"}
    assert corpus.judgements == {"q1": {"d1": 2, "d2": 0}}
    assert [problem.place for problem in corpus.problems] == ["queries.jsonl:2", "qrels/test.tsv:4"]


def test_without_a_test_split_all_splits_count(beir: Path) -> None:
    (beir / "qrels" / "test.tsv").rename(beir / "qrels" / "dev.tsv")
    assert Corpus.read(beir).judgements == {"q1": {"d1": 2, "d2": 0}, "q9": {"d1": 1}}


@pytest.mark.parametrize(
    "lines", ["q1\td1\t2\n", "query-id\tcorpus-id\tscore\nq1\td1\t2\n", "q1 0 d1 2\n", "q1\t0\td1\t2\r\n"]
)
def test_judgements_are_read_with_or_without_a_header_and_in_the_trec_shape(tmp_path: Path, lines: str) -> None:
    (tmp_path / "corpus.jsonl.gz").write_bytes(gzip.compress(b'{"_id": "d1", "text": "first"}\n'))
    (tmp_path / "qrels.tsv").write_text(lines)
    corpus = Corpus.read(tmp_path)
    assert corpus.judgements == {"q1": {"d1": 2}}
    assert corpus.queries == {}
    assert [d.id for d in corpus] == ["d1"]
    assert not corpus.problems.total


def test_a_bad_judgement_can_be_made_an_error(beir: Path) -> None:
    with pytest.raises(InputError, match=r"qrels/test\.tsv:4: want query id, document id and a whole number"):
        _ = Corpus.read(beir, on_bad="raise").judgements


def test_a_folder_called_beir_needs_its_corpus(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"want a corpus.jsonl in the BEIR folder"):
        Corpus.read(tmp_path, format="beir")


def test_cranfield_is_whole(shared: Path) -> None:
    corpus = Corpus.read(shared / "retrieval" / "cranfield")
    ids = [d.id for d in corpus]
    # Documents 471 and 995 have neither title nor text.
    assert [problem.place for problem in corpus.problems] == ["corpus.jsonl:471", "corpus.jsonl:995"]
    assert len(set(ids)) == len(ids) == 1398
    assert len(corpus.queries) == 225
    assert set(corpus.judgements) <= set(corpus.queries)
    judged = {name for grades in corpus.judgements.values() for name in grades}
    assert judged <= {*ids, "471", "995"}


def test_the_shared_tables_are_understood(shared: Path) -> None:
    said = {
        path.name: dict(Corpus.read(path).columns)
        for path in [*(shared / "classification").glob("*.jsonl"), shared / "papers.jsonl"]
    }
    assert said["trec-train.jsonl"] == {"text": "text", "label": "label"}
    assert said["ag-news.jsonl"]["text"] == "text"
    assert said["papers.jsonl"]["title"] == "title"
    assert all(columns["text"] == "text" for columns in said.values())
