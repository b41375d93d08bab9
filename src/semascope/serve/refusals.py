"""Why a model does not take a request: too much waits already, a text is too long, or the server is closing."""

from __future__ import annotations

from semascope.errors import InputError, SemascopeError


class Busy(SemascopeError):  # noqa: N818 - a refusal is no fault
    """More waits for a model than it does in the time that is allowed.

    Attributes:
        retry_after: Seconds after which there will be room, as far as its measured speed tells; at least 1.
    """

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = max(1.0, retry_after)


class Closing(SemascopeError):  # noqa: N818 - a refusal is no fault
    """The server finishes what it accepted and takes no more."""


class TooLong(InputError):  # noqa: N818 - a refusal is no fault
    """A text has more tokens than the model reads, and nobody said that it may be cut.

    Attributes:
        place: Of the text in the request.
        tokens: It has, special ones and prompt included.
        limit: That the model reads.
    """

    def __init__(self, place: int, tokens: int, limit: int) -> None:
        super().__init__(
            f"input: want at most {limit:,} tokens in a text, got {tokens:,} at {place}; "
            "send it in parts, or ask for it to be truncated"
        )
        self.place = place
        self.tokens = tokens
        self.limit = limit
