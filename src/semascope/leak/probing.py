"""What sentences are like, read off rows."""

from __future__ import annotations

from semascope.leak.found import Values
from semascope.leak.reading import Material
from semascope.leak.splits import Split
from semascope.types import Vectors


def content_values(material: Material, split: Split, stored: Vectors) -> dict[str, Values]:
    """Nothing so far."""
    del material, split, stored
    return {}
