"""A corpus seen through an encoder, kept in one folder: built, added to, searched."""

from semascope.space.hit import Hit, Hits
from semascope.space.space import Space

__all__ = ["Hit", "Hits", "Space"]
