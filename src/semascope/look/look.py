"""All of `look`: from rows to what is found in them."""

from __future__ import annotations

from typing import Any

import numpy as np

from semascope import encoders
from semascope.errors import InputError, SemascopeError
from semascope.look.charting import Saying, Steps, charted
from semascope.look.duplicates import find_duplicates
from semascope.look.few import label_few
from semascope.look.found import Found, Labels
from semascope.look.labels import check_labels
from semascope.look.languages import find_languages
from semascope.look.lengths import find_lengths
from semascope.look.outliers import find_outliers
from semascope.look.search import make_search
from semascope.look.trends import find_trends
from semascope.ops import unit
from semascope.subject import Subject, open_subject
from semascope.types import Vectors

MOST = 100_000  # rows of one page
# What a transformer reads in about a minute of two ordinary cores; a text counts as far as all-MiniLM reads it.
CHARACTERS, READ = 2_000_000, 1_200


def look(
    subject: Any,
    encoder: Any = None,
    *,
    seed: int = 0,
    progress: Saying | None = None,
) -> Found:
    """What is in a corpus: a map, groups, duplicates, outliers, languages, lengths, labels that look wrong, what changed over time.

    Args:
        subject: A `Subject`, or what `open_subject` opens: a path, a Space, a Corpus, a list of texts.
        encoder: An encoder or its name. Unless given: what made the rows' vectors, where they have some; all-MiniLM where it is
            at hand and reads the rows in about a minute; else the bundled one.
        seed: Of every random draw; the same seed gives the same findings.
        progress: Called with the name of each step that follows, and returns what is told of its progress.

    Raises:
        InputError: fewer than two rows, or nothing to read in them.
        UnknownNameError: there is no such encoder.
    """
    rows = subject if isinstance(subject, Subject) else open_subject(subject)
    if len(rows) < 2:
        raise InputError(f"subject: want at least 2 rows, got {len(rows)} in {rows.name}")
    notes: list[str] = []
    if len(rows) > MOST:
        rows = rows.sample(MOST, seed=seed)
        notes.append(f"These are {MOST:,} rows drawn evenly from {rows.total:,}: a page holds no more.")
    steps = Steps(progress)
    opened, name = _encoder(rows, encoder, notes)
    if rows.vectors is None:
        with steps("encoding") as told:
            rows = rows.encoded(opened, found_as=name, progress=told)
    return _found(rows, opened, name, steps, notes, seed)


def _found(rows: Subject, encoder: Any, name: str, steps: Steps, notes: list[str], seed: int) -> Found:
    x: Vectors = unit(np.asarray(rows.vectors))
    texts = rows.texts
    graph, layout, groups = charted(x, texts, steps, seed=seed)
    with steps("duplicates"):
        duplicates = find_duplicates(texts, x)
    with steps("outliers"):
        outliers = find_outliers(x)
    lengths = languages = trends = None
    if texts is not None:
        with steps("lengths"):
            lengths = find_lengths(texts, encoder)
        with steps("languages"):
            languages = find_languages(texts, encoder, rows.langs)
    with steps("labels"):
        labels = _labels(rows, x, graph, seed)
        few = label_few(x, rows.labels, seed=seed)
    if rows.times is not None:
        with steps("time"):
            trends = find_trends(rows.times, groups)
            trends = trends if trends.trends else None
    with steps("search") as told:
        fast = isinstance(encoder, encoders.StaticEncoder)
        search = make_search(x, texts, encoder, fast=fast, seed=seed, progress=told)
    return Found(
        rows, name or _maker(rows), layout, groups, duplicates, outliers, lengths, languages, labels, few, trends, search,
        notes, steps.seconds, graph,
    )  # fmt: skip


def _labels(rows: Subject, x: Vectors, graph: Any, seed: int) -> Labels | None:
    return None if rows.labels is None else check_labels(x, rows.labels, graph=graph, seed=seed)


def _maker(rows: Subject) -> str:
    return rows.passport.name if rows.passport is not None else "vectors of unknown origin"


def _encoder(rows: Subject, asked: Any, notes: list[str]) -> tuple[Any, str]:
    """The encoder of the rows and its name; (None, "") where rows bring vectors of which nobody knows what made them."""
    if asked is not None and not isinstance(asked, str):
        return asked, getattr(asked, "name", "") or type(asked).__name__
    if asked is None and rows.vectors is not None:
        return _own(rows, notes)
    name = asked or chosen(rows)
    encoder = encoders.Encoder(name)
    if asked is None:
        notes.append(f"Vectors by {name}: {_why(name)}; another: --encoder NAME.")
    if rows.vectors is not None and rows.vectors.shape[1] != encoder.dim:
        raise InputError(
            f"encoder: want one of {rows.vectors.shape[1]} dimensions, as the rows have, got {name}: {encoder.dim}"
        )
    return encoder, name


def _own(rows: Subject, notes: list[str]) -> tuple[Any, str]:
    if not rows.encoder:
        notes.append(
            "What made the vectors is not on record, so words of a query are learned from the rows alone; --encoder NAME says it."
        )
        return None, ""
    try:
        return encoders.Encoder(rows.encoder), rows.encoder
    except SemascopeError as error:
        notes.append(
            f"{rows.encoder} made the vectors and cannot be opened here ({error}); words of a query are learned from the rows alone."
        )
        return None, rows.encoder


def chosen(rows: Subject) -> str:
    """The best encoder at hand that reads these rows in about a minute."""
    if rows.texts is None:
        raise InputError(f"texts: want texts or vectors, got neither in {rows.name}")
    size = sum(min(len(text), READ) for text in rows.texts)
    names = [one.name for one in encoders.available() if one.quality > 0]
    return names[0] if size <= CHARACTERS else "default"


def _why(name: str) -> str:
    best = encoders.best()
    if name == best:
        return "the best at hand that reads these rows in about a minute"
    return f"{best} is better and would take more than a minute or so"
