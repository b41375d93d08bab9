"""Texts inside prompts: which tokens are the text's, and what is cut where the model cannot read it all."""

from __future__ import annotations

import numpy as np
import pytest

from semascope.errors import OptionError
from semascope.ops import kept, prompted, reads_forward
from semascope.testing.model import START, TinyModel
from semascope.types import States, Tokens

TWICE = "Say {text} again: {text}!"
TEXTS = ["cats", "Zoë 我们", "", "say again: !", "{text}"]


class Ends(TinyModel):
    """Puts a special token behind every text too, and may give whole words as tokens."""

    def __init__(self, *, words: bool = False, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self.words = words

    def tokenize(self, texts: list[str], *, special: bool = True) -> Tokens:
        rows, spans = [], []
        for text in texts:
            row, places, at = ([START], [(-1, -1)], 0) if special else ([], [], 0)
            for word in text.split(" ") if self.words else text:
                row.append(sum(word.encode()) % 256)
                places.append((at, at + len(word)))
                at += len(word) + self.words
            room = None if self.max_length is None else self.max_length - special
            rows.append([*row[:room], *([257] if special else [])])
            spans += [*places[:room], *([(-1, -1)] if special else [])]
        bare = Tokens.of(rows)
        return Tokens(bare.ids, bare.offsets, np.array(spans, np.int32).reshape(-1, 2))


def said(model: TinyModel, template: str, texts: list[str], copy: int, **options: int) -> list[str]:
    prompts = prompted(model, template, texts, **options)
    return [model.detokenize(prompts.tokens.ids[a:b].tolist()) for a, b in prompts.places[:, copy].tolist()]


@pytest.mark.parametrize("copy", [0, 1, -1])
def test_every_copy_is_found_whatever_it_holds(copy: int) -> None:
    assert said(TinyModel(), TWICE, TEXTS, copy) == TEXTS


def test_the_prompt_is_the_template_with_the_text_in_it() -> None:
    prompts = prompted(TinyModel(), TWICE, TEXTS)
    for place, text in enumerate(TEXTS):
        ids = prompts.tokens.take([place]).ids.tolist()
        assert ids == [START, *f"Say {text} again: {text}!".encode()]
        assert prompts.wholes[place] == f"Say {text} again: {text}!"


def test_no_texts_give_no_prompts() -> None:
    prompts = prompted(TinyModel(), TWICE, [])
    assert len(prompts.tokens) == 0
    assert prompts.places.shape == (0, 2, 2)


def test_special_tokens_behind_a_prompt_are_left_out_and_those_in_front_stay() -> None:
    prompts = prompted(Ends(), TWICE, ["cats", ""])
    for place in range(2):
        ids = prompts.tokens.take([place]).ids.tolist()
        assert ids[0] == START
        assert 257 not in ids


@pytest.mark.parametrize("longest", [20, 24, 30, 41])
@pytest.mark.parametrize("spare", [0, 3])
def test_long_texts_lose_their_end_in_every_copy_alike_and_the_template_is_whole(longest: int, spare: int) -> None:
    for model in (TinyModel(max_length=longest), Ends(max_length=longest)):
        prompts = prompted(model, "<{text}|{text}>", ["x" * 50, "ab", "我们明天见" * 9], spare=spare)
        assert prompts.tokens.lengths.max() <= longest - spare
        for place, whole in enumerate(prompts.wholes):
            inside, again = whole[1:-1].split("|")
            assert inside == again
            assert model.tokenize([whole]).spans.max() == len(whole)
            assert ("x" * 50, "ab", "我们明天见" * 9)[place].startswith(inside)
        assert prompts.wholes[1] == "<ab|ab>"
        # Nearly all of the room is used.
        assert prompts.tokens.lengths[0] >= longest - spare - 3


def test_a_copy_has_at_most_as_many_tokens_as_asked_for() -> None:
    assert said(TinyModel(), TWICE, ["abcdef", "ab"], 1, most=3) == ["abc", "ab"]
    assert said(TinyModel(), TWICE, ["abcdef", "ab"], 0, most=3) == ["abc", "ab"]


def test_tokens_that_hold_more_than_the_text_count_as_the_texts() -> None:
    prompts = prompted(Ends(words=True), "Say{text}! again", ["red cats", "a"])
    assert (prompts.places[:, 0, 1] - prompts.places[:, 0, 0]).tolist() == [2, 1]
    assert prompts.inside(0).sum() == 3


@pytest.mark.parametrize("template", ["no mark", "{question}", ""])
def test_a_template_without_a_place_for_the_text_is_refused(template: str) -> None:
    with pytest.raises(OptionError, match=r"template: want \{text\} in it"):
        prompted(TinyModel(), template, ["a"])


def test_a_template_that_fills_the_model_is_refused() -> None:
    with pytest.raises(OptionError, match="leaves room for a text among 10 tokens, got one of at least 10"):
        prompted(TinyModel(max_length=10), "0123456789{text}", ["a"])
    with pytest.raises(OptionError, match="3 more to come"):
        prompted(TinyModel(max_length=10), "01234{text}6", ["a"], spare=3)


def test_a_model_that_reads_both_ways_is_refused_by_the_methods_name() -> None:
    reads_forward(TinyModel(), "echo")
    with pytest.raises(OptionError, match="echo: want a model that reads from left to right"):
        reads_forward(TinyModel(causal=False), "echo")


def test_states_that_are_kept_stay_with_their_texts() -> None:
    states = TinyModel().states(["ab", "", "cde"])
    some = kept(states, states.spans[:, 0] >= 0)
    assert isinstance(some, States)
    assert some.lengths.tolist() == [2, 0, 3]
    np.testing.assert_array_equal(some.hidden[0, 2:], states.hidden[0, -3:])
    assert kept(states, np.zeros(len(states.ids))).lengths.tolist() == [0, 0, 0]
