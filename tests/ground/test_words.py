"""Words in any script; names, numbers and little words."""

from __future__ import annotations

import pytest

from semascope.ops.words import is_number, language, little_words, names, words


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("The cat's 3rd mat -- SAT!", ["the", "cat", "s", "3rd", "mat", "sat"]),
        ("1,200.5 of 10:30 and v2", ["1,200.5", "of", "10", "30", "and", "v2"]),
        ("Zoë ﬁnds Straße", ["zoë", "finds", "strasse"]),
        ("we 明天见 go, 好", ["we", "明天", "天见", "go", "好"]),
        ("हिन्दी में प्रश्न।", ["हिन्दी", "में", "प्रश्न"]),
        ("cafe\u0301 = café", ["café", "café"]),
        ("Tom &amp; Jerry&#39;s #36;10 R&D", ["tom", "jerry", "s", "10", "r", "d"]),
        ("snake_case a-b", ["snake", "case", "a", "b"]),
        ("", []),
        ("?! ...", []),
    ],
)
def test_words_are_runs_of_letters_and_digits_in_one_case(text: str, wanted: list[str]) -> None:
    assert words(text) == wanted


def test_ascii_texts_are_cut_as_all_others_are() -> None:
    text = "It's 3.5% of 1,000 (or so): e.g. x86_64, 3D and 10th."
    assert words(text) == words(text + " é")[:-1]


def test_numbers_begin_with_a_digit_of_any_script() -> None:
    assert [is_number(word) for word in ("2004", "1,200.5", "3rd", "٣", "v2", "two", "")] == [True] * 4 + [False] * 3


def test_names_are_capitalised_inside_sentences_wherever_they_stand() -> None:
    texts = [
        "Yesterday we met Anna in Berlin. Nobody saw Anna leave.",
        "Rain fell on the roof of the Bank, and the bank closed.",
        "Big Storm Hits Small Town",
    ]
    assert names(texts) == {"anna", "berlin"}


def test_german_nouns_are_not_taken_for_names() -> None:
    assert names(["Ich habe das Haus und den Garten nicht gesehen, aber wir sind auch in der Stadt."]) == set()


def test_languages_are_told_by_their_little_words() -> None:
    said = {
        "en": "this is not what we had in the house",
        "de": "das ist nicht was wir in dem Haus hatten",
        "fr": "ce n'est pas ce que nous avions dans la maison",
        "es": "esto no es lo que había en la casa",
        "ru": "это не то, что было у нас в доме",
    }
    assert {code: language(words(text)) for code, text in said.items()} == {code: code for code in said}
    assert language(words("tensor gradient backprop")) is None
    assert language([]) is None


def test_little_words_are_those_of_the_languages_that_are_there() -> None:
    english = [words("the cat is on the mat and the dog is not")] * 98
    found = little_words(english)
    assert {"the", "is", "x"} <= found
    assert not {"die", "der", "cat"} & found
    assert {"die", "der"} <= little_words([*english, *[words("die Katze ist nicht auf der Matte")] * 2])
    assert "the" not in little_words([words("матрица вектор тензор")])
