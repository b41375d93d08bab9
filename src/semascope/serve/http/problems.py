"""What a request is told when it cannot be answered: a status, a sentence, and the shape its dialect expects."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from starlette.responses import Response

from semascope import errors
from semascope.serve.refusals import Busy, Closing

Dialect = Literal["openai", "tei"]

# The argument that a message of ours names first: "input: want ...", "id: no document ...".
_NAMED = re.compile(r"([a-z_][a-z_.\[\]0-9]*): (?:want|no|none) ")
_AT = re.compile(r" - at `\$\.?(?P<place>[^`]*)`$")
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "invalid_request_error",
    415: "invalid_request_error",
    429: "rate_limit_error",
    503: "service_unavailable_error",
}


class Problem(Exception):  # noqa: N818 - a refusal is no error of ours
    """A request that is refused or failed.

    Args:
        status: Of HTTP.
        message: One sentence: what was wanted, what came, what to do.
        param: The field of the request that it is about, or "".
        code: A word that programs can go by, or "".
        retry_after: Seconds after which it may be tried again.
    """

    def __init__(
        self, status: int, message: str, *, param: str = "", code: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.retry_after = retry_after

    @property
    def type(self) -> str:
        """What OpenAI calls its kind."""
        if self.code == "model_not_found":
            return "invalid_request_error"  # though its status is 404
        return _TYPES.get(self.status, "server_error" if self.status >= 500 else "invalid_request_error")

    def body(self, dialect: Dialect = "openai") -> dict[str, Any]:
        """As JSON in a dialect's shape."""
        if dialect == "tei":
            return {"error": self.message, "error_type": self._tei()[1]}
        return {
            "error": {
                "message": self.message,
                "type": self.type,
                "param": self.param or None,
                "code": self.code or None,
            }
        }

    def _tei(self) -> tuple[int, str]:
        """Status and kind as Text Embeddings Inference has them (its router, 1.9.3)."""
        if self.code == "empty":
            return 400, "Empty"
        if self.status in (400, 404, 409, 422) and self.code != "invalid_json":
            return 422, "Validation"
        if self.status == 429:
            return 429, "Overloaded"
        if self.status == 503:
            return 503, "Unhealthy"
        return (424, "Backend") if self.status >= 500 else (self.status, "Validation")

    def headers(self) -> dict[str, str]:
        """Headers that go with it."""
        found: dict[str, str] = {}
        if self.retry_after is not None:
            found["Retry-After"] = str(max(1, math.ceil(self.retry_after)))
        if self.status == 401:
            found["WWW-Authenticate"] = "Bearer"
        return found

    def response(self, dialect: Dialect = "openai") -> Response:
        """The whole answer."""
        # Half a surrogate pair in a quoted name is no UTF-8.
        data = msgspec.json.encode(_clean(self.body(dialect)))
        status = self._tei()[0] if dialect == "tei" else self.status
        return Response(data, status, self.headers(), "application/json")


# The first that fits counts: what is more special stands first.
_STATUS: tuple[tuple[type[BaseException], int, str], ...] = (
    (errors.UnknownNameError, 404, "unknown_name"),
    (errors.MissingExtraError, 501, "missing_extra"),
    (errors.PassportError, 409, "passport"),
    (errors.ReadOnlyError, 409, "read_only"),
    (errors.LockedError, 409, "locked"),
    (errors.FullError, 507, "disk_full"),
    (errors.CorruptError, 500, "damaged"),
    (errors.StoreError, 409, "not_ready"),
    (errors.RemoteError, 502, "remote"),
    (errors.InputError, 400, "invalid_value"),
    (errors.OptionError, 400, "invalid_value"),
    (errors.DeviceMemoryError, 413, "too_large"),
)


def as_problem(error: BaseException) -> Problem | None:
    """What an error of ours is over HTTP; None for one that nobody raised on purpose."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, msgspec.MsgspecError):
        return from_decoding(error)
    if isinstance(error, Busy):
        return Problem(429, str(error), code="rate_limit_exceeded", retry_after=error.retry_after)
    if isinstance(error, Closing):
        return Problem(503, str(error), code="closing", retry_after=1)
    for kind, status, code in _STATUS:
        if isinstance(error, kind):
            message = str(error)
            named = _NAMED.match(message)
            return Problem(status, message, param=named[1] if named else "", code=code)
    return None


def from_decoding(error: msgspec.MsgspecError) -> Problem:
    """What was wrong with a body, in our words."""
    message = str(error)
    if not isinstance(error, msgspec.ValidationError):
        return Problem(400, f"body: want JSON, got something else ({message})", code="invalid_json")
    found = _AT.search(message)
    place = found["place"] if found else ""
    said = message[: found.start()] if found else message
    name = re.split(r"[.\[]", place)[0] or "body"
    missing = re.match(r"Object missing required field `(\w+)`", said)
    if missing:
        return Problem(400, f"{missing[1]}: want it in the body, got none", param=missing[1], code="missing")
    kinds = re.match(r"Expected `(.+?)`, got `(.+?)`", said)
    if kinds:
        said = f"want {kinds[1]}, got {kinds[2]}"
    elif said.startswith("Expected "):
        said = "want " + said.removeprefix("Expected ")
    where = f" at {place}" if place and place != name else ""
    return Problem(400, f"{name}: {said}{where}", param=name if place else "", code="invalid_type")


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return {key: _clean(one) for key, one in value.items()}
    return value
