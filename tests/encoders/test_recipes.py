"""Recipe text to encoders: what has to learn says so, and what is learned is applied in order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semascope.corpus import Corpus
from semascope.encoders import EmptyTextWarning, Encoder, PipelineEncoder, Recipe, StaticEncoder, save
from semascope.encoders.pipeline import sample
from semascope.errors import InputError, OptionError, UnknownNameError
from semascope.ops import unit

Make = Callable[..., StaticEncoder]


@pytest.fixture
def base(tiny: Make, tmp_path: Path) -> str:
    save(tiny(dim=12, name="base"), tmp_path / "base")
    return repr(str(tmp_path / "base"))


def test_the_default_is_found_by_name_once() -> None:
    assert Encoder("default") is Encoder("default")
    assert Encoder("default").passport.name == "default"


def test_truncating_needs_no_texts_and_keeps_the_first_columns(base: str, docstrings: list[str]) -> None:
    encoder = Encoder(f"{base} | truncate(5)")
    assert isinstance(encoder, PipelineEncoder)
    full = Encoder(Path(base.strip("'"))).encode(docstrings[:50])
    np.testing.assert_allclose(encoder.encode(docstrings[:50]), unit(full[:, :5]), atol=1e-6)
    assert encoder.dim == encoder.passport.dim == 5


def test_what_has_to_learn_is_a_recipe_that_refuses_to_encode_and_names_the_parts(base: str) -> None:
    recipe = Encoder(f"{base} | truncate(6) | whiten | int8")
    assert isinstance(recipe, Recipe)
    with pytest.raises(OptionError, match=r"has to learn whiten, int8 first: call \.fit"):
        recipe.encode(["a"])


def test_parts_learn_in_order_and_a_codec_learns_from_unit_rows(base: str, docstrings: list[str]) -> None:
    from semascope.registry import make

    encoder = Encoder(f"{base} | whiten | int8").fit(docstrings[:300])
    x = Encoder(Path(base.strip("'"))).encode(docstrings[:300])
    whiten = make("whiten").fit(x)
    rows = unit(whiten.transform(x))
    coder = make("int8").fit(rows).learned_
    assert (encoder.encode_codes(docstrings[:300]) == coder.encode(rows)).all()
    np.testing.assert_allclose(encoder.encode(docstrings[:300]), unit(coder.decode(coder.encode(rows))), atol=1e-6)
    assert encoder.encode_codes(["cat"]).shape == (1, encoder.dim)


def test_corpora_lists_and_generators_of_texts_teach_the_same(base: str, docstrings: list[str]) -> None:
    texts = [text for text in docstrings[:200] if text.strip()]
    recipe = Encoder(f"{base} | whiten")
    from_list = recipe.fit(texts).encode(["a cat", "the dog"])
    assert (recipe.fit(text for text in texts).encode(["a cat", "the dog"]) == from_list).all()
    assert (recipe.fit(Corpus.of(texts)).encode(["a cat", "the dog"]) == from_list).all()


def test_no_more_is_learned_from_than_asked_for_and_the_draw_is_even() -> None:
    drawn = sample((str(i) for i in range(10_000)), 1_000, seed=3)
    assert len(drawn) == len(set(drawn)) == 1_000
    assert drawn == sorted(drawn, key=int)
    assert drawn == sample((str(i) for i in range(10_000)), 1_000, seed=3)
    assert abs(np.mean([int(place) for place in drawn]) - 4_999.5) < 5 * 10_000 / np.sqrt(12 * 1_000)


@pytest.mark.parametrize(("given", "says"), [("one", "got one text"), ([1], "got int at 0"), (["a", None], "at 1")])
def test_what_is_no_text_teaches_nothing(base: str, given: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        Encoder(f"{base} | whiten").fit(given)


def test_too_few_texts_are_refused(base: str) -> None:
    with pytest.raises(InputError, match="at least 2 rows"):
        Encoder(f"{base} | whiten").fit(["only one"])


def test_mean_pooling_is_the_static_encoders_own(base: str, docstrings: list[str]) -> None:
    texts = [text for text in docstrings[:60] if text.strip()]
    pooled = Encoder(f"{base} | mean").encode(texts)
    np.testing.assert_allclose(pooled, Encoder(Path(base.strip("'"))).encode(texts), atol=5e-6)


def test_another_pooling_gives_another_passport_and_other_vectors(base: str) -> None:
    own, largest = Encoder(Path(base.strip("'"))), Encoder(f"{base} | max")
    assert own.passport.differences(largest.passport) == ["pooling"]
    assert not np.allclose(own.encode(["the cat runs"]), largest.encode(["the cat runs"]))
    assert Encoder(f"{base} | truncate(3)").passport.differences(own.passport) == ["transforms", "dim"]


def test_an_empty_text_stays_zero_through_every_step(base: str, docstrings: list[str]) -> None:
    encoder = Encoder(f"{base} | whiten | one_bit").fit(docstrings[:100])
    with pytest.warns(EmptyTextWarning):
        rows = encoder.encode(["", "cat"])
    assert not rows[0].any()
    np.testing.assert_allclose(np.linalg.norm(rows[1]), 1, atol=1e-6)


def test_rows_do_not_see_each_other(base: str, docstrings: list[str]) -> None:
    encoder = Encoder(f"{base} | truncate(6) | whiten").fit(docstrings[:100])
    some = docstrings[:20]
    np.testing.assert_allclose(encoder.encode(some), np.concatenate([encoder.encode([one]) for one in some]), atol=1e-6)
    assert encoder.encode([]).shape == (0, 6)


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("defualt", UnknownNameError, "did you mean 'default'.*at hand: .*default"),
        ("default | trunkate(3)", UnknownNameError, "did you mean 'truncate'"),
        ("default | int8 | whiten", OptionError, "codec as the last part"),
        ("default | whiten | mean", OptionError, "right behind the backbone"),
        ("default | mean | max", OptionError, "right behind the backbone"),
        ("default[-1]", OptionError, "want a pooling behind"),
        ("default(3)", OptionError, "without options other than"),
        ("default | truncate(0)", OptionError, "at least 1"),
        ("default | truncate(1000)", OptionError, "at most 256"),
        ("default |", OptionError, "cannot read"),
        ("__import__('os')", OptionError, "without options other than"),
        ("   ", OptionError, "empty"),
        ("./nowhere", UnknownNameError, "no folder nowhere"),
        ("'./no where' | mean", UnknownNameError, "no folder"),
    ],
)
def test_recipes_that_mean_nothing_are_refused(text: str, error: Any, says: str) -> None:
    with pytest.raises(error, match=says):
        Encoder(text)


def test_only_a_codec_gives_codes(base: str) -> None:
    with pytest.raises(OptionError, match="ends with a codec"):
        Encoder(f"{base} | truncate(3)").encode_codes(["a"])
