"""Passports: what made these vectors, and whether two artefacts may be mixed.

Identity fields must agree. Versions, dtype and device only inform; whether they matter is judged by eight canary texts,
whose vectors must agree at cosine 0.9999.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from semascope.errors import CorruptError, InputError, PassportError
from semascope.ops import digest, unit, vectors
from semascope.types import Array, Vectors

FORMAT = 1
CANARY_COSINE = 0.9999
CANARIES: tuple[str, ...] = (
    "The quick brown fox jumps over the lazy dog.",
    "How do I undo the last commit without losing my changes?",
    "Der Zug nach München fährt heute 45 Minuten später ab.",
    "我们明天下午三点在图书馆门口见面。",
    "def add(a: int, b: int = 0) -> int: return a + b",
    "Not one of the 1,024 patients improved; two got worse (p = 0.03).",
    "OK",
    "A long sentence is here so that anything which cuts a text short, be it at thirty-two tokens or at some other small "
    "number that nobody remembers choosing, gives a vector that is visibly not the vector of the whole of this text, "
    "because the words that matter come last: volcanoes, cellos and income tax. 🌋",
)
_IDENTITY = (
    "kind",
    "weights",
    "tokenizer",
    "pooling",
    "prompts",
    "max_length",
    "truncation",
    "normalize",
    "transforms",
    "dim",
)


@dataclass(frozen=True, eq=False)
class Passport:
    """What made a set of vectors.

    Args:
        kind: The sort of encoder ("static", "transformer", "callable", ...), or "unknown" for a matrix of unknown origin.
        dim: Columns of its vectors.
        weights: sha256 of everything the model learned.
        tokenizer: sha256 of the tokenizer.
        pooling: How token vectors become one.
        prompts: Text put before documents and queries, by kind.
        max_length: Tokens read of a text; None where nothing is cut.
        truncation: The side that is cut ("right", "left"), or "" where nothing is.
        normalize: Whether vectors have length one.
        transforms: Hashes of what is applied to the vectors afterwards, in order.
        name: What people call it. Informs only.
        versions: Of the libraries that ran it. Informs only.
        dtype: Of the computation. Informs only.
        device: It ran on. Informs only.
        canaries: Vectors of the canary texts, float32 (8, dim); (0, dim) where they are not known.
    """

    kind: str
    dim: int
    weights: str = ""
    tokenizer: str = ""
    pooling: str = ""
    prompts: Mapping[str, str] = field(default_factory=dict[str, str])
    max_length: int | None = None
    truncation: str = ""
    normalize: bool = True
    transforms: tuple[str, ...] = ()
    name: str = ""
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    dtype: str = "float32"
    device: str = "cpu"
    canaries: Vectors = field(default_factory=lambda: np.zeros((0, 0), np.float32))

    @staticmethod
    def unknown(dim: int) -> Passport:
        """The passport of a matrix that somebody else made: only its width is known."""
        return Passport(kind="unknown", dim=dim, normalize=False)

    @property
    def known(self) -> bool:
        """Whether it says what made the vectors."""
        return self.kind != "unknown"

    @property
    def id(self) -> str:
        """Twelve hex digits that stand for the identity fields."""
        return digest(json.dumps(self._identity(), sort_keys=True))[:12]

    def _identity(self) -> dict[str, Any]:
        return {name: _plain(getattr(self, name)) for name in _IDENTITY}

    def differences(self, other: Passport) -> list[str]:
        """Names of the identity fields in which two passports differ, in a fixed order."""
        mine, theirs = self._identity(), other._identity()
        return [name for name in _IDENTITY if mine[name] != theirs[name]]

    def require(self, other: Passport, *, what: str, mend: str) -> None:
        """Refuse to mix with `other`.

        Args:
            other: The passport that should agree with this one.
            what: What was about to happen, such as "search this Space with 'minilm'".
            mend: The command or call that mends it.

        Raises:
            PassportError: names the first field that differs, both its values and what mends it.
        """
        differ = self.differences(other)
        if not differ:
            return
        first = differ[0]
        rest = f" (also {', '.join(differ[1:])})" if differ[1:] else ""
        mine, theirs = self._identity()[first], other._identity()[first]
        raise PassportError(
            f"cannot {what}: {first} differs{rest}: the vectors here were made with {_short(mine)}, "
            f"this would use {_short(theirs)}. To mend it: {mend}",
            field=first,
        )

    def verify(self, found: Array, *, what: str, mend: str) -> None:
        """Compare vectors of the canary texts, float32 (8, dim), with those kept here.

        Raises:
            PassportError: the lowest cosine is below 0.9999: same name, other vectors.
        """
        if not len(self.canaries):
            return
        now = vectors(found, dim=self.dim, least=0, name="canaries")
        if len(now) != len(self.canaries):
            raise InputError(f"canaries: want {len(self.canaries)} rows, got {len(now)}")
        cosines = np.einsum("ij,ij->i", unit(now).astype(np.float64), unit(self.canaries).astype(np.float64))
        worst = int(cosines.argmin())
        if cosines[worst] < CANARY_COSINE:
            raise PassportError(
                f"cannot {what}: canaries differs: the encoder says it is the same, but its vector of canary text {worst} "
                f"has cosine {cosines[worst]:.4f} to the one kept here (want {CANARY_COSINE}). To mend it: {mend}",
                field="canaries",
            )

    def to_json(self) -> dict[str, Any]:
        """As plain values; `from_json` reads it back."""
        plain = {name: _plain(getattr(self, name)) for name in self.__dataclass_fields__ if name != "canaries"}
        return {"format": FORMAT, **plain, "canaries": self.canaries.astype(np.float64).round(7).tolist()}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote.

        Raises:
            CorruptError: of another format, or a field is missing or of the wrong type.
        """
        try:
            values = dict(plain)
            found = values.pop("format")
            if found != FORMAT:
                raise CorruptError(f"passport: want format {FORMAT}, got {found!r}")
            values["transforms"] = tuple(values["transforms"])
            values["canaries"] = np.asarray(values["canaries"], dtype=np.float32).reshape(-1, int(values["dim"]))
            return cls(**values)
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, CorruptError):
                raise
            raise CorruptError(f"passport: cannot be read ({error})") from error


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(sorted(value.items()))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return list(value)
    return value


def _short(value: Any) -> str:
    if isinstance(value, str) and len(value) == 64:
        return value[:12]
    return repr(value)
