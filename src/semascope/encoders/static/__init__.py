"""Static encoders: a vector for every word piece and run of letters, added up."""

from semascope.encoders.static.encoder import EmptyTextWarning, StaticEncoder

__all__ = ["EmptyTextWarning", "StaticEncoder"]
