"""Where an encoder behind a URL is: read with care, since texts and keys are sent there."""

from __future__ import annotations

import base64
import ipaddress
import re
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import SplitResult, unquote, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

from semascope.errors import OptionError, RemoteError


@dataclass(frozen=True)
class Address:
    """Where requests go. What is shown of it never holds its query, in which people put keys."""

    scheme: str
    host: str
    port: int
    path: str
    query: str = field(default="", repr=False)

    @staticmethod
    def read(url: Any) -> Address:
        """The address of the embeddings route below a base URL such as http://localhost:8080/v1.

        Raises:
            OptionError: it is no http(s) URL, or holds a user name or password.
        """
        if not isinstance(url, str) or not re.match(r"https?://", url.strip(), re.IGNORECASE):
            raise OptionError(f"url: want one that begins with http:// or https://, got {_scrubbed(url)}")
        parts = _split(url.strip())
        if parts.username is not None or parts.password is not None:
            raise OptionError("url: want no user name or password in it, got one; give keys as key=... or key_name=...")
        path = parts.path.rstrip("/") or "/v1"
        path = path if path.endswith("/embeddings") else f"{path}/embeddings"
        return Address(*_origin(parts), path, parts.query)

    @property
    def authority(self) -> str:
        """Host, and port where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == {"http": 80, "https": 443}[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def base(self) -> str:
        """The URL without the route."""
        return str(self).removesuffix("/embeddings")

    @property
    def identity(self) -> str:
        """Host and path: which server it is, however it is spoken to."""
        return f"{self.authority}{self.path.removesuffix('/embeddings')}"

    @property
    def loopback(self) -> bool:
        """Whether it is this machine."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def moved(self, location: str) -> Address:
        """Where a redirect leads, if it stays with the same server.

        Raises:
            RemoteError: it leads to another host, port or scheme.
        """
        try:
            parts = urlsplit(urljoin(str(self), location))
            origin = _origin(parts)
        except (ValueError, OptionError):
            raise RemoteError(f"{self}: redirects to {location[:100]!r}, which is no address") from None
        if origin != (self.scheme, self.host, self.port):
            raise RemoteError(
                f"{self}: redirects to another server, {parts.scheme}://{parts.netloc.rpartition('@')[2]}, where texts and key "
                "are not sent; give that address as url if you trust it"
            )
        return replace(self, path=parts.path, query=parts.query or self.query)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # reading it is what checks it
    except ValueError as error:
        raise OptionError(f"url: want one such as http://localhost:8080/v1, got {_scrubbed(url)} ({error})") from None
    if not parts.hostname or re.search(r"[\x00-\x20\x7f]", url):
        raise OptionError(f"url: want one such as http://localhost:8080/v1, got {_scrubbed(url)}")
    return parts


def _scrubbed(url: Any) -> str:
    return repr(re.sub(r"//[^/@]*@", "//***@", url.partition("?")[0])) if isinstance(url, str) else type(url).__name__


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    scheme = parts.scheme.lower()
    if scheme not in ("http", "https") or not parts.hostname:
        raise OptionError(f"url: want http or https, got {scheme!r}")
    return scheme, parts.hostname.lower().rstrip("."), parts.port or {"http": 80, "https": 443}[scheme]


def proxy_of(address: Address) -> SplitResult | None:
    """The proxy that the environment names for an address; none for this machine."""
    if address.loopback or proxy_bypass(address.host):
        return None
    named = getproxies().get(address.scheme)
    return urlsplit(named if "//" in named else f"//{named}") if named else None


def proxy_headers(proxy: SplitResult) -> dict[str, str]:
    """What a proxy that wants a name and a password is sent."""
    if proxy.username is None:
        return {}
    both = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(both.encode()).decode()}"}
