"""Vectors in files: .npz, safetensors, and columns of tables, alone or with their texts."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semascope.errors import CorruptError, InputError, MissingExtraError, OptionError, UnknownNameError
from semascope.subject import open_matrix, open_subject

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 12)).astype(np.float32)
TEXTS = [f"what was written in note {i} about the train" for i in range(40)]


def lines(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def jsonl(path: Path, x: Any = X, **more: Sequence[Any]) -> Path:
    columns = {"text": TEXTS, "vec": x.tolist(), **more}
    return lines(path, [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)])


# Arrays.


def test_the_only_matrix_of_an_npz_is_taken_with_its_ids(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "x.npz", emb=X, ids=np.array([f"n{i}" for i in range(40)]), more=np.ones(3))
    found = open_matrix(tmp_path / "x.npz")
    assert np.array_equal(found.values, X)
    assert list(found.ids or ())[:2] == ["n0", "n1"]
    assert list(open_subject(tmp_path / "x.npz").ids)[:2] == ["n0", "n1"]


def test_of_several_matrices_one_has_to_be_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", train=X, test=X[:5])
    with pytest.raises(
        InputError, match=r"want one array of x\.npz, got several; name one with --vector: train 40x12, test 5x12"
    ):
        open_matrix(tmp_path / "x.npz")
    assert np.array_equal(open_subject(tmp_path / "x.npz", vector="test").vectors, X[:5])
    with pytest.raises(UnknownNameError, match=r"no array 'tset' in x\.npz; did you mean 'test'"):
        open_matrix(tmp_path / "x.npz", "tset")


def test_pickled_objects_are_never_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "sprung",))

    trap = np.empty((2, 2), dtype=object)
    trap[:] = Trap()
    np.savez(tmp_path / "x.npz", emb=trap)
    for vector in (None, "emb"):
        with pytest.raises(InputError):
            open_matrix(tmp_path / "x.npz", vector)
    assert not (tmp_path / "sprung").exists()
    np.savez(tmp_path / "y.npz", emb=X, names=np.array([Trap()], dtype=object))
    assert np.array_equal(open_matrix(tmp_path / "y.npz").values, X)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("name", ["x.npz", "x.npy", "x.safetensors"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", b"\xff" * 100])
def test_a_file_that_is_none_is_an_error_with_its_name(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name.replace(".", r"\.")):
        open_matrix(tmp_path / name)


def safetensors(path: Path, tensors: dict[str, tuple[str, tuple[int, ...], bytes]]) -> Path:
    head: dict[str, Any] = {"__metadata__": {"made": "here"}}
    body = b""
    for name, (dtype, shape, data) in tensors.items():
        head[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(head).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
    return path


def test_safetensors_are_read_as_the_library_writes_them(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"emb": X, "bias": np.ones(3, np.float32)}, tmp_path / "x.safetensors")
    assert np.array_equal(open_matrix(tmp_path / "x.safetensors").values, X)
    save_file({"emb": X.astype(np.float16)}, tmp_path / "h.safetensors")
    found = open_subject(tmp_path / "h.safetensors")
    assert np.array_equal(found.vectors, X.astype(np.float16).astype(np.float32))


def test_bfloat16_becomes_the_same_numbers(tmp_path: Path) -> None:
    upper = (X.view(np.uint32) >> 16).astype("<u2")
    path = safetensors(tmp_path / "b.safetensors", {"emb": ("BF16", X.shape, upper.tobytes())})
    found = open_matrix(path).values
    assert found.dtype == np.float32
    assert np.array_equal(found.view(np.uint32), (X.view(np.uint32) >> 16) << 16)


def test_safetensors_cut_short_or_of_a_type_without_numbers_are_refused(tmp_path: Path) -> None:
    whole = safetensors(tmp_path / "x.safetensors", {"emb": ("F32", X.shape, X.tobytes())})
    (tmp_path / "cut.safetensors").write_bytes(whole.read_bytes()[:-100])
    with pytest.raises(InputError, match="the file is cut short"):
        open_matrix(tmp_path / "cut.safetensors")
    eight = safetensors(tmp_path / "e.safetensors", {"emb": ("F8_E4M3", (4, 4), b"0" * 16)})
    with pytest.raises(InputError, match="got F8_E4M3 in 'emb'"):
        open_matrix(eight)


def test_a_sample_of_a_matrix_is_drawn_before_it_is_read(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    lines(tmp_path / "t.jsonl", [{"id": f"r{i}", "text": text} for i, text in enumerate(TEXTS)])
    found = open_subject(tmp_path / "x.npy", texts=tmp_path / "t.jsonl", sample=7, seed=3)
    assert found.total == 40
    assert [f"r{i}" for i in found.rows] == list(found.ids)
    assert np.array_equal(found.vectors, X[found.rows])
    whole = open_subject(tmp_path / "x.npy", texts=tmp_path / "t.jsonl").sample(7, seed=3)
    assert whole.rows.tolist() == found.rows.tolist()
    with pytest.raises(OptionError, match="sample: want at least 1"):
        open_subject(tmp_path / "x.npy", sample=0)


# Tables.


def test_a_table_of_texts_and_vectors_is_a_whole_subject(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "x.jsonl", id=[f"n{i}" for i in range(40)], topic=["a", "b"] * 20)
    found = open_subject(path)
    assert np.array_equal(found.vectors, X)
    assert list(found.texts or ()) == TEXTS
    assert list(found.ids)[:2] == ["n0", "n1"]
    assert list(found.labels or ())[:2] == ["a", "b"]
    assert "vector = vec (guessed), 12 numbers a row" in found.columns
    assert all("vec" not in (one or {}) for one in found.metadata or ())


def test_vectors_written_as_text_in_a_csv_are_read(tmp_path: Path) -> None:
    import csv

    with (tmp_path / "x.csv").open("w", newline="") as out:
        table = csv.writer(out)
        table.writerow(["text", "plain", "embedding"])
        for text, row in zip(TEXTS, X, strict=True):
            table.writerow([text, "x", str(row.tolist())])
    found = open_subject(tmp_path / "x.csv")
    assert np.array_equal(found.vectors, X)
    assert list(found.texts or ()) == TEXTS


@pytest.mark.parametrize("text", ["[1 2  3\n 4.5]", "(1,2,3,4.5)", "{1,2,3,4.5}", " [1.0, 2, 3e0, 4.5] "])
def test_other_ways_to_write_a_vector_are_read(tmp_path: Path, text: str) -> None:
    lines(tmp_path / "x.jsonl", [{"text": one, "vector": text} for one in TEXTS])
    assert open_subject(tmp_path / "x.jsonl").vectors[0].tolist() == [1, 2, 3, 4.5]


def test_a_ragged_list_is_refused_with_its_row(tmp_path: Path) -> None:
    rows = [
        {"text": text, "vec": row.tolist()[: 11 if i == 16 else 12]}
        for i, (text, row) in enumerate(zip(TEXTS, X, strict=True))
    ]
    path = lines(tmp_path / "x.jsonl", rows)
    with pytest.raises(InputError, match=r"vec: want 12 numbers in every row, as in the first, got 11 at x\.jsonl:17"):
        open_subject(path, vector="vec")


def test_several_columns_of_vectors_are_named(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "x.jsonl", other=(X + 1).tolist())
    with pytest.raises(InputError, match="got several with vectors; name one: vec, other"):
        open_subject(path)
    assert np.array_equal(open_subject(path, vector="other").vectors, X + 1)
    assert open_subject(path, vector="").vectors is None
    with pytest.raises(UnknownNameError, match=r"no column .othr. in x\.jsonl; did you mean .other."):
        open_subject(path, vector="othr")
    with pytest.raises(InputError, match="vector: want numbers in column 'text'"):
        open_subject(path, vector="text")


def test_a_box_and_a_list_of_labels_are_no_vectors(tmp_path: Path) -> None:
    rows = [{"text": text, "box": [1, 2, 3, 4], "labels": [1] * (i % 9 + 1)} for i, text in enumerate(TEXTS)]
    assert open_subject(lines(tmp_path / "x.jsonl", rows)).vectors is None


def test_rows_without_a_vector_or_a_text_are_listed_and_passed_over(tmp_path: Path) -> None:
    rows = [
        {"id": i, "text": None if i == 3 else text, "vec": None if i == 5 else row.tolist()}
        for i, (text, row) in enumerate(zip(TEXTS, X, strict=True))
    ]
    found = open_subject(lines(tmp_path / "x.jsonl", rows))
    assert len(found) == 38
    assert not found.sampled
    assert list(found.problems) == [
        "x.jsonl:4: no text (column 'text'); passed over",
        "x.jsonl:6: no vector (column 'vec'); passed over",
    ]
    assert np.array_equal(found.vectors, np.delete(X, [3, 5], axis=0))


def test_a_raw_matrix_keeps_a_row_of_nan_where_there_is_no_vector(tmp_path: Path) -> None:
    rows = [{"id": f"r{i}", "vec": None if i in (0, 5) else row.tolist()} for i, row in enumerate(X)]
    found = open_matrix(lines(tmp_path / "x.jsonl", rows))
    assert np.isnan(found.values[[0, 5]]).all()
    assert np.array_equal(np.delete(found.values, [0, 5], axis=0), np.delete(X, [0, 5], axis=0))
    assert list(found.ids or ())[5] == "r5"
    with pytest.raises(InputError, match=r"first in row 0"):
        open_subject(tmp_path / "x.jsonl", texts=TEXTS)


def test_a_table_of_vectors_alone_takes_texts_from_beside(tmp_path: Path) -> None:
    path = lines(tmp_path / "x.jsonl", [{"vec": row.tolist()} for row in X])
    assert open_subject(path).texts is None
    lines(tmp_path / "t.jsonl", [{"text": text} for text in TEXTS])
    found = open_subject(path, texts=tmp_path / "t.jsonl", sample=9)
    assert [TEXTS[i] for i in found.rows] == list(found.texts or ())
    assert np.array_equal(found.vectors, X[found.rows])


def test_a_table_without_vectors_is_a_corpus_and_takes_no_texts(tmp_path: Path) -> None:
    path = lines(tmp_path / "x.jsonl", [{"text": text} for text in TEXTS])
    assert open_subject(path).vectors is None
    with pytest.raises(InputError, match=r"want them only beside vectors, got .*, which holds none"):
        open_subject(path, texts=TEXTS)
    with pytest.raises(InputError, match=r"want a column of vectors in x\.jsonl, got none; .* columns: text"):
        open_matrix(path)
    with pytest.raises(OptionError, match="query: want it only of a database"):
        open_subject(path, query="SELECT 1")


def test_a_sample_of_a_stream_is_even_and_the_same_for_a_seed(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "x.jsonl")
    taken = np.zeros(40)
    for seed in range(200):
        found = open_subject(path, sample=10, seed=seed)
        assert (len(found), found.total, found.sampled) == (10, 40, True)
        assert found.rows.tolist() == sorted(found.rows.tolist())
        taken[found.rows] += 1
    # Each row is drawn 50 times of 200 on average, with a spread of 6.1.
    assert taken.min() > 50 - 4.5 * 6.1
    assert taken.max() < 50 + 4.5 * 6.1
    assert open_subject(path, sample=10, seed=7).rows.tolist() == open_subject(path, sample=10, seed=7).rows.tolist()
    assert found.drawn == "10 of 40 rows, drawn evenly"


# Parquet.


@pytest.mark.parametrize("kind", ["list", "fixed", "large", "half", "double", "bytes"])
def test_parquet_vectors_of_every_kind_are_read(tmp_path: Path, kind: str) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    types = {
        "list": arrow.list_(arrow.float32()), "fixed": arrow.list_(arrow.float32(), 12),
        "large": arrow.large_list(arrow.float32()), "half": arrow.list_(arrow.float16()),
        "double": arrow.list_(arrow.float64()), "bytes": arrow.binary(),
    }  # fmt: skip
    given: list[Any] = (
        [row.tobytes() for row in X] if kind == "bytes" else X.astype(np.float16 if kind == "half" else np.float32)
    )
    cells = [None if i == 21 else one if kind == "bytes" else list(one) for i, one in enumerate(given)]
    table = arrow.table({"key": [f"k{i}" for i in range(40)], "body": TEXTS, "vec": arrow.array(cells, types[kind])})
    parquet.write_table(table, tmp_path / "x.parquet", row_group_size=9)
    found = open_subject(tmp_path / "x.parquet")
    expected = np.delete(X.astype(np.float16).astype(np.float32) if kind == "half" else X, 21, axis=0)
    assert np.array_equal(found.vectors, expected)
    assert list(found.problems) == ["x.parquet:22: no vector (column 'vec'); passed over"]
    assert list(found.ids)[20:22] == ["k20", "k22"]
    part = open_subject(tmp_path / "x.parquet", sample=15, seed=2)
    assert [f"k{i}" for i in part.rows] == list(part.ids)
    assert np.array_equal(
        part.vectors,
        X.astype(part.vectors.dtype)[part.rows] if kind != "half" else expected[[int(i) - (i > 21) for i in part.rows]],
    )
    assert np.isnan(open_matrix(tmp_path / "x.parquet").values[21]).all()


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    with pytest.raises(MissingExtraError, match=r"semascope\[parquet\]"):
        open_subject(tmp_path / "x.parquet")


def test_a_passport_of_another_matrix_is_still_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    (tmp_path / "x.npy.passport.json").write_text("{}")
    with pytest.raises(CorruptError):
        open_matrix(tmp_path / "x.npy")
