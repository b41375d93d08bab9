"""What a verb is pointed at: matrices, Spaces and tables, as rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from semascope import Encoder, Space
from semascope.errors import InputError, UnknownNameError
from semascope.subject import open_matrix, open_subject

TEXTS = ["a cat on a sofa", "interest rates rose", "bread needs flour", "the night train to Venice"]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    np.save(tmp_path / "x.npy", np.arange(12, dtype=np.float64).reshape(4, 3))
    lines = [f'{{"id": "r{i}", "text": "{text}", "topic": "t{i % 2}"}}\n' for i, text in enumerate(TEXTS)]
    (tmp_path / "rows.jsonl").write_text("".join(lines))
    return tmp_path


def test_a_matrix_and_its_texts_are_rows(files: Path) -> None:
    found = open_subject(files / "x.npy", texts=files / "rows.jsonl")
    assert list(found.ids) == ["r0", "r1", "r2", "r3"]
    assert list(found.texts or ()) == TEXTS
    assert list(found.labels or ()) == ["t0", "t1", "t0", "t1"]
    assert found.vectors is not None
    assert found.vectors.dtype == np.float32
    assert found.vectors.tolist() == np.arange(12).reshape(4, 3).tolist()


def test_a_matrix_alone_has_no_texts_and_says_so_when_they_are_needed(files: Path) -> None:
    found = open_subject(files / "x.npy")
    assert found.texts is None
    with pytest.raises(InputError, match=r"want texts to encode, got vectors alone in x\.npy"):
        found.encoded(Encoder("default"))


def test_rows_and_texts_of_different_numbers_are_refused(files: Path) -> None:
    np.save(files / "x.npy", np.ones((5, 3)))
    with pytest.raises(InputError, match=r"want one for each of the 5 rows of x\.npy, got 4"):
        open_subject(files / "x.npy", texts=files / "rows.jsonl")


def test_a_matrix_is_read_as_it_stands(files: Path) -> None:
    np.save(files / "bad.npy", np.array([[1, np.nan], [0, 0]]))
    assert np.isnan(open_matrix(files / "bad.npy").values[0, 1])
    with pytest.raises(InputError, match="first in row 0"):
        open_subject(files / "bad.npy")


def test_what_is_no_matrix_is_named(files: Path) -> None:
    np.save(files / "flat.npy", np.ones(3))
    with pytest.raises(InputError, match=r"shape \(3,\) in flat.npy"):
        open_matrix(files / "flat.npy")
    with pytest.raises(UnknownNameError, match="where there is none"):
        open_matrix(files / "none.npy")


def test_a_space_is_its_passages_with_their_vectors(files: Path) -> None:
    encoder = Encoder("default")
    with Space.build(files / "rows.jsonl", encoder, files / "my.space"):
        pass
    found = open_subject(files / "my.space")
    assert list(found.texts or ()) == TEXTS
    assert found.encoder == "default"
    assert found.passport is not None
    assert found.passport.id == encoder.passport.id
    assert found.vectors is not None
    assert np.allclose(found.vectors, encoder.encode(TEXTS), atol=1e-6)


def test_a_sample_keeps_order_and_says_of_how_many(files: Path) -> None:
    found = open_subject(files / "rows.jsonl", sample=2, seed=1)
    assert len(found) == 2
    assert found.total == 4
    assert found.sampled
    assert found.rows.tolist() == sorted(found.rows.tolist())
    assert [TEXTS[i] for i in found.rows] == list(found.texts or ())


def test_the_documentation_of_this_python_is_a_source_by_name() -> None:
    found = open_subject("python:click")
    assert found.texts is not None
    assert any(name.startswith("click.core") for name in found.ids)
    with pytest.raises(UnknownNameError, match="no package 'clikc'"):
        open_subject("python:clikc")
