"""Keep evaluation text out of the training text: no equal sentence, no shared run of eight words."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

RUN = 8
_WORD = re.compile(r"[^\W_]+")


def normal_words(text: str) -> tuple[str, ...]:
    """The words of a text without case, punctuation, accents."""
    plain = unicodedata.normalize("NFKD", text.lower())
    return tuple(_WORD.findall("".join(c for c in plain if not unicodedata.combining(c))))


def runs(words: tuple[str, ...], n: int = RUN) -> Iterator[int]:
    """Hashes of every run of n words (Python hashes of strings differ by process; of this use only within one)."""
    for start in range(len(words) - n + 1):
        yield hash(words[start : start + n])


class Forbidden:
    """The sentences that must not be trained on.

    Args:
        texts: evaluation texts; each line of one also counts as a sentence of its own.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self.sentences: set[int] = set()
        self.runs: set[int] = set()
        self.count = 0
        for text in texts:
            self.count += 1
            self.runs.update(runs(normal_words(text)))
            for part in {text, *re.split(r"(?<=[.!?])\s+", text), *text.splitlines()}:
                self.sentences.add(hash(normal_words(part)))
        self.sentences.discard(hash(()))

    def why(self, text: str) -> str | None:
        """'equal', 'run' or None: the reason to leave a text out of training."""
        words = normal_words(text)
        if hash(words) in self.sentences:
            return "equal"
        # A passage is refused when any of its sentences equals a forbidden one.
        parts = re.split(r"(?<=[.!?])\s+", text)
        if len(parts) > 1 and any(hash(normal_words(p)) in self.sentences and len(normal_words(p)) > 3 for p in parts):
            return "equal"
        return "run" if any(run in self.runs for run in runs(words)) else None


def strings(value: object) -> Iterator[str]:
    """Every string inside a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def evaluation_files(shared: Path, questions: Path) -> list[Path]:
    """The similarity and retrieval sets, the papers and the fixed questions."""
    data = shared / "data"
    return [
        *sorted((data / "sts").glob("*.jsonl")),
        *sorted((data / "pairs").glob("*.jsonl")),
        *sorted((data / "retrieval").glob("*/*.jsonl")),
        data / "papers.jsonl",
        *sorted(questions.glob("questions_*.jsonl")),
    ]


def evaluation_texts(files: Iterable[Path]) -> Iterator[str]:
    """Every string in the evaluation files."""
    for file in files:
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                if line.strip():
                    yield from strings(json.loads(line))
