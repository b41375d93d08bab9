"""Addresses without the passwords in them, for whatever is printed or written."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"(\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s:/@]*):[^\s]*@")
_PARAMETER = re.compile(r"([?&](?:\w*password|passwd|pwd|token|api_key)=)[^&\s'\"]*", re.IGNORECASE)


def without_passwords(text: str) -> str:
    """`text` with *** in place of the password of every address: that before its host, and those among its parameters."""
    return _PARAMETER.sub(r"\1***", _ADDRESS.sub(r"\1:***@", text))
