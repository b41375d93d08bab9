"""Which model a server on this machine serves, where it says that it serves one."""

from __future__ import annotations

import http.client
import json
from typing import Any

from semascope.encoders.remote.address import Address
from semascope.errors import OptionError, RemoteError

_MOST = 1_000_000  # bytes of an answer
_SECONDS = 10.0


def only_model(url: str, key: str | None = None) -> str:
    """The one model that a server lists at /models; only a server of this machine is asked.

    Raises:
        OptionError: the server is elsewhere, lists none or several; says how to name one.
        RemoteError: it cannot be reached.
    """
    address = Address.read(url)
    how = f'name it: \'"{address.base}"(model="...")\', or model=... in Python'
    if not address.loopback or address.scheme != "http":
        raise OptionError(f"model: want the name of a model on {address.base}, got none; {how}")
    found = _listed(address, key)
    if len(found) != 1:
        said = f"it serves {', '.join(found[:10])}" if found else "it does not say which it serves"
        raise OptionError(f"model: want the name of a model on {address.base}, got none, and {said}; {how}")
    return found[0]


def _listed(address: Address, key: str | None) -> list[str]:
    connection = http.client.HTTPConnection(address.host, address.port, timeout=_SECONDS)
    headers = {"Accept": "application/json", "User-Agent": "semascope"} | (
        {"Authorization": f"Bearer {key}"} if key else {}
    )
    try:
        connection.request("GET", f"{address.path.removesuffix('/embeddings')}/models", headers=headers)
        answer = connection.getresponse()
        data = answer.read(_MOST)
    except (OSError, http.client.HTTPException) as error:
        raise RemoteError(
            f"{address.base}: cannot be reached ({type(error).__name__}: {error}); is the server running, and the address right?"
        ) from error
    finally:
        connection.close()
    return _names(data) if answer.status == 200 else []


def _names(data: bytes) -> list[str]:
    """The ids in an OpenAI list of models; none where it is no such list."""
    try:
        listed: Any = json.loads(data)["data"]
        return [one["id"] for one in listed if isinstance(one["id"], str) and one["id"].strip()]
    except (ValueError, LookupError, TypeError):
        return []
