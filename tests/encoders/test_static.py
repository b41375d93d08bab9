"""The static encoder: the plain formula, whatever the text, the batch, the thread or what it has met before."""

from __future__ import annotations

import copy
import pickle
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import plain
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import semascope.encoders.static.encoder as static_module
from semascope.encoders import EmptyTextWarning, NGrams, StaticEncoder
from semascope.encoders.static.ngrams import fnv1a
from semascope.encoders.static.sums import row_sums
from semascope.errors import InputError, OptionError
from semascope.learned import TokenTable

Make = Callable[..., StaticEncoder]
ODD = [
    "",
    " \t\r\n ",
    "hello world",
    "Hello, WORLD!!",
    "a\x00b hel\x00lo",
    "a\x0bb\x0cc\x1cd\x1de\x1ff\x7fg\x85h",
    "non\u00a0breaking\u2003wide\u2028line\u3000ideographic\u200bzero\ufeffbom",
    "naïve Über Ünïcödé e\u0301 İstanbul ẞ ﬁ Kelvin\u212a",
    "你好,世界 日本語テキスト 한국어",
    "Привет мир مرحبا بالعالم שלום",
    "emoji 🌋🌋 👩‍👩‍👧 flags 🇩🇪 x",
    "x" * 100,
    "x" * 101,
    "cat" * 400 + " dog",
    "über" * 60,
    "[UNK] [MASK] [mask] [CLS]",
    "snake_case.method(arg=10)['key'] -> None  # comment",
    "lone \ud800 surrogate \udfff",
    "\u0301\u0302 combining only",
    "\ufffd",
    "a\r\nb\rc\td",
]
text = st.one_of(
    st.text(max_size=60),
    st.text(alphabet=st.characters(max_codepoint=127), max_size=60),
    st.lists(st.sampled_from(["the", "Cat", "runs", "über", "zzz", " ", "\n", ",", "[MASK]", "\x00", "é"])).map(
        "".join
    ),
    st.sampled_from(ODD),
)
relaxed = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def encode(encoder: Any, texts: list[str]) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EmptyTextWarning)
        return encoder.encode(texts)


@relaxed
@given(texts=st.lists(text, max_size=6))
@pytest.mark.parametrize("ngrams", [True, False])
@pytest.mark.parametrize("lowercase", [True, False])
def test_every_text_gets_the_vector_of_the_plain_formula(
    tiny: Make, texts: list[str], ngrams: bool, lowercase: bool
) -> None:
    encoder = tiny(ngrams=ngrams, lowercase=lowercase)
    np.testing.assert_allclose(encode(encoder, texts), plain.by_words(encoder, texts), atol=2e-6)


@relaxed
@given(texts=st.lists(text, min_size=1, max_size=8))
def test_what_was_met_before_never_changes_a_bit(tiny: Make, texts: list[str]) -> None:
    remembers, forgets = tiny(), tiny(remember=False)
    whole = encode(remembers, texts)
    again = np.concatenate([encode(remembers, [one]) for one in reversed(texts)])[::-1]
    assert (whole == again).all()
    assert (whole == encode(forgets, texts)).all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EmptyTextWarning)
        assert (whole == np.stack([forgets.encode_one(one) for one in texts])).all()


@relaxed
@given(texts=st.lists(text, max_size=6), most=st.sampled_from([None, 1, 3, 512]), keep=st.booleans())
def test_cut_lengths_unknown_and_added_tokens_agree_with_the_tokenizer_on_whole_texts(
    tiny: Make, texts: list[str], most: int | None, keep: bool
) -> None:
    encoder = tiny(ngrams=False, added=True, normalize=False, max_length=most, keep_unknown=keep)
    expected = plain.by_tokens(encoder, texts, most=most, keep_unknown=keep)
    np.testing.assert_allclose(encode(encoder, texts), expected, atol=2e-6)


def test_thousands_of_real_docstrings_get_the_vector_of_the_plain_formula(tiny: Make, docstrings: list[str]) -> None:
    encoder = tiny()
    np.testing.assert_allclose(encoder.encode(docstrings), plain.by_words(encoder, docstrings), atol=5e-6)


def test_batches_of_any_size_give_the_same_bits(tiny: Make, docstrings: list[str]) -> None:
    some = docstrings[:300]
    whole = tiny().encode(some)
    for size in (1, 7, 299, 10_000):
        assert (whole == tiny().encode(some, batch_size=size)).all()


def test_a_text_alone_gets_the_bits_it_gets_among_others(tiny: Make, docstrings: list[str]) -> None:
    encoder = tiny()
    whole = encoder.encode(docstrings)
    assert (whole == np.stack([encoder.encode_one(one) for one in docstrings])).all()
    assert encoder.encode_one("hello").shape == (encoder.dim,)


