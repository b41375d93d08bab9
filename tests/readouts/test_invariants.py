"""What each readout changes about a causal reading, exactly: who can see whom."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from semascope.errors import InputError, OptionError
from semascope.readouts.bidirectional import Bidirectional
from semascope.readouts.echo_embeddings import EchoEmbeddings
from semascope.readouts.inbedder import InBedder
from semascope.readouts.token_prepending import TokenPrepending
from semascope.readouts.trajectory_meaning import TrajectoryMeaning
from semascope.registry import make
from semascope.testing.model import TinyModel
from semascope.testing.nulls import OneReading
from semascope.types import States, Vectors

MODEL = TinyModel(2)
PAIR = ["red cats sleep on warm mats", "red cats sleep in cold huts"]


@dataclasses.dataclass(frozen=True)
class Start:
    """The mean of each text's first tokens."""

    count: int

    def __call__(self, states: States) -> Vectors:
        rows = [states.hidden[-1][a : a + self.count].mean(axis=0) for a in states.offsets[:-1]]
        return np.array(rows, np.float32)


SAME = Start(len("red cats sleep"))


def test_one_reading_of_equal_beginnings_is_equal_to_the_bit() -> None:
    one, other = OneReading(SAME)(MODEL, PAIR)
    np.testing.assert_array_equal(one, other)
    classical, again = EchoEmbeddings("Write a sentence: {text}", SAME)(MODEL, PAIR)
    np.testing.assert_array_equal(classical, again)


def test_echoed_beginnings_know_how_the_text_ends() -> None:
    one, other = EchoEmbeddings(pooling=SAME)(MODEL, PAIR)
    assert np.abs(one - other).max() > 1e-3


def test_beginnings_read_both_ways_know_how_the_text_ends() -> None:
    one, other = Bidirectional(SAME)(MODEL, PAIR)
    assert np.abs(one - other).max() > 1e-3
    first = [Bidirectional(Start(1))(MODEL, [text])[0] for text in ("abc", "abd")]
    assert np.abs(first[0] - first[1]).max() > 1e-3


def test_the_first_copy_of_an_echo_is_a_classical_reading() -> None:
    # The same words in front: what stands behind the first copy makes no difference to it.
    template = "Rewrite the sentence: {text}"
    for pooling in (None, make("last")):
        classical = EchoEmbeddings(template, pooling)(MODEL, PAIR)
        front = len(template.removesuffix("{text}")) + 1
        states = MODEL.states([template.replace("{text}", text) + "\nand more" for text in PAIR])
        want = [states.hidden[-1][a + front : a + front + len(PAIR[0])] for a in states.offsets[:-1]]
        pooled = [rows.mean(axis=0) if pooling is None else rows[-1] for rows in want]
        np.testing.assert_allclose(classical, pooled, atol=1e-6)


def test_echo_cuts_both_copies_at_the_same_character() -> None:
    model = TinyModel(2, max_length=80)
    long = "abcdefgh" * 20
    whole = EchoEmbeddings()(model, [long])
    kept = next(n for n in range(1, 60) if np.abs(EchoEmbeddings()(model, [long[:n]]) - whole).max() < 1e-6)
    assert kept == (80 - len("Rewrite the sentence: \nrewritten sentence: ") - 1) // 2
    np.testing.assert_array_equal(EchoEmbeddings(most=5)(MODEL, [long]), EchoEmbeddings()(MODEL, [long[:5]]))


def first_word(method: TokenPrepending, texts: list[str], layer: int) -> np.ndarray:
    """States of the first word's bytes, (texts, bytes, width)."""
    states = method.states(MODEL, texts, layers=[layer])
    start = len('This sentence : "')
    inside = (states.spans[:, 0] >= start) & (states.spans[:, 0] < start + 3)
    return states.hidden[0][inside].reshape(len(texts), 3, -1)


@pytest.mark.parametrize("layer", [1, 2, 3])
def test_the_first_word_sees_another_last_word_from_layer_2_on_and_only_with_tokens_prepended(layer: int) -> None:
    texts = ["red cats sleep well", "red cats sleep here"]
    one, other = first_word(TokenPrepending(until=1), texts, layer)
    np.testing.assert_array_equal(one, other)
    one, other = first_word(TokenPrepending(), texts, layer)
    if layer == 1:
        np.testing.assert_array_equal(one, other)
    else:
        assert np.abs(one - other).max() > 1e-3


def test_the_summary_is_the_last_state_wherever_the_text_stands_in_its_batch() -> None:
    texts = ["a", "a much longer text than that", "two words"]
    for together in (1, 2, 3):
        model = TinyModel(2, together=together)
        states = TokenPrepending(until=3).states(model, texts, layers=[1, 2, 3])
        place = states.offsets[:-1] + 1 + len("This sentence : ")
        assert (states.spans[place] == -1).all()
        np.testing.assert_array_equal(states.hidden[:2, place], states.hidden[:2, states.offsets[1:] - 1])
        assert (np.abs(states.hidden[2, place] - states.hidden[2, states.offsets[1:] - 1]).max(axis=1) > 1e-3).all()


def test_the_early_exit_is_at_27_of_32_layers() -> None:
    deep = TinyModel(depth=6)
    for model, layer in ((MODEL, 3), (deep, 5)):
        want = TokenPrepending(layer=layer)(model, PAIR)
        np.testing.assert_array_equal(TokenPrepending()(model, PAIR), want)


