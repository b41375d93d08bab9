"""How fast a model works, measured while it does."""

from __future__ import annotations

import math

_LEAST = 0.25  # weight of the newest batch, however short it was


class Pace:
    """Tokens per second, of about the last second's full batches.

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
        """Take note of a batch, with the seconds from the end of the one before it where it followed at once."""
        now = tokens / max(seconds, 1e-6)
        if full and not self._full:
            self._speed, self._full = now, True
        elif full or now > self._speed:
            weight = max(_LEAST, 1 - math.exp(-seconds)) if self._speed else 1.0
            self._speed += weight * (now - self._speed)

    def seconds(self, tokens: float) -> float:
        """That so many tokens take; 0 where that is not known yet."""
        return tokens / self._speed if self._full else 0.0
