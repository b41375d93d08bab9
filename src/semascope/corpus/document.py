"""One text with its name and what is known about it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from semascope.errors import InputError
from semascope.types import Scalar

REPLACEMENT = "\ufffd"
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Document:
    """One text of a corpus.

    Every string in it can be written as UTF-8 and holds no NUL, so that no store or encoder trips over it later;
    `clean` makes any string so.

    Args:
        id: What the document is called, not empty; unique within a Space.
        text: The text itself. Character spans refer to it as it stands here.
        title: A heading or signature, searched together with the text.
        label: The class it belongs to.
        time: When it was made, as the source wrote it.
        lang: Its language, as the source wrote it.
        metadata: Anything else to filter by: str, int, float (finite) or bool by name.

    Raises:
        InputError: a field of another type, an empty id, a NUL or a lone surrogate, a number that is not finite.
    """

    id: str
    text: str
    title: str = ""
    label: str | None = None
    time: str | None = None
    lang: str | None = None
    metadata: Mapping[str, Scalar] = field(default_factory=dict[str, Scalar], hash=False)

    def __post_init__(self) -> None:
        _string(self.id, "id")
        if not self.id:
            raise InputError("id: want at least one character, got an empty string")
        _string(self.text, "text")
        _string(self.title, "title")
        for name, value in (("label", self.label), ("time", self.time), ("lang", self.lang)):
            if value is not None:
                _string(value, name)
        if not isinstance(self.metadata, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InputError(f"metadata: want a mapping, got {type(self.metadata).__name__}")
        for key, value in self.metadata.items():
            _string(key, "metadata")
            _scalar(value, f"metadata[{key!r}]")


def flaw(text: str) -> int:
    """Place of the first NUL or lone surrogate in `text`, -1 where there is none."""
    nul = text.find("\0") if "\0" in text else -1
    if text.isascii():
        return nul
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return error.start if nul < 0 else min(nul, error.start)
    return nul


def clean(text: str) -> str:
    """`text` with each NUL and each lone surrogate replaced by U+FFFD; lengths and spans stay as they are."""
    if flaw(text) < 0:
        return text
    text = text.replace("\0", REPLACEMENT)
    return _SURROGATE.sub(REPLACEMENT, text)


def _string(value: Any, name: str) -> None:
    if isinstance(value, str) and value.isascii() and "\0" not in value:
        return
    if not isinstance(value, str):
        raise InputError(f"{name}: want a string, got {type(value).__name__}")
    place = flaw(value)
    if place >= 0:
        what = "a NUL" if value[place] == "\0" else "a lone surrogate"
        raise InputError(f"{name}: want text that can be written as UTF-8, got {what} at {place}; see corpus.clean")


def _scalar(value: Any, name: str) -> None:
    if isinstance(value, str):
        _string(value, name)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise InputError(f"{name}: want a finite number, got {value}")
    elif not isinstance(value, int):
        raise InputError(f"{name}: want str, int, float or bool, got {type(value).__name__}")
