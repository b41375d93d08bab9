"""What a recipe may cost: "64 bytes, 5 ms"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from semascope.errors import OptionError

_SIZES = {"b": 1, "byte": 1, "bytes": 1, "kb": 1000, "kib": 1024}
_TIMES = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([^\W\d_]+)")


@dataclass(frozen=True)
class Budget:
    """The most that a recipe may cost; None where nothing is said.

    Args:
        bytes: Of one vector.
        seconds: Of one query: encoding it, and comparing it with every vector.
    """

    bytes: float | None = None
    seconds: float | None = None

    @staticmethod
    def of(text: str | None) -> Budget:
        """Read "64 bytes, 5 ms": a size, a time, or both, with a comma between; None and "" are no limit.

        Sizes are in B, byte, bytes, KB (1,000) or KiB (1,024), times in us, ms or s.

        Raises:
            OptionError: it says something else.
        """
        if text is None or not text.strip():
            return Budget()
        found: dict[str, float] = {}
        for part in text.split(","):
            match = _PART.fullmatch(part.strip())
            name = match[2].lower() if match else ""
            what = "bytes" if name in _SIZES else "seconds" if name in _TIMES else ""
            if match is None or not what:
                raise OptionError(
                    f"budget: want a size and a time such as '64 bytes, 5 ms' (B, KB, KiB; us, ms, s), got {part.strip()!r}"
                )
            if what in found:
                raise OptionError(f"budget: want one size and one time, got two {what} in {text!r}")
            value = float(match[1]) * (_SIZES | _TIMES)[name]
            if value <= 0:
                raise OptionError(f"budget: want more than nothing, got {part.strip()!r}")
            found[what] = value
        return Budget(found.get("bytes"), found.get("seconds"))

    @property
    def open(self) -> bool:
        """Whether it limits nothing."""
        return self.bytes is None and self.seconds is None

    def allows(self, size: float, seconds: float) -> bool:
        """Whether a vector of so many bytes and a query of so many seconds are within it."""
        return (self.bytes is None or size <= self.bytes) and (self.seconds is None or seconds <= self.seconds)

    def over(self, size: float, seconds: float) -> float:
        """By what factor it is exceeded, at most 1 where it is not (0 without limits): what the nearest recipe is looked for with."""
        return max(size / self.bytes if self.bytes else 0.0, seconds / self.seconds if self.seconds else 0.0)

    def __str__(self) -> str:
        said = [f"{self.bytes:g} bytes"] if self.bytes else []
        said += [f"{self.seconds * 1000:g} ms"] if self.seconds else []
        return ", ".join(said) or "no limit"