def test_a_full_memory_is_dropped_and_nothing_changes(tiny: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static_module, "_MEMORY_ROWS", 50)
    small = tiny()
    monkeypatch.undo()
    texts = [f"w{i} word{i % 7} cat{i}s über{i}" for i in range(400)]
    assert (small.encode(texts, batch_size=3) == tiny().encode(texts)).all()
    assert small._memory.used <= 50 + 3 * 12


def test_distinct_words_without_end_are_not_all_kept(tiny: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static_module, "_MEMORY_ROWS", 2_000)
    encoder = tiny(dim=2)
    for start in range(0, 20_000, 1_000):
        encoder.encode([f"q{i:06d}" for i in range(start, start + 1_000)])
        encoder.encode_one(f"r{start} s{start}")
        assert encoder._memory.used <= 2_000 + 1_000
        assert len(encoder._memory.names) <= encoder._memory.used


def test_huge_words_are_not_kept_by_name(tiny: Make) -> None:
    encoder = tiny(dim=2)
    encoder.encode([("y" * 50_000) + str(i) for i in range(4)])
    assert sum(map(len, encoder._memory._long)) == 0


def test_a_very_long_text_is_read_in_pieces_to_the_same_vector(tiny: Make) -> None:
    encoder = tiny()
    for long in (
        " ".join(f"word{i % 977} cat, über" for i in range(6_000)),
        "z" * 100_000,
        "( " * 20_000 + "(" * 3_000 + " dog",
    ):
        rows = encoder.encode(["cat", long, "dog"])
        np.testing.assert_allclose(rows, plain.by_words(encoder, ["cat", long, "dog"]), atol=2e-5)
        assert (rows[1] == encoder.encode([long], batch_size=1)[0]).all()


def test_nothing_is_cut_off(tiny: Make) -> None:
    encoder = tiny()
    long = "the " * 5_000
    assert not np.array_equal(encoder.encode([long + "cat"]), encoder.encode([long + "dog"]))


def test_threads_get_the_same_bits(tiny: Make, docstrings: list[str]) -> None:
    encoder, expected = tiny(), tiny().encode(docstrings[:600])
    results: dict[int, Any] = {}

    def work(number: int) -> None:
        order = np.random.default_rng(number).permutation(600)
        rows = encoder.encode([docstrings[i] for i in order], batch_size=17)
        singles = [encoder.encode_one(docstrings[i]) for i in range(50)]
        results[number] = (rows[np.argsort(order)] == expected).all() and (np.stack(singles) == expected[:50]).all()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [results[number] for number in range(6)] == [True] * 6


def test_sparse_and_plain_sums_give_the_same_bits() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(50, 33)).astype(np.float32)
    sizes = rng.integers(0, 200, size=40)
    index = rng.integers(0, 50, size=sizes.sum())
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    by_scipy = row_sums(matrix, index, offsets, expected=10**9)
    slow = np.zeros((40, 33), dtype=np.float32)
    for row in range(40):
        slow[row] = np.add.reduce(matrix[index[offsets[row] : offsets[row + 1]]], axis=0)
    assert (by_scipy == slow).all()


def test_the_first_vector_needs_no_scipy() -> None:
    import subprocess
    import sys

    code = (
        "import sys, semascope; semascope.Encoder('default').encode(['one text', 'and another', 'ünd a third']);"
        "print(sorted({'scipy', 'torch', 'sklearn', 'transformers', 'pandas', 'click'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_empty_texts_get_zero_rows_and_one_warning_that_counts_them(tiny: Make) -> None:
    with pytest.warns(EmptyTextWarning, match=r"3 of 5 texts .* first at 1") as caught:
        rows = tiny().encode(["cat", "", " \n\t", "dog", "\x00\u200b"], batch_size=2)
    assert len(caught) == 1
    assert (~rows.any(axis=1)).tolist() == [False, True, True, False, True]
    with pytest.warns(EmptyTextWarning):
        assert not tiny().encode_one("").any()


def test_unknown_words_other_scripts_and_emoji_get_distinct_vectors_of_length_one(tiny: Make) -> None:
    texts = ["qxzw", "qxzv", "Привет", "Приветы", "你好", "世界", "مرحبا", "🌋", "👩‍👩‍👧", "ẞẞ", "†", "×÷"]
    rows = tiny(dim=32).encode(texts)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    assert (rows @ rows.T)[np.triu_indices(len(texts), 1)].max() < 0.999


def test_a_table_without_ngrams_warns_where_every_word_is_unknown_and_left_out(tiny: Make) -> None:
    with pytest.warns(EmptyTextWarning, match="1 of 2"):
        rows = tiny(ngrams=False, keep_unknown=False).encode(["你好", "cat"])
    assert not rows[0].any()
    assert rows[1].any()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("one text", "got one str; write"),
        (b"bytes", "got one bytes"),
        (["a", None], "got NoneType at 1"),
        (["a", "b", b"c"], "got bytes at 2"),
        ([["a"]], "got list at 0"),
        (7, "want a list of texts, got int"),
    ],
)
def test_what_is_no_list_of_texts_is_refused_by_place(tiny: Make, given: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        tiny().encode(given)


def test_one_text_that_is_no_text_is_refused(tiny: Make) -> None:
    with pytest.raises(InputError, match="want one str, got list"):
        tiny().encode_one(["a"])


def test_no_texts_give_no_rows_and_generators_are_read(tiny: Make) -> None:
    encoder = tiny()
    assert encoder.encode([]).shape == (0, encoder.dim)
    assert encoder.encode([]).dtype == np.float32
    assert (encoder.encode(t for t in ("cat", "dog")) == encoder.encode(["cat", "dog"])).all()


def test_options_out_of_range_are_refused(tiny: Make) -> None:
    with pytest.raises(OptionError, match="kind"):
        tiny().encode(["a"], kind="passage")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="batch_size"):
        tiny().encode(["a"], batch_size=0)
    with pytest.raises(OptionError, match="max_length"):
        tiny(ngrams=False, max_length=0)
    with pytest.raises(OptionError, match="ngrams"):
        tiny(max_length=5)
    with pytest.raises(OptionError, match="ngrams"):
        NGrams(TokenTable.quantised(np.ones((4, 8))), 5, 3)


