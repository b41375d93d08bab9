"""What the page is as a file: offline, safe to hold any text, small, the same twice."""

from __future__ import annotations

import base64
import json
import re
import zlib
from dataclasses import replace

import numpy as np
import pytest
from material import NASTY, found

from semascope.look.found import Found
from semascope.look.page import SCRIPTS, look_page
from semascope.look.payload import TEXT_ROOM, _texts, densest, payload
from semascope.look.search import coded, make_search
from semascope.look.verdict import report, verdict
from semascope.ops import unit


@pytest.fixture(scope="module")
def small() -> Found:
    return found(300)


@pytest.fixture(scope="module")
def page(small: Found) -> str:
    return look_page(small)


def unpacked(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text))


def test_the_page_holds_no_address_to_load_from(page: str) -> None:
    assert "default-src 'none'" in page
    assert re.findall(r"(?:src|href)=[\"'](?!#)[^\"']+", page) == []
    assert set(re.findall(r"https?://[^\s\"'`)]+", page)) <= {"http://www.w3.org/2000/svg"}


def test_no_text_of_the_corpus_stands_in_the_page_as_it_is(page: str) -> None:
    for text in NASTY:
        assert text not in page
    assert page.count("<script") == page.count("</script>")
    assert "onerror" not in page
    assert "tickets &lt;b&gt;&amp;.csv" in page
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", re.findall(r'id="data-texts">([^<]*)<', page)[0])


def test_texts_come_back_as_they_were(small: Found) -> None:
    texts = unpacked(payload(small)["texts"]).decode().split("\0")
    assert len(texts) == len(small.subject)
    assert texts[:4] == list(NASTY[:4])
    assert texts[4] == NASTY[4].replace("\0", "\ufffd").replace("\ud800", "?")


def test_the_same_findings_give_the_same_page(small: Found, page: str) -> None:
    assert look_page(small) == page