def test_sentences_are_punctuated_as_the_papers_code_does() -> None:
    method = TokenPrepending()
    same = [('so "it" is', "so 'it' is."), ("is it?", "is it."), ("it is", "it is."), ("", "")]
    for given, written in same:
        np.testing.assert_array_equal(method(MODEL, [given]), method(MODEL, [written]))


def test_another_question_gives_other_vectors_of_the_same_texts() -> None:
    who, where = (InBedder(question)(MODEL, PAIR) for question in ("Who?", "Where?"))
    assert np.abs(who - where).max() > 1e-3


def test_answers_are_words_and_do_not_hang_on_neighbours() -> None:
    method = InBedder("Who?", most=4, temperature=0.7, seed=3)
    answers = method.answers(MODEL, PAIR)
    assert [method.answers(MODEL, [text])[0] for text in PAIR] == answers
    assert answers != dataclasses.replace(method, seed=4).answers(MODEL, PAIR)
    assert len(InBedder("Who?").answers(MODEL, [*PAIR, ""])) == 3


def test_the_first_state_needs_no_words_and_an_answer_does() -> None:
    mute = TinyModel(2, speaks=False)
    np.testing.assert_array_equal(InBedder()(mute, PAIR), InBedder()(MODEL, PAIR))
    for call in (lambda: InBedder(state="answer")(mute, PAIR), lambda: InBedder().answers(mute, PAIR)):
        with pytest.raises(OptionError, match="inbedder: want a model that gives the next token"):
            call()
    with pytest.raises(OptionError, match="trajectory_meaning: want a model that gives the next token"):
        TrajectoryMeaning()(mute, PAIR)


SHORT = TrajectoryMeaning(n=3, most=4)


def test_a_text_is_nothing_but_like_itself() -> None:
    alike = SHORT.similarity(MODEL, [*PAIR, PAIR[0]], [*PAIR, PAIR[1]])
    np.testing.assert_array_equal(alike[:2], 0)
    assert alike[2] < 0
    np.testing.assert_array_equal(SHORT.entails(MODEL, PAIR, PAIR), 0)


def test_likeness_has_no_direction_and_entailment_has() -> None:
    there, back = SHORT.similarity(MODEL, PAIR, PAIR[::-1])
    assert there == pytest.approx(back, abs=1e-6)
    there, back = SHORT.entails(MODEL, PAIR, PAIR[::-1])
    assert there == pytest.approx(-back, abs=1e-6)
    assert abs(there) <= -SHORT.similarity(MODEL, PAIR[:1], PAIR[1:])[0] + 1e-6


def test_pairs_do_not_see_each_other() -> None:
    every = SHORT.similarity(MODEL, [*PAIR, "ab"], [*PAIR[::-1], "cd"])
    alone = [SHORT.similarity(MODEL, [a], [b])[0] for a, b in zip([*PAIR, "ab"], [*PAIR[::-1], "cd"], strict=True)]
    np.testing.assert_allclose(every, alone, atol=1e-6)
    assert SHORT.similarity(MODEL, [], []).shape == (0,)


def test_columns_do_not_hang_on_the_texts_and_do_on_the_seed() -> None:
    first, other = SHORT.trajectories(MODEL), dataclasses.replace(SHORT, seed=1).trajectories(MODEL)
    assert first.ids.tolist() != other.ids.tolist()
    assert (first.lengths >= 1).all()
    assert (first.lengths <= 4).all()
    assert SHORT(MODEL, PAIR).shape == (2, 3)
    assert (SHORT(MODEL, PAIR) < 0).all()


def test_a_long_text_leaves_room_for_continuations() -> None:
    model = TinyModel(2, max_length=20)
    whole, start, other = SHORT(model, ["x" * 40, "x" * 15, "x" * 14])
    np.testing.assert_array_equal(whole, start)
    assert np.abs(whole - other).max() > 1e-4
    with pytest.raises(OptionError, match="and 20 more to come"):
        TrajectoryMeaning(most=20)(model, PAIR)


@pytest.mark.parametrize(
    ("method", "kind", "words"),
    [
        (TokenPrepending("no mark {text}"), OptionError, "template: want {summary}"),
        (TokenPrepending("{text} {summary}"), OptionError, "template: want {summary}"),
        (TokenPrepending("{summary} only"), OptionError, "template: want {text}"),
        (TokenPrepending(until=0), OptionError, "until: want at least 1"),
        (EchoEmbeddings("nothing"), OptionError, "template: want {text}"),
        (EchoEmbeddings(layer=9), OptionError, "layers: want"),
        (InBedder(template="{text}"), OptionError, "template: want {question}"),
        (InBedder(template="{question}"), OptionError, "template: want {text}"),
        (InBedder(state="all"), OptionError, "state: want one of first, answer, prompt"),  # type: ignore[arg-type]
        (InBedder(most=0), OptionError, "most: want at least 1"),
        (TrajectoryMeaning(beginnings=()), OptionError, "beginnings: want texts"),
        (TrajectoryMeaning(n=0), OptionError, "n: want at least 1"),
        (TrajectoryMeaning(most=0), OptionError, "most: want at least 1"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_options_that_make_no_sense_are_refused_by_name(method: object, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words.replace("{", r"\{")):
        method(MODEL, PAIR)  # type: ignore[operator]


def test_pairs_of_unequal_number_are_refused() -> None:
    with pytest.raises(InputError, match="second: want 2 texts, one for each of the first, got 1"):
        SHORT.similarity(MODEL, PAIR, PAIR[:1])
