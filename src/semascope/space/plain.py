"""A Space as plain files: a matrix and lines of JSON."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import numpy as np

from semascope.ops import guarded, settle
from semascope.ops.files import PART
from semascope.space.disk import header
from semascope.space.snapshot import View
from semascope.space.store import as_document
from semascope.space.upkeep import blocks


def export(database: sqlite3.Connection, view: View, folder: Path) -> Path:
    """Write `vectors.npy` (n, d) float32, `passages.jsonl` with a line a row, and `documents.jsonl`.

    Each is written aside and renamed when it is whole; rows of deleted documents are left out.
    """
    count = len(view) if view.alive is None else int(view.alive.sum())
    with guarded(f"export to {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        names = ["vectors.npy", "passages.jsonl", "documents.jsonl"]
        parts = [folder / f"{name}{PART}" for name in names]
        with parts[0].open("wb") as matrix, parts[1].open("w", encoding="utf-8") as lines:
            matrix.write(header("<f4", (count, view.encoding.passport.dim)))
            for ids, spans, rows in blocks(database, view):
                matrix.write(np.ascontiguousarray(rows, "<f4").tobytes())
                for name, span in zip(ids, spans.tolist(), strict=True):
                    lines.write(json.dumps({"id": name, "span": span}, ensure_ascii=False) + "\n")
        with parts[2].open("w", encoding="utf-8") as lines:
            for row in database.execute("SELECT * FROM documents ORDER BY doc"):
                lines.write(json.dumps(_plain(row), ensure_ascii=False) + "\n")
        for name, part in zip(names, parts, strict=True):
            with part.open("rb+") as file:
                os.fsync(file.fileno())
            part.replace(folder / name)
        settle(folder)
    return folder


def _plain(row: tuple[object, ...]) -> dict[str, object]:
    """A document as `Corpus.read` takes it again: metadata beside the other fields."""
    document = as_document(row)
    own = {"id": document.id, "title": document.title, "text": document.text}
    more = {"label": document.label, "time": document.time, "lang": document.lang}
    return {**document.metadata, **own, **{key: value for key, value in more.items() if value is not None}}
