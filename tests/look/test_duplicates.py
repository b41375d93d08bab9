"""Every duplicate is found: against a plain comparison of all pairs."""

from __future__ import annotations

import random
import re
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semascope.errors import InputError, OptionError
from semascope.look.duplicates import find_duplicates

WORDS = ["a", "b", "c", "d", "e", "f", "the", "The", "of", "Red", "blue", "one", "two"]
texts_of_few_words = st.lists(st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join), min_size=1, max_size=25)


def jaccard(one: str, other: str) -> float:
    a, b = (Counter(re.findall(r"\w+", text.casefold())) for text in (one, other))
    either = (a | b).total()
    return (a & b).total() / either if either else 0.0


def by_hand(texts: list[str], least: float) -> tuple[set[frozenset[int]], dict[frozenset[int], float]]:
    """Exact groups, and groups of near rows with the highest likeness at which all of them still hang together."""
    exact = {frozenset(i for i, t in enumerate(texts) if t.split() == text.split()) for text in texts if text.split()}

    def groups(at: float) -> list[set[int]]:
        found = [{i} for i in range(len(texts))]
        for i, j in combinations(range(len(texts)), 2):
            if jaccard(texts[i], texts[j]) >= at - 1e-12:
                one, other = (next(g for g in found if k in g) for k in (i, j))
                if one is not other:
                    found.remove(other)
                    one |= other
        return [g for g in found if len(g) > 1]

    values = sorted({jaccard(a, b) for a, b in combinations(texts, 2)} - {0.0})
    near = {}
    for group in groups(least):
        near[frozenset(group)] = max(v for v in values if any(group <= other for other in groups(v)))
    return {g for g in exact if len(g) > 1}, near


@given(texts_of_few_words, st.sampled_from([0.5, 0.6, 0.75, 0.8, 1.0]))
@settings(max_examples=150, deadline=None)
def test_what_is_found_is_what_all_pairs_give(texts: list[str], least: float) -> None:
    if not any(texts):
        return
    exact, near = by_hand(texts, least)
    found = find_duplicates(texts, least=least)
    assert {frozenset(group) for group in found.exact} == exact
    got = {frozenset(group): like for group, like in zip(found.near, found.likeness, strict=True)}
    assert set(got) == set(near) - exact
    for group, like in got.items():
        assert like == pytest.approx(near[group])


def test_every_planted_copy_is_found_among_thousands() -> None:
    rng = random.Random(0)
    lexicon = ["".join(rng.choices("abcdefghijklmnop", k=6)) for _ in range(3000)]
    texts = [" ".join(rng.choices(lexicon, k=rng.randint(8, 30))) for _ in range(4000)]
    wanted: set[frozenset[int]] = set()
    for row in range(0, 400, 4):
        words = texts[row].split()
        words[rng.randrange(len(words))] = "changed"  # one word of eight or more: 7 / 9 or above
        wanted.add(frozenset({row, len(texts)}))
        texts.append(" ".join(words))
    found = find_duplicates(texts, least=0.77)
    assert {frozenset(group) for group in found.near} == wanted
    assert found.exact == []


def test_a_template_filled_in_often_is_one_group() -> None:
    texts = [
        f"Your order {i} of two blue lamps has left our house and will be with you on day {i % 7}" for i in range(9000)
    ]
    found = find_duplicates(texts)
    assert [len(group) for group in found.near] == [9000]


def test_white_space_and_composition_do_not_matter_and_case_makes_it_near() -> None:
    found = find_duplicates(["Caf\u00e9  noir\n", "Cafe\u0301 noir", "caf\u00e9 NOIR", "", "   ", "\t"])
    assert found.exact == [[0, 1]]
    assert found.near == [[0, 1, 2]]
    assert found.likeness == [1.0]
    assert "white space" in found.says


def test_texts_without_spaces_are_compared_by_their_characters() -> None:
    found = find_duplicates(["我们明天在车站前面见面吧", "我们明天在车站前面见面", "今天天气很好所以去公园"])
    assert found.near == [[0, 1]]


def test_rows_without_texts_are_compared_by_their_vectors() -> None:
    x = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    x[4] = x[1]
    assert find_duplicates(None, x).exact == [[1, 4]]
    assert find_duplicates([""] * 6, x).exact == [[1, 4]]
    with pytest.raises(InputError, match="texts: want"):
        find_duplicates(None)
    with pytest.raises(OptionError, match="least: want"):
        find_duplicates(["a"], least=0)
