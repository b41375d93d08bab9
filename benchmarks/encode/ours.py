"""Our static encoder over the table all peers read."""

# /// script
# dependencies = ["semascope"]
# ///
from __future__ import annotations

from pathlib import Path
from typing import Any

from encode._measure import measure


def load(folder: Path) -> tuple[Any, Any]:
    import semascope

    encoder = semascope.Encoder(folder)
    return encoder.encode, encoder.encode_one


def versions() -> dict[str, str]:
    import numpy as np
    import tokenizers

    import semascope

    return {
        "semascope": semascope.__version__,
        "numpy": np.__version__,
        "tokenizers": tokenizers.__version__,
    }


if __name__ == "__main__":
    measure("semascope", load, versions)
