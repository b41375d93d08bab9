"""Vectors that somebody already has, made into a Space."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from semascope.corpus import Document
from semascope.errors import InputError, PassportError, StoreError
from semascope.ops import guarded, vectors
from semascope.ops import texts as checked_texts
from semascope.passport import Passport
from semascope.space import making
from semascope.space.ingest import finish
from semascope.space.meaning import full_passport, keep
from semascope.space.segments import encodings
from semascope.space.store import MARK
from semascope.space.writer import Batch, Writer
from semascope.types import Encoder, Scalar, Vectors

_BATCH = 16_384


def given_documents(
    texts: Sequence[str],
    ids: Sequence[str] | None,
    metadata: Sequence[Mapping[str, Scalar]] | None,
    titles: Sequence[str] | None,
    *,
    first: int = 1,
) -> list[Document]:
    """Documents of parallel lists.

    Raises:
        InputError: lists of different lengths, or an id that comes twice.
    """
    items = checked_texts(texts)
    names = (
        [str(number) for number in range(first, first + len(items))] if ids is None else checked_texts(ids, name="ids")
    )
    heads = [""] * len(items) if titles is None else checked_texts(titles, name="titles")
    notes: list[Mapping[str, Scalar]] = [{} for _ in items] if metadata is None else list(metadata)
    lists: dict[str, Sequence[Any]] = {"ids": names, "titles": heads, "metadata": notes}
    for name, found in lists.items():
        if len(found) != len(items):
            raise InputError(f"{name}: want one a text, of which there are {len(items):,}, got {len(found):,}")
    if len(set(names)) < len(names):
        seen: set[str] = set()
        twice = next(name for name in names if name in seen or seen.add(name))
        raise InputError(f"ids: want every id once, got {twice!r} twice")
    return [Document(*parts[:3], metadata=parts[3]) for parts in zip(names, items, heads, notes, strict=True)]


def write_given(
    folder: Path,
    x: Vectors,
    documents: list[Document],
    encoder: Encoder | None,
    passport: Passport | None,
    *,
    overwrite: bool,
) -> None:
    """Make a Space of rows and their documents in `folder`."""
    if encoder is not None and passport is not None:
        encoder.passport.require(
            passport, what="keep these vectors", mend="leave passport out; the encoder brings its own"
        )
    found = passport if encoder is None else full_passport(encoder)
    found = Passport.unknown(x.shape[1]) if found is None else found
    _width(found, x)
    if (folder / MARK).exists() and not overwrite:
        raise StoreError(f"path: {folder} is a Space already; add to it, or give overwrite=True (--overwrite)")
    # Always beside and then swapped in: there is no source to read again, so nothing could go on with half of it.
    swap = making.Replacement(folder)
    with guarded(f"make a Space of {folder}"):
        if swap.new.exists():
            shutil.rmtree(swap.new)
    _fill(swap.new, x, documents, encoder, found)
    swap.finish()


def _width(passport: Passport, x: Vectors) -> None:
    if passport.dim != x.shape[1]:
        raise PassportError(
            f"X: want {passport.dim} columns, as the passport says, got {x.shape[1]}. To mend it: give the encoder that "
            "made these vectors, or none",
            field="dim",
        )


def _fill(folder: Path, x: Vectors, documents: list[Document], encoder: Encoder | None, passport: Passport) -> None:
    making.begin(folder)
    with Writer(folder, "build it") as writer:
        if not encodings(writer.database):
            name = making.encoding_name(passport)
            kept = None if encoder is None else keep(encoder, folder, name)
            with writer.commit():
                writer.add_encoding(name, passport, kept, current=True)
        write_rows(writer, x, documents)


def write_rows(writer: Writer, x: Vectors, documents: list[Document]) -> None:
    """Commit rows with their documents, a passage each, and measure the depth again."""
    for start in range(0, len(documents), _BATCH):
        some = documents[start : start + _BATCH]
        writer.add(Batch(some, [[(0, len(one.text))] for one in some]), x[start : start + _BATCH])
        writer.settle(writer.encoding().name)
    finish(writer, writer.encoding().name)


def add_given(writer: Writer, X: Any, documents: list[Document], made: Passport | None) -> int:
    """Commit rows that somebody made with what made those that are there; how many."""
    passport = writer.encoding().passport
    x = rows(X, len(documents), passport.dim)
    passport.require(
        Passport.unknown(x.shape[1]) if made is None else made,
        what=f"add these vectors to {writer.folder}",
        mend="say what made them with encoder=... or passport=..., or encode their texts with add(...)",
    )
    known = writer.known(document.id for document in documents)
    if known:
        raise InputError(f"ids: want ids that are not there yet, got {next(iter(known))!r}, which is")
    write_rows(writer, x, documents)
    return len(documents)


def rows(X: Any, count: int, dim: int | None = None) -> Vectors:
    """`X` checked: finite, float32, as many rows as there are texts."""
    x = vectors(X, dim=dim, least=0)
    if len(x) != count:
        raise InputError(f"texts: want one a row of X, which has {len(x):,}, got {count:,}")
    return x
