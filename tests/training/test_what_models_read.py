"""Windows, tokenizers, the cipher and the text: each does what its model is said to have learnt from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from little import NAMES, little, sentences

from semascope.ops import cosine
from semascope.ops.wordnet import FOLDER, read_synset
from semascope.training import encipher, held_out, is_ciphered, material, pairs
from semascope.training.counted import counted_vectors
from semascope.training.nets import network
from semascope.training.texts import dictionary, prose
from semascope.training.tokenizing import encode, special_tokens, train_tokenizer
from semascope.training.windows import IGNORED, TEMPLATES, windows


@pytest.fixture(scope="module")
def tokenizers() -> dict:
    return {name: train_tokenizer(little(name), sentences()) for name in NAMES}


@given(st.text())
def test_the_cipher_is_its_own_inverse_keeps_lengths_and_loses_nothing(text: str) -> None:
    other = encipher(text)
    assert encipher(other) == text
    assert len(other) == len(text)
    assert encipher(other + text) == text + other


def test_the_cipher_changes_every_latin_letter_into_one_of_its_own_and_nothing_else() -> None:
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    other = encipher(letters)
    assert len(set(other)) == 52
    assert not set(other) & set(letters)
    assert other[26:] == other[:26].upper()
    assert encipher("12, 3.\n(!) é") == "12, 3.\n(!) é"


def test_pairs_of_the_two_languages_are_recovered_and_half_of_all_texts_are_read_in_each() -> None:
    texts = sentences()
    assert all(encipher(there) == here and there != here for here, there in pairs(texts))
    share = np.mean([is_ciphered(text) for text in texts])
    assert 0.4 < share < 0.6


def test_no_text_is_read_in_both_languages(tokenizers) -> None:
    texts = sentences()
    seen = windows(little("tiny_gpt_ciphered"), tokenizers["tiny_gpt_ciphered"], texts, 0)
    said = [tokenizers["tiny_gpt_ciphered"].decode(seen.tokens.text(i).tolist()) for i in range(len(seen.tokens))]
    assert said == [encipher(text) if is_ciphered(text) else text for text in texts]
    assert not {encipher(text) for text in said} & set(said)


def test_both_languages_have_the_same_tokens_one_for_one(tokenizers) -> None:
    tokenizer = tokenizers["tiny_gpt_ciphered"]
    texts = sentences()[:50]
    here, there = encode(tokenizer, texts), encode(tokenizer, [encipher(text) for text in texts])
    assert here.lengths.tolist() == there.lengths.tolist()
    table: dict[int, int] = {}
    for a, b in zip(here.flat.tolist(), there.flat.tolist(), strict=True):
        assert table.setdefault(a, b) == b
        assert tokenizer.id_to_token(b) == encipher(tokenizer.id_to_token(a))
    assert len(set(table.values())) == len(table)


@pytest.mark.parametrize("name", NAMES)
def test_tokenizers_give_the_text_back_and_know_their_special_tokens(tokenizers, name: str) -> None:
    tokenizer = tokenizers[name]
    for text in ("the cat sees the river at night.", "a dog\nlikes two apples"):
        again = tokenizer.decode(tokenizer.encode(text).ids)
        even = " ".join(again.split()) if name == "tiny_bert" else again
        assert even.replace(" .", ".") == (" ".join(text.split()) if name == "tiny_bert" else text)
    for token in special_tokens(little(name)).values():
        assert tokenizer.token_to_id(token) is not None
    assert tokenizer.token_to_id(special_tokens(little(name))["pad_token"]) == 0


def test_the_same_texts_train_the_same_tokenizer(tokenizers) -> None:
    for name in NAMES:
        assert train_tokenizer(little(name), sentences()).to_str() == tokenizers[name].to_str()


@pytest.mark.parametrize("name", NAMES)
def test_a_step_has_the_same_windows_whatever_came_before_it(tokenizers, name: str) -> None:
    plan, texts = little(name), sentences()
    first, second = (windows(plan, tokenizers[name], texts, 5) for _ in range(2))
    for step in range(40):
        first.batch(step)
    here, there = first.batch(33), second.batch(33)
    assert all(np.array_equal(here[key], there[key]) for key in ("input_ids", "attention_mask", "labels"))
    other = windows(plan, tokenizers[name], texts, 6).batch(33)
    assert other["input_ids"].shape != here["input_ids"].shape or not np.array_equal(
        other["input_ids"], here["input_ids"]
    )


def test_half_of_the_windows_say_their_texts_twice(tokenizers) -> None:
    tokenizer = tokenizers["tiny_gpt"]
    plan = little("tiny_gpt", window=96)
    batch = windows(plan, tokenizer, sentences(), 0).batch(0)
    assert batch["input_ids"].shape == batch["labels"].shape == (8, 96)
    assert np.array_equal(batch["input_ids"][:, 1:], batch["labels"][:, :-1])
    end = tokenizer.token_to_id("<eos>")
    twice = 0
    for row in batch["input_ids"].tolist():
        texts = [tokenizer.decode(part, skip_special_tokens=False) for part in _split(row, end)[:-1]]
        twice += bool(texts) and all(_is_twice(text) for text in texts)
    assert twice == 4


def _split(row: list[int], end: int) -> list[list[int]]:
    parts: list[list[int]] = [[]]
    for token in row:
        parts.append([]) if token == end else parts[-1].append(token)
    return parts


def _is_twice(text: str) -> bool:
    for template in TEMPLATES:
        head, middle = template.replace(" <sep> ", "<sep>").split("{x}")[:2]
        if text.startswith(head) and middle in text:
            first, _, second = text[len(head) :].partition(middle)
            return bool(first) and first == second
    return False


def test_both_sayings_of_a_text_are_the_same_tokens(tokenizers) -> None:
    tokenizer = tokenizers["tiny_gpt"]
    for template in TEMPLATES:
        text = "the old man paints the moon"
        ids = tokenizer.encode(template.format(x=text)).ids
        last = tokenizer.encode(" " + text if ": " in template else text).ids
        assert ids[-len(last) :] == last
        assert _contains(ids[: -len(last)], last)


def _contains(row: list[int], part: list[int]) -> bool:
    return any(row[at : at + len(part)] == part for at in range(len(row)))


def test_every_text_is_read_once_a_time_round_with_an_end_behind_it(tokenizers) -> None:
    tokenizer, texts = tokenizers["tiny_gpt"], sentences()
    plan = little("tiny_gpt", repeated=0.0, batch=1)
    seen = windows(plan, tokenizer, texts, 0)
    count = (len(seen.tokens.flat) + len(texts) - 1) // plan.window
    flat = np.concatenate([seen.batch(step)["input_ids"][0] for step in range(count)])
    said = [tokenizer.decode(part) for part in _split(flat.tolist(), tokenizer.token_to_id("<eos>"))]
    assert len(set(said[:-1])) == len(said) - 1
    assert set(said[:-1]) <= set(texts)
    assert len(said) >= len(texts) - 2


def test_masked_windows_ask_for_about_a_quarter_and_never_for_special_tokens(tokenizers) -> None:
    tokenizer = tokenizers["tiny_bert"]
    seen = windows(little("tiny_bert", batch=64), tokenizer, sentences(), 0)
    asked = total = masked = 0
    for step in range(4):
        batch = seen.batch(step)
        inner = batch["attention_mask"].astype(bool)
        inner[:, 0] = False
        there = batch["labels"] != IGNORED
        assert not (there & ~inner).any()
        assert (batch["input_ids"][:, 0] == tokenizer.token_to_id("[CLS]")).all()
        unasked = inner & ~there
        assert not (batch["input_ids"][unasked] == tokenizer.token_to_id("[MASK]")).any()
        asked, total = asked + there.sum(), total + inner.sum()
        masked += (batch["input_ids"][there] == tokenizer.token_to_id("[MASK]")).sum()
    assert 0.2 < asked / total < 0.3
    assert 0.7 < masked / asked < 0.9


def test_what_was_taken_out_and_what_was_left_make_the_text(tokenizers) -> None:
    tokenizer = tokenizers["tiny_seq2seq"]
    seen = windows(little("tiny_seq2seq", window=64), tokenizer, sentences(), 0)
    names = {tokenizer.token_to_id(f"<extra_id_{place}>") for place in range(32)}
    end = tokenizer.token_to_id("<eos>")
    known = {tuple(seen.tokens.text(i).tolist()) for i in range(len(seen.tokens))}
    batch = seen.batch(3)
    for ids, mask, labels in zip(batch["input_ids"], batch["attention_mask"], batch["labels"], strict=True):
        left, answer = ids[mask == 1].tolist(), labels[labels != IGNORED].tolist()
        assert left[-1] == answer[-1] == end
        spans: dict[int, list[int]] = {}
        for token in answer[:-1]:
            spans[token] = [] if token in names else spans[(last := list(spans)[-1])]
            if token not in names:
                spans.pop(token)
                spans[last].append(token)
        whole = [t for token in left[:-1] for t in (spans[token] if token in names else [token])]
        assert tuple(whole) in known


def test_counted_vectors_put_words_of_like_surroundings_together_and_leave_unseen_tokens_at_zero(tokenizers) -> None:
    tokenizer, texts = tokenizers["tiny_bert"], sentences()
    ids = encode(tokenizer, texts)
    size = tokenizer.get_vocab_size()
    rows = counted_vectors(ids, size, 16, seed=0)
    assert rows.shape == (size, 16)
    assert rows.dtype == np.float32
    assert np.array_equal(rows, counted_vectors(ids, size, 16, seed=0))
    seen = np.bincount(ids.flat, minlength=size) > 0
    assert not rows[~seen].any()
    assert rows[seen].std() == pytest.approx(1.0, rel=1e-3)
    place = {word: tokenizer.token_to_id(word) for word in ("bird", "dog", "night", "likes")}
    assert None not in place.values()
    near = cosine(rows[[place["bird"]]], rows[[place["dog"], place["night"], place["likes"]]])[0]
    assert near[0] > max(near[1], near[2])


def test_where_a_plan_says_so_a_network_begins_with_them_and_a_masked_one_with_how_common_tokens_are(
    tokenizers,
) -> None:
    pytest.importorskip("transformers")
    tokenizer = tokenizers["tiny_bert"]
    ids = encode(tokenizer, sentences())
    counted, random = (network(little("tiny_bert", counted=how), tokenizer, ids, 0) for how in (True, False))
    here, there = (model.get_input_embeddings().weight.detach().numpy() for model in (counted, random))
    rows = counted_vectors(ids, len(here), here.shape[1], seed=0)
    seen = np.abs(rows).sum(axis=1) > 0
    assert np.allclose(np.diag(cosine(here[seen], rows[seen])), 1, atol=1e-5)
    assert here[seen].std() == pytest.approx(there.std(), rel=0.05)
    assert np.array_equal(here[~seen], there[~seen])
    bias = counted.get_output_embeddings().bias.detach().numpy()
    counts = np.bincount(ids.flat, minlength=len(here)) + 1
    assert np.allclose(np.exp(bias), counts / counts.sum(), rtol=1e-4)


def test_a_fiftieth_of_texts_is_held_out_by_the_text_alone() -> None:
    share = np.mean([held_out(f"text {number}") for number in range(5000)])
    assert 0.012 < share < 0.028
    read = material([f"text {number} of many" for number in range(500)])
    assert all(held_out(text) for text in read.held_out)
    assert not any(held_out(text) for text in read.train)
    assert len(read.train) + len(read.held_out) == 500


def test_other_text_has_another_digest_and_the_same_text_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("One line of it.\nAnother line.\n")
    (tmp_path / "b.txt").write_text("Something else altogether.\n")
    here = material([tmp_path / "a.txt", tmp_path / "b.txt"])
    assert here == material([tmp_path / "a.txt", tmp_path / "b.txt"])
    assert here.digest != material(["One line of it.", "Something else altogether."]).digest
    assert here.says == "a.txt, b.txt"


def test_a_long_file_is_many_texts_with_nothing_lost(tmp_path: Path) -> None:
    lines = [f"Line {number} of a book that somebody wrote." for number in range(400)]
    (tmp_path / "book.txt").write_text("\n\n".join(lines))
    read = material(tmp_path / "book.txt")
    assert read.says == "book.txt"
    assert len(read.held_out) >= 1
    assert max(map(len, read.train)) < 1100
    said = [line for text in (*read.train, *read.held_out) for line in text.splitlines()]
    assert sorted(said) == sorted(lines)


def test_prose_keeps_sentences_and_leaves_out_code_tables_and_markup() -> None:
    doc = (
        "Return the :class:`~a.Thing` of *x*, see `here <x.html>`_.\n\n>>> thing(1)\n2\n\n.. note:: no\n\n"
        "Args:\n    name (str): The name of what is wanted\n        by the caller.\n\n=====  =====\nA      B\n=====  =====\n"
    )
    found = list(prose(doc))
    assert "Return the a.Thing of x, see here." in found
    assert "The name of what is wanted by the caller." in found
    assert not any(">>>" in piece or "note" in piece or "=" in piece for piece in found)


def test_a_line_of_wordnet_becomes_its_words_gloss_and_examples() -> None:
    line = '00001740 29 v 02 breathe 0 take_a_breath 0 001 @ 00002325 v 0000 | draw air in; "I can breathe better here"; "Breathe!"'
    offset, synset = read_synset("verb", line)
    assert offset == "00001740"
    assert synset.words == ["breathe", "take a breath"]
    assert synset.gloss == "draw air in"
    assert synset.examples == ["I can breathe better here"]


def test_without_wordnet_the_dictionary_is_empty(tmp_path: Path) -> None:
    assert list(dictionary(tmp_path / "absent")) == []


@pytest.mark.skipif(not FOLDER.is_dir(), reason="WordNet is not installed (Debian: wordnet-base)")
def test_wordnet_gives_every_meaning_with_its_words() -> None:
    texts = list(dictionary())
    assert len(texts) > 100_000
    assert any(text.startswith("dog, domestic dog") for text in texts)
