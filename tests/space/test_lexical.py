"""Words are found in any script, and nothing in a query is read as the index's own syntax."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semascope.space.lexical import TOKENIZER, index_text, query_text


def found(texts: list[str], query: str) -> list[int]:
    """Places of the texts that a query finds, best first."""
    database = sqlite3.connect(":memory:")
    database.execute(f'CREATE VIRTUAL TABLE words USING fts5 (body, tokenize = "{TOKENIZER}")')
    for at, text in enumerate(texts):
        database.execute("INSERT INTO words (rowid, body) VALUES (?, ?)", (at, index_text(text)))
    terms = query_text(query)
    if terms is None:
        return []
    rows = database.execute("SELECT rowid FROM words WHERE words MATCH ? ORDER BY rank, rowid", (terms,)).fetchall()
    database.close()
    return [row[0] for row in rows]


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Crème brûlée à la carte", "creme brulee"),
        ("creme brulee", "CRÈME"),
        ("Cre\u0300me", "crème"),
        ("Ünïcödé", "unicode"),
        ("Straße", "STRASSE"),
        ("Łódź", "lodz"),
        ("smørrebrød", "smorrebrod"),
        ("ﬁnal oﬃce", "final office"),
        ("ＦＵＬＬ　ｗｉｄｔｈ", "full"),
        ("ёлка", "елка"),
        ("замо́к", "замок"),
        ("Καλημέρα ΚΌΣΜΟΣ", "κοσμος"),
        ("هَٰذَا كِتَابٌ", "كتاب"),
        ("שָׁלוֹם", "שלום"),
        ("हिन्दी भाषा", "हिन्दी"),
        ("tiếng Việt", "tieng viet"),
    ],
)
def test_accents_case_and_width_do_not_matter(text, query):
    assert found(["nothing of the kind", text], query) == [1]


def test_letters_that_only_look_like_accented_ones_stay_themselves():
    assert found(["йод", "иод"], "йод") == [0]
    assert found(["が", "か"], "が") == [0]


@pytest.mark.parametrize(
    ("text", "queries"),
    [
        ("北京大学是中国的大学", ["北京", "大学", "京", "中国", "北京大学", "是"]),
        ("日本語のテキストを検索する", ["検索", "テキスト", "日本", "語"]),
        ("ﾃｷｽﾄ", ["テキスト"]),
        ("ภาษาไทยเป็นภาษาที่ไม่มีช่องว่าง", ["ภาษาไทย", "ไทย", "ที่"]),
        ("ພາສາລາວ", ["ລາວ"]),
        ("ភាសាខ្មែរ", ["ខ្មែរ"]),
        ("မြန်မာဘာသာ", ["ဘာသာ"]),
        ("학교에서 공부한다", ["학교", "공부"]),
        ("用Python编程", ["编程", "python", "Python编程"]),
        ("𠮷野家", ["𠮷野", "𠮷"]),
    ],
)
def test_scripts_without_spaces_are_found_by_any_part(text, queries):
    for query in queries:
        assert found(["something else 天 あ ก 가", text], query) == [1], query


def test_longer_chinese_queries_rank_the_text_that_holds_them_whole_first():
    assert found(["京北学大", "大北学京", "我在北京大学学习", "北京的大学"], "北京大学")[0] == 2


@pytest.mark.parametrize("query", ["copytree", "copy tree", "copy_tree", "CopyTree", "copyTree", "Copy-Tree"])
@pytest.mark.parametrize("text", ["shutil.copytree(src)", "def copy_tree(src):", "class CopyTree:"])
def test_a_name_is_found_however_its_parts_are_written(text, query):
    assert found(["unrelated words", text], query) == [1]


@pytest.mark.parametrize(
    ("query", "best"),
    [
        ("os.path.join", 0),
        ("c++", 2),
        ("C++ - what?", 2),
        ("C#", 3),
        ("HTTPServer", 4),
        ("http server", 4),
        ("get_terminal_size", 5),
        ("getTerminalSize", 5),
    ],
)
def test_the_text_with_the_very_name_comes_first(query, best):
    texts = [
        "os.path.join(a, b) joins",
        "join the os on the path, a path to join",
        "written in c++",
        "written in C# or c",
        "class HTTPServer(TCPServer)",
        "def get_terminal_size():",
        "get the size of the terminal",
        "the letter c",
        "a server of http for all and everybody",
    ]
    assert found(texts, query)[0] == best


@pytest.mark.parametrize(
    "query",
    [
        "c++ - what?",
        "'",
        '"',
        '"unclosed phrase',
        "AND",
        "a AND",
        "NOT x",
        "NEAR(",
        "NEAR(a b, 2)",
        "*",
        "pre*",
        "^first",
        "body:word",
        "col:x",
        "{a b}: c",
        "a + b",
        "(",
        "x\x00y",
        "\ud800 half",
        "'; DROP TABLE words; --",
        "a" * 100_000,
        "word " * 50_000,
        " ".join(f"w{i}" for i in range(3000)),
        "\u202eright to left\u202c",
        "👩‍👩‍👧 family",
        "\ufdfa" * 2000,
        "ก" * 20_000,
    ],
)
def test_no_query_is_an_error(query):
    assert isinstance(found(["some text", "c++ AND x y, a family"], query), list)


@pytest.mark.parametrize("query", ["", " ", "?!", '"', "'", "*", "-", "\x00", "\ud800", "🙂", "()[]{}", "_"])
def test_a_query_without_words_is_none(query):
    assert query_text(query) is None


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_can_be_indexed_and_any_query_asked(text, query):
    assert found([text], query) in ([], [0])


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.characters(max_codepoint=0x24F, categories=["L", "Nd"]), min_size=2, max_size=12))
def test_a_word_finds_its_own_text(word):
    assert found([f"before {word} after"], word) == [0]


def test_little_words_do_not_count_beside_others_and_do_when_alone():
    assert query_text("how do I copy the file") == query_text("copy file").replace(' OR "copyfile"', "")
    assert query_text("to be or not to be").startswith('"to" OR "be" OR "or" OR "not"')
    assert '"with"' in query_text("with statement")


def test_terms_stand_once():
    assert query_text("tree tree TREE") == '"tree" OR "treetree"'


def test_plain_words_go_in_as_they_are():
    assert index_text("plain words, and more.") == "plain words, and more."


def test_text_with_broken_characters_can_be_stored():
    assert index_text("a\x00b \udcffc").encode()
