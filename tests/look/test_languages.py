"""Languages are told by script, little words, letters and endings; what cannot be told is not; an encoder's fit is measured."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from semascope.encoders import Encoder
from semascope.errors import InputError
from semascope.look.languages import find_languages, language_of
from semascope.look.tongues import LETTERS, LISTS

# One plain sentence each, made up for this test.
SENTENCES = {
    "en": "The children were playing in the garden while their mother was reading a book.",
    "de": "Die Kinder spielten im Garten, während ihre Mutter ein Buch gelesen hat.",
    "fr": "Les enfants jouaient dans le jardin pendant que leur mère lisait un livre.",
    "es": "Los niños jugaban en el jardín mientras su madre leía un libro.",
    "it": "I bambini giocavano nel giardino mentre la loro madre leggeva un libro.",
    "pt": "As crianças brincavam no jardim enquanto a mãe delas lia um livro.",
    "nl": "De kinderen speelden in de tuin terwijl hun moeder een boek aan het lezen was.",
    "sv": "Barnen lekte i trädgården medan deras mamma läste en bok och drack te.",
    "fi": "Lapset leikkivät puutarhassa, kun heidän äitinsä luki kirjaa ja joi teetä.",
    "hu": "A gyerekek a kertben játszottak, amíg az anyjuk egy könyvet olvasott.",
    "pl": "Dzieci bawiły się w ogrodzie, a ich matka czytała książkę.",
    "cs": "Děti si hrály na zahradě a jejich matka četla knihu.",
    "tr": "Çocuklar bahçede oynarken anneleri bir kitap okuyordu ve çay içiyordu.",
    "vi": "Những đứa trẻ đang chơi trong vườn khi mẹ của chúng đọc sách.",
    "ru": "Дети играли в саду, а их мать читала книгу и пила чай.",
    "uk": "Діти гралися в саду, а їхня мати читала книгу і пила чай.",
    "bg": "Децата играеха в градината, а майка им четеше книга и пиеше чай.",
    "el": "Τα παιδιά έπαιζαν στον κήπο ενώ η μητέρα τους διάβαζε ένα βιβλίο.",
    "he": "הילדים שיחקו בגינה בזמן שאמא שלהם קראה ספר",
    "ar": "كان الأطفال يلعبون في الحديقة بينما كانت أمهم تقرأ كتابا على الكرسي",
    "fa": "بچه‌ها در باغ بازی می‌کردند و مادرشان کتاب می‌خواند که آن را دوست داشت",
    "hi": "बच्चे बगीचे में खेल रहे थे और उनकी माँ किताब पढ़ रही थी",
    "ja": "子どもたちは庭で遊んでいて、母親は本を読んでいた。",
    "zh": "孩子们在花园里玩，他们的母亲在看书。",
    "ko": "아이들은 정원에서 놀고 있었고 어머니는 책을 읽고 있었다.",
    "th": "เด็กๆ กำลังเล่นอยู่ในสวนขณะที่แม่ของพวกเขาอ่านหนังสือ",
    "ka": "ბავშვები ბაღში თამაშობდნენ, დედა კი წიგნს კითხულობდა.",
}


@pytest.mark.parametrize("code", SENTENCES)
def test_a_plain_sentence_tells_its_language(code: str) -> None:
    assert language_of(SENTENCES[code]) == code


@pytest.mark.parametrize(
    "text",
    ["", "   ", "12345", "!!! ???", "x", "Kevin Schmidt", "0x7f3a9c", "pandas numpy torch", "no", "Πλάτων says hello"],
)
def test_what_cannot_be_told_is_not(text: str) -> None:
    assert language_of(text) == ""


def test_every_language_with_words_has_its_letters_and_no_word_twice() -> None:
    assert set(LETTERS) == set(LISTS)
    assert all(len(set(listed)) == len(listed) >= 18 for listed in LISTS.values())


def test_the_rest_of_a_corpus_helps_where_a_text_says_little() -> None:
    short = "Frau mit Hund"
    german = [SENTENCES["de"], "Wir haben das nicht gesehen.", "Es war auch sehr kalt und dunkel."] * 5
    assert find_languages([*german, short]).of[-1] == "de"
    # A corpus in another language does not make a text one of it that shows nothing of it.
    english = [SENTENCES["en"], "We have not seen that.", "It was very cold and dark."] * 5
    assert find_languages([*english, "Zubereitung"]).of[-1] == ""
    assert find_languages([*english, SENTENCES["de"]]).of[-1] == "de"


def test_what_the_source_says_counts_first() -> None:
    found = find_languages([SENTENCES["en"], SENTENCES["de"], SENTENCES["fr"]], langs=["en-GB", None, ""])
    assert list(found.of) == ["en", "de", "fr"]
    assert find_languages(["Kevin"], langs=["SV_se"]).of == ["sv"]
    assert "the source's own" in found.says
    with pytest.raises(InputError, match="langs: want one for each of 1 texts, got 2"):
        find_languages(["a"], langs=["en", "de"])


def test_counts_are_of_the_languages_told_the_commonest_first() -> None:
    found = find_languages([SENTENCES["de"], SENTENCES["en"], SENTENCES["de"], "xx"])
    assert list(found.counts.items()) == [("de", 2), ("en", 1)]
    assert "1 of 4 texts cannot be told" in found.says


def test_an_encoder_that_cuts_a_language_up_is_warned_of() -> None:
    encoder = Encoder("default")
    assert find_languages([SENTENCES["en"]] * 4, encoder).warning == ""
    for code in ("de", "ru", "zh", "el"):
        found = find_languages([SENTENCES["en"]] * 4 + [SENTENCES[code]] * 4, encoder)
        assert "4 of 8 texts" in found.warning
        assert code in found.warning
    assert find_languages([SENTENCES["en"]] * 300 + [SENTENCES["de"]], encoder).warning == ""


def test_an_encoder_that_reads_every_word_whole_is_not() -> None:
    class Whole:
        """Reads words as Unicode cuts them."""

        def tokenize(self, texts: list[str], *, special: bool = True) -> object:
            del special

            class Tokens:
                lengths = np.array(
                    [max(1, len(text) // 4 if " " not in text and len(text) > 12 else 1) for text in texts]
                )

            return Tokens()

    assert find_languages([SENTENCES["de"], SENTENCES["ru"]] * 4, Whole()).warning == ""


@pytest.mark.parametrize(
    ("code", "least"), [("de", 0.9), ("fr", 0.9), ("pl", 0.9), ("ru", 0.9), ("zh", 0.9), ("ja", 0.9), ("en", 0.75)]
)
def test_short_sentences_are_told_and_hardly_any_wrongly(code: str, least: float, shared: Path) -> None:
    lines = (shared / "sts" / f"stsb-{code}-dev.jsonl").read_text("utf-8").splitlines()[:500]
    texts = [json.loads(line)["a"] for line in lines]
    others = [sentence for other, sentence in SENTENCES.items() if other != code]
    found = list(find_languages([*texts, *others]).of)[: len(texts)]
    assert found.count(code) >= least * len(texts)
    assert found.count(code) + found.count("") >= 0.99 * len(texts)
