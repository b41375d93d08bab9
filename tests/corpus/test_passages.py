"""Passages keep every character that is seen, in order, in its place."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semascope.corpus import passages
from semascope.errors import InputError, OptionError

ALPHABET = st.sampled_from(list("ab. \n\r\t!?\u3002\u0301\U0001f44d\U0001f3fd\u200d\u00e9\u4e2d\ud83d\ude00"))


@given(st.text(ALPHABET, max_size=400), st.integers(2, 60), st.data())
def test_spans_are_ordered_apart_short_enough_and_hold_all_ink(text: str, size: int, data: st.DataObject) -> None:
    least = data.draw(st.integers(1, size // 2))
    spans = passages(text, size=size, least=least)
    assert all(0 < end - start <= size for start, end in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    covered = {place for start, end in spans for place in range(start, end)}
    assert {place for place, character in enumerate(text) if not character.isspace()} <= covered
    assert all(text[start:end] == text[start:end].strip() for start, end in spans)


@pytest.mark.parametrize("text", ["", " ", "\n\n\t \u3000"])
def test_blank_text_has_no_passage(text: str) -> None:
    assert passages(text) == []


def test_a_short_text_is_one_passage_without_the_space_around_it() -> None:
    assert passages("  hello there\n") == [(2, 13)]


def cut(text: str, size: int, least: int) -> list[str]:
    return [text[start:end] for start, end in passages(text, size, least)]


def test_a_paragraph_break_is_better_than_a_line_a_sentence_or_a_word() -> None:
    assert cut("one two.\n\nthree four. five\nsix seven", 30, 5) == ["one two.", "three four. five\nsix seven"]
    assert cut("one two. three\nfour five. six seven", 30, 5) == ["one two. three", "four five. six seven"]
    assert cut("one two three. four five six seven", 25, 5) == ["one two three.", "four five six seven"]
    assert cut("one two three four five six seven", 25, 5) == ["one two three four five", "six seven"]


def test_a_paragraph_break_of_a_windows_file_counts() -> None:
    assert cut("one two.\r\n\r\nthree four. five\r\nsix seven", 32, 5)[0] == "one two."


def test_chinese_is_cut_after_its_own_full_stop() -> None:
    assert cut(
        "\u4eca\u5929\u5929\u6c14\u5f88\u597d\u3002\u6211\u4eec\u53bb\u516c\u56ed\u73a9\u4e00\u5929\u5427", 12, 3
    )[0].endswith("\u3002")


def test_a_hard_cut_does_not_part_what_is_seen_as_one() -> None:
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    assert all(piece.startswith("\U0001f468") and piece.endswith("\U0001f467") for piece in cut(family * 20, 13, 6))
    assert all(piece.startswith("e") for piece in cut("e\u0301\u0323" * 50, 10, 4))
    assert all(len(piece) % 2 == 0 for piece in cut("\ud83d\ude00" * 50, 9, 3))
    assert all(len(piece) % 2 == 0 for piece in cut("\U0001f1e9\U0001f1ea" * 15, 10, 3))


def test_no_crumb_is_left_at_the_end() -> None:
    assert min(map(len, cut("x" * 1201, 1200, 200))) >= 200


@pytest.mark.parametrize("text", ["x", "\u0301", " ", "a ", "a\n\n", "\n", "a. "])
def test_a_million_characters_of_one_kind_are_cut_into_few_passages(text: str) -> None:
    # Were a step to look at more of the text than its window, this would take minutes.
    spans = passages(text * (1_000_000 // len(text)) + "z")
    assert len(spans) <= 5000
    assert spans[-1][1] == len(text) * (1_000_000 // len(text)) + 1


def test_options_out_of_range_are_refused() -> None:
    with pytest.raises(OptionError, match="least: want at most half of size"):
        passages("text", size=100, least=51)
    with pytest.raises(OptionError, match="size"):
        passages("text", size=1)
    with pytest.raises(InputError, match="text: want a string, got bytes"):
        passages(b"text")
