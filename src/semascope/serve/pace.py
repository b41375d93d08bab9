"""How fast a model works, measured while it does."""

from __future__ import annotations

_NEW = 0.25  # weight of the newest full batch


class Pace:
    """Tokens per second, from batches that were full.

    A batch that took all there was may be slow only because it was small, so it can raise the figure and never lowers it.
    Nothing is claimed before a full batch was seen: `seconds` is 0 then.
    """

    def __init__(self) -> None:
        self._speed = 0.0
        self._full = False

    @property
    def tokens_per_second(self) -> float:
        """As measured so far; 0 before the first batch."""
        return self._speed

    def saw(self, tokens: int, seconds: float, *, full: bool) -> None:
        """Take note of a batch."""
        now = tokens / max(seconds, 1e-6)
        if not full:
            self._speed = max(self._speed, now)
            return
        self._speed = now if not self._full else self._speed + _NEW * (now - self._speed)
        self._full = True

    def seconds(self, tokens: float) -> float:
        """That so many tokens take; 0 where that is not known yet."""
        return tokens / self._speed if self._full else 0.0
