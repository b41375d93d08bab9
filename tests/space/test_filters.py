"""Filters keep the documents they say, and nothing in them becomes SQL."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semascope.errors import OptionError
from semascope.space import filters
from semascope.space.filters import Condition, Filter, field_value, parse

DOCUMENTS = [
    {"id": "a", "label": "physics", "year": 2019, "lang": "en", "time": "2019-05-01", "title": "War and Peace"},
    {"id": "b", "label": "physics", "year": 2020, "lang": "de", "time": "2020-12-31", "title": 'Say "hello"'},
    {"id": "c", "label": "biology", "year": 2021.5, "lang": "en", "time": "2021", "open": True},
    {"id": "d", "year": "unknown", "score": -3, "label": "x=y"},
    {"id": "7", "score": 1e3, "label": "'; DROP TABLE fields; --"},
    {"id": "07", "score": "1000", "label": ""},
]


def kept(where: str | list[str]) -> str:
    """The ids of the documents that pass, joined."""
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE fields (key TEXT, value TEXT, number REAL, doc INTEGER)")
    for doc, document in enumerate(DOCUMENTS):
        for key, value in document.items():
            database.execute("INSERT INTO fields VALUES (?, ?, ?, ?)", (key, *field_value(value), doc))
    rows = {row[0] for row in database.execute(*filters.compile(parse(where)))}
    assert database.execute("SELECT count(*) FROM fields").fetchone()[0] == sum(map(len, DOCUMENTS))
    database.close()
    return ",".join(DOCUMENTS[doc]["id"] for doc in sorted(rows))


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        ("label=physics", "a,b"),
        ("label = physics", "a,b"),
        ("label==physics", "a,b"),
        ("label!=physics", "c,d,7,07"),
        ("year=2020", "b"),
        ("year=2020.0", "b"),
        ("year>=2020", "b,c,d"),
        ("year>2020", "c,d"),
        ("year<=2020", "a,b"),
        ("year<2.02e3", "a"),
        ("score<0", "d"),
        ("score=1000", "7,07"),
        ("score>=+999.5", "7,07"),
        ("time>=2020", "b,c"),
        ("time<2020-06", "a"),
        ("open=true", "c"),
        ("id=7", "7"),
        ("id!=7", "a,b,c,d,07"),
        ("lang=en and year>=2020", "c"),
        ("lang=en AND label=physics\nand year<2020", "a"),
        (["lang=en", "label=physics"], "a"),
        (["lang=en and year<2020", "label=physics"], "a"),
        ('title="War and Peace"', "a"),
        ("title='War and Peace'", "a"),
        ('title="Say \\"hello\\""', "b"),
        ("label=x=y", "d"),
        ('label=""', "07"),
        ('"label"="physics"', "a,b"),
        ("nothing=here", ""),
        ("nothing!=here", "a,b,c,d,7,07"),
    ],
)
def test_conditions_keep_what_they_say(where, ids):
    assert kept(where) == ids


@pytest.mark.parametrize(
    "value",
    [
        "'; DROP TABLE fields; --",
        "x' OR '1'='1",
        '" OR 1=1 --',
        "?",
        ":a",
        "%",
        "a\x00b",
        "\\",
        "1); DELETE FROM fields",
    ],
)
def test_sql_in_a_value_or_a_name_is_only_text(value):
    quoted = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    sql, params = filters.compile(parse(f"label={quoted}"))
    assert value in params
    assert value not in sql or value == "?"
    assert kept(f"label={quoted}") == ("7" if value.startswith("'; DROP") else "")
    assert kept(f"{quoted}=1") == ""


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=20), st.sampled_from(["=", "!=", ">=", "<=", ">", "<"]))
def test_any_quoted_text_comes_through_unchanged(text, op):
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert parse(f"{quoted or 'x'}{op}{quoted}") == Filter((Condition(text, op, text),))
    assert isinstance(kept(f"label{op}{quoted}"), str)


@pytest.mark.parametrize(
    "where",
    [
        "",
        "   ",
        [],
        "label",
        "label=",
        "=x",
        "label=a b",
        "label=a and",
        "label~x",
        "label=>3",
        'label="open',
        "a=1 or b=2",
        3,
        [3],
    ],
)
def test_what_cannot_be_read_is_an_error_with_a_right_example(where):
    with pytest.raises(OptionError, match=r"where: want conditions such as label=physics.*got"):
        parse(where)


def test_too_many_conditions_are_refused_by_number():
    with pytest.raises(OptionError, match="where: want at most 100 conditions, got 101"):
        parse(["a=1"] * 101)
    assert kept(["label=physics"] * 100) == "a,b"


def test_half_a_character_is_refused():
    with pytest.raises(OptionError, match="half a character"):
        parse("label=\ud800")


def test_fields_are_named_once():
    assert parse("a=1 and b=2 and a<3").fields == ("a", "b")


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("text", ("text", None)),
        (3, ("3", 3.0)),
        (-2.5, ("-2.5", -2.5)),
        ("007", ("007", 7.0)),
        (True, ("true", None)),
        (False, ("false", None)),
        ("nan", ("nan", None)),
        ("inf", ("inf", None)),
        (float("nan"), ("nan", None)),
        ("1e999", ("1e999", None)),
        ("1_000", ("1_000", None)),
        ("٣", ("٣", None)),
        ("", ("", None)),
    ],
)
def test_a_value_is_stored_as_text_and_as_a_number_where_it_is_one(value, stored):
    assert field_value(value) == stored
