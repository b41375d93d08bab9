"""Copies of texts among others are found: against a plain comparison of all pairs, and planted."""

from __future__ import annotations

import random
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semascope import Corpus
from semascope.errors import OptionError
from semascope.ops.near_duplicates import near_copies

WORDS = ["a", "b", "c", "d", "e", "the", "The", "of", "Red", "blue", "one", "two"]
texts_of_few_words = st.lists(st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join), max_size=12)


def jaccard(one: str, other: str) -> float:
    a, b = (Counter(re.findall(r"\w+", text.casefold())) for text in (one, other))
    either = (a | b).total()
    return (a & b).total() / either if either else 0.0


@pytest.fixture(scope="module")
def python_texts() -> list[str]:
    """Different first paragraphs of Python's own documentation, of ten words or more."""
    texts = [" ".join(one.text.split("\n\n")[0].split()) for one in Corpus.python_docs(limit=3_000)]
    return sorted({text for text in texts if len(text.split()) >= 10})


@given(texts_of_few_words, texts_of_few_words, st.sampled_from([0.5, 0.6, 0.75, 0.8, 1.0]))
@settings(max_examples=150, deadline=None)
def test_the_most_alike_is_what_all_pairs_give(texts: list[str], others: list[str], least: float) -> None:
    found = near_copies(texts, others, least=least)
    for row, text in enumerate(texts):
        best = max([jaccard(text, other) for other in others], default=0.0)
        if best >= least - 1e-9 and best > 0:
            assert found.likeness[row] == pytest.approx(best)
            assert jaccard(text, others[found.place[row]]) == pytest.approx(best)
        else:
            assert found.place[row] == -1
            assert found.likeness[row] == 0


def test_planted_copies_are_found_and_texts_of_the_same_kind_are_not(python_texts: list[str]) -> None:
    rng = random.Random(0)
    rng.shuffle(python_texts)
    known, fresh = python_texts[:300], python_texts[300:]

    def edited(text: str) -> str:
        parts = re.split(r"(\w+)", text)
        words = range(1, len(parts), 2)
        for place in rng.sample(words, len(words) // 10):
            parts[place] = "otherwise"
        return "".join(parts)

    planted = {
        "exact": known,
        "cased": [text.upper() for text in known],
        "a tenth of the words": list(map(edited, known)),
    }
    for what, copies in planted.items():
        assert near_copies(copies, known).found.all(), what
    # A few texts of one documentation do say nearly the same; what a plain comparison of all pairs finds is what there is.
    some = fresh[:60]
    truth = [max(jaccard(text, other) for other in known) >= 0.8 for text in some]
    assert near_copies(some, known).found.tolist() == truth


def test_texts_about_something_else_have_no_copies(python_texts: list[str]) -> None:
    others = [f"The {animal} sleeps under the {tree} while rain falls on the {thing}." for animal in ("cat", "owl") for tree in ("oak", "elm") for thing in ("roof", "pond")]  # fmt: skip
    assert not near_copies(others, python_texts).found.any()


def test_texts_without_words_and_nothing_to_compare_with_have_no_copies() -> None:
    assert near_copies(["", "...", "a b"], ["", "...", "c"]).place.tolist() == [-1, -1, -1]
    assert near_copies(["a"], []).place.tolist() == [-1]
    assert len(near_copies([], ["a"]).place) == 0


def test_scripts_without_spaces_are_compared_by_character() -> None:
    found = near_copies(["今天天气很好我们去公园"], ["今天天气很好我们去公司", "完全不同的句子在这里"])
    assert found.place.tolist() == [0]
    assert np.isclose(found.likeness[0], 10 / 12)


@pytest.mark.parametrize("least", [0, -0.1, 1.1])
def test_a_share_outside_its_range_is_refused(least: float) -> None:
    with pytest.raises(OptionError, match="least"):
        near_copies(["a"], ["a"], least=least)
