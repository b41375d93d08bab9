"""Bearer keys: which are let in, and what becomes of those who guess."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from semascope.errors import OptionError

LEAST = 16  # characters of a key
_LEAST_DIFFERENT = 6
_ADDRESSES = 4_096  # of guessers that are remembered
_WRONG = 10  # wrong keys of one address within a minute, before it is told to wait
_MINUTE = 60.0


def new_key() -> str:
    """A key that nobody guesses: 256 random bits."""
    return secrets.token_urlsafe(32)


def checked_key(key: str) -> str:
    """A key that may be used; what is wrong with another is said without showing it.

    Raises:
        OptionError: it is short, simple, or nothing that fits into a header.
    """
    if len(key) < LEAST:
        raise OptionError(f"key: want at least {LEAST} characters, got {len(key)} (--new-key makes one)")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise OptionError(
            "key: want letters, digits and signs of ASCII without spaces, got others (--new-key makes one)"
        )
    if len(set(key)) < _LEAST_DIFFERENT:
        raise OptionError(
            f"key: want at least {_LEAST_DIFFERENT} different characters, got {len(set(key))} (--new-key makes one)"
        )
    return key


class Keys:
    """The keys that are let in.

    Args:
        keys: As they are sent behind `Authorization: Bearer`; nobody needs one where there are none.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._hashes = [_hash(key.encode()) for key in keys]

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def known(self, header: bytes | None) -> bool:
        """Whether an Authorization header brings one of them.

        Hashes are compared, all of them and in constant time: how long it takes says nothing about any key.
        """
        scheme, _, given = (header or b"").partition(b" ")
        hashed = _hash(given.strip())
        found = False
        for one in self._hashes:
            found |= hmac.compare_digest(one, hashed)
        return found and scheme.lower() == b"bearer"


def _hash(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()


class Guesses:
    """Who sent wrong keys lately. Whoever knows a key is let in all the same, so that nobody can lock others out.

    Args:
        clock: Gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def wrong(self, address: str) -> float:
        """Count a wrong key; seconds to wait before the next, 0 where there is no need to."""
        where, now = network(address), self._clock()
        count, since = self._seen.pop(where, (0, now))
        if now - since > _MINUTE:
            count, since = 0, now
        self._seen[where] = (count + 1, since)
        while len(self._seen) > _ADDRESSES:
            self._seen.popitem(last=False)
        return 0.0 if count < _WRONG else _MINUTE - (now - since)


def network(address: str) -> str:
    """What counts as one guesser: an address, or the /64 that one owner of IPv6 addresses has."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is None:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
