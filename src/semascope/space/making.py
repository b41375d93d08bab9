"""Begin a Space, go on with one that was killed, or replace one that is there."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import semascope
from semascope.corpus import Corpus
from semascope.errors import StoreError
from semascope.ops import guarded, settle
from semascope.passport import Passport
from semascope.space import tables
from semascope.space.ingest import Plan, ingest, same_source
from semascope.space.lock import WriterLock
from semascope.space.meaning import full_passport, keep
from semascope.space.segments import encodings
from semascope.space.store import MARK, Ingest, check_mark, create, ingests, unborn
from semascope.space.writer import Writer
from semascope.types import Encoder, Progress

_EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # sha256 of nothing


def begin(folder: Path) -> None:
    """Make an empty Space of `folder`, or leave one that is there; a folder with anything else in it is refused."""
    with guarded(f"make a Space of {folder}"):
        check_place(folder)
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / MARK).exists():
            check_mark(folder)
            return
        if not unborn(folder):
            raise StoreError(f"path: want a new or empty folder, got {folder}, which holds other things")
        with WriterLock(folder, "build it"):
            now = datetime.now(UTC).isoformat(timespec="seconds")
            create(folder, {"created": now, "semascope": semascope.__version__}, tables.SCHEMA)


def check_place(folder: Path) -> None:
    """See that no file stands where a folder has to be."""
    for parent in (folder, *folder.parents):
        if parent.exists() and not parent.is_dir():
            raise StoreError(f"path: want a folder, got {folder}, but {parent} is a file")


def build(
    folder: Path, corpus: Corpus, encoder: Encoder, plan: Plan, progress: Progress | None, *, resume: bool
) -> None:
    """Build a Space in `folder`, or finish the build of `corpus` that was begun there.

    Raises:
        StoreError: a finished Space is there, or an unfinished one of another source or plan.
        PassportError: the unfinished one was begun with another encoder.
    """
    begin(folder)
    source = same_source(corpus)
    with Writer(folder, "build it") as writer:
        begun = _begun(writer, folder, source, plan, resume=resume)
        if begun is None:
            begun = _first(writer, folder, source, encoder, plan)
        writer.encoding().passport.require(
            encoder.passport,
            what=f"go on with the build of {folder}",
            mend="give that encoder, or build with overwrite",
        )
        ingest(writer, corpus, encoder, begun, plan, progress)


def _first(writer: Writer, folder: Path, source: Mapping[str, Any], encoder: Encoder, plan: Plan) -> Ingest:
    passport = full_passport(encoder)
    name = encoding_name(passport)
    kept = keep(encoder, folder, name)
    return start(writer, "build", source, plan.options(), encoding=(name, passport, kept))


def start(
    writer: Writer,
    doing: str,
    source: Mapping[str, Any],
    options: dict[str, Any],
    *,
    encoding: tuple[str, Passport, str | None] | None = None,
) -> Ingest:
    """Put a new ingest on record, and with it, where it is the first one, the encoding."""
    begun = Ingest(writer.next("ingests"), doing, dict(source), options, 0, _EMPTY, "", done=False)
    with writer.commit():
        if encoding is not None:
            writer.add_encoding(*encoding, current=True)
        writer.record(begun)
    return begun


def _begun(writer: Writer, folder: Path, source: Mapping[str, Any], plan: Plan, *, resume: bool) -> Ingest | None:
    found = ingests(writer.database)
    if not found:
        if encodings(writer.database):
            raise StoreError(
                f"path: {folder} is a Space already; add to it, or build with overwrite=True (--overwrite)"
            )
        return None
    first = found[0]
    if first.done or first.doing != "build":
        raise StoreError(f"path: {folder} is a Space already; add to it, or build with overwrite=True (--overwrite)")
    again = "Give the same to go on with it, or build with overwrite=True (--overwrite) to start again"
    if not resume:
        raise StoreError(f"path: {folder} holds an unfinished build. {again}")
    if first.source != dict(source):
        raise StoreError(
            f"corpus: want {_said(first.source)}, of which an unfinished build is in {folder}, got {_said(source)}. {again}"
        )
    for name in ("passage_size", "batch"):
        if first.options[name] != plan.options()[name]:
            raise StoreError(
                f"{name}: want {first.options[name]}, as the unfinished build in {folder} was begun, got "
                f"{plan.options()[name]}. {again}"
            )
    return first


def _said(source: Mapping[str, Any]) -> str:
    return repr(next(iter(source.values()), ""))


def encoding_name(passport: Passport) -> str:
    """A folder name for the vectors of an encoder: readable, and no two passports share one."""
    plain = re.sub(r"[^a-z0-9]+", "-", (passport.name or passport.kind).lower()).strip("-")[:40]
    return f"{plain or 'encoding'}-{passport.id}" if passport.known else f"unknown-{passport.dim}"


class Replacement:
    """Builds the successor of a Space beside it, and puts it in its place only when it is whole.

    Args:
        folder: Of the Space that goes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.new = folder.with_name(f".{folder.name}.building")
        self._old = folder.with_name(f".{folder.name}.replaced")
        with guarded(f"make a Space of {folder}"):
            check_place(folder)
            # A run that was killed between the two renames left the Space under its other name.
            if self._old.exists() and not folder.exists():
                self._old.rename(folder)
            if folder.exists() and not (folder / MARK).exists() and not unborn(folder):
                raise StoreError(f"path: want a Space or nothing there, got {folder}, which holds other things")

    def finish(self) -> None:
        """Swap the two, and remove the old one."""
        with guarded(f"replace {self.folder}"):
            if self._old.exists():
                shutil.rmtree(self._old)
            if self.folder.exists():
                self.folder.rename(self._old)
            self.new.rename(self.folder)
            settle(self.folder.parent)
            if self._old.exists():
                shutil.rmtree(self._old)


def build_beside(
    swap: Replacement, corpus: Corpus, encoder: Encoder, plan: Plan, progress: Progress | None, *, resume: bool
) -> None:
    """Build the successor of a Space, or finish one that was begun, and put it in its place."""
    if swap.new.exists() and (not resume or not _same(swap.new, corpus, encoder, plan)):
        with guarded(f"replace {swap.folder}"):
            shutil.rmtree(swap.new)
    build(swap.new, corpus, encoder, plan, progress, resume=True)
    swap.finish()


def _same(folder: Path, corpus: Corpus, encoder: Encoder, plan: Plan) -> bool:
    """Whether an unfinished build is of that source, encoder and plan, so that going on with it is what was asked."""
    if not (folder / MARK).exists():
        return True
    with Writer(folder, "build it") as writer:
        found = ingests(writer.database)
        same = not found or (found[0].source == dict(same_source(corpus)) and found[0].options == plan.options())
        here = encodings(writer.database).values()
        return (
            same
            and all(not one.passport.differences(encoder.passport) for one in here)
            and not any(one.done for one in found)
        )
