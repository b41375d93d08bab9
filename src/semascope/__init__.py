"""Semascope is the test bench for text embeddings.

Point it at your text, or at vectors you already have, and learn what made them, what is wrong with them, what is
in them, what they give away, and how to make better ones, every answer with a number you can rerun.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Name -> where it lives. Looked up on first use, so that `import semascope` costs next to nothing.
_HOMES = {
    "Corpus": "semascope.corpus",
    "Document": "semascope.corpus",
    "Encoder": "semascope.encoders",
    "as_encoder": "semascope.encoders",
    "Space": "semascope.space",
    "Hit": "semascope.space",
    "Passport": "semascope.passport",
    "SemascopeError": "semascope.errors",
}
__all__ = ["Corpus", "Document", "Encoder", "Hit", "Passport", "SemascopeError", "Space", "as_encoder"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'semascope' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
