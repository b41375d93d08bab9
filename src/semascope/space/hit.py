"""What search gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any

from semascope.types import Scalar

_SHOWN = 160


@dataclass(frozen=True)
class Hit:
    """A document that was found, by its best passage.

    Args:
        id: Of the document.
        score: Higher is better. Cosine in dense search, BM25 in lexical search, both joined (see fusion.py)
            in hybrid search: comparable within one list of hits only.
        text: The whole text of the document.
        passage: The part of it that fits best.
        span: Where that part stands in the text, in characters: `text[span[0]:span[1]] == passage`.
        title: Of the document.
        metadata: Its fields, with label, time and lang where it has them.
        number: Of the passage, for `Space.numbers`; it means nothing outside the Space.
    """

    id: str
    score: float
    text: str
    passage: str
    span: tuple[int, int]
    title: str = ""
    metadata: Mapping[str, Scalar] = field(default_factory=dict[str, Scalar])
    number: int = -1

    def to_json(self) -> dict[str, Any]:
        """As plain values, without the passage's number."""
        plain = {**asdict(self), "span": list(self.span), "metadata": dict(self.metadata)}
        del plain["number"]
        return plain

    def __str__(self) -> str:
        head = f"{self.score:.3f}  {self.id}" + (f"  {self.title}" if self.title and self.title != self.id else "")
        return f"{head}\n       {_short(self.passage)}"


class Hits(list[Hit]):
    """Hits, best first; prints one a paragraph, and as a table in a notebook."""

    def to_json(self) -> list[dict[str, Any]]:
        """As plain values."""
        return [hit.to_json() for hit in self]

    def __str__(self) -> str:
        return (
            "\n".join(f"{place:>3}  {hit}".replace("\n", "\n     ") for place, hit in enumerate(self, 1)) or "no hits"
        )

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{place}</td><td>{hit.score:.3f}</td><td>{escape(hit.id)}</td><td>{escape(hit.title)}</td>"
            f"<td>{escape(_short(hit.passage))}</td></tr>"
            for place, hit in enumerate(self, 1)
        )
        return f"<table><tr><th></th><th>score</th><th>id</th><th>title</th><th>passage</th></tr>{rows}</table>"


def _short(text: str) -> str:
    line = " ".join(text[: 4 * _SHOWN].split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1].rstrip() + "…"
