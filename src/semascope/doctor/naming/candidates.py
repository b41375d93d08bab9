"""What may have made a matrix: how texts were read, what was made of their tokens, and what was done to the vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

Layout = Literal["as given", "text alone", "title alone", "title. text", "title, new line, text"]
LAYOUTS: tuple[Layout, ...] = ("as given", "text alone", "title alone", "title. text", "title, new line, text")
PROMPTS = (
    "",
    "query: ",
    "passage: ",
    "search_query: ",
    "search_document: ",
    "Represent this sentence for searching relevant passages: ",
    "title: none | text: ",
    "clustering: ",
    "classification: ",
)
CUTS = (32, 64, 128, 256, 384, 512)


@dataclass(frozen=True)
class Reading:
    """How texts become tokens.

    Args:
        layout: What of title and text is read; "as given" is the text as it came.
        prompt: Put before each.
        max_length: Tokens read of each, special ones and prompt included; None reads all that the model can.
        side: The side that is cut.
        lower_case: Whether letters were lowered first.
        special: Whether the model's special tokens stand around the text.
    """

    layout: Layout = "as given"
    prompt: str = ""
    max_length: int | None = None
    side: Literal["right", "left"] = "right"
    lower_case: bool = False
    special: bool = True

    def laid_out(self, texts: Sequence[str], titles: Sequence[str] | None) -> list[str]:
        """The texts as the tokenizer is shown them, without the prompt."""
        shown = [lay_out(text, titles[i] if titles else "", self.layout) for i, text in enumerate(texts)]
        return [text.lower() for text in shown] if self.lower_case else shown


def lay_out(text: str, title: str, layout: Layout) -> str:
    """A text that came as "title text", in another layout; as it came where it has no title in front."""
    if layout == "as given" or not title or not text.startswith(title):
        return text
    body = text[len(title) :].lstrip()
    return {
        "text alone": body,
        "title alone": title,
        "title. text": f"{title}. {body}",
        "title, new line, text": f"{title}\n{body}",
    }[layout]


@dataclass(frozen=True)
class Candidate:
    """One way in which a matrix may have been made.

    Args:
        encoder: The model's name.
        reading: How texts were read.
        layers: Layers whose states were averaged, 0 the embeddings; () where the encoder gives no token states.
        pooling: What made one vector of the tokens' states: "mean", "first", ...; "own" for what the encoder itself does.
        columns: Leading columns kept; None for all.
        length: How long rows are: "unit", "as pooled", "unit before the cut", "sum", "mean * sqrt(tokens)", "other".
        scale: What all rows were multiplied with, where `length` is known; negative where their sign was flipped.
        after: What was done to the vectors: "", "centred", "scaled by column", "rotated", "columns permuted", ...
        precision: Of the values: "float32", "float16", "bfloat16", "int8", "bits", ...
        own: Whether the encoder itself reads and pools so.
    """

    encoder: str
    reading: Reading
    layers: tuple[int, ...] = ()
    pooling: str = "own"
    columns: int | None = None
    length: str = ""
    scale: float = 1.0
    after: str = ""
    precision: str = "float32"
    own: bool = False

    def __str__(self) -> str:
        return ", ".join(self.parts())

    def parts(self) -> list[str]:
        """What it is in words, one entry a choice; usual choices are left out."""
        at = f"[{','.join(map(str, self.layers))}]" if self.layers else ""
        told = [f"{self.encoder}{at}" + ("" if self.pooling == "own" else f" | {self.pooling}")]
        told += _reading_parts(self.reading)
        if self.columns is not None:
            told.append(f"first {self.columns} columns")
        if self.after:
            told.append(self.after)
        if self.length not in ("", "as pooled"):
            told.append({"unit": "unit length", "other": "rows of other lengths"}.get(self.length, self.length))
        if self.scale != 1.0:
            told.append(f"times {self.scale:.6g}")
        if self.precision != "float32":
            told.append(self.precision)
        return told

    def differs(self, other: Candidate) -> tuple[str, ...]:
        """Names of the choices in which two candidates differ, those of their readings by their own names."""
        names = [f.name for f in fields(self) if f.name not in ("reading", "own")]
        mine = [name for name in names if getattr(self, name) != getattr(other, name)]
        inner = [f.name for f in fields(Reading) if getattr(self.reading, f.name) != getattr(other.reading, f.name)]
        return (*inner, *mine)


def _reading_parts(reading: Reading) -> list[str]:
    told = []
    if reading.prompt:
        told.append(f"prompt {reading.prompt!r}")
    if reading.layout != "as given":
        told.append(reading.layout)
    if reading.max_length is not None:
        told.append(f"cut at {reading.max_length} tokens" + (" on the left" if reading.side == "left" else ""))
    if reading.lower_case:
        told.append("lower case")
    if not reading.special:
        told.append("without special tokens")
    return told
