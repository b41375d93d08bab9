"""Tasks made of texts alone: what is asked and what answers it, what is kept out, what cannot be made and why."""

import numpy as np
import pytest

from semascope.corpus import Corpus, Document
from semascope.errors import InputError, OptionError
from semascope.metrics import score
from semascope.subject.derived import KINDS, derived_tasks
from semascope.testing.asking import WordSums

PEOPLE = ("anna", "ben", "carla", "david", "emma", "felix", "gerda", "hugo")
THINGS = ("bread", "tea", "ships", "letters", "clocks", "maps", "stones", "boats", "paper", "glass", "wool", "salt")
VERBS = ("sold", "carried", "showed", "lent", "found", "painted", "repaired", "counted")
PLACES = ("harbour", "market", "valley", "library", "station", "garden", "tower", "bridge", "school", "castle")
BOILERPLATE = "All rights to this text are reserved by the publisher."


def written(n: int, sentences: int = 8, *, titles: bool = True) -> list[Document]:
    """Documents about one thing, one place and two people each, which no other is about together."""
    made = []
    for at in range(n):
        rng = np.random.default_rng((at, 5))
        mine = [words[rng.integers(len(words))] for words in (PEOPLE, THINGS, PLACES)]
        lines = []
        for _ in range(sentences):
            verb, other, thing, place = (words[rng.integers(len(words))] for words in (VERBS, PEOPLE, THINGS, PLACES))
            lines.append(
                f"{mine[0].title()}{at} {verb} the large {mine[1]} of {other.title()} with {thing} near the {mine[2]} and the {place}."
            )
        title = f"Report {at} on the {mine[1]} of {mine[0].title()}{at}" if titles else ""
        text = f"{title}. {' '.join(lines)} {BOILERPLATE}".lstrip(". ")
        made.append(Document(f"doc{at}", text, title=title))
    return made


def by_name(source, **how):
    return {task.name: task for task in derived_tasks(source, **how)}


def test_every_kind_is_made_of_texts_with_titles_and_nobody_judged() -> None:
    found = derived_tasks(written(60), seed=1)
    assert [task.name for task in found] == list(KINDS)
    assert found.missing == {}
    assert not any(task.labelled for task in found)
    assert found.says == "all 60 documents; sentences that stand in 3 of them or more left out (1)"
    for task in found:
        assert all(set(task.judged[name]) <= set(task.documents) for name in task.units)


def test_who_sees_words_scores_and_who_sees_nothing_is_at_chance() -> None:
    for task in derived_tasks(written(80), seed=0):
        assert score(WordSums(dim=256), task).value() > 0.25, task.name
        assert score(WordSums(whole=True), task).value() < 0.15, task.name


def test_the_title_is_out_of_the_body_wherever_it_stood() -> None:
    documents = [
        Document(d.id, f"{d.text} See {d.title.upper()} again for more of it.", title=d.title) for d in written(40)
    ]
    task = by_name(documents)["title to body"]
    for name in task.units:
        assert task.queries[name].lower() not in task.documents[name].lower()
        assert task.judged[name] == {name: 1.0}


def test_titles_that_several_documents_share_ask_nothing() -> None:
    documents = [Document(d.id, d.text, title="Report" if at < 20 else d.title) for at, d in enumerate(written(60))]
    task = by_name(documents)["title to body"]
    assert set(task.units) == {f"doc{at}" for at in range(20, 60)}
    assert len(task.documents) == 60


def test_boilerplate_and_copies_make_no_answer_trivially_right() -> None:
    documents = written(60)
    copies = [Document(f"copy{d.id}", d.text, title=d.title + " again") for d in documents[:20]]
    found = derived_tasks([*documents, *copies])
    assert "near-duplicates left out (20)" in found.says
    for task in found:
        texts = [*task.documents.values(), *task.queries.values()]
        assert not any(BOILERPLATE[10:-1] in text for text in texts), task.name
        assert len(set(task.documents.values())) == len(task.documents)
        if task.name not in ("paraphrases", "typos"):
            assert not set(task.documents.values()) & set(task.queries.values())


def test_neighbouring_passages_are_found_by_the_one_beside_them() -> None:
    documents = written(40, sentences=30)
    task = by_name(documents)["neighbouring passages"]
    text = {d.id: d.text for d in documents}
    for name in task.units:
        source, place = name.rsplit(" ", 1)
        for answer in task.judged[name]:
            other, beside = answer.rsplit(" ", 1)
            assert other == source
            assert abs(int(place) - int(beside)) == 1
        assert all(part.rstrip(".") in text[source] for part in task.queries[name].split(". "))


def test_halves_are_of_one_document_and_share_no_sentence() -> None:
    found = by_name(written(50))
    for kind in ("halves, every other sentence", "halves, first and second"):
        task = found[kind]
        for name in task.units:
            one, other = task.queries[name], task.documents[name]
            assert not set(one.split(". ")) & set(other.split(". "))
            assert one.split()[0] == other.split()[0]  # both about the same person


def test_what_cannot_be_made_is_named_with_the_reason() -> None:
    found = derived_tasks([d.text.replace(BOILERPLATE, "") for d in written(40, sentences=1, titles=False)])
    assert found.missing == {
        "title to body": "want at least 30 documents with a title of their own and 8 words of text, got 0",
        "neighbouring passages": "want at least 30 documents of two passages of up to 500 characters, got 0",
        "halves, every other sentence": "want at least 30 documents of four sentences, 8 words in either half, got 0",
        "halves, first and second": "want at least 30 documents of two sentences, 8 words in either half, got 0",
    } | {name: why for name, why in found.missing.items() if name in ("paraphrases", "typos")}
    assert [task.name for task in found if task.name == "typos"] == ["typos"]


def test_a_large_corpus_is_sampled_evenly_and_that_is_said() -> None:
    documents = written(1500, sentences=2)
    found = derived_tasks(Corpus.of(documents), most=200, queries=50, seed=2)
    assert found.says.startswith("200 of 1,500 documents, drawn evenly")
    for task in found:
        assert len(task.units) <= 50
        assert len(task.documents) <= 400
    ids = {int(name.removeprefix("doc").split()[0]) for name in found[0].documents}
    assert min(ids) < 150
    assert max(ids) > 1350


def test_few_long_documents_give_many_tasks_too() -> None:
    books = [Document(f"book{at}", " ".join(d.text for d in written(150)[at::3])) for at in range(3)]
    found = by_name(books, most=100, queries=60)
    assert len(found["neighbouring passages"].units) >= 30
    assert len(found["typos"].units) >= 30


def test_the_same_seed_gives_the_same_tasks_and_another_one_others() -> None:
    documents = written(200)
    one, same, other = (derived_tasks(documents, most=60, seed=seed) for seed in (1, 1, 2))
    for a, b in zip(one, same, strict=True):
        assert (a.documents, a.queries, a.judged) == (b.documents, b.queries, b.judged)
    assert one[0].documents != other[0].documents


def test_kinds_can_be_chosen_and_unknown_ones_are_named() -> None:
    assert [task.name for task in derived_tasks(written(40), kinds=["typos"])] == ["typos"]
    with pytest.raises(OptionError, match=r"kinds: want some of title to body; .*, got headlines"):
        derived_tasks(written(40), kinds=["headlines"])
    with pytest.raises(InputError, match="documents: want at least one with text"):
        derived_tasks(["", "  "])
