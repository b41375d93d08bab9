"""Tables as people have them: which column is the text, the label, the time, the id and the language is found, and said."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from semascope.corpus import Corpus

N = 60
WORDS = [
    "the",
    "server",
    "copies",
    "files",
    "every",
    "night",
    "and",
    "a",
    "printer",
    "on",
    "second",
    "floor",
    "jams",
    "when",
    "paper",
    "is",
    "damp",
    "so",
    "customers",
    "write",
    "long",
    "letters",
    "about",
    "invoices",
    "refunds",
    "delivery",
]
r = random.Random(4)


def sentence(n: int = 12) -> str:
    return " ".join(r.choice(WORDS) for _ in range(n)).capitalize() + "."


def one_of(*values: Any) -> Callable[[int], Any]:
    return lambda i: values[(i * 7 + i // 5) % len(values)]


def day(i: int) -> str:
    return f"2024-{1 + i % 12:02d}-{1 + i % 28:02d}"


CASES: dict[str, tuple[dict[str, Callable[[int], Any]], dict[str, str]]] = {
    "tickets": (
        {
            "Ticket ID": lambda i: f"T-{1000 + i}", "Created": lambda i: f"{day(i)} 10:05:00",
            "Queue": one_of("billing", "technical", "sales"), "Priority": one_of("low", "high"),
            "Subject": lambda _: sentence(4), "Ticket Body": lambda _: sentence(), "Agent": one_of("Ann", "Bob"),
        },
        {"text": "Ticket Body", "id": "Ticket ID", "title": "Subject", "label": "Queue", "time": "Created"},
    ),
    "issues of a tracker": (
        {
            "Issue key": lambda i: f"PRJ-{i}", "Issue Type": one_of("Bug", "Task", "Story"),
            "Description": lambda _: sentence(40), "Created": lambda i: f"{1 + i % 28:02d}/Jan/2024 3:12 PM",
        },
        {"text": "Description", "id": "Issue key", "label": "Issue Type", "time": "Created"},
    ),
    "product reviews": (
        {
            "Id": lambda i: i + 1, "ProductId": lambda i: f"B00{i % 9}X", "ProfileName": one_of("Tom", "J. Smith"),
            "HelpfulnessNumerator": one_of(0, 0, 1, 7), "Score": one_of(1, 2, 3, 4, 5),
            "Time": lambda i: 1300000000 + i * 250000, "Summary": lambda _: sentence(4), "Text": lambda _: sentence(30),
        },
        {"text": "Text", "id": "Id", "label": "Score", "time": "Time"},
    ),
    "film reviews": (
        {"review": lambda _: sentence(30), "sentiment": one_of("positive", "negative")},
        {"text": "review", "label": "sentiment"},
    ),
    "a log": (
        {
            "timestamp": lambda i: f"2024-03-01T10:{i % 60:02d}:00Z", "level": one_of("INFO", "WARN", "ERROR"),
            "logger": one_of("api.auth", "db.pool"), "message": lambda _: sentence(8), "duration_ms": lambda i: i * 1.37,
        },
        {"text": "message", "label": "level", "time": "timestamp"},
    ),
    "papers": (
        {
            "arxiv_id": lambda i: f"2401.{i:05d}", "title": lambda _: sentence(8), "abstract": lambda _: sentence(50),
            "categories": one_of("cs.CL", "cs.LG", "stat.ML"), "published": lambda i: f"{day(i)}T00:00:00Z",
            "url": lambda i: f"https://example.org/abs/2401.{i:05d}",
        },
        {"text": "abstract", "id": "arxiv_id", "title": "title", "label": "categories", "time": "published"},
    ),
    "a data set with numbered labels": (
        {"text": lambda _: sentence(), "label": one_of(0, 1, 2)},
        {"text": "text", "label": "label"},
    ),
    "a data set with numbered and named labels": (
        {"text": lambda _: sentence(), "label": one_of(0, 1), "label_text": one_of("spam", "ham")},
        {"text": "text", "label": "label_text"},
    ),
    "columns without meaning": (
        {"Unnamed: 0": lambda i: i, "v1": one_of("ham", "ham", "spam"), "v2": lambda _: sentence(15)},
        {"text": "v2", "id": "Unnamed: 0", "label": "v1"},
    ),
    "a German export": (
        {
            "Ticket-Nr": lambda i: f"A-{i + 1}", "Erstellt am": lambda i: f"{1 + i % 28:02d}.{1 + i % 12:02d}.2024",
            "Abteilung": one_of("Vertrieb", "Technik"), "Betreff": lambda _: sentence(4), "Nachricht": lambda _: sentence(),
        },
        {"text": "Nachricht", "id": "Ticket-Nr", "title": "Betreff", "label": "Abteilung", "time": "Erstellt am"},
    ),
    "short messages": (
        {
            "phone number": lambda i: f"+49 30 {i:06d}", "tweet_id": lambda i: 10**17 + i * 7919, "user": lambda i: f"u{i}", "text": lambda _: sentence(9),
            "created_at": lambda _: "Wed Aug 27 13:08:45 +0000 2008", "lang": one_of("en", "de", "es"),
            "retweets": one_of(0, 0, 0, 1, 5),
        },
        {"text": "text", "id": "tweet_id", "time": "created_at", "lang": "lang"},
    ),
    "no known name at all": (
        {
            "a": lambda i: f"{i * 7 + 11:08x}-aaaa-4bbb-8ccc-0123456789ab", "b": one_of("de", "en", "fr"),
            "c": one_of("cat", "dog", "bird"), "d": lambda _: sentence(20), "e": lambda i: f"{1 + i % 12}/{13 + i % 15}/2023",
            "f": lambda i: f"https://example.org/a/rather/long/way/to/a/page/that/is/no/text/{i}",
            "g": lambda i: f'{{"key": "value", "number": {i}, "more": "words that are within a JSON object"}}',
        },
        {"text": "d", "id": "a", "label": "c", "time": "e", "lang": "b"},
    ),
    "milliseconds since 1970": (
        {"uid": lambda i: f"u{i}", "when it was": lambda i: 1700000000000 + i * 3600000, "msg": lambda _: sentence(9)},
        {"text": "msg", "id": "uid", "time": "when it was"},
    ),
    "ids and texts alone": ({"id": lambda i: f"r{i}", "text": lambda _: sentence()}, {"text": "text", "id": "id"}),
    "measures are no labels": (
        {
            "id": lambda i: i * 3 + 1, "text": lambda _: sentence(), "price": lambda i: round(i * 1.37 % 40, 2),
            "age": lambda i: 18 + i * 7 % 60, "votes": one_of(0, 0, 0, 0, 0, 1, 0, 3, 12), "built": lambda i: 1900 + i * 2,
            "constant": lambda _: "same", "nearly": lambda i: "odd" if i == 5 else "same",
        },
        {"text": "text", "id": "id"},
    ),
    "names that do not fit": (
        {
            "text": lambda i: f"https://example.org/{i}", "time": lambda i: i * 0.37, "label": lambda i: f"{i * 0.731:.3f}",
            "language": lambda _: sentence(6), "notes": lambda _: sentence(20),
        },
        {"text": "notes"},
    ),
}  # fmt: skip


def written(path: Path, columns: dict[str, Callable[[int], Any]], n: int = N, *, separator: str = ",") -> Path:
    out = io.StringIO()
    table = csv.writer(out, delimiter=separator)
    table.writerow(columns)
    table.writerows([make(i) for make in columns.values()] for i in range(n))
    path.write_text(out.getvalue(), encoding="utf-8")
    return path


@pytest.mark.parametrize("case", CASES)
def test_the_columns_of_a_table_are_found(case: str, tmp_path: Path) -> None:
    columns, expected = CASES[case]
    assert dict(Corpus.read(written(tmp_path / "x.csv", columns)).columns) == expected


def test_a_choice_between_two_is_said(tmp_path: Path) -> None:
    columns, _ = CASES["tickets"]
    assert "label = Queue (guessed, not Priority)" in str(Corpus.read(written(tmp_path / "x.csv", columns)).columns)


def test_a_guess_is_overruled_and_a_role_switched_off(tmp_path: Path) -> None:
    path = written(tmp_path / "x.csv", CASES["tickets"][0])
    found = Corpus.read(path, label="Priority", time="").columns
    assert found["label"] == "Priority"
    assert "time" not in found
    assert "label" not in found.guessed


def test_what_is_guessed_stays_under_its_own_name_too(tmp_path: Path) -> None:
    first = next(iter(Corpus.read(written(tmp_path / "x.csv", CASES["a German export"][0]))))
    assert (first.label, first.time) == (first.metadata["Abteilung"], first.metadata["Erstellt am"])


def test_few_rows_show_too_little_for_a_label_of_an_unknown_name(tmp_path: Path) -> None:
    columns = {"text": lambda _: sentence(), "colour": one_of("red", "blue")}
    assert "label" not in Corpus.read(written(tmp_path / "x.csv", columns, 10)).columns
    assert Corpus.read(written(tmp_path / "y.csv", columns, 40)).columns["label"] == "colour"


def test_a_script_without_spaces_is_text(tmp_path: Path) -> None:
    columns = {
        "番号": lambda i: f"A{i}",
        "内容": lambda i: f"{i}番の列車は2024年に夜の駅を出発しました。",
        "備考": one_of("良い", "悪い"),
    }
    found = Corpus.read(written(tmp_path / "x.csv", columns)).columns
    assert (found["text"], found["label"]) == ("内容", "備考")


def test_a_first_row_of_data_is_data(tmp_path: Path) -> None:
    rows = [[str(i % 4), sentence(6), sentence(30)] for i in range(40)]
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    (tmp_path / "x.csv").write_text(out.getvalue())
    corpus = Corpus.read(tmp_path / "x.csv")
    documents = list(corpus)
    assert dict(corpus.columns) == {"text": "column 3", "label": "column 1"}
    assert [one.text for one in documents] == [row[2] for row in rows]
    assert documents[0].id == "1"
    assert str(corpus.problems[0]).startswith("x.csv:1: the first row holds data and no names")


@pytest.mark.parametrize(
    "header", ["0,1", ",0,1", "n,What could we do better?", "id,text", "year,2019 total", "2020,remarks"]
)
def test_a_first_row_of_names_is_no_data(header: str, tmp_path: Path) -> None:
    width = header.count(",") + 1
    rows = "".join(",".join([str(i)] * (width - 1) + [sentence()]) + "\n" for i in range(5))
    (tmp_path / "x.csv").write_text(f"{header}\n{rows}")
    assert len(list(Corpus.read(tmp_path / "x.csv"))) == 5


# What spreadsheets write.


def test_a_line_that_says_the_separator_is_obeyed_and_is_no_row(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes("\ufeffsep=;\r\nid;text\r\na;one, two, three\r\nb;four, five, six\r\n".encode())
    corpus = Corpus.read(tmp_path / "x.csv")
    assert [(one.id, one.text) for one in corpus] == [("a", "one, two, three"), ("b", "four, five, six")]
    assert not corpus.problems.total


def test_a_spreadsheet_of_windows_keeps_its_umlauts_and_the_encoding_is_said(tmp_path: Path) -> None:
    text = "Nr;Nachricht\r\n1;Die Größe paßt nicht – bitte zurück\r\n2;Kein Umlaut\r\n"
    (tmp_path / "x.csv").write_bytes(text.encode("cp1252"))
    corpus = Corpus.read(tmp_path / "x.csv")
    assert [one.text for one in corpus] == ["Die Größe paßt nicht – bitte zurück", "Kein Umlaut"]
    assert (
        str(corpus.problems[0])
        == "x.csv: not utf-8; read as windows-1252, as Excel writes it (--encoding NAME for another)"
    )
    again = Corpus.read(tmp_path / "x.csv", encoding="cp1252")
    assert next(iter(again)).text == "Die Größe paßt nicht – bitte zurück"
    assert not again.problems.total


def test_another_encoding_is_not_taken_for_that_of_windows(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes("id;text\n1;Принтер не печатает документы\n".encode("cp1251"))
    assert "\ufffd" in next(iter(Corpus.read(tmp_path / "x.csv"))).text


def test_unicode_text_of_a_spreadsheet_is_utf16_with_tabs(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes("id\ttext\r\n1\tüber, alles\r\n2\tnoch; einer\r\n".encode("utf-16"))
    assert [one.text for one in Corpus.read(tmp_path / "x.csv")] == ["über, alles", "noch; einer"]


def test_semicolons_with_decimal_commas_and_quotes_are_parted(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(
        '\ufeff"Nr";"Betrag";"Nachricht"\r\n"1";"3,50";"Er sagte ""nein""; dann ""ja"""\r\n"2";"12,00";"Zeile\neins"\r\n'.encode()
    )
    documents = list(Corpus.read(tmp_path / "x.csv"))
    assert [one.text for one in documents] == ['Er sagte "nein"; dann "ja"', "Zeile\neins"]
    assert documents[0].metadata["Betrag"] == "3,50"