def test_scripts_never_parse_text_as_html() -> None:
    from importlib.resources import files

    for name in SCRIPTS:
        script = files("semascope.look").joinpath(f"web/{name}").read_text(encoding="utf-8")
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|fetch\(|XMLHttp|import\(",
            script,
        ), name
        assert "</script" not in script


def test_facts_are_plain_json_without_numbers_json_has_not(small: Found) -> None:
    facts = json.loads(unpacked(payload(small)["facts"]), parse_constant=pytest.fail)
    assert facts["n"] == 300
    assert len(facts["groups"]) == 5
    assert sum(one["n"] for one in facts["groups"]) + facts["alone"] == 300
    assert facts["duplicates"]["extra"] == 2
    assert facts["langs_names"] == ["German", "English"]


def test_a_map_keeps_its_shape_in_the_page(small: Found) -> None:
    flat = np.frombuffer(unpacked(payload(small)["places"]), "<u2").reshape(2, -1).T.astype(float)
    drawn = np.linalg.norm(flat[:40, None] - flat[None, :40], axis=2)
    real = np.linalg.norm(small.layout.places[:40, None] - small.layout.places[None, :40], axis=2)
    assert np.corrcoef(drawn.ravel(), real.ravel())[0, 1] > 0.99999
    assert np.ptp(flat[:, 0]) == 65535


def test_a_name_is_put_where_its_rows_are_dense() -> None:
    rng = np.random.default_rng(0)
    places = np.concatenate([rng.normal(0, 0.1, (60, 2)), rng.uniform(5, 15, (80, 2))])
    assert np.linalg.norm(densest(places)) < 0.5
    assert densest(np.array([[3.0, 4.0]])) == [3.0, 4.0]


def test_long_texts_are_cut_to_what_a_page_holds_and_that_is_said() -> None:
    rng = np.random.default_rng(0)
    long = ["".join(map(chr, rng.integers(97, 123, 400_000))) for _ in range(30)]
    joined, limit = _texts([*long, "short"])
    assert len(zlib.compress(joined, 1)) <= TEXT_ROOM
    assert 100_000 < limit < 400_000
    assert joined.split(b"\0")[-1] == b"short"
    assert _texts(["one", "two"]) == (b"one\0two", 0)


@pytest.mark.parametrize("bits", [8, 4])
def test_codes_stand_for_the_values_they_were_made_of(bits: int) -> None:
    x = np.random.default_rng(0).standard_normal((500, 7)).astype(np.float32)
    it = coded(x, bits)
    error = np.square(it.values() - x).mean() / x.var()
    assert error < (1e-4 if bits == 8 else 0.0125)  # Max 1960: 0.01154 for 16 even steps
    packed = np.frombuffer(it.packed(), np.uint8).reshape(500, -1)
    assert packed.shape[1] == (7 if bits == 8 else 4)
    if bits == 4:
        assert np.array_equal(packed[:, 0] & 15, it.codes[:, 0])
        assert np.array_equal(packed[:, 0] >> 4, it.codes[:, 1])


def test_rows_that_have_no_room_lose_axes_and_bits_and_the_page_says_what_that_costs() -> None:
    x = unit(np.random.default_rng(0).standard_normal((600, 64)).astype(np.float32))
    whole, tight = make_search(x, None, None), make_search(x, None, None, room=600 * 16)
    assert (whole.rows.bits, whole.rows.codes.shape[1]) == (8, 64)
    assert (tight.rows.bits, tight.rows.codes.shape[1]) == (4, 32)
    assert whole.kept is not None
    assert tight.kept is not None
    assert whole.kept.value > 0.97 > tight.kept.value


def test_search_in_the_page_is_measured_beside_a_search_by_words_alone(small: Found) -> None:
    search = small.search
    assert search is not None
    assert search.overlap is not None
    assert search.literal is not None
    assert search.overlap.low > 0.3  # ten of 300 rows drawn blindly: 0.033
    assert search.literal.n == search.overlap.n
    assert f"{search.overlap.value:.0%}" in search.says
    assert f"n={search.overlap.n}" not in search.says
    assert str(search.overlap.n) in search.says


def test_words_of_shuffled_texts_find_nothing_that_the_encoder_finds() -> None:
    it = found(300, nasty=False)
    assert it.subject.texts is not None
    mixed = [it.subject.texts[row] for row in np.random.default_rng(3).permutation(300)]
    from material import Bag

    class Blind(Bag):
        def encode(self, given, **_):
            rng = np.random.default_rng(len(given))
            return unit(rng.standard_normal((len(given), self.dim)).astype(np.float32))

    search = make_search(it.subject.vectors, mixed, Blind(), fast=True)
    assert search.overlap is not None
    assert search.overlap.value < 0.15


def test_vectors_without_texts_have_a_page_too(small: Found) -> None:
    bare = replace(
        small,
        subject=replace(small.subject, texts=None),
        lengths=None,
        languages=None,
        search=make_search(small.subject.vectors, None, None),
    )
    page = look_page(bare)
    assert "There are no words to search by" in page
    assert "data-texts" not in page
    assert "duplicate" not in verdict(bare)


def test_the_verdict_says_rows_groups_duplicates_labels_and_languages(small: Found) -> None:
    assert verdict(small) == (
        "300 rows in 5 groups, 4 of them stable; 2 exact duplicates; about 1 label looks wrong; English (97%), German (3%)"
    )
    said = report(small)
    assert {one.name for one in said.findings} >= {"duplicates", "outliers", "labels", "languages", "lengths", "time"}
    assert len(said.tables[0].rows) == 5
    assert [row[2] for row in said.tables[0].rows] == ["", "", "", "", "unstable"]


def test_what_json_gives_are_figures_and_not_the_vectors(small: Found) -> None:
    told = json.loads(json.dumps(small.to_json()))
    assert told["rows"] == 300
    assert told["search"]["overlap"][0] == pytest.approx(small.search.overlap.value)
    assert "codes" not in json.dumps(told["search"])
    assert len(small.frame()) == 300
    assert str(small) == verdict(small)


@pytest.mark.slow
def test_a_hundred_thousand_rows_are_under_twenty_megabytes() -> None:
    rng = np.random.default_rng(0)
    letters = np.array(list("etaoinshrdlucmfwypvbgk"))
    words = ["".join(rng.choice(letters, int(size))) for size in rng.integers(3, 10, 30_000)]
    # As often as words of English: the k-th commonest in proportion to 1 / k.
    share = 1 / np.arange(1, len(words) + 1)
    drawn = rng.choice(len(words), (100_000, 22), p=share / share.sum())
    said = [" ".join(words[place] for place in row) for row in drawn]
    assert 130 < np.mean([len(text) for text in said]) < 180
    many = found(100_000, nasty=False)
    x = rng.standard_normal((100_000, 384)).astype(np.float32)
    many = replace(many, subject=replace(many.subject, texts=said), search=make_search(unit(x), said, None))
    assert len(look_page(many).encode()) < 20_000_000
