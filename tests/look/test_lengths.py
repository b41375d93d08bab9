"""Lengths of texts, and what their encoder does not read of them."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from semascope.encoders import Cuts, Encoder
from semascope.errors import InputError
from semascope.look.lengths import find_lengths


@dataclass(frozen=True)
class FirstWords:
    """Reads four words of a text, and says so."""

    def cuts(self, texts: list[str]) -> Cuts:
        words = [text.split() for text in texts]
        return Cuts(
            tokens=np.array([max(0, len(one) - 4) for one in words]),
            at=np.array([len(" ".join(one[:4])) for one in words]),
            characters=np.array([len(text) for text in texts]),
            side="right",
            max_length=4,
        )


TEXTS = ["one two", "", "one two three four five six", "ä" * 10]


def test_characters_are_counted_and_empty_texts_told() -> None:
    found = find_lengths(TEXTS)
    assert found.characters.tolist() == [7, 0, 27, 10]
    assert "1 are empty" in found.says
    assert "longest has 27" in found.says
    assert found.limit is None
    assert len(found.cut) == 0
    assert "not known" in found.says


@pytest.mark.parametrize("encoder", [FirstWords(), SimpleNamespace(backbone=FirstWords())])
def test_texts_that_are_cut_are_named(encoder: object) -> None:
    found = find_lengths(TEXTS, encoder)
    assert found.cut.tolist() == [2]
    assert found.limit == 4
    assert "1 of 4 texts are cut" in found.says


def test_an_encoder_that_reads_everything_cuts_nothing() -> None:
    found = find_lengths(TEXTS, Encoder("default"))
    assert found.limit is None
    assert len(found.cut) == 0
    assert "No length is on record" in found.says


def test_a_limit_that_is_only_on_record_is_told() -> None:
    found = find_lengths(TEXTS, SimpleNamespace(passport=SimpleNamespace(max_length=128)))
    assert "reads 128 tokens" in found.says
    assert "cannot say" in found.says


def test_no_texts_and_no_text_at_all() -> None:
    assert find_lengths([]).says == "There are no texts."
    with pytest.raises(InputError, match="texts: want"):
        find_lengths("one text")