def test_a_table_that_does_not_fit_its_tokenizer_is_refused(tiny: Make) -> None:
    encoder = tiny()
    short = TokenTable(encoder.table.table[:5], encoder.table.scale[:5])
    with pytest.raises(InputError, match="want a row for each"):
        StaticEncoder(short, encoder.tokenizer_json)
    with pytest.raises(InputError, match="cannot be read"):
        StaticEncoder(encoder.table, "{not json")
    with pytest.raises(InputError, match=r"want a tokenizers\.Tokenizer"):
        StaticEncoder(encoder.table, 3)


def test_progress_counts_up_to_the_end(tiny: Make) -> None:
    seen: list[tuple[int, int | None]] = []
    tiny().encode(["a", "b", "c", "d", "e"], batch_size=2, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(2, 5), (4, 5), (5, 5)]


@relaxed
@given(texts=st.lists(text, min_size=1, max_size=5))
@pytest.mark.parametrize("ngrams", [True, False])
def test_the_mean_of_the_states_is_the_vector(tiny: Make, texts: list[str], ngrams: bool) -> None:
    encoder = tiny(ngrams=ngrams)
    states = encoder.states(texts)
    means = np.zeros((len(texts), encoder.dim))
    for place, (start, end) in enumerate(zip(states.offsets[:-1], states.offsets[1:], strict=True)):
        if end > start:
            means[place] = states.hidden[0, start:end].mean(0)
    np.testing.assert_allclose(plain.unit(means), encode(encoder, texts), atol=3e-6)
    assert states.hidden.shape == (1, len(states.ids), encoder.dim)
    assert states.spans.shape == (len(states.ids), 2)


def test_spans_are_the_tokens_text(tiny: Make) -> None:
    shown = "The Über cats, running"
    states = tiny().states([shown, "dog"])
    assert [shown[start:end] for start, end in states.spans[: states.offsets[1]]][:3] == ["The", "Über", "cat"]
    assert states.offsets[-1] == len(states.spans)


def test_another_layer_is_refused(tiny: Make) -> None:
    with pytest.raises(OptionError, match="layers"):
        tiny().states(["a"], layers=(1,))


def test_the_passport_tells_encoders_apart_and_is_the_same_after_copying(tiny: Make) -> None:
    encoder = tiny()
    twin = pickle.loads(pickle.dumps(encoder))
    assert encoder.passport.id == tiny().passport.id == twin.passport.id == copy.deepcopy(encoder).passport.id
    assert (twin.encode(["the cats ran"]) == encoder.encode(["the cats ran"])).all()
    others = [
        tiny(ngrams=False),
        tiny(lowercase=False),
        tiny(normalize=False),
        tiny(ngrams=False, max_length=9),
        tiny(ngrams=False, keep_unknown=False),
        tiny(dim=9),
    ]
    assert len({encoder.passport.id, *(other.passport.id for other in others)}) == 7
    assert encoder.passport.canaries.shape == (8, encoder.dim)


def test_hashes_are_fnv_1a() -> None:
    # Published test vectors of the hash's authors.
    assert [fnv1a(word) for word in (b"", b"a", b"foobar")] == [0x811C9DC5, 0xE40C292C, 0xBF9CF968]
