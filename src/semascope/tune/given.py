"""Vectors that are there already, as an encoder of the texts they stand for: nothing is run, and only those texts can be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from semascope.errors import InputError
from semascope.ops import digest, unit, vectors
from semascope.ops import texts as checked_texts
from semascope.passport import Passport
from semascope.types import Array, Kind, Progress, Task, Vectors


class GivenVectors:
    """An encoder that knows the vectors of some texts by heart.

    Args:
        rows: By kind: the texts, and a row for each.
    """

    normalize = True
    found_as = ""
    name = "vectors"

    def __init__(self, rows: Mapping[str, tuple[Sequence[str], Array]]) -> None:
        self._rows: dict[tuple[str, str], Any] = {}
        widths = {int(vectors(x).shape[1]) for _, x in rows.values()}
        if len(widths) != 1:
            raise InputError(f"vectors: want one width, got {', '.join(map(str, sorted(widths))) or 'no rows'}")
        self.dim = widths.pop()
        for kind, (texts, x) in rows.items():
            if len(texts) != len(x):
                raise InputError(f"vectors: want one row for each of {len(texts)} {kind} texts, got {len(x)}")
            self._rows |= {(kind, text): row for text, row in zip(texts, unit(vectors(x)), strict=True)}
        self._digest = digest(*(part for kind, (_, x) in sorted(rows.items()) for part in (kind, vectors(x))))

    @property
    def passport(self) -> Passport:
        """Of unknown origin, with a hash of the rows."""
        return Passport(kind="unknown", dim=self.dim, weights=self._digest, name=self.name)

    def encode(
        self,
        texts: Sequence[str],
        *,
        kind: Kind = "document",
        batch_size: int | None = None,
        progress: Progress | None = None,
    ) -> Vectors:
        """The rows of texts, float32 (n, dim), of length one.

        Raises:
            InputError: a text has none.
        """
        del batch_size
        items = checked_texts(texts)
        missing = [text for text in items if (kind, text) not in self._rows]
        if missing:
            raise InputError(f"texts: want {kind} texts that there are vectors of, got {missing[0]!r:.60}")
        if progress is not None:
            progress(len(items), len(items))
        return np.array([self._rows[kind, text] for text in items], np.float32).reshape(len(items), self.dim)


def given_vectors(task: Task, documents: Array, queries: Array | None) -> GivenVectors:
    """The vectors of a task's texts: of its documents or texts, in their order, and of its queries where it has any.

    Raises:
        InputError: rows are missing, or there are too many.
    """
    rows: dict[str, tuple[Sequence[str], Array]] = {}
    for name, (texts, kind) in task.inputs().items():
        x = queries if name == "queries" else documents
        if x is None:
            raise InputError(f"vectors: want those of the queries of {task.name} too (--query-vectors)")
        rows[kind] = (texts, x)
    return GivenVectors(rows)
