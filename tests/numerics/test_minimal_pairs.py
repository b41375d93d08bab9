"""Edits worked out by hand, and an encoder whose cosines are known."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from semascope.errors import InputError, OptionError
from semascope.evaluation.minimal_pairs import MinimalPairs
from semascope.ops.edits import (
    Entities,
    Triplet,
    negated,
    opposed,
    reads,
    renumbered,
    sentences,
    shuffled,
    triplets,
    turned,
)
from semascope.passport import Passport
from semascope.testing.asking import WordSums
from semascope.testing.asking import sentences as asked

reference = pytest.mark.reference


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def every(edit: Callable[[str, np.random.Generator], str | None], text: str, draws: int = 40) -> set[str | None]:
    return {edit(text, np.random.default_rng(seed)) for seed in range(draws)}


@reference("minimal_pairs")
@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("The file is not closed after use.", "The file is closed after use."),
        ("She doesn't carry an umbrella.", "She carries an umbrella."),
        ("The server did not answer.", "The server did answer."),
        ("Do not open the door.", "Open the door."),
        ("It can't be undone.", "It can be undone."),
        ("This cannot be undone.", "This can be undone."),
        ("They won't come tomorrow.", "They will come tomorrow."),
        ("He never raises his voice.", "He always raises his voice."),
        ("It is no longer needed here.", "It is still needed here."),
        ("There is no bread in the house.", "There is some bread in the house."),
        ("We found no errors in the log.", "We found some errors in the log."),
        ("He left without the keys.", "He left with the keys."),
        ("The two sides have also met.", None),
        ("It may or may not be open.", None),
        ("He is not only tired but hungry.", None),
        ("Is the door open now?", None),
        ("Nobody said that nothing happened.", None),
        ("without changing the order of words", None),
    ],
)
def test_a_negation_is_taken_out(text: str, wanted: str | None) -> None:
    assert negated(text, rng()) == wanted


@reference("minimal_pairs")
@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("The file is closed after use.", {"The file is not closed after use.", "The file isn't closed after use."}),
        ("Users can change the name.", {"Users cannot change the name."}),
        (
            "The list has been sorted twice.",
            {"The list has not been sorted twice.", "The list hasn't been sorted twice."},
        ),
        ("He has a red car.", {None}),
        ("A man is playing the flute.", {"No man is playing the flute."}),
        ("There is a way to do it.", {"There is no way to do it."}),
        ("Return the size.", {"Do not return the size.", "Don't return the size.", "Never return the size."}),
        ("Returns the size.", {"Does not return the size.", "Never returns the size."}),
        ("Profits fell in the third quarter.", {"Profits did not fall in the third quarter."}),
        ("Shares fell, said Mr Brown.", {"Shares did not fall, said Mr Brown."}),
        ("On Monday, said Mr Brown, it rained.", {None}),
    ],
)
def test_a_negation_is_put_in(text: str, wanted: set[str | None]) -> None:
    assert every(negated, text) <= wanted
    assert every(negated, text) & wanted


@reference("minimal_pairs")
def test_numbers_become_others_of_the_same_kind() -> None:
    for new in every(renumbered, "The meeting is on 14 May 2004.") | every(renumbered, "They have 1,250 members."):
        assert new is not None
        assert new not in ("The meeting is on 14 May 2004.", "They have 1,250 members.")
    assert all(new.split()[2].count(",") == 1 for new in every(renumbered, "They have 1,250 members.") if new)
    assert {new.split()[0] for new in every(renumbered, "Two dogs run.") if new} <= {
        "Three",
        "Four",
        "Five",
        "Six",
        "Seven",
        "Eight",
        "Nine",
        "Ten",
    }
    assert any(new and new.startswith("It took 3") for new in every(renumbered, "It took 3 hours to finish."))
    assert any(new and "hours" in new for new in every(renumbered, "It took 3 hours to finish."))
    for text in (
        "See utf-8 and sha256.",
        "the range 0..10 of f(3)",
        "won #39;t",
        "http://a.b/c?d=12",
        "no numbers here",
    ):
        assert every(renumbered, text) == {None}


@reference("minimal_pairs")
@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Anna sold bread to Ben.", "Ben sold bread to Anna."),
        ("Anna sold 20 maps to Ben near the harbour.", "Ben sold 20 maps to Anna near the harbour."),
        ("A dog is chasing a cat.", "A cat is chasing a dog."),
        ("The old man is watching the boys.", None),
        ("Oracle sued Google.", "Google sued Oracle."),
        ("The house was built by the king.", "The king was built by the house."),
        ("Gold is heavier than silver.", "Silver is heavier than gold."),
        ("Convert a string to a number.", "Convert a number to a string."),
        ("The train goes from Rome to Paris.", "The train goes from Paris to Rome."),
        ("It rained all day.", None),
        ("Divide the sum by the count.", "Divide the count by the sum."),
        # more of the second behind it
        ("Read data from stdin and a file.", None),
        ("Create an object from a list of names.", None),
        ("Create a message from the data in a file.", None),
        ("Delete text from the start to the end.", "Delete text from the end to the start."),
        ("The box contains the test, the example and the key.", None),
        ("The woman is wearing a black, old, wide hat.", None),
        # the same either way
        ("Compare a string to a number.", None),
        ("Add a number to a sum.", None),
        ("Combine a list with a tuple.", None),
        ("Multiply the sum by the count.", None),
        ("Connect a client to a server.", None),
        ("A boy is fighting a girl.", None),
        ("Anna was joined by Ben.", None),
        ("The result is other than the input.", None),
        ("The prices range from silver to gold.", None),
    ],
)
def test_roles_are_exchanged(text: str, wanted: str | None) -> None:
    assert turned(text) == wanted


@reference("minimal_pairs")
def test_a_word_becomes_its_opposite_unless_the_phrase_is_fixed() -> None:
    assert every(opposed, "Encode the text.") == {"Decode the text."}
    assert every(opposed, "an optional element") == {"a required element"}
    assert every(opposed, "prices rose sharply") == {"prices fell sharply"}
    assert every(opposed, "the largest of the two") == {"the smallest of the two"}
    for text in (
        "a six-year-old boat",
        "first of all, sit",
        "look after all of it",
        "New York is large-ish",
        "as far as possible",
    ):
        assert every(opposed, text) == {None}


def test_the_day_of_a_month_stays_one_where_the_month_is_short() -> None:
    for text in ("It rained on Oct. 30 in Rome.", "It rained on Feb 30 in Rome."):
        days = {int(new.split()[4]) for new in every(renumbered, text, 200) if new}
        assert max(days) <= 28
        assert min(days) < 10


def test_numbers_keep_their_form() -> None:
    assert all(re.search(r" \d+\.34 ", new) for new in every(renumbered, "It rose to 1700.34 points.", 100) if new)
    assert all(int(new.split()[2][:-1]) <= 100 for new in every(renumbered, "It is 100% safe.", 100) if new)
    assert every(renumbered, "The period is 2**19937-1 and size+4 here.") == {None}


def test_articles_follow_the_sound_of_what_is_put_in() -> None:
    found = Entities.gathered(["An Indian ship sailed."])
    new = {one for one in every(found.exchanged, "an Indian ship", 400) if one}
    assert {"a Ukrainian ship", "a European ship", "an Austrian ship", "a Dutch ship"} <= new
    assert not any(one.startswith(("an U", "an Eu")) for one in new)
    assert every(opposed, "A man and a woman talk.") == {None}  # the other is there already
    assert every(opposed, "It is safe to assume more.") == {None}
    assert every(opposed, "It is an equal share.") == {"It is an unequal share."}


@reference("minimal_pairs")
def test_names_become_names_of_the_same_group() -> None:
    texts = [
        "Shares of Oracle rose.",
        "Then Oracle sued.",
        "Shares of Nokia fell.",
        "And Nokia won.",
        "They met in Rome.",
    ]
    found = Entities.gathered(texts)
    assert every(found.exchanged, "Now Oracle wins.") == {"Now Nokia wins."}
    new = {one for one in every(found.exchanged, "They met in Rome.") if one}
    assert len(new) > 5
    assert all(one.startswith("They met in ") and "Rome" not in one for one in new)
    assert every(found.exchanged, "an Indian ship") == every(found.exchanged, "an Indian ship")
    assert all(
        one.startswith(("an A", "an E", "an I", "an O", "a "))
        for one in every(found.exchanged, "an Indian ship")
        if one
    )
    assert found.exchanged("nothing here", rng()) is None
    half = Entities.gathered(["He saw Zealand.", "They saw Zealand.", "He saw Nokia.", "They saw Nokia."])
    assert every(half.exchanged, "He saw Zealand.") == {"He saw Nokia."}
    assert every(half.exchanged, "Storm hits New Zealand.") == {None}


@reference("minimal_pairs")
def test_words_are_dealt_anew_and_none_is_lost() -> None:
    text = "The quick brown fox jumps over a lazy dog."
    for new in every(shuffled, text):
        assert new is not None
        assert new != text
        assert new.endswith(".")
        assert new[0].isupper()
        assert sorted(new.lower().rstrip(".").split()) == sorted(text.lower().rstrip(".").split())
    assert shuffled("Too few words.", rng()) is None


def test_sentences_end_at_full_stops_but_not_at_abbreviations() -> None:
    text = "Mr. Smith came, e.g. by train. He left.\n\nA heading\n\nWhat now? Yes."
    assert list(sentences(text)) == ["Mr. Smith came, e.g. by train.", "He left.", "A heading", "What now?", "Yes."]
    assert reads("The file is closed.")
    assert not reads("x = {1: 2}")
    assert not reads("Too few")
    assert not reads("word " * 50)


def test_a_sentence_is_edited_alike_whatever_stands_beside_it() -> None:
    some = asked(24)
    alone = {one.anchor: one for one in triplets(some[:12], most=50)["numbers"]}
    among = {one.anchor: one for one in triplets(some[::-1], most=50)["numbers"]}
    assert len(alone) == 12
    assert all(among[anchor] == one for anchor, one in alone.items())


def test_english_edits_are_not_tried_on_other_languages() -> None:
    german = [
        "Der Mann ist nicht in dem Haus und der Hund ist bei ihm.",
        "Es sind noch 25 Tage bis zu dem Fest in der Stadt.",
    ]
    found = triplets(german)
    assert not found["negation"]
    assert not found["roles"]
    assert not found["antonyms"]
    assert len(found["numbers"]) == 1
    assert len(found["order"]) == 2


def test_what_cannot_be_asked_is_refused() -> None:
    with pytest.raises(InputError, match="at least one sentence"):
        triplets(["too short"])
    with pytest.raises(OptionError, match="kinds"):
        triplets(asked(4), kinds=("colour",))


class Known:
    """An encoder whose cosine with a sentence is set by hand: (1, 0) for all that is not in `angles`."""

    dim = 2
    passport = Passport(kind="callable", dim=2)

    def __init__(self, angles: dict[str, float]) -> None:
        self.angles = angles

    def encode(self, texts: Sequence[str], **_: Any) -> np.ndarray:
        turn = np.array([self.angles.get(text, 0.0) for text in texts])
        return np.stack([np.cos(turn), np.sin(turn)], axis=1).astype(np.float32)


@reference("minimal_pairs")
def test_shares_and_drops_are_those_of_known_cosines() -> None:
    found = [Triplet("order", f"a{i}", f"c{i}", f"r{i}" if i < 4 else "", f"t{i}") for i in range(5)]
    turns = {"c0": 0.5, "r0": 0.2, "c1": 0.1, "r1": 0.2, "c2": 0.2, "r2": 0.2, "c3": 0.9, "r3": 0.1, "c4": 0.3}
    turns |= {f"t{i}": 0.4 for i in range(5)}
    method = MinimalPairs()
    cosines = method.cosines(Known(turns), found)
    np.testing.assert_allclose(cosines[0], np.cos([0.5, 0.2, 0.4]), atol=1e-6)
    assert np.isnan(cosines[4, 1])
    figures = method.figures(found, cosines)
    assert figures["order"].value == 0.5
    assert figures["order"].n == 4
    assert figures["order, typo"].value == pytest.approx(2 / 5)
    assert figures["order, drop"].value == pytest.approx(1 - np.cos([0.5, 0.1, 0.2, 0.9, 0.3]).mean(), abs=1e-6)


def test_sums_of_words_see_names_and_numbers_and_neither_order_nor_roles() -> None:
    found = MinimalPairs(most=24).measure(WordSums(), asked(24))
    assert found["order, typo"].value == 0
    assert found["roles, typo"].value == 0
    assert found["order, drop"].value == pytest.approx(0, abs=1e-6)
    assert found["numbers, drop"].value > 0.05
    assert found["entities, drop"].value > 0.05
