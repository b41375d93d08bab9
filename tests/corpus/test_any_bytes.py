"""Whatever bytes a file holds: documents that can be stored, or an error of ours."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semascope.corpus import Corpus
from semascope.errors import SemascopeError

SUFFIXES = ["csv", "tsv", "jsonl", "json", "txt", "md", "rst", "html", "py", "csv.gz", "parquet"]
# Pieces that mean something to one reader or another, put together at random.
PIECES = st.sampled_from(
    [
        *(b"id,text\n", b'"', b",", b"\t", b"\n", b"\r\n", b"\r", b"\\", b";", b"'", b" ", b"\0", b"\xff", b"\xc3", b"\xef\xbb\xbf"),
        *(b"\xff\xfe", b"{", b"}", b'{"text": "a"}\n', b'{"text": "\\ud800"}', b"[1]", b"1e999", b"NaN", b"<p>", b"<!--", b"<![CDATA["),
        *(b"&#xD800;", b"&", b"<title>", b"<script>", b"# ", b"```\n", b"---\n", b"===", b"a", b"word ", "é中\U0001f600".encode(), b"\x1f"),
    ]
)  # fmt: skip


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=30, deadline=None)
@given(pieces=st.lists(PIECES, min_size=1, max_size=30), head=st.sampled_from([b"", b"id,text\n", b'{"text": "x"}\n']))
def test_any_bytes_give_valid_documents_or_an_error_of_ours(suffix: str, pieces: list[bytes], head: bytes) -> None:
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"x.{suffix}"
        path.write_bytes(head + b"".join(pieces))
        try:
            corpus = Corpus.read(path, max_text=200)
            documents = list(corpus)
        except SemascopeError:
            return
        assert documents
        assert documents == list(corpus)
        for document in documents:
            assert document.text.strip()
            json.dumps(
                [document.id, document.text, document.title, dict(document.metadata)], ensure_ascii=False
            ).encode()
        str(corpus.problems).encode()
