"""Verdicts: what a check found, kept as one small file a method, and whether the method has changed since."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from semascope import registry
from semascope.card import Card
from semascope.errors import CorruptError, OptionError
from semascope.ops import digest

FORMAT = 1
Word = Literal["holds", "fails", "does not hold at this scale", "not run"]
VERDICTS: tuple[str, ...] = get_args(Word)
_FOLDER = Path(__file__).resolve().parents[1] / "verdicts"


@dataclass(frozen=True)
class Finding:
    """What one run of a check measured.

    Args:
        seed: Of the run.
        holds: Whether the claim held.
        numbers: Every figure it rests on, to six digits.
    """

    seed: int
    holds: bool
    numbers: Mapping[str, float]


@dataclass(frozen=True)
class Verdict:
    """What the check of a method found, and under which conditions.

    Args:
        name: The method.
        keys: The catalogue's names of its papers.
        claim: What is claimed.
        verdict: One of VERDICTS.
        reason: Why it is not "holds"; empty where it is.
        method: Recipe text of the method that was checked.
        found: One finding a seed.
        control: The same for the do-nothing method, which has to fail.
        models: Name -> passport id of the encoders that the check used; empty where it used none.
        texts: What the sentences were; empty where it used none.
        cpu_seconds: Of all runs together.
        source: Hash of the method's own file.
        date: Day of the run, UTC, ISO.
    """

    name: str
    keys: tuple[str, ...]
    claim: str
    verdict: Word
    reason: str
    method: str
    found: tuple[Finding, ...]
    control: tuple[Finding, ...]
    models: Mapping[str, str]
    texts: str
    cpu_seconds: float
    source: str
    date: str

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds it was run with."""
        return tuple(finding.seed for finding in self.found)

    @property
    def scale(self) -> str:
        """The conditions in a few words: `3 seeds, default (1a2b3c4d5e6f)`."""
        models = [f"{name} ({id_})" for name, id_ in self.models.items()] or ["no model"]
        return f"{len(self.found)} seed{'s' * (len(self.found) != 1)}, {', '.join(models)}"

    def to_json(self) -> dict[str, Any]:
        """As plain values; `from_json` reads it back."""
        return {"format": FORMAT, **asdict(self)}

    @staticmethod
    def from_json(plain: Mapping[str, Any]) -> Verdict:
        """Read what `to_json` wrote.

        Raises:
            CorruptError: of another format, a field is missing, or the verdict is none of VERDICTS.
        """
        try:
            values = dict(plain)
            found = values.pop("format")
            if found != FORMAT:
                raise CorruptError(f"verdict: want format {FORMAT}, got {found!r}")
            if values["verdict"] not in VERDICTS:
                raise CorruptError(f"verdict: want one of {', '.join(VERDICTS)}; got {values['verdict']!r}")
            for side in ("found", "control"):
                values[side] = tuple(Finding(**finding) for finding in values[side])
            values["keys"] = tuple(values["keys"])
            return Verdict(**values)
        except (KeyError, TypeError, ValueError) as error:
            raise CorruptError(f"verdict: cannot be read ({error})") from error


def source_hash(card: Card) -> str:
    """Twelve hex digits of the method's own file, whatever its line ends, blank lines and comments on their own line."""
    text = Path(inspect.getfile(card.make)).read_text("utf-8")
    lines = [line.rstrip() for line in text.splitlines()]
    return digest("\n".join(line for line in lines if line and not line.lstrip().startswith("#")))[:12]


def today() -> str:
    """The day, UTC, ISO."""
    return datetime.now(tz=UTC).date().isoformat()


def save(verdict: Verdict, folder: str | Path = _FOLDER) -> Path:
    """Write it to NAME.json in a folder (the package's own unless another is given); gives the file's path."""
    path = Path(folder) / f"{verdict.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(path.name + ".part")
    aside.write_text(json.dumps(verdict.to_json(), indent=1, ensure_ascii=False) + "\n", "utf-8")
    aside.replace(path)
    return path


def load(name: str, folder: str | Path = _FOLDER) -> Verdict | None:
    """The verdict kept for that method, or None where there is none.

    Raises:
        CorruptError: there is one and it cannot be read.
    """
    path = Path(folder) / f"{name}.json"
    if not path.is_file():
        return None
    try:
        return Verdict.from_json(json.loads(path.read_text("utf-8")))
    except (ValueError, CorruptError) as error:
        raise CorruptError(f"{path}: {error}") from error


def stale(card: Card, folder: str | Path = _FOLDER) -> bool:
    """Whether the method's file has changed since its verdict, or there is no verdict."""
    kept = load(card.name, folder)
    return kept is None or kept.source != source_hash(card)


def changed(folder: str | Path = _FOLDER) -> list[str]:
    """Names of the methods whose verdict is missing or stale, sorted."""
    return [name for name, card in registry.cards().items() if stale(card, folder)]


def rotating(n: int = 10, day: int | None = None) -> list[str]:
    """Every n-th method, another set each day, all of them within n days; `day` counts from any day, today if None."""
    if n < 1:
        raise OptionError(f"n: want at least 1, got {n}")
    day = datetime.now(tz=UTC).toordinal() if day is None else day
    return [name for place, name in enumerate(sorted(registry.names())) if place % n == day % n]
