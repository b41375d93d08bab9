"""Keep a Space in order: say what is in it, check it, merge and compact its segments, encode it anew."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.errors import CorruptError, StoreError
from semascope.ops import guarded
from semascope.space.disk import ArrayFile, size
from semascope.space.ingest import encode, encoded_text, finish
from semascope.space.making import encoding_name
from semascope.space.meaning import full_passport, keep
from semascope.space.segments import Segment, encodings, segments
from semascope.space.snapshot import Snapshot, View
from semascope.space.store import DATABASE, ingests, meta
from semascope.space.writer import LARGE, Writer
from semascope.types import Encoder, Progress, Vectors

Block = tuple[list[str], NDArray[np.int64], Vectors]
_BATCH = 4096


def block(database: sqlite3.Connection, part: Segment, place: slice) -> Iterator[Block]:
    """Ids, spans (n, 2) and rows (n, d) of a piece of a segment, without those of deleted documents; or nothing."""
    rows = part.rows[0][place]
    found = {
        row: (name, start, stop)
        for row, name, start, stop in database.execute(
            "SELECT p.row, d.id, p.start, p.stop FROM passages AS p JOIN documents AS d ON d.doc = p.doc "
            "WHERE p.row BETWEEN ? AND ?",
            [int(rows[0]), int(rows[-1])],
        )
    }
    keep = np.array([row in found for row in rows.tolist()])
    if keep.any():
        mine = [found[row] for row in rows[keep].tolist()]
        places = np.arange(len(part))[place][keep]
        yield [name for name, _, _ in mine], np.array([span for _, *span in mine], np.int64), part.original(places)


def blocks(database: sqlite3.Connection, view: View) -> Iterator[Block]:
    """All of them, in order."""
    for part in view.parts:
        for start in range(0, len(part), _BATCH):
            yield from block(database, part, slice(start, start + _BATCH))


def info(folder: Path, database: sqlite3.Connection, snapshot: Snapshot) -> dict[str, Any]:
    """What is in a Space, as plain values."""
    about = meta(database)
    current = [view for view in snapshot.views.values() if view.encoding.current]
    passport = current[0].encoding.passport if current else None
    unfinished = [
        {"doing": one.doing, "source": one.source, "position": one.position}
        for one in ingests(database)
        if not one.done
    ]
    dead = database.execute("SELECT count(*) FROM tombstones").fetchone()[0]
    return {
        "path": str(folder),
        "documents": int(about["documents"]),
        "passages": int(about["passages"]),
        "bytes": size(folder),
        "encoder": passport.name or passport.kind if passport else None,
        "dim": passport.dim if passport else None,
        "complete": bool(current) and not unfinished,
        "unfinished": unfinished,
        "deleted_not_compacted": dead,
        "created": about["created"],
        "semascope": about["semascope"],
        "bytes_by_part": {
            DATABASE: sum(path.stat().st_size for path in folder.glob(f"{DATABASE}*")),
            **{name: sum(_bytes(view).values()) for name, view in snapshot.views.items()},
        },
        "encodings": {name: _encoding(view) for name, view in snapshot.views.items()},
    }


def _bytes(view: View) -> dict[str, int]:
    total = {"codec": view.encoding.codec.bytes if view.encoding.codec else 0}
    for part in view.parts:
        for key, file in part.files.items():
            total[key] = total.get(key, 0) + file.bytes
    return total


def _encoding(view: View) -> dict[str, Any]:
    found = view.encoding
    passport = found.passport.to_json()
    del passport["canaries"]
    return {
        "current": found.current,
        "reference": found.reference,
        "passport": passport,
        "passages": len(view),
        "segments": len(view.parts),
        "bytes": _bytes(view),
        "zero_vectors": found.zero,
        "depth": view.depth(),
        "measured": found.calibration._asdict() if found.calibration else None,
    }


def verify(folder: Path, database: sqlite3.Connection, snapshot: Snapshot) -> None:
    """Read every byte and compare it with what was written."""
    found = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise CorruptError(f"{folder / DATABASE}: {found}. Restore a copy, or build the Space anew")
    for view in snapshot.views.values():
        files: list[ArrayFile] = [view.encoding.codec] if view.encoding.codec else []
        files.extend(file for part in view.parts for file in part.files.values())
        for file in files:
            if not file.intact(folder):
                raise CorruptError(
                    f"{folder / file.name}: altered since it was written. Restore a copy, or build it anew"
                )
    lost = database.execute("SELECT count(*) FROM passages WHERE doc NOT IN (SELECT doc FROM documents)").fetchone()[0]
    if lost:
        raise CorruptError(f"{folder / DATABASE}: {lost:,} passages belong to no document. Build the Space anew")


def compact(writer: Writer) -> None:
    """Write segments anew without the rows of deleted documents, few and large, and shrink the database."""
    dead = np.array([row[0] for row in writer.database.execute("SELECT doc FROM tombstones")], np.int64)
    old: list[Segment] = []
    for name in encodings(writer.database):
        old.extend(_compact(writer, name, dead))
    with writer.commit():
        writer.database.execute("DELETE FROM tombstones")
    for name in encodings(writer.database):
        finish(writer, name)
    writer.discard(old)
    with guarded(f"compact {writer.folder}"):
        writer.database.execute("INSERT INTO words (words) VALUES ('optimize')")
        # Not in memory, where other temporary tables are: this one is as large as the database.
        writer.database.execute("PRAGMA temp_store = FILE")
        writer.database.execute("VACUUM")


def _compact(writer: Writer, name: str, dead: NDArray[np.int64]) -> list[Segment]:
    """Merge runs of an encoding's segments, a commit each; the old segments, whose files are to go."""
    gone: list[Segment] = []
    for run in _runs(segments(writer.database, writer.folder, name), dead):
        gone.extend(run)
        writer.merge(name, run, dead)
    return gone


