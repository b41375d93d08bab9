"""A Document is valid from the moment it exists."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semascope.corpus import Document, clean
from semascope.errors import InputError


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"id": ""}, "id: want at least one character"),
        ({"id": 3}, "id: want a string, got int"),
        ({"text": None}, "text: want a string, got NoneType"),
        ({"text": "a\0b"}, "text: want text that can be written as UTF-8, got a NUL at 1"),
        ({"text": "ab\ud800"}, "got a lone surrogate at 2"),
        ({"title": b"x"}, "title: want a string, got bytes"),
        ({"label": 1}, "label: want a string, got int"),
        ({"time": 2020}, "time: want a string"),
        ({"lang": ["en"]}, "lang: want a string"),
        ({"metadata": []}, "metadata: want a mapping, got list"),
        ({"metadata": {1: "x"}}, "metadata: want a string, got int"),
        ({"metadata": {"x": [1]}}, r"metadata\['x'\]: want str, int, float or bool, got list"),
        ({"metadata": {"x": float("nan")}}, r"metadata\['x'\]: want a finite number"),
        ({"metadata": {"x": "\udfff"}}, "got a lone surrogate at 0"),
    ],
)
def test_a_wrong_field_is_named(fields: dict, named: str) -> None:
    with pytest.raises(InputError, match=named):
        Document(**{"id": "1", "text": "hello", **fields})


def test_a_document_cannot_be_changed_and_can_be_a_key() -> None:
    document = Document("1", "hello", metadata={"n": 1})
    with pytest.raises(FrozenInstanceError):
        document.text = "other"
    assert {document: 1}[Document("1", "hello", metadata={"n": 1})] == 1
    assert pickle.loads(pickle.dumps(document)) == document


@given(st.text(st.characters(), max_size=40))
def test_cleaned_text_can_be_stored_and_keeps_its_length(text: str) -> None:
    after = clean(text)
    assert len(after) == len(text)
    assert after.encode().decode() == after
    assert Document("1", after).text == after
    assert all(
        a == b or (b == "\ufffd" and (a == "\0" or "\ud800" <= a <= "\udfff")) for a, b in zip(text, after, strict=True)
    )
