"""Options of an encoder behind a URL, checked; and which key it is sent."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from semascope.encoders.remote.address import Address
from semascope.errors import OptionError
from semascope.ops import option

KEYS = "SEMASCOPE_REMOTE_KEYS"
_OPENAI = ("https", "api.openai.com")


def key_for(address: Address, key: str | None, key_name: str | None) -> str | None:
    """The key for an address, if there is any; which one, `RemoteEncoder` says. No error may hold it."""
    if key is None:
        name = key_name or _keys_by_host().get(address.authority)
        if name is None and (address.scheme, address.host) == _OPENAI:
            name = "OPENAI_API_KEY"
        key = os.environ.get(name) if name else None
        if key is None and name and name != "OPENAI_API_KEY":
            raise OptionError(f"key_name: want the name of an environment variable that is set, got {name!r}")
    if key is None:
        return None
    key = key.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise OptionError("key: want printable ASCII without spaces, got something else (it is not shown)")
    return key


def _keys_by_host() -> dict[str, str]:
    pairs = [one.split("=", 1) for one in os.environ.get(KEYS, "").split(",") if one.strip()]
    if any(len(pair) != 2 for pair in pairs):
        raise OptionError(f"{KEYS}: want host=VARIABLE, with commas between several, got something else")
    return {host.strip().lower(): name.strip() for host, name in pairs}


def types_sent(input_type: bool | Mapping[str, str]) -> Mapping[str, str]:
    """What is sent as `input_type`, by kind."""
    if isinstance(input_type, Mapping):
        return input_type
    return {"document": "document", "query": "query"} if input_type else {}


def by_kind(given: Any, name: str) -> dict[str, str]:
    """Texts by kind, without empty ones."""
    if not isinstance(given, Mapping) or any(not isinstance(text, str) for text in given.values()):
        raise OptionError(f"{name}: want texts by kind, such as {{'query': '...'}}, got {given!r}")
    for kind in given:
        option(kind, ("document", "query"), name=name)
    return {kind: text for kind, text in sorted(given.items()) if text}


def seconds(value: Any, name: str, *, least: float) -> float:
    """A time that makes sense here."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < 86_400:
        raise OptionError(f"{name}: want seconds, at least {least:g}, got {value!r}")
    return float(value)
