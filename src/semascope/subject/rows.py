"""Rows in memory: texts, vectors and what is known about them, any of which may be missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.corpus import Document
from semascope.errors import InputError
from semascope.passport import Passport
from semascope.types import Array, Encoder, Progress, Vectors


@dataclass(frozen=True, eq=False)
class Subject:
    """n rows of a source, all of them or an even sample, in the source's order.

    Args:
        name: What the source is called: a file's name, a table's; never a password.
        ids: One a row.
        texts: What an encoder reads of each row (a title, where there is one, before it); None where there are vectors alone.
        titles: One a row, "" where there is none; None where no row has one.
        labels: One a row, None where it has none; None where no row has one.
        times: As the source wrote them; None as for labels.
        langs: As the source wrote them; None as for labels.
        vectors: Finite float32 (n, d), as they were made and not rescaled; None where there are texts alone.
        passport: Of what made the vectors, where that is on record.
        encoder: The name or folder under which `Encoder` finds what made the vectors; "" where that is not known.
        total: Rows of the whole source.
        rows: int64 (n,), places of these rows in it.
        drawn: How these rows were drawn from the source, as a person reads it; "" where that is not on record.
        columns: Which columns were taken for what, as a person reads it; "" where there are none.
        problems: What was wrong in the source, one line each, the first hundred.
        metadata: Other values, one mapping a row; None where there are none.
    """

    name: str
    ids: Sequence[str]
    texts: Sequence[str] | None = None
    titles: Sequence[str] | None = None
    labels: Sequence[str | None] | None = None
    times: Sequence[str | None] | None = None
    langs: Sequence[str | None] | None = None
    vectors: Vectors | None = None
    passport: Passport | None = None
    encoder: str = ""
    total: int = 0
    rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    drawn: str = ""
    columns: str = ""
    problems: Sequence[str] = ()
    metadata: Sequence[Any] | None = None

    def __post_init__(self) -> None:
        n = len(self.ids)
        for name in ("texts", "titles", "labels", "times", "langs", "vectors", "metadata"):
            found = getattr(self, name)
            if found is not None and len(found) != n:
                raise InputError(f"{name}: want one for each of {n:,} rows, got {len(found):,}")
        if not len(self.rows):
            object.__setattr__(self, "rows", np.arange(n, dtype=np.int64))
        if not self.total:
            object.__setattr__(self, "total", n)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def sampled(self) -> bool:
        """Whether the source has more rows than these."""
        return self.total > len(self)

    def take(self, rows: Array) -> Subject:
        """Some of the rows, in the order asked for."""
        at = np.asarray(rows, dtype=np.int64)

        def some(values: Sequence[Any] | None) -> list[Any] | None:
            return None if values is None else [values[int(i)] for i in at]

        return replace(
            self,
            ids=[self.ids[int(i)] for i in at],
            texts=some(self.texts),
            titles=some(self.titles),
            labels=some(self.labels),
            times=some(self.times),
            langs=some(self.langs),
            vectors=None if self.vectors is None else np.ascontiguousarray(self.vectors[at]),
            rows=self.rows[at],
            metadata=some(self.metadata),
        )

    def sample(self, most: int, *, seed: int = 0) -> Subject:
        """At most so many of the rows, drawn without repeats, in the source's order."""
        if len(self) <= most:
            return self
        return self.take(np.sort(np.random.default_rng(seed).permutation(len(self))[:most]))

    def encoded(self, encoder: Encoder, *, found_as: str = "", progress: Progress | None = None) -> Subject:
        """The same rows with the vectors that an encoder gives for their texts.

        Raises:
            InputError: there are no texts.
        """
        if self.texts is None:
            raise InputError(f"texts: want texts to encode, got vectors alone in {self.name}")
        x = encoder.encode(list(self.texts), progress=progress)
        return replace(self, vectors=x, passport=encoder.passport, encoder=found_as)


def of_documents(
    documents: Iterable[Document], *, name: str, total: int = 0, rows: Sequence[int] = (), columns: str = ""
) -> Subject:
    """The rows of documents: what a build would encode of each, without cutting it into passages."""
    held = list(documents)

    def known(values: list[Any]) -> list[Any] | None:
        return values if any(values) else None

    return Subject(
        name=name,
        ids=[one.id for one in held],
        texts=[f"{one.title} {one.text}" if one.title else one.text for one in held],
        titles=known([one.title for one in held]),
        labels=known([one.label for one in held]),
        times=known([one.time for one in held]),
        langs=known([one.lang for one in held]),
        total=total,
        rows=np.asarray(rows, dtype=np.int64),
        columns=columns,
        metadata=known([one.metadata for one in held]),
    )
