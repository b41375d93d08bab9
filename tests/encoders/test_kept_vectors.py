"""Vectors that are kept: made once, found again, never mixed up; a run that was killed goes on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semascope.encoders import Encoder, as_encoder
from semascope.encoders.jobs import Kept, kept
from semascope.encoders.pipeline import PipelineEncoder
from semascope.errors import CorruptError
from semascope.testing.asking import WordSums
from semascope.types import Kind, Progress, Vectors

TEXTS = [f"text number {i % 70}" for i in range(100)]


class Counting(WordSums):
    """Notes what it was asked to encode, and may stop."""

    def __init__(self, seed: int = 0, *, most: int = 10**9) -> None:
        super().__init__(seed)
        self.seen: list[str] = []
        self.most = most

    def encode(
        self,
        texts: Sequence[str],
        *,
        kind: Kind = "document",
        batch_size: int | None = None,
        progress: Progress | None = None,
    ) -> Vectors:
        if len(self.seen) + len(texts) > self.most:
            raise KeyboardInterrupt
        self.seen += texts
        return super().encode(texts, kind=kind, batch_size=batch_size, progress=progress)


def texts_of(encoder: Counting) -> list[str]:
    return [text for text in encoder.seen if text.startswith("text number")]


def test_rows_are_those_of_the_encoder_and_each_text_is_encoded_once(tmp_path: Path) -> None:
    encoder = Counting()
    found = Kept(encoder, tmp_path).encode(TEXTS)
    assert np.array_equal(found, WordSums().encode(TEXTS))
    assert len(texts_of(encoder)) == 70


def test_another_run_finds_what_was_kept(tmp_path: Path) -> None:
    first = Kept(Counting(), tmp_path).encode(TEXTS)
    again = Counting()
    second = Kept(again, tmp_path)
    assert np.array_equal(second.encode(TEXTS[::-1]), first[::-1])
    assert (texts_of(again), second.encoded) == ([], 0)


def test_a_run_that_was_killed_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "CHUNK", 16)
    with pytest.raises(KeyboardInterrupt):
        Kept(Counting(most=48), tmp_path).encode(TEXTS)
    again = Counting()
    found = Kept(again, tmp_path).encode(TEXTS)
    assert np.array_equal(found, WordSums().encode(TEXTS))
    assert 0 < len(texts_of(again)) < 70
    assert len(texts_of(again)) % 16 == 70 % 16


def test_queries_and_documents_are_kept_apart(tmp_path: Path) -> None:
    encoder = Counting()
    both = Kept(encoder, tmp_path)
    both.encode(TEXTS)
    both.encode(TEXTS, kind="query")
    assert len(texts_of(encoder)) == 140


def test_another_encoder_has_a_place_of_its_own(tmp_path: Path) -> None:
    one, other = (Kept(Counting(seed), tmp_path).encode(TEXTS) for seed in (0, 1))
    assert not np.allclose(one, other)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_function_that_was_changed_under_its_name_is_not_mixed_with_what_it_gave_before(tmp_path: Path) -> None:
    def letters(texts: list[str]) -> Any:
        return np.array([[text.count(one) + 1 for one in "aeiou"] for text in texts], np.float32)

    def others(texts: list[str]) -> Any:
        return np.array([[text.count(one) + 1 for one in "tnrsl"] for text in texts], np.float32)

    others.__name__ = others.__qualname__ = "letters"
    letters.__qualname__ = "letters"
    one = Kept(as_encoder(letters, name="mine"), tmp_path).encode(TEXTS)
    other = Kept(as_encoder(others, name="mine"), tmp_path).encode(TEXTS)
    assert not np.array_equal(one, other)
    assert np.array_equal(Kept(as_encoder(letters, name="mine"), tmp_path).encode(TEXTS), one)
    assert len(list(tmp_path.iterdir())) == 2


class Cut:
    """Letters of the first so many characters: alike on short texts, such as canaries."""

    def __init__(self, longest: int) -> None:
        self.longest = longest

    def encode(self, texts: list[str]) -> Any:
        return np.array([[text[: self.longest].count(one) + 1 for one in "aeiou"] for text in texts], np.float32)


def cut(longest: int) -> Any:
    def own(texts: list[str]) -> Any:
        return Cut(longest).encode(texts)

    return own


@pytest.mark.parametrize("made", [Cut, cut])
def test_two_functions_of_one_name_are_not_taken_for_each_other_though_they_agree_on_canaries(
    made: Any, tmp_path: Path
) -> None:
    texts = ["a long text, " * 200]
    short, whole = made(1_000), made(10_000)
    one = Kept(short, tmp_path).encode(texts)
    assert np.array_equal(Kept(whole, tmp_path).encode(texts), as_encoder(whole).encode(texts))
    assert not np.array_equal(Kept(whole, tmp_path).encode(texts), one)
    Kept(PipelineEncoder(as_encoder(short), []), tmp_path).encode(texts)
    recipe = PipelineEncoder(as_encoder(whole), [])
    assert np.array_equal(Kept(recipe, tmp_path).encode(texts), recipe.encode(texts))
    assert not list(tmp_path.iterdir())
    Kept(as_encoder(whole, name="whole"), tmp_path).encode(texts)
    again = Kept(as_encoder(whole, name="whole"), tmp_path)
    again.encode(texts)
    assert again.encoded == 0


def test_without_a_folder_rows_are_kept_in_memory() -> None:
    encoder = Counting()
    both = Kept(encoder)
    both.encode(TEXTS)
    assert np.array_equal(both.encode(TEXTS[:9]), WordSums().encode(TEXTS[:9]))
    assert len(texts_of(encoder)) == 70


def test_progress_counts_texts_that_are_there_already(tmp_path: Path) -> None:
    Kept(Counting(), tmp_path).encode(TEXTS[:20])
    told: list[tuple[int, int | None]] = []
    Kept(Counting(), tmp_path).encode(TEXTS, progress=lambda done, total: told.append((done, total)))
    assert told[0] == (50, 100)  # 20 texts, 30 that stand there twice
    assert told[-1] == (100, 100)


def test_no_texts_are_no_rows(tmp_path: Path) -> None:
    assert Kept("default", tmp_path).encode([]).shape == (0, Encoder("default").dim)


def test_a_damaged_file_is_named_and_not_read(tmp_path: Path) -> None:
    Kept(Counting(), tmp_path).encode(TEXTS)
    (file,) = tmp_path.glob("*/*.npy")
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(CorruptError, match=rf"{file.name}.*can be made again"):
        Kept(Counting(), tmp_path).encode(TEXTS)
    (side,) = tmp_path.glob("*/passport.json")
    side.write_text(json.dumps({"format": 1}))
    with pytest.raises(CorruptError):
        Kept(Counting(), tmp_path).encode(TEXTS)
