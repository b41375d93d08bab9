"""Where things are kept that can be made or fetched again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """The folder of everything that can be made again: $SEMASCOPE_CACHE, else $XDG_CACHE_HOME/semascope, else ~/.cache/semascope.

    It need not be there yet: whoever writes makes it.
    """
    own = os.environ.get("SEMASCOPE_CACHE")
    if own:
        return Path(own)
    # The standard has a relative $XDG_CACHE_HOME ignored.
    shared = Path(os.environ.get("XDG_CACHE_HOME") or "")
    return (shared if shared.is_absolute() else Path.home() / ".cache") / "semascope"


def model_folder(name: str) -> Path:
    """Where a model that Semascope trains itself (`semascope models`) is kept under its name; it need not be there yet."""
    return cache_folder() / "models" / name