def _runs(parts: list[Segment], dead: NDArray[np.int64]) -> Generator[list[Segment]]:
    """Neighbouring segments that together are one large one, where anything changes by writing them as one."""
    run: list[Segment] = []
    for part in parts:
        if run and sum(map(len, run)) + len(part) > LARGE:
            if len(run) > 1 or np.isin(run[0].rows[1], dead).any():
                yield run
            run = []
        run.append(part)
    if run and (len(run) > 1 or np.isin(run[0].rows[1], dead).any()):
        yield run


def reencode(writer: Writer, encoder: Encoder, name: str | None, *, keep_old: bool, progress: Progress | None) -> None:
    """Encode all passages that an encoding lacks, batch by batch, then make it the current one."""
    passport = full_passport(encoder)
    name = name or encoding_name(passport)
    there = encodings(writer.database)
    if name in there:
        there[name].passport.require(passport, what=f"complete encoding {name!r}", mend="choose another name for it")
    else:
        kept = keep(encoder, writer.folder, name)
        with writer.commit():
            writer.add_encoding(name, passport, kept, current=not there)
    total = int(meta(writer.database)["passages"])
    done = sum(map(len, segments(writer.database, writer.folder, name)))
    for rows, docs, texts in _missing(writer, name):
        x = encode(encoder, texts)
        if x is None:
            raise StoreError("no texts in a batch")
        finish_segment = writer.segment(writer.encoding(name), x, rows, docs)
        with writer.commit():
            finish_segment()
        writer.settle(name)
        done += len(texts)
        if progress is not None:
            progress(min(done, total), total)
    finish(writer, name)
    with writer.commit():
        writer.database.execute("UPDATE encodings SET current = (name = ?)", [name])
    if not keep_old:
        writer.drop([other for other in there if other != name])


def _missing(writer: Writer, name: str) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], list[str]]]:
    """Passages after the last one that is encoded: numbers, document numbers and texts to encode, a batch at a time."""
    while True:
        through = writer.encoding(name).through
        found = writer.database.execute(
            "SELECT row, doc, start, stop FROM passages WHERE row > ? ORDER BY row LIMIT ?", [through, _BATCH]
        ).fetchall()
        if not found:
            return
        texts: list[str] = []
        at, title, text = -1, "", ""
        for _row, doc, start, stop in found:
            if doc != at:
                title, text = writer.database.execute(
                    "SELECT title, text FROM documents WHERE doc = ?", [doc]
                ).fetchone()
                at = doc
            texts.append(encoded_text(title, text[start:stop]))
        columns = np.array(found, dtype=np.int64)
        yield columns[:, 0].copy(), columns[:, 1].copy(), texts
