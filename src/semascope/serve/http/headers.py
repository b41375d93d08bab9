"""Headers: what every answer says to browsers, and which requests are refused for what their own say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from semascope.serve.http.problems import Problem

Headers = list[tuple[bytes, bytes]]

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# A route that sets one of these itself is left alone.
SECURE: Mapping[bytes, bytes] = {
    b"content-security-policy": CSP.encode(),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"cross-origin-embedder-policy": b"require-corp",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=()",
    b"cache-control": b"no-store",
}
_READING = ("GET", "HEAD", "OPTIONS")
_PORT = re.compile(r":\d*$")


def secured(headers: Iterable[tuple[bytes, bytes]], request_id: str) -> Headers:
    """The headers of an answer, with what every answer says."""
    found = list(headers)
    there = {name.lower() for name, _ in found}
    found += [(name, value) for name, value in SECURE.items() if name not in there]
    found.append((b"x-request-id", request_id.encode()))
    return found


def one(headers: Headers, name: bytes) -> bytes | None:
    """The value of a header, None where it is not there.

    Raises:
        Problem: 400, it comes more than once.
    """
    found = [value for key, value in headers if key == name]
    if len(found) > 1:
        said = name.decode("latin-1")
        raise Problem(400, f"{said}: want it once, got it {len(found)} times", param=said, code="header")
    return found[0] if found else None


def check_host(headers: Headers, bound: str) -> None:
    """Refuse a request that was meant for another name: a page elsewhere that had its own name point here.

    Raises:
        Problem: 403.
    """
    given = (one(headers, b"host") or b"").decode("latin-1").lower()
    if _PORT.sub("", given) not in {"localhost", "127.0.0.1", "[::1]", _bracketed(bound.lower())}:
        raise Problem(
            403,
            f"host: want localhost or the address that was bound, got {given[:100]!r}; with a key every name is served "
            "(semascope serve --new-key)",
            param="host",
            code="host",
        )


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def check_origin(headers: Headers, method: str, *, page: bool) -> None:
    """Refuse what a page of another site makes a browser send: it has no business with a server on this machine.

    Args:
        headers: Of the request.
        method: Of HTTP.
        page: Whether somebody may follow a link to this route.

    Raises:
        Problem: 403.
    """
    site = (one(headers, b"sec-fetch-site") or b"").decode("latin-1")
    reading = method in _READING
    if site:
        followed = page and reading and one(headers, b"sec-fetch-mode") == b"navigate"
        if site not in ("same-origin", "none") and not followed:
            raise _foreign(site)
        return
    origin = one(headers, b"origin")
    if origin is not None and not reading:
        host = one(headers, b"host") or b""
        if origin.lower() not in (b"http://" + host.lower(), b"https://" + host.lower()):
            raise _foreign(origin.decode("latin-1")[:100])


def _foreign(what: str) -> Problem:
    message = f"origin: want this server's own pages, or a program that is no browser; got {what!r}"
    return Problem(403, message, param="origin", code="origin")


def check_content(headers: Headers) -> None:
    """Refuse a body that does not say it is JSON: what forms and scripts of other sites can send without asking.

    Raises:
        Problem: 415.
    """
    length, chunked = one(headers, b"content-length"), one(headers, b"transfer-encoding")
    if chunked is None and (length or b"0").strip(b"0") == b"":
        return
    kind, _, more = (one(headers, b"content-type") or b"").decode("latin-1").lower().partition(";")
    if kind.strip() != "application/json":
        raise Problem(
            415,
            f"content-type: want application/json, got {kind.strip()[:100] or 'none'}; with curl: "
            "-H 'Content-Type: application/json'",
            param="content-type",
            code="content_type",
        )
    charset = re.search(r"charset\s*=\s*\"?([^\s;\"]+)", more)
    if charset and charset[1] not in ("utf-8", "utf8", "us-ascii"):
        raise Problem(
            415, f"content-type: want utf-8, got {charset[1][:50]}", param="content-type", code="content_type"
        )
    packed = (one(headers, b"content-encoding") or b"identity").decode("latin-1").lower()
    if packed != "identity":
        raise Problem(
            415, f"content-encoding: want none, got {packed[:50]!r}", param="content-encoding", code="content_type"
        )
