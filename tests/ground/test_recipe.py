"""Recipe text: read back as written, and safe to read from anybody."""

from __future__ import annotations

import keyword
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semascope.errors import OptionError
from semascope.recipe import Part, parse, text

names = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True).filter(lambda name: not keyword.iskeyword(name))
paths = st.text(min_size=1, max_size=12) | st.sampled_from(["if", "None", "ﬁ", "./a b", "o'clock", "C:\\x", "a/b"])
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.lists(inner, max_size=3),
    max_leaves=5,
)


def parts(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Part]:
    return st.builds(
        Part,
        name=names | paths,
        args=st.lists(inner, max_size=2).map(tuple),
        options=st.dictionaries(names, inner, max_size=2),
        layers=st.lists(st.integers(-40, 40), max_size=3).map(tuple),
    )


recipes = st.lists(parts(values | parts(values)), min_size=1, max_size=4).map(tuple)


@settings(max_examples=200, deadline=None)
@given(recipes)
def test_text_is_read_back_as_the_parts_it_was_written_from(recipe: tuple[Part, ...]) -> None:
    assert parse(text(recipe)) == recipe


def test_the_example_of_the_documentation_is_read() -> None:
    assert parse("minilm[1,-1] | mean | whiten | truncate(128) | int8") == (
        Part("minilm", layers=(1, -1)),
        Part("mean"),
        Part("whiten"),
        Part("truncate", (128,)),
        Part("int8"),
    )
    assert parse('"./my-encoder" | wrap(inner=whiten(n_components=8), sizes=(64, 256))')[1].options == {
        "inner": Part("whiten", options={"n_components": 8}),
        "sizes": (64, 256),
    }


def test_white_space_and_one_layer_make_no_difference() -> None:
    assert parse("  a[3]|b ( 1 , x = 'y' )  ") == (Part("a", layers=(3,)), Part("b", (1,), {"x": "y"}))


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        " ",
        "|",
        "a |",
        "a || b",
        "a; b",
        "a\nb",
        "a, b",
        "(a, b)",
        "a + b",
        "a.b",
        "a.b(1)",
        "a(1)(2)",
        "a()[1](2)(3)",
        "a[1](1)[2]",
        "a(1)[2]",
        "a['x']",
        "a[1.5]",
        "a[True]",
        "a[1:2]",
        "a[]",
        "a[()]",
        "a[b]",
        "a(**{'x': 1})",
        "a(*[1])",
        "a(x for x in y)",
        "a([x for x in y])",
        "lambda: 1",
        "a(lambda: 1)",
        "a(b=lambda: 1)",
        "a(f'{b}')",
        "a(x := 1)",
        "a(1 + 1)",
        "a(10 ** 10 ** 10)",
        "a(b.c)",
        "a(b[c])",
        "__import__('os').system('true')",
        "a(__import__('os').system('true'))",
        "a(x=open('/etc/passwd').read())",
        "a if b else c",
        "not a",
        "await a",
        "yield",
        "import os",
        "''",
        "1",
        "1 | 2",
        "None",
        "a | 'b' | 3",
        "a(1 2)",
        "a(x=1, x=2)",
        "a\0b",
        "'\\ud800",
        "a(" * 100 + ")" * 100 + "(",
        "a(" * 1500,
        "(" * 1900 + "a" + ")" * 1900,
        "[" * 3000,
        "-" * 3000 + "1",
        "a|" * 1990 + "1",
        "a" * 5000,
        "a(" + "9" * 3900,
    ],
    ids=lambda hostile: hostile[:30],
)
def test_whatever_is_not_in_the_grammar_is_refused_with_one_line(hostile: str) -> None:
    with pytest.raises(OptionError, match="recipe: ") as caught:
        parse(hostile)
    assert len(str(caught.value).splitlines()) <= 2


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab_1 |()[]{},='\"*.:-+\\\n\0λ🌋@#", max_size=40))
def test_any_text_is_read_or_refused_and_nothing_else_happens(anything: str) -> None:
    try:
        found = parse(anything)
    except OptionError:
        return
    assert parse(text(found)) == found


def test_nested_parts_are_read_to_a_sensible_depth() -> None:
    deep = "a(" * 60 + "b" + ")" * 60
    assert text(parse(deep)) == deep


def test_names_with_two_underscores_are_only_names() -> None:
    # Reading runs nothing: a name means something only to the registry, which knows file names.
    assert parse("__class__") == (Part("__class__"),)
