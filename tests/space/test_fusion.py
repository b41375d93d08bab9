"""Meaning and words make one score: cosines in standard deviations, and the share of the query that was found."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semascope import Corpus, Space
from semascope.errors import InputError
from semascope.space.fusion import WHOLE, fuse, rarity

numbers = st.floats(-1, 1, width=32)


def test_scores_follow_the_formula():
    scores = fuse([0.3, 0.1], [0.0, 0.8], centre=0.1, spread=0.1, weight=0.25)
    np.testing.assert_allclose(scores, [0.75 * 2.0, 0.25 * WHOLE * 0.8**2])


def test_a_query_found_whole_is_worth_six_deviations():
    near, said = fuse([0.7, 0.1], [0.0, 1.0], centre=0.1, spread=0.1)
    assert near == pytest.approx(said)


def test_rarity_is_that_of_fts5():
    """Read back from SQLite: one word, found once in a text of usual length, scores its weight."""
    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE words USING fts5(text)")
    database.executemany("INSERT INTO words VALUES (?)", [["copper tin"], ["iron tin"], ["lead zinc"], ["gold silver"]])
    for word, holding in (("copper", 1), ("tin", 2)):
        score = database.execute("SELECT -rank FROM words WHERE words MATCH ?", [word]).fetchone()[0]
        assert score == pytest.approx(rarity(4, holding), abs=1e-6)


def test_a_query_the_encoder_knows_nothing_of_is_ranked_by_words():
    assert fuse([0.0, 0.0, 0.0], [0.1, 0.3, 0.2], centre=0.0, spread=0.0).argmax() == 1


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(numbers, st.floats(0, 2)), min_size=1, max_size=30), st.floats(0.01, 0.99))
def test_more_of_either_never_ranks_lower(pairs, weight):
    near, said = map(np.array, zip(*pairs, strict=True))
    before = fuse(near, said, centre=0.1, spread=0.2, weight=weight)
    assert (fuse(near + 0.1, said, centre=0.1, spread=0.2, weight=weight) > before).all()
    assert (fuse(near, said + 0.1, centre=0.1, spread=0.2, weight=weight) > before).all()


def test_scores_that_do_not_pair_are_refused():
    with pytest.raises(InputError, match="shares: want one for each"):
        fuse([0.1, 0.2], [1.0], centre=0.0, spread=1.0)


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    words = [
        "copper kettle",
        "iron pan",
        "silver spoon",
        "wooden bowl",
        "glass jar",
        "paper cup",
        "tin box",
        "clay pot",
    ]
    with Space.build(Corpus.of(words), "default", tmp_path_factory.mktemp("fusion") / "f.space") as made:
        yield made


def test_hybrid_gives_k_where_k_are_there_whatever_the_words(space):
    for query in ("kettle", "zzqx", "what do I boil water in?", "'", "🌋"):
        assert len(space.search(query, k=8)) == 8


def test_all_weight_on_words_ranks_their_documents_first(space):
    words = [hit.id for hit in space.search("tin spoon", k=8, mode="lexical")]
    assert [hit.id for hit in space.search("tin spoon", k=8, weight=1.0)][: len(words)] == words
    near = [hit.id for hit in space.search("tin spoon", k=8, mode="exact")]
    assert [hit.id for hit in space.search("tin spoon", k=8, weight=0.0)] == near


def test_hybrid_scores_are_the_formula_over_every_document(space):
    """Recomputed from the exact and the lexical ranking, which for eight documents are complete."""
    cosine = {hit.id: hit.score for hit in space.search("paper box", k=8, mode="exact")}
    bm25 = {hit.id: hit.score for hit in space.search("paper box", k=8, mode="lexical")}
    values, whole = np.array(list(cosine.values())), 2 * rarity(8, 1)
    shares = np.array([bm25.get(name, 0.0) / whole for name in cosine])
    want = dict(zip(cosine, fuse(values, shares, centre=values.mean(), spread=values.std()), strict=True))
    for hit in space.search("paper box", k=8):
        assert hit.score == pytest.approx(want[hit.id], abs=1e-5)


def test_the_one_document_with_a_product_number_comes_first(tmp_path):
    texts = [f"Pump model QX-{number:04d} for clean water." for number in range(300)] + ["A pump moves water."] * 20
    with Space.build(Corpus.of(texts), "default", tmp_path / "p.space") as made:
        assert made.search("QX-0137", k=1)[0].id == "138"
        assert made.search("pump QX-0137", k=1)[0].id == "138"


def test_words_that_nothing_has_make_the_others_count_less(space):
    sure, unsure = (
        next(hit.score for hit in space.search(query, k=8, weight=1.0) if hit.id == "1")
        for query in ("kettle", "kettle zzqx vvkw")
    )
    assert unsure < sure / 2
