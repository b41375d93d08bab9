"""How an encoder reads texts, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Manner:
    """How texts are read.

    Args:
        prompts: Text put before texts, by name; that of "query" before queries, that of "document" before documents.
        default_prompt: Name of the prompt that Sentence Transformers puts before texts that are neither, or ""; kept for it.
        max_length: Tokens read of a text, special ones and prompt included; None where nothing limits them.
        side: The side that is cut.
        lower_case: Whether letters are lowered before the tokenizer sees them.
        similarity: How its vectors are compared, where its folder says so: "cosine", "dot", ...
    """

    prompts: Mapping[str, str] = field(default_factory=dict[str, str])
    default_prompt: str = ""
    max_length: int | None = None
    side: Literal["right", "left"] = "right"
    lower_case: bool = False
    similarity: str = ""

    def prompt(self, kind: str) -> str:
        """What is put before texts of a kind."""
        return self.prompts.get(kind, "")


@dataclass(frozen=True)
class Origin:
    """Where an encoder comes from.

    Args:
        name: What people call it.
        found_as: The name under which `Encoder` finds it, if it does.
        files: Folder of its weights, config and tokenizer.
        weights: sha256 of its weights.
        notes: What was assumed when its folder was read.
    """

    name: str = "transformer"
    found_as: str = ""
    files: Path | None = None
    weights: str = ""
    notes: tuple[str, ...] = ()
